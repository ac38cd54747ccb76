using CloudSync.LoadTest.Results;

namespace CloudSync.LoadTest.Reports.Compare;

/// <summary>A run beside one of before, at each rate that both were asked for.</summary>
/// <param name="Differences">What makes them no like for like, as sentences; they are compared all the same.</param>
/// <param name="Outcomes">What both came to as a whole, as sentences.</param>
/// <param name="Figures">By rate, in rising order.</param>
internal sealed record Comparison(IReadOnlyList<string> Differences, IReadOnlyList<string> Outcomes, IReadOnlyList<ComparedFigure> Figures)
{
    /// <summary>What a run may be told that changes nothing of what is measured.</summary>
    private static readonly string[] OfReports = ["--out", "--compare", "--rounds"];

    /// <summary>Latencies, processors and shares of the messages that nobody minds, so that twice as much is no news.</summary>
    private const double LeastMilliseconds = 50;

    private const double LeastProcessors = 0.5;
    private const double FewFailures = 0.01;

    /// <summary>What changed for certain, in a sentence; and what may have, in another.</summary>
    public string Summary
    {
        get
        {
            if (Figures.Count == 0)
                return "No rate was asked for in both runs.";

            var beyond = Figures.Where(figure => figure.Noise == Noise.Beyond).Select(figure => $"{Place(figure)} {figure.ChangeText}").ToArray();
            var leaps = Figures.Where(figure => figure.IsLeap).Select(figure => $"{Place(figure)} {figure.OldText} before, {figure.NowText} now").ToArray();
            var certain = beyond.Length > 0 ? $"Beyond noise: {string.Join("; ", beyond)}."
                : Figures.All(figure => figure.Noise is Noise.TooShort or Noise.Unknown) ? $"Can't be told: no figure has {NoiseRule.FewestSeconds} seconds in both runs."
                : leaps.Length > 0 ? "Nothing that has a figure for each second has changed beyond noise."
                : "Nothing has changed beyond noise.";
            return leaps.Length == 0 ? certain : $"{certain} One figure a step, noise unknown, and twice or half as much: {string.Join("; ", leaps)}.";

            static string Place(ComparedFigure figure) => $"{figure.Name} at {Reports.Figures.Rate(figure.Asked)} a second";
        }
    }

    public static Comparison Of(RunResult old, RunResult now)
    {
        var before = ByRate(old);
        var pairs = ByRate(now).Where(step => before.ContainsKey(step.Key)).Select(step => (Old: before[step.Key], Now: step.Value)).ToArray();
        return new Comparison(
            [.. DifferencesOf(old, now, pairs)],
            [
                $"Highest rate held: {Highest(old)} before, {Highest(now)} now.",
                $"Audit: {Audit(old)} before, {Audit(now)} now.",
            ],
            [.. pairs.SelectMany(pair => OfStep(pair.Old, pair.Now))]);
    }

    // Of several steps at one rate the last counts: whatever warms up has done so.
    private static SortedDictionary<int, StepResult> ByRate(RunResult run) =>
        new(run.Steps.GroupBy(step => step.Asked).ToDictionary(steps => steps.Key, steps => steps.Last()));

    private static string Highest(RunResult run) => run.Highest > 0 ? $"{Reports.Figures.Rate(run.Highest)} a second" : "none";

    private static string Audit(RunResult run) => run switch
    {
        { IsAudited: false } => "not made",
        { Audit.Count: 0 } => "no endpoint",
        { IsGreen: true } => "green",
        _ => $"red ({string.Join("; ", run.Audit.Where(audit => !audit.IsGreen).Select(audit => $"{string.Join(", ", Verdict.Faults(audit))} at {audit.Endpoint}"))})",
    };

