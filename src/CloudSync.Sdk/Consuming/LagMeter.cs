using Confluent.Kafka;

namespace CloudSync.Sdk;

/// <summary>
/// Messages of the owned partitions that are not settled yet. While partitions are read, the end of each comes along with every fetch and costs nothing. While they are paused
/// nothing is fetched, and the figure would stand still just when everybody looks at it: then the brokers are asked, beside the poll thread, because asking waits for them.
/// </summary>
internal sealed class LagMeter(IConsumer<int, int> consumer, string topic, TimeProvider time)
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan AnswerWithin = TimeSpan.FromSeconds(2);

    private readonly Dictionary<int, long> _ends = [];
    private Task _query = Task.CompletedTask;
    private long _measuredAt = time.GetTimestamp();
    private volatile bool _stopped;
    private long _lag;

    /// <summary>As of the last second.</summary>
    public long Lag => Volatile.Read(ref _lag);

    /// <summary>Measures when it is time. Only the poll thread calls it.</summary>
    public void MeasureIfDue(IEnumerable<PartitionProgress> partitions, bool isPaused)
    {
        if (time.GetElapsedTime(_measuredAt) < Interval)
            return;

        _measuredAt = time.GetTimestamp();
        long lag = 0;
        foreach (var progress in partitions)
        {
            var next = progress.CommitOffset;
            if (next >= 0)
                lag += Math.Max(0, EndOf(progress.Partition) - next);
        }

        Volatile.Write(ref _lag, lag);
        if (!_query.IsCompleted)
            return;

        if (isPaused)
        {
            int[] asked = [.. partitions.Select(progress => progress.Partition)];
            _query = Task.Run(() => Ask(asked));
        }
        else
        {
            // What a fetch brings is newer, and a topic that was made anew ends earlier.
            _ends.Clear();
        }
    }

    /// <summary>Waits for a question that is under way. The client must not go before it.</summary>
    public void Stop()
    {
        _stopped = true;
        _query.GetAwaiter().GetResult();
    }

    /// <summary>The newest that is known: what a fetch brought along, or what the brokers answered.</summary>
    private long EndOf(int partition)
    {
        var fetched = consumer.GetWatermarkOffsets(new TopicPartition(topic, partition)).High;
        lock (_ends)
            return Math.Max(fetched == Offset.Unset ? 0 : fetched.Value, _ends.GetValueOrDefault(partition));
    }

    private void Ask(int[] partitions)
    {
        try
        {
            foreach (var partition in partitions)
            {
                if (_stopped)
                    return;

                var end = consumer.QueryWatermarkOffsets(new TopicPartition(topic, partition), AnswerWithin).High.Value;
                lock (_ends)
                    _ends[partition] = end;
            }
        }
        catch (Exception)
        {
            // Brokers that do not answer are reported by the client itself. The figure is the last that is known.
        }
    }
}
