namespace CloudSync.LoadTest.ScaleOut;

/// <summary>A change and the time after it, as it was when it was run. Moments are those of the <see cref="MachineClock"/>.</summary>
/// <param name="Instances">Processes after the change.</param>
/// <param name="Change">What was done.</param>
/// <param name="Began">When it was begun.</param>
/// <param name="Settled">When all partitions had an owner again.</param>
/// <param name="Ended">When the time was over.</param>
/// <param name="Partitions">How many each process had in the end.</param>
/// <param name="BusyProcessors">Processors that were busy with anything at all, since it had settled; <see langword="null"/> where that is not known.</param>
internal sealed record Hold(int Instances, Change Change, TimeSpan Began, TimeSpan Settled, TimeSpan Ended, IReadOnlyList<int> Partitions, double? BusyProcessors)
{
    /// <summary>What is left out of the time at its begin and at its end.</summary>
    private const double Edge = 0.1;

    /// <summary>The part in which the rate is measured: without the change, and without what comes right after it or before the next.</summary>
    public (TimeSpan From, TimeSpan To) Middle => (Settled + (Edge * (Ended - Settled)), Ended - (Edge * (Ended - Settled)));
}
