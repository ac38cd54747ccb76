using CloudSync.LoadTest.Results;

namespace CloudSync.LoadTest.Reports.Tables;

/// <summary>One kind of failure over all steps.</summary>
/// <param name="Kind">As the generator names it.</param>
/// <param name="Count">Messages.</param>
/// <param name="Share">Of all that were sent.</param>
/// <param name="From">The lowest rate at which it happened.</param>
internal sealed record Failure(string Kind, long Count, double Share, int From)
{
    public const string QueueFull = "queue full";
}

/// <summary>What failed, by kind; the queue that was full among them.</summary>
internal static class FailureTable
{
    public static IReadOnlyList<TableColumn<Failure>> Columns { get; } =
    [
        new("kind", failure => failure.Kind, IsNumber: false),
        new("messages", failure => Figures.Count(failure.Count)),
        new("of those sent", failure => Figures.Share(failure.Share)),
        new("from /s", failure => Figures.Rate(failure.From)),
    ];

    /// <summary>The most frequent first.</summary>
    public static IReadOnlyList<Failure> Of(RunResult run)
    {
        var sent = run.Steps.Sum(step => step.Sent);
        return
        [
            .. run.Steps
                .SelectMany(step => step.Errors.Append(new(Failure.QueueFull, step.QueueFull)).Where(error => error.Value > 0).Select(error => (error.Key, error.Value, step.Asked)))
                .GroupBy(error => error.Key)
                .Select(kind => (Kind: kind.Key, Count: kind.Sum(error => error.Value), From: kind.Min(error => error.Asked)))
                .Select(kind => new Failure(kind.Kind, kind.Count, sent > 0 ? (double)kind.Count / sent : 0, kind.From))
                .OrderByDescending(failure => failure.Count),
        ];
    }
}
