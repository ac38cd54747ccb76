using Confluent.Kafka;
using Microsoft.Extensions.Logging;

namespace CloudSync.Sdk;

/// <summary>
/// Commits what is settled: of every partition the contiguous prefix, and never an offset beyond a message that is outstanding. The periodic commit runs
/// beside the poll thread, because the client's commit waits for the broker; at a revocation and at the end the poll thread waits for it.
/// </summary>
internal sealed class OffsetCommitter(IConsumer<int, int> consumer, string topic, TimeSpan interval, TimeProvider time, ILogger log)
{
    private readonly Dictionary<int, long> _committed = [];
    private Task _commit = Task.CompletedTask;
    private long _last = time.GetTimestamp();

    /// <summary>The last offset of a partition that was committed, or -1.</summary>
    public long Committed(int partition)
    {
        lock (_committed)
            return _committed.GetValueOrDefault(partition, -1);
    }

    /// <summary>Starts a commit when one is due and none is under way.</summary>
    public void CommitIfDue(IEnumerable<PartitionProgress> partitions)
    {
        if (!_commit.IsCompleted || time.GetElapsedTime(_last) < interval)
            return;

        _last = time.GetTimestamp();
        var offsets = Uncommitted(partitions);
        if (offsets.Count > 0)
            _commit = Task.Run(() => Commit(offsets));
    }

    /// <summary>Commits now and waits for it: these partitions are being given up.</summary>
    /// <param name="partitions">The partitions.</param>
    /// <param name="text">What became of it, for the log.</param>
    /// <returns>Whether the group was rebalancing, and would take the commit after that.</returns>
    public bool CommitNow(IEnumerable<PartitionProgress> partitions, out string text)
    {
        // Commits arrive in their order, or an older one would take back what the newer one committed.
        WaitForCommit();
        var offsets = Uncommitted(partitions);
        var error = offsets.Count == 0 ? ErrorCode.NoError : Commit(offsets);
        text = offsets.Count == 0 ? "nothing left to commit" : error == ErrorCode.NoError ? $"committed {Text(offsets)}" : $"commit of {Text(offsets)} failed";
        return error is ErrorCode.RebalanceInProgress or ErrorCode.IllegalGeneration;
    }

    /// <summary>Waits for a commit that is under way. The client must not go before it.</summary>
    public void WaitForCommit() => _commit.GetAwaiter().GetResult();

    /// <summary>Partitions come or go: what was committed before says nothing about them.</summary>
    public void Forget(IEnumerable<int> partitions)
    {
        lock (_committed)
        {
            foreach (var partition in partitions)
                _committed.Remove(partition);
        }
    }

    private List<TopicPartitionOffset> Uncommitted(IEnumerable<PartitionProgress> partitions)
    {
        var offsets = new List<TopicPartitionOffset>();
        lock (_committed)
        {
            foreach (var progress in partitions)
            {
                var offset = progress.CommitOffset;
                if (offset >= 0 && offset != _committed.GetValueOrDefault(progress.Partition, -1))
                    offsets.Add(new TopicPartitionOffset(topic, progress.Partition, offset));
            }
        }

        return offsets;
    }

    private ErrorCode Commit(List<TopicPartitionOffset> offsets)
    {
        try
        {
            consumer.Commit(offsets);
            lock (_committed)
            {
                foreach (var offset in offsets)
                    _committed[offset.Partition.Value] = offset.Offset.Value;
            }

            return ErrorCode.NoError;
        }
        catch (Exception e)
        {
            var error = (e as KafkaException)?.Error;
            log.CommitFailed(Text(offsets), error?.Reason ?? e.Message);
            return error?.Code ?? ErrorCode.Local_Fail;
        }
    }

    private static string Text(List<TopicPartitionOffset> offsets) =>
        string.Join(", ", offsets.Select(o => $"[{o.Partition.Value}]@{o.Offset.Value}"));
}
