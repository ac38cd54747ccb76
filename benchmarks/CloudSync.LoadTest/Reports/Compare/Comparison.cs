using CloudSync.LoadTest.Results;

namespace CloudSync.LoadTest.Reports.Compare;

/// <summary>A run beside one of before, at each rate that both were asked for.</summary>
/// <param name="Differences">What makes them no like for like, as sentences; they are compared all the same.</param>
/// <param name="Figures">By rate, in rising order.</param>
internal sealed record Comparison(IReadOnlyList<string> Differences, IReadOnlyList<ComparedFigure> Figures)
{
    /// <summary>What changed for certain, in a sentence.</summary>
    public string Summary => Figures.Where(figure => figure.Noise == Noise.Beyond).Select(figure => $"{figure.Name} at {Reports.Figures.Rate(figure.Asked)} a second {figure.ChangeText}").ToArray() switch
    {
        _ when Figures.Count == 0 => "No rate was asked for in both runs.",
        [] => "Nothing has changed beyond noise.",
        var changes => $"Beyond noise: {string.Join("; ", changes)}.",
    };

    public static Comparison Of(RunResult old, RunResult now)
    {
        var before = ByRate(old);
        var pairs = ByRate(now).Where(step => before.ContainsKey(step.Key)).Select(step => (Old: before[step.Key], Now: step.Value)).ToArray();
        return new Comparison(
            [.. DifferencesOf(old, now, pairs)],
            [.. pairs.SelectMany(pair => OfStep(pair.Old, pair.Now))]);
    }

    // Of several steps at one rate the last counts: whatever warms up has done so.
    private static SortedDictionary<int, StepResult> ByRate(RunResult run) =>
        new(run.Steps.GroupBy(step => step.Asked).ToDictionary(steps => steps.Key, steps => steps.Last()));

    private static IEnumerable<ComparedFigure> OfStep(StepResult old, StepResult now)
    {
        yield return Figure("achieved /s", step => step.Achieved, Reports.Figures.Rate, BySecond(second => second.Accepted));
        yield return Figure("mean ms", step => step.Latency.Of(latency => latency.Mean), Reports.Figures.Milliseconds);
        yield return Figure("P50 ms", step => step.Latency.Of(latency => latency.P50), Reports.Figures.Milliseconds, BySecond(second => second.P50, whereAccepted: true));
        yield return Figure("P99 ms", step => step.Latency.Of(latency => latency.P99), Reports.Figures.Milliseconds, BySecond(second => second.P99, whereAccepted: true));
        foreach (var part in old.Parts.Select(part => part.Name).Where(name => now.Part(name) is not null))
            yield return Figure($"{part} processors", step => step.Part(part)!.Processors, Reports.Figures.Processors);

        foreach (var endpoint in old.Endpoints.Select(endpoint => endpoint.Name).Where(name => now.Endpoint(name) is not null))
            yield return Figure($"{endpoint} arrived /s", step => step.Endpoint(endpoint)!.Rate, Reports.Figures.Rate);

        ComparedFigure Figure(string name, Func<StepResult, double?> value, Func<double?, string> format, Func<StepResult, IReadOnlyList<double>>? seconds = null) =>
            new(now.Asked, name, value(old), value(now), seconds is null ? Noise.Unknown : NoiseRule.Of(seconds(old), seconds(now)), format);
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
        })
        {
            if (before != after)
                yield return $"The {name} differs: {before} before, {after} now.";
        }

        foreach (var (before, after) in pairs.Where(pair => pair.Old.BatchSize != pair.Now.BatchSize))
            yield return $"At {Reports.Figures.Rate(after.Asked)} a second the batch size differs: {Reports.Figures.Count(before.BatchSize)} before, {Reports.Figures.Count(after.BatchSize)} now.";

        if (Alone(old) is { Length: > 0 } oldAlone)
            yield return $"Only before: {oldAlone} a second.";

        if (Alone(now) is { Length: > 0 } nowAlone)
            yield return $"Only now: {nowAlone} a second.";

        string Alone(RunResult run) =>
            string.Join(", ", run.Steps.Select(step => step.Asked).Distinct().Except(pairs.Select(pair => pair.Now.Asked)).Order().Select(rate => Reports.Figures.Rate(rate)));
    }
}
