namespace CloudSync.LoadTest.ScaleOut;

/// <summary>When messages arrived: all of them, and those of each partition. Exact to the clock, since each request is noted when it has been read.</summary>
internal sealed class Timeline
{
    private readonly TimeSpan[] _all;
    private readonly List<TimeSpan>[] _ofPartition;

    /// <param name="calls">In the order of their arrival.</param>
    /// <param name="partitions">How many there are.</param>
    /// <param name="partitionOf">Where a message stands; <see langword="null"/> where that is not known.</param>
    public Timeline(IReadOnlyList<Call> calls, int partitions, Func<long, int?> partitionOf)
    {
        _all = [.. calls.SelectMany(call => call.Numbers, (call, _) => call.Arrived)];
        _ofPartition = [.. Enumerable.Range(0, partitions).Select(_ => new List<TimeSpan>())];
        foreach (var call in calls)
            foreach (var number in call.Numbers)
                if (partitionOf(number) is { } partition)
                    _ofPartition[partition].Add(call.Arrived);
    }

    /// <summary>Messages a second.</summary>
    public double Rate(TimeSpan from, TimeSpan to) => Rates.Mean(_all, from, to);

    /// <summary>How long it took to come to a rate; <see langword="null"/> when it was not reached.</summary>
    public TimeSpan? Reached(double rate, TimeSpan from, TimeSpan to) => Rates.Reached(_all, rate, from, to);

    /// <summary>The longest time in which nothing arrived at all.</summary>
    public TimeSpan Pause(TimeSpan from, TimeSpan to) => Pauses.Longest(_all, from, to);

    /// <summary>The longest time in which nothing of some partition arrived, and which one that was.</summary>
    public (int Partition, TimeSpan Pause) PartitionPause(TimeSpan from, TimeSpan to) =>
        _ofPartition.Select((arrivals, partition) => (Partition: partition, Pause: Pauses.Longest(arrivals, from, to))).MaxBy(partition => partition.Pause);
}
