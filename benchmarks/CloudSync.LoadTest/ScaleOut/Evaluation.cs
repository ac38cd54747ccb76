namespace CloudSync.LoadTest.ScaleOut;

/// <summary>Makes figures of what was seen.</summary>
internal static class Evaluation
{
    /// <param name="holds">In their order.</param>
    /// <param name="timeline">What arrived.</param>
    public static IReadOnlyList<CountResult> Of(IReadOnlyList<Hold> holds, Timeline timeline)
    {
        var results = new List<CountResult>();
        foreach (var hold in holds)
        {
            var (from, to) = hold.Middle;
            var rate = timeline.Rate(from, to);
            var alone = results.Count > 0 ? results[0].Rate / results[0].Instances : rate / hold.Instances;
            var isFirst = results.Count == 0;
            results.Add(new CountResult
            {
                Instances = hold.Instances,
                Change = hold.Change.ToString(),
                Rate = rate,
                Share = alone > 0 ? rate / hold.Instances / alone : 0,
                Partitions = hold.Partitions,
                Pause = isFirst ? null : timeline.Pause(hold.Began, hold.Settled).TotalMilliseconds,
                PartitionPause = isFirst ? null : timeline.PartitionPause(hold.Began, hold.Settled).Pause.TotalMilliseconds,
                UndisturbedPartitionPause = timeline.PartitionPause(from, to).Pause.TotalMilliseconds,
                SettledAfter = (hold.Settled - hold.Began).TotalSeconds,
                ReachedAfter = timeline.Reached(rate, hold.Began, hold.Ended)?.TotalSeconds,
                Parts = hold.Parts,
            });
        }

        return results;
    }

    /// <summary>What arrived in each second, from the first arrival on.</summary>
    public static IReadOnlyList<int> PerSecond(IReadOnlyList<Call> calls)
    {
        if (calls.Count == 0)
            return [];

        var seconds = new int[(int)(calls[^1].Arrived - calls[0].Arrived).TotalSeconds + 1];
        foreach (var call in calls)
            seconds[(int)(call.Arrived - calls[0].Arrived).TotalSeconds] += call.Numbers.Length;
        return seconds;
    }

    /// <summary>The place of each message in the order of arrivals, from 1 on, by the first time that it came; 0 for one that has not arrived.</summary>
    public static int[] Order(IReadOnlyList<Call> calls, long sent)
    {
        var order = new int[sent];
        var place = 0;
        foreach (var number in calls.SelectMany(call => call.Numbers).Where(number => number < sent))
            if (order[number] == 0)
                order[number] = ++place;
        return order;
    }
}
