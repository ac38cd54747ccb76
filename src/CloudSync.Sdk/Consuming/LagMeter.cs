using System.Collections.Concurrent;
using Confluent.Kafka;
using Confluent.Kafka.Admin;

namespace CloudSync.Sdk;

/// <summary>
/// How many messages of the owned partitions are not settled. A client learns where a partition ends with what it fetches, and of a paused partition it fetches nothing: the lag would
/// stand still for as long as an outage lasts. So while partitions are paused the brokers are asked, beside the poll thread and one question at a time.
/// </summary>
internal sealed class LagMeter(IConsumer<int, int> consumer, string topic, string group, TimeProvider time) : IDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly ConcurrentDictionary<int, long> _ends = new();

    /// <summary>Where the group begins in partitions that were paused before anything was read of them.</summary>
    private readonly ConcurrentDictionary<int, long> _begins = new();
    private IAdminClient? _admin;
    private bool _disposed;
    private Task _asking = Task.CompletedTask;
    private long _measuredAt = time.GetTimestamp();
    private long _lag;

    /// <summary>As of the last second.</summary>
    public long Lag => Volatile.Read(ref _lag);

    /// <summary>Measures when it is time. Only the poll thread calls it.</summary>
    public void MeasureIfDue(IEnumerable<PartitionProgress> partitions, IReadOnlySet<int> paused)
    {
        if (time.GetElapsedTime(_measuredAt) < Interval)
            return;

        _measuredAt = time.GetTimestamp();
        Volatile.Write(ref _lag, partitions.Sum(progress => Of(progress, paused.Contains(progress.Partition))));
        Ask([.. paused], [.. partitions.Where(p => p.CommitOffset < 0 && paused.Contains(p.Partition)).Select(p => p.Partition)]);
    }

    public void Dispose()
    {
        if (_disposed)
            return;

        _disposed = true;
        _admin?.Dispose();
    }

    /// <summary>The lag of one partition, as far as it is known. Costs no request.</summary>
    private long Of(PartitionProgress progress, bool isPaused)
    {
        var end = isPaused && _ends.TryGetValue(progress.Partition, out var asked)
            ? asked
            : consumer.GetWatermarkOffsets(new TopicPartition(topic, progress.Partition)).High.Value;
        var next = progress.CommitOffset is var offset and >= 0 ? offset : isPaused && _begins.TryGetValue(progress.Partition, out var begin) ? begin : end;
        return Math.Max(0, end - next);
    }

    /// <summary>Asks about the partitions that are paused, unless the last question is not answered yet.</summary>
    /// <param name="paused">They.</param>
    /// <param name="unread">Those of them of which nothing was read.</param>
    private void Ask(IReadOnlyCollection<int> paused, IReadOnlyCollection<int> unread)
    {
        if (!_asking.IsCompleted)
            return;

        if (paused.Count > 0)
        {
            _asking = AskAsync(Of(paused), Of(unread));
            return;
        }

        // What stood there at the end of one pause says nothing in the next.
        _ends.Clear();
        _begins.Clear();
    }

    private async Task AskAsync(List<TopicPartition> paused, List<TopicPartition> unread)
    {
        try
        {
            // All questions at once, on the thread that also disposes of the client: none is asked of one that is gone.
            _admin ??= new DependentAdminClientBuilder(consumer.Handle).Build();
            var ends = OffsetsAsync(paused, OffsetSpec.Latest());
            var oldest = OffsetsAsync(unread, OffsetSpec.Earliest());
            var committed = CommittedAsync(unread);
            Keep(await ends.ConfigureAwait(false), _ends);
            Keep([.. await oldest.ConfigureAwait(false), .. await committed.ConfigureAwait(false)], _begins);
        }
        catch (Exception)
        {
            // Asked again in a second, and the lag stands still meanwhile. That the brokers are away is said by the client's own errors.
        }
    }

    private async Task<IEnumerable<TopicPartitionOffsetError>> OffsetsAsync(List<TopicPartition> partitions, OffsetSpec spec)
    {
        if (partitions.Count == 0)
            return [];

        var asked = partitions.Select(p => new TopicPartitionOffsetSpec { TopicPartition = p, OffsetSpec = spec });
        var answer = await _admin!.ListOffsetsAsync(asked, new ListOffsetsOptions { RequestTimeout = Patience }).ConfigureAwait(false);
        return answer.ResultInfos.Select(i => i.TopicPartitionOffsetError);
    }

    private async Task<IEnumerable<TopicPartitionOffsetError>> CommittedAsync(List<TopicPartition> partitions)
    {
        if (partitions.Count == 0)
            return [];

        var answer = await _admin!.ListConsumerGroupOffsetsAsync(
            [new ConsumerGroupTopicPartitions(group, partitions)], new ListConsumerGroupOffsetsOptions { RequestTimeout = Patience }).ConfigureAwait(false);
        return answer[0].Partitions;
    }

    private static void Keep(IEnumerable<TopicPartitionOffsetError> found, ConcurrentDictionary<int, long> into)
    {
        foreach (var one in found.Where(f => !f.Error.IsError && !f.Offset.IsSpecial))
            into[one.Partition] = one.Offset;
    }

    private List<TopicPartition> Of(IEnumerable<int> partitions) => [.. partitions.Select(p => new TopicPartition(topic, p))];
}
