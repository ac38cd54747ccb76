using CloudSync.LoadTest.Results;

namespace CloudSync.LoadTest.Reports.Tables;

/// <summary>What is worth reading of each step; all of it is in the CSV.</summary>
internal static class StepTable
{
    public static IReadOnlyList<TableColumn<StepResult>> Columns(RunResult run) =>
    [
        new("asked /s", step => Figures.Rate(step.Asked)),
        new("achieved /s", step => Figures.Rate(step.Achieved)),
        new("queue full", step => Figures.Count(step.QueueFull)),
        new("errors", step => Figures.Count(step.Failed)),
        new("mean ms", step => Figures.Milliseconds(step.Latency.Of(latency => latency.Mean))),
        new("P50", step => Figures.Milliseconds(step.Latency.Of(latency => latency.P50))),
        new("P90", step => Figures.Milliseconds(step.Latency.Of(latency => latency.P90))),
        new("P95", step => Figures.Milliseconds(step.Latency.Of(latency => latency.P95))),
        new("P99", step => Figures.Milliseconds(step.Latency.Of(latency => latency.P99))),
        new("P99.9", step => Figures.Milliseconds(step.Latency.Of(latency => latency.P999))),
        new("max", step => Figures.Milliseconds(step.Latency.Of(latency => latency.Max))),
        .. run.EndpointNames.SelectMany(OfEndpoint),
        new("busy", step => Figures.Processors(step.BusyProcessors)),
        new("limited by", step => step.Limit.Part, IsNumber: false),
        new("note", step => Note(run, step), IsNumber: false),
    ];

    private static IEnumerable<TableColumn<StepResult>> OfEndpoint(string name) =>
    [
        new($"{name} /s", step => Figures.Rate(step.Endpoint(name)?.Rate)),
        new($"{name} P99", step => Figures.Milliseconds(step.Endpoint(name)?.Latency.Of(latency => latency.P99))),
        new($"{name} lag at end", step => Figures.Count(step.Endpoint(name)?.LagAtEnd)),
    ];

    private static string Note(RunResult run, StepResult step) =>
        step.BrokenOff is { } reason ? $"broken off: {reason}" : ReferenceEquals(step, run.HeldStep) ? "highest rate held" : "";
}
