using CloudSync.LoadTest.Results;

namespace CloudSync.LoadTest.Reports;

/// <summary>What a part takes of the processors for a message, and so how many cores another rate would take, if a message cost the same there.</summary>
/// <param name="Part">Its name.</param>
/// <param name="SecondsPerMillion">Processor seconds for a million messages.</param>
internal sealed record Sizing(string Part, double SecondsPerMillion)
{
    /// <summary>The rates that are reckoned.</summary>
    public static IReadOnlyList<int> Rates { get; } = [10_000, 100_000, 1_000_000];

    /// <summary>At a lower rate most of what is measured is what a process takes that does nothing.</summary>
    public const int LeastRate = 1_000;

    /// <summary>All parts at the highest rate held; empty when none was, or it says nothing of others: it is too low, or the generator alone was measured.</summary>
    public static IReadOnlyList<Sizing> Of(RunResult run) =>
        run.HeldStep is { Achieved: >= LeastRate * 0.95, Parts.Count: > 1 } step ? [.. step.Parts.Select(part => new Sizing(part.Name, part.Processors / step.Achieved * 1_000_000))] : [];

    public double Cores(int rate) => SecondsPerMillion * rate / 1_000_000;
}
