using CloudSync.LoadTest.Parts;
using CloudSync.LoadTest.Results;

namespace CloudSync.LoadTest.Reports;

/// <summary>What a run comes to, in words: the first that somebody reads, and often the last.</summary>
/// <param name="IsGreen">Whether the ledger is in order; <see langword="null"/> where there is none, or nothing was measured: then it is neither green nor red.</param>
/// <param name="Headline">Begins with its colour, for whoever sees none.</param>
/// <param name="Sentence">For who decides and runs nothing.</param>
/// <param name="LimitedBy">The part that held the rate down, and the figures that say so.</param>
/// <param name="Ended">Why the run ended.</param>
internal sealed record Verdict(bool? IsGreen, string Headline, string Sentence, Limit LimitedBy, string Ended)
{
    public const string NoEndpoint = "no endpoint is part of the run";

    public static Verdict Of(RunResult run) => new(
        !run.IsGreen ? false : run.Audit.Count > 0 && run.HasMeasured ? true : null,
        HeadlineOf(run),
        SentenceOf(run),
        LimitedByOf(run),
        run.Ended ?? run.Steps.Count switch { 0 => "No step was run.", 1 => "Its one step was run.", var count => $"All {Figures.Count(count)} steps were run." });

    /// <summary>What is wrong with what arrived at an endpoint: <c>1 lost</c>, <c>2 duplicates</c>.</summary>
    public static IEnumerable<string> Faults(AuditResult audit)
    {
        if (audit.Lost > 0)
            yield return $"{Figures.Count(audit.Lost)} lost";
        if (audit.Duplicates > 0)
            yield return Figures.Count(audit.Duplicates, "duplicate");
        if (audit.OutOfOrder > 0)
            yield return $"{Figures.Count(audit.OutOfOrder)} out of order";
        if (audit.Invented > 0)
            yield return $"{Figures.Count(audit.Invented)} that nobody sent";
    }

    private static Limit LimitedByOf(RunResult run)
    {
        if (run.LimitedStep is { } step)
            return step.Limit;

        var isAllHeld = run.Steps.All(step => step.Asked <= run.Highest);
        return new Limit(Limit.Nothing, isAllHeld ? "No higher rate was asked for." : "No step above the highest rate held says what was the limit.");
    }

    private static string HeadlineOf(RunResult run)
    {
        if (!run.IsAudited)
            return "Red: a part of the path has ended, so nobody knows what has arrived";

        if (!run.IsGreen)
            return $"Red{(run.Info.Fault is { } fault ? $", as it should be (the endpoints were told to {fault} one message in {CloudEndpoint.FaultEvery:N0})" : "")}: " + string.Join("; ", run.Audit.Where(audit => !audit.IsGreen).Select(audit => $"{string.Join(", ", Faults(audit))} at {audit.Endpoint}"));

        var rate = run.Highest > 0 ? $"{Figures.Rate(run.Highest)} messages a second held" : "no rate was held";
        if (run.Steps.FirstOrDefault(step => step.Accepted == 0) is { } refused)
            rate += $", nothing was accepted at {Figures.Rate(refused.Asked)}";

        var audit = run.Audit.Count > 0 ? "none lost, doubled or out of order" : NoEndpoint;
        if (run.Ended == RunResult.Interrupted)
            return $"Interrupted: {rate}; {(run.Audit.Any(endpoint => endpoint.NotArrivedYet > 0) ? $"{NotArrivedYet(run)}, none doubled or out of order" : audit)}";

        return run.Audit.Count == 0 ? $"Not audited: {audit}; {rate}" : $"{(run.HasMeasured ? "Green" : "Without a result")}: {rate}; {audit}";
    }

    private static string NotArrivedYet(RunResult run) =>
        string.Join(", ", run.Audit.Where(audit => audit.NotArrivedYet > 0).Select(audit => $"{Figures.Count(audit.NotArrivedYet)} not arrived yet at {audit.Endpoint}"));

    private static string SentenceOf(RunResult run)
    {
        var what = run.Info.Target switch { "producer" => "the producer alone", "api" => "the API alone", "path" => "the whole path", var other => other };
        if (!run.IsAudited)
            return $"Says nothing of {what}: a part of it has ended during the run.";

        if (!run.IsGreen)
            return $"Not fit for use as it was run: what {what} acknowledged did not arrive as it should. Its rates count for nothing until that is mended.";

        if (run.HeldStep is not { } held)
            return $"On {Figures.Count(run.Info.Processors, "processor")}, {what} held none of the rates that were asked for{LimitOf(run)}.";

        return $"On {Figures.Count(run.Info.Processors, "processor")}, {what} holds {Figures.Rate(run.Highest)} messages of {Figures.Count(run.Info.PayloadBytes, "byte")} a second{LatencyOf(held)}{LimitOf(run)}.";
    }

    private static string LatencyOf(StepResult held) =>
        held.Latency.Count == 0 ? "" : $", acknowledged after {Figures.Milliseconds(held.Latency.Mean)} ms in the mean and {Figures.Milliseconds(held.Latency.P99)} ms at P99";

    private static string LimitOf(RunResult run) =>
        run.LimitedStep is { } step ? $"; beyond that the {step.Limit.Part} is the limit" : run.Highest > 0 ? "; what limits it was not reached" : "";
}
