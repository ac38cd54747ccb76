using System.Globalization;
using System.Text;
using CloudSync.LoadTest.Reports;
using CloudSync.LoadTest.Results;

namespace CloudSync.LoadTest.Views;

/// <summary>A step in one line.</summary>
internal static class StepLine
{
    public static string Of(StepResult step)
    {
        var line = new StringBuilder();
        Append(line, $"{step.Asked,9:N0}/s: {step.Achieved:N0} acknowledged");
        foreach (var endpoint in step.Endpoints)
            Append(line, $", {endpoint.Name} {endpoint.Rate:N0}");
        Append(line, $" | mean {Milliseconds(step.Latency, latency => latency.Mean)} ms, p99 {Milliseconds(step.Latency, latency => latency.P99)}, max {Milliseconds(step.Latency, latency => latency.Max)}");
        if (step.Endpoints.MaxBy(endpoint => endpoint.Latency.P99) is { } slowest)
            Append(line, $"; to the end p99 {Milliseconds(slowest.Latency, latency => latency.P99)}");
        if (step.BusyProcessors is { } busy)
            Append(line, $" | {busy:N2} processors");
        Append(line, $" | {(step.BrokenOff is not null ? "broken off" : step.Limit.Part == Limit.Nothing ? "held" : "limit: " + step.Limit.Part)}");
        foreach (var (kind, count) in step.Errors)
            Append(line, $", {kind} × {count:N0}");
        if (step.QueueFull > 0)
            Append(line, $", queue full × {step.QueueFull:N0}");
        return line.ToString();
    }

    public static string Of(int rate, TimeSpan elapsed, TimeSpan duration, SecondResult second) =>
        string.Create(CultureInfo.InvariantCulture, $"{rate:N0}/s, {Math.Min(elapsed.TotalSeconds, duration.TotalSeconds):N0} of {duration.TotalSeconds:N0} s: {second.Accepted:N0} acknowledged, p99 {Figures.Milliseconds(second.Accepted > 0 ? second.P99 : null)} ms, lag {second.Lag:N0}");

    private static string Milliseconds(Latency latency, Func<Latency, double> figure) => Figures.Milliseconds(latency.Of(figure));

    private static void Append(StringBuilder line, FormattableString text) => line.Append(text.ToString(CultureInfo.InvariantCulture));
}
