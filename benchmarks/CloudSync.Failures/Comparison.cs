using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using CloudSync.Measuring;

namespace CloudSync.Failures;

/// <summary>Runs the arms in turns, so that whatever else happens on the machine happens to all of them, and compares their medians.</summary>
internal static class Comparison
{
    /// <summary>What is left of the rate, at least.</summary>
    private const double Enough = 0.8;

    private static readonly Arm[] Arms = OperatingSystem.IsWindows() ? [Arm.Healthy, Arm.Failing] : [Arm.Healthy, Arm.Failing, Arm.Stopped];

    public static async Task<int> ExecuteAsync(Settings settings)
    {
        await using var kafka = await BenchmarkKafka.StartAsync(settings.Kafka);
        var topic = $"failures-{Guid.NewGuid():N}";
        await kafka.CreateTopicAsync(topic, Load.Partitions);
        await kafka.CreateTopicAsync(topic + "-dlq", Load.Partitions);
        Say(settings, $"{settings.Messages:N0} messages of 256 bytes in {Load.Partitions} partitions with {Load.Keys:N0} keys, on {kafka.Description}; sink: {(settings.IsSlow ? "about 1 ms, 256 at a time" : "no-op, 64 at a time")}");
        Load.Produce(kafka.BootstrapServers, topic, settings.Messages);

        // The first run warms up the broker and its page cache, and is not counted.
        await RunAsync(Arm.Healthy, kafka, topic, settings);
        var results = Arms.ToDictionary(arm => arm, _ => new List<RunResult>());
        for (var round = 1; round <= settings.Rounds; round++)
        {
            foreach (var arm in Arms)
            {
                var result = await RunAsync(arm, kafka, topic, settings);
                results[arm].Add(result);
                Say(settings, $"{round} {arm,-8} {Text(result)}");
            }
        }

        var faults = Arms.SelectMany(arm => results[arm].SelectMany(result => Faults(arm, result, settings.Messages))).ToList();
        var medians = Arms.ToDictionary(arm => arm.ToString(), arm => Median(results[arm].Select(r => r.Rate)));
        var ratio = medians[nameof(Arm.Failing)] / medians[nameof(Arm.Healthy)];
        if (ratio < Enough)
            faults.Add($"With failures the rate is {ratio:P0} of the healthy one, and should be {Enough:P0} at least.");

        if (settings.Json)
            Console.WriteLine(JsonSerializer.Serialize(new { settings.Messages, settings.IsSlow, kafka.Description, Medians = medians, Ratio = ratio, Faults = faults, Runs = results.ToDictionary(r => r.Key.ToString(), r => r.Value) }));

        foreach (var (arm, median) in medians)
            Say(settings, $"median {arm,-8} {median,9:N0} msg/s");

        Say(settings, $"with failures : healthy = {ratio:0.00}");
        foreach (var fault in faults)
            Say(settings, fault);

        return faults.Count == 0 ? 0 : 1;
    }

    private static async Task<RunResult> RunAsync(Arm arm, BenchmarkKafka kafka, string topic, Settings settings)
    {
        string[] arguments = ["run", arm.ToString(), kafka.BootstrapServers, topic, $"failures-{Guid.NewGuid():N}", settings.Messages.ToString(CultureInfo.InvariantCulture), settings.IsSlow.ToString()];
        using var process = Process.Start(new ProcessStartInfo("dotnet", [typeof(Comparison).Assembly.Location, .. arguments]) { RedirectStandardOutput = true })!;
        try
        {
            // It says when it is in the middle of its work.
            await process.StandardOutput.ReadLineAsync();
            if (arm == Arm.Stopped)
            {
                Signal(process, "STOP");
                await Task.Delay(1.5 * Run.SessionTimeout);
                Signal(process, "CONT");
            }

            var line = await process.StandardOutput.ReadLineAsync();
            await process.WaitForExitAsync();
            return JsonSerializer.Deserialize<RunResult>(line ?? throw new InvalidOperationException($"The run {arm} has ended with {process.ExitCode} and no result."))!;
        }
        finally
        {
            if (!process.HasExited)
                process.Kill();
        }
    }

    private static void Signal(Process process, string signal)
    {
        using var kill = Process.Start("kill", [$"-{signal}", process.Id.ToString(CultureInfo.InvariantCulture)]);
        kill.WaitForExit();
    }

    private static IEnumerable<string> Faults(Arm arm, RunResult result, int messages)
    {
        var letters = arm == Arm.Failing ? Load.Failing(messages) : 0;
        if (result.Lost > 0)
            yield return $"{arm}: {result.Lost} messages were lost.";
        if (result.OutOfOrder > 0)
            yield return $"{arm}: {result.OutOfOrder} messages came out of the order of their key.";
        if (result.Repeated > 0 && arm != Arm.Stopped)
            yield return $"{arm}: {result.Repeated} messages came twice.";
        if (result.DeadLetters != letters)
            yield return $"{arm}: {result.DeadLetters} dead letters in place of {letters}.";
        if (result.Lag != 0)
            yield return $"{arm}: the lag is {result.Lag} in the end.";
    }

    private static double Median(IEnumerable<double> values)
    {
        var ordered = values.Order().ToArray();
        return (ordered[(ordered.Length - 1) / 2] + ordered[ordered.Length / 2]) / 2;
    }

    private static string Text(RunResult r) =>
        $"{r.Rate,9:N0} msg/s to 99 %, {r.RateToLast,9:N0} to the last; {r.Seconds,5:0.0} s, longest gap {r.LongestGap,5:0.00} s; lost {r.Lost}, out of order {r.OutOfOrder}, twice {r.Repeated}, dead letters {r.DeadLetters}, lag {r.Lag}";

    private static void Say(Settings settings, string what)
    {
        if (!settings.Json)
            Console.WriteLine(what);
    }
}
