using CloudSync.LoadTest.Results;

namespace CloudSync.LoadTest.ScaleOut;

/// <summary>A change and the time after it, as it was when it was run. Moments are those of the <see cref="MachineClock"/>.</summary>
/// <param name="Instances">Processes after the change.</param>
/// <param name="Change">What was done.</param>
/// <param name="Began">When it was begun.</param>
/// <param name="Settled">When all partitions had an owner again.</param>
/// <param name="Ended">When the time was over.</param>
/// <param name="Partitions">How many each process had in the end.</param>
/// <param name="Parts">What each process of the run took since it had settled, those of the group under its name.</param>
internal sealed record Hold(int Instances, Change Change, TimeSpan Began, TimeSpan Settled, TimeSpan Ended, IReadOnlyList<int> Partitions, IReadOnlyList<PartUse> Parts)
{
    /// <summary>What is left out at the begin: what has waited for an owner comes in large pieces, partition by partition, and a new process is slow at first.</summary>
    private const double AtBegin = 0.5;

    private const double AtEnd = 0.1;

    /// <summary>The part of the time that has nothing of the change, nor of what comes right after it or before the next.</summary>
    public (TimeSpan From, TimeSpan To) Middle => (Settled + (AtBegin * (Ended - Settled)), Ended - (AtEnd * (Ended - Settled)));
}
