using CloudSync.LoadTest.Results;

namespace CloudSync.LoadTest.Reports.Html;

/// <summary>Which charts a run has.</summary>
internal static class RunCharts
{
    public static IReadOnlyList<Chart> Of(RunResult run)
    {
        // A chart goes from low rates to high ones, in whatever order they were run.
        var steps = run.Steps.Where(step => step.Asked > 0).OrderBy(step => step.Asked).ToArray();
        if (steps.Length == 0)
            return [];

        return [Throughput(run, steps), Acknowledged(steps), .. WithEndpoints(run, steps), Processors(run, steps), Memory(run, steps)];
    }

    private static IEnumerable<Chart> WithEndpoints(RunResult run, StepResult[] steps) => run.EndpointNames.Count == 0 ? [] : [Arrived(run, steps), Lag(run, steps)];

    private static Chart Throughput(RunResult run, StepResult[] steps)
    {
        Series[] series =
        [
            new("asked", "c-asked", Values(steps, step => step.Asked)) { Stroke = "broad" },
            new("acknowledged", "c-achieved", Values(steps, step => step.Achieved)) { Stroke = "strong" },
            .. run.EndpointNames.Select((name, index) => new Series($"arrived at {name}", Palette.Of(name, index), Values(steps, step => step.Endpoint(name)?.Rate)) { Stroke = Alternating(index) }),
        ];
        return new Chart
        {
            Id = "throughput",
            Title = "Throughput",
            Description = $"Messages a second that were acknowledged, and that arrived, against those asked for. The highest rate held is {Figures.Rate(run.Highest)}.",
            Unit = "messages a second",
            Asked = Asked(steps),
            Series = series,
            Scale = All(series).Contains(0) ? LogScale.FromZero(All(series)) : LogScale.Around(All(series)),
            Format = Figures.Rate,
        };
    }

    private static Chart Acknowledged(StepResult[] steps)
    {
        Series[] series =
        [
            OfLatency("P50", "c-level-1", latency => latency.P50),
            OfLatency("P90", "c-level-2", latency => latency.P90),
            OfLatency("P95", "c-level-3", latency => latency.P95),
            OfLatency("P99", "c-level-4", latency => latency.P99),
            OfLatency("P99.9", "c-level-5", latency => latency.P999),
            OfLatency("max", "c-level-6", latency => latency.Max),
            OfLatency("mean", "c-mean", latency => latency.Mean) with { Stroke = "dashed" },
        ];
        return new Chart
        {
            Id = "latency",
            Title = "Latency to the acknowledgement",
            Description = "Percentiles of the time from when a message was due to its acknowledgement, in milliseconds, by the rate asked for.",
            Unit = "ms",
            Asked = Asked(steps),
            Series = series,
            Scale = LogScale.Around(All(series)),
            Format = value => $"{Figures.Milliseconds(value)} ms",
        };

        Series OfLatency(string name, string style, Func<Latency, double> figure) => new(name, style, Values(steps, step => step.Latency.Of(figure)));
    }

    private static Chart Arrived(RunResult run, StepResult[] steps)
    {
        var series = run.EndpointNames.SelectMany((name, index) => new Series[]
        {
            new($"{name} P50", Palette.Of(name, index), Values(steps, step => step.Endpoint(name)?.Latency.Of(latency => latency.P50))) { Stroke = "dashed" },
            new($"{name} P99", Palette.Of(name, index), Values(steps, step => step.Endpoint(name)?.Latency.Of(latency => latency.P99))),
        }).ToArray();
        return new Chart
        {
            Id = "arrival",
            Title = "Latency to the endpoint",
            Description = "Median and P99 of the time from when a message was due to its arrival, in milliseconds, by the rate asked for.",
            Unit = "ms",
            Asked = Asked(steps),
            Series = series,
            Scale = LogScale.Around(All(series)),
            Format = value => $"{Figures.Milliseconds(value)} ms",
        };
    }

    private static Chart Lag(RunResult run, StepResult[] steps)
    {
        var series = run.EndpointNames.SelectMany((name, index) => new Series[]
        {
            new($"{name} at half", Palette.Of(name, index), Values(steps, step => step.Endpoint(name)?.LagAtHalf)) { Stroke = "dashed" },
            new($"{name} at the end", Palette.Of(name, index), Values(steps, step => step.Endpoint(name)?.LagAtEnd)),
        }).ToArray();
        return new Chart
        {
            Id = "lag",
            Title = "Lag",
            Description = "Messages that were accepted and had not arrived, at half of a step and at its end, by the rate asked for.",
            Unit = "messages",
            Asked = Asked(steps),
            Series = series,
            Scale = LogScale.FromZero(All(series)),
            Format = Figures.Count,
        };
    }

    private static Chart Processors(RunResult run, StepResult[] steps)
    {
        var parts = OfParts(run, steps, part => part.Processors);
        var sums = steps.Select(step => step.Parts.Sum(part => part.Processors));
        return new Chart
        {
            Id = "processors",
            Title = "Processors by part",
            Description = $"Processors that each part was busy with, on one another, by the rate asked for; there are {Figures.Count(run.Info.Processors)}.",
            Unit = "processors",
            Asked = Asked(steps),
            Series = parts,
            Scale = LinearScale.For([.. sums, run.Info.Processors]),
            Format = Figures.Processors,
            IsStacked = true,
            Level = (run.Info.Processors, $"all {Figures.Count(run.Info.Processors)}"),
        };
    }

    private static Chart Memory(RunResult run, StepResult[] steps)
    {
        var parts = OfParts(run, steps, part => part.MemoryMiB);
        return new Chart
        {
            Id = "memory",
            Title = "Memory by part",
            Description = "Resident memory of each part at the end of a step, by the rate asked for.",
            Unit = "MiB",
            Asked = Asked(steps),
            Series = parts,
            Scale = LinearScale.For(All(parts)),
            Format = value => $"{Figures.Memory(value)} MiB",
        };
    }

    private static Series[] OfParts(RunResult run, StepResult[] steps, Func<PartUse, double> figure) =>
        [.. run.PartNames.Select((name, index) => new Series(name, Palette.Of(name, index), Values(steps, step => step.Part(name) is { } part ? figure(part) : null)))];

    // Two lines that run over one another are both seen when the upper one has gaps.
    private static string Alternating(int index) => index % 2 == 0 ? "" : "dashed";

    private static double[] Asked(StepResult[] steps) => [.. steps.Select(step => (double)step.Asked)];

    private static double?[] Values(StepResult[] steps, Func<StepResult, double?> value) => [.. steps.Select(step => value(step) is { } known && double.IsFinite(known) ? known : (double?)null)];

    private static IEnumerable<double> All(IEnumerable<Series> series) => series.SelectMany(each => each.Values).OfType<double>();
}
