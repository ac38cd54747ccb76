using CloudSync.LoadTest.Results;

namespace CloudSync.LoadTest.ScaleOut;

/// <summary>One thing that must hold.</summary>
/// <param name="Name">What it is.</param>
/// <param name="Looked">How many were looked at.</param>
/// <param name="Offences">How many of them do not hold.</param>
/// <param name="Examples">The first of those, as help for whoever looks for the reason.</param>
internal sealed record Check(string Name, long Looked, long Offences, IReadOnlyList<string> Examples)
{
    public bool Holds => Offences == 0;
}

/// <summary>Judges a run by what was accepted and what arrived. How fast it was has no part in that.</summary>
internal static class Verdict
{
    /// <param name="audit">What was lost, invented or out of order.</param>
    /// <param name="repeats">What came again.</param>
    /// <param name="killed">Processes that were killed.</param>
    /// <param name="underWay">Messages that one process may have under way: its calls times what one carries.</param>
    /// <param name="calls">Requests.</param>
    /// <param name="withoutTheirKey">Those of them whose <c>Idempotency-Key</c> is not that of their ids.</param>
    /// <param name="isWhole">Whether the run came to its end. After an interrupt, what has not come yet is no offence.</param>
    public static IReadOnlyList<Check> Of(AuditResult audit, Repeats repeats, int killed, int underWay, int calls, int withoutTheirKey, bool isWhole = true) =>
    [
        .. isWhole ? [new Check("none lost", audit.Accepted, audit.Lost, audit.Examples)] : Array.Empty<Check>(),
        new("none out of order", audit.Arrived, audit.OutOfOrder, audit.Examples),
        new("none invented", audit.Arrived, audit.Invented, []),
        new(killed == 0 ? "none twice" : "none twice but what a killed process had under way", audit.Arrived, repeats.ForNothing, repeats.Examples),
        .. killed == 0 ? Array.Empty<Check>() :
        [
            new("of it without an answer: no more than the calls that it may make at a time carry", (long)killed * underWay, Math.Max(0, repeats.Unanswered - ((long)killed * underWay)), []),
            new("of it answered and not yet written down: no more than as many", (long)killed * underWay, Math.Max(0, repeats.LastMoment - ((long)killed * underWay)), []),
        ],
        new("each request has the Idempotency-Key of its ids", calls, withoutTheirKey, []),
    ];
}
