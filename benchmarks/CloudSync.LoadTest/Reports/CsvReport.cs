using System.Buffers;
using System.Globalization;
using CloudSync.LoadTest.Results;

namespace CloudSync.LoadTest.Reports;

/// <summary>All figures of all steps, a row a step, for a spreadsheet or a script. What is not known is empty.</summary>
internal static class CsvReport
{
    private const string EndOfRow = "\r\n";

    private static readonly SearchValues<char> Quoted = SearchValues.Create(",\"\r\n");

    public static string Of(RunResult run)
    {
        var columns = Columns(run);
        var rows = run.Steps.Select(step => columns.Select(column => column.Value(step))).Prepend(columns.Select(column => column.Name));
        return string.Concat(rows.Select(row => string.Join(',', row.Select(Field)) + EndOfRow));
    }

    public static IReadOnlyList<string> Header(RunResult run) => [.. Columns(run).Select(column => column.Name)];

    private static IReadOnlyList<Column> Columns(RunResult run) =>
    [
        new("asked", step => Number(step.Asked)),
        new("achieved", step => Number(step.Achieved)),
        new("batch_size", step => Number(step.BatchSize)),
        new("seconds", step => Number(step.Seconds)),
        new("due", step => Number(step.Due)),
        new("sent", step => Number(step.Sent)),
        new("accepted", step => Number(step.Accepted)),
        new("queue_full", step => Number(step.QueueFull)),
        new("errors", step => Number(step.Failed)),
        new("errors_by_kind", step => string.Join("; ", step.Errors.OrderByDescending(error => error.Value).Select(error => $"{error.Key}={Number(error.Value)}"))),
        new("mean_ms", step => Number(step.Latency.Of(latency => latency.Mean))),
        new("p50_ms", step => Number(step.Latency.Of(latency => latency.P50))),
        new("p90_ms", step => Number(step.Latency.Of(latency => latency.P90))),
        new("p95_ms", step => Number(step.Latency.Of(latency => latency.P95))),
        new("p99_ms", step => Number(step.Latency.Of(latency => latency.P99))),
        new("p99_9_ms", step => Number(step.Latency.Of(latency => latency.P999))),
        new("max_ms", step => Number(step.Latency.Of(latency => latency.Max))),
        new("lateness_p99_ms", step => Number(step.Lateness.Of(latency => latency.P99))),
        new("in_flight_max", step => Number(step.MaxInFlight)),
        new("in_flight_limit", step => Number(step.InFlightLimit)),
        new("busy_processors", step => Number(step.BusyProcessors)),
        .. run.PartNames.SelectMany(OfPart),
        .. run.EndpointNames.SelectMany(OfEndpoint),
        new("limit", step => step.Limit.Part),
        new("evidence", step => step.Limit.Evidence),
        new("broken_off", step => step.BrokenOff ?? ""),
    ];

    private static IEnumerable<Column> OfPart(string name) =>
    [
        new($"{name}_processors", step => Number(step.Part(name)?.Processors)),
        new($"{name}_memory_mib", step => Number(step.Part(name)?.MemoryMiB)),
        new($"{name}_gen0", step => Number(step.Part(name)?.Collections?.ElementAtOrDefault(0))),
        new($"{name}_gen1", step => Number(step.Part(name)?.Collections?.ElementAtOrDefault(1))),
        new($"{name}_gen2", step => Number(step.Part(name)?.Collections?.ElementAtOrDefault(2))),
        new($"{name}_paused_share", step => Number(step.Part(name)?.PausedShare)),
    ];

    private static IEnumerable<Column> OfEndpoint(string name) =>
    [
        new($"{name}_rate", step => Number(step.Endpoint(name)?.Rate)),
        new($"{name}_p50_ms", step => Number(step.Endpoint(name)?.Latency.Of(latency => latency.P50))),
        new($"{name}_p99_ms", step => Number(step.Endpoint(name)?.Latency.Of(latency => latency.P99))),
        new($"{name}_max_ms", step => Number(step.Endpoint(name)?.Latency.Of(latency => latency.Max))),
        new($"{name}_lag_at_half", step => Number(step.Endpoint(name)?.LagAtHalf)),
        new($"{name}_lag_at_end", step => Number(step.Endpoint(name)?.LagAtEnd)),
        new($"{name}_lag_growth", step => Number(step.Endpoint(name)?.LagGrowth)),
        new($"{name}_drain_seconds", step => Number(step.Endpoint(name)?.DrainSeconds)),
    ];

    private static string Number(double? value) => value is { } number && double.IsFinite(number) ? number.ToString("0.####", CultureInfo.InvariantCulture) : "";

    private static string Field(string text) =>
        text.AsSpan().ContainsAny(Quoted) ? $"\"{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\"" : text;

    private sealed record Column(string Name, Func<StepResult, string> Value);
}