    private static IEnumerable<ComparedFigure> OfStep(StepResult old, StepResult now)
    {
        yield return Figure("achieved /s", step => step.Achieved, Reports.Figures.Rate, BySecond(second => second.Accepted));
        yield return Figure("mean ms", step => step.Latency.Of(latency => latency.Mean), Reports.Figures.Milliseconds, floor: LeastMilliseconds);
        yield return Figure("P50 ms", step => step.Latency.Of(latency => latency.P50), Reports.Figures.Milliseconds, BySecond(second => second.P50, whereAccepted: true));
        yield return Figure("P99 ms", step => step.Latency.Of(latency => latency.P99), Reports.Figures.Milliseconds, BySecond(second => second.P99, whereAccepted: true));
        yield return Figure("errors", step => step.Failed, Reports.Figures.Count, floor: FewFailures * now.Due);
        yield return Figure("queue full", step => step.QueueFull, Reports.Figures.Count, floor: FewFailures * now.Due);
        foreach (var part in old.Parts.Select(part => part.Name).Where(name => now.Part(name) is not null))
            yield return Figure($"{part} processors", step => step.Part(part)!.Processors, Reports.Figures.Processors, floor: LeastProcessors);

        foreach (var endpoint in old.Endpoints.Select(endpoint => endpoint.Name).Where(name => now.Endpoint(name) is not null))
        {
            yield return Figure($"{endpoint} arrived /s", step => step.Endpoint(endpoint)!.Rate, Reports.Figures.Rate, floor: 0);
            yield return Figure($"{endpoint} P50 ms", step => step.Endpoint(endpoint)!.Latency.Of(latency => latency.P50), Reports.Figures.Milliseconds, floor: LeastMilliseconds);
            yield return Figure($"{endpoint} P99 ms", step => step.Endpoint(endpoint)!.Latency.Of(latency => latency.P99), Reports.Figures.Milliseconds, floor: LeastMilliseconds);
            yield return Figure($"{endpoint} lag at end", step => step.Endpoint(endpoint)!.LagAtEnd, Reports.Figures.Count, floor: Math.Max(10, now.Asked / 2.0));
        }

        ComparedFigure Figure(string name, Func<StepResult, double?> value, Func<double?, string> format, Func<StepResult, IReadOnlyList<double>>? seconds = null, double floor = 0) =>
            new(now.Asked, name, value(old), value(now), seconds is null ? Noise.Unknown : NoiseRule.Of(seconds(old), seconds(now)), format, floor);
    }

    // A second without an acknowledgement has a rate, which is 0, and no latency.
    private static Func<StepResult, IReadOnlyList<double>> BySecond(Func<SecondResult, double> value, bool whereAccepted = false) =>
        step => [.. step.Intervals.Where(second => !whereAccepted || second.Accepted > 0).Select(value)];

    private static IEnumerable<string> DifferencesOf(RunResult old, RunResult now, IReadOnlyList<(StepResult Old, StepResult Now)> pairs)
    {
        foreach (var (name, before, after) in new[]
        {
            ("target", old.Info.Target, now.Info.Target),
            ("payload in bytes", Reports.Figures.Count(old.Info.PayloadBytes), Reports.Figures.Count(now.Info.PayloadBytes)),
            ("number of keys", Reports.Figures.Count(old.Info.Keys), Reports.Figures.Count(now.Info.Keys)),
            ("number of processors", Reports.Figures.Count(old.Info.Processors), Reports.Figures.Count(now.Info.Processors)),
            ("machine", old.Info.Machine, now.Info.Machine),
            ("other end", old.Info.Description, now.Info.Description),
            ("fault that the endpoints were told", old.Info.Fault ?? "none", now.Info.Fault ?? "none"),
            ("command line", Measured(old.Info.Command), Measured(now.Info.Command)),
        })
        {
            if (before != after)
                yield return $"The {name} differs: {before} before, {after} now.";
        }

        foreach (var (before, after) in pairs.Where(pair => pair.Old.BatchSize != pair.Now.BatchSize))
            yield return $"At {Reports.Figures.Rate(after.Asked)} a second the batch size differs: {Reports.Figures.Count(before.BatchSize)} before, {Reports.Figures.Count(after.BatchSize)} now.";

        // A step that was broken off has not been told to be shorter.
        if (Longest(old) is var longest && Longest(now) is var longestNow && Math.Abs(longest - longestNow) > 0.1 * longest)
            yield return $"The duration of a step differs: {Reports.Figures.Seconds(longest)} s before, {Reports.Figures.Seconds(longestNow)} s now.";

        if (Alone(old) is { Length: > 0 } oldAlone)
            yield return $"Only before: {oldAlone} a second.";

        if (Alone(now) is { Length: > 0 } nowAlone)
            yield return $"Only now: {nowAlone} a second.";

        static double Longest(RunResult run) => run.Steps.Select(step => step.Seconds).DefaultIfEmpty().Max();

        string Alone(RunResult run) =>
            string.Join(", ", run.Steps.Select(step => step.Asked).Distinct().Except(pairs.Select(pair => pair.Now.Asked)).Order().Select(rate => Reports.Figures.Rate(rate)));
    }

    /// <summary>A command line without what changes nothing of what is measured.</summary>
    private static string Measured(string command)
    {
        var words = command.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return string.Join(' ', words.Where((word, index) => !OfReports.Contains(word) && (index == 0 || !OfReports.Contains(words[index - 1]))));
    }
}
