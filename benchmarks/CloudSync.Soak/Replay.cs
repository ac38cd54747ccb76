using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using CloudSync.Measuring;
using Confluent.Kafka;

namespace CloudSync.Soak;

/// <summary>Fills a topic once, and looks again and again at a consumer that reads it again and again: what bounds it is the consumer, not the producer.</summary>
internal static class Replay
{
    /// <summary>More than any producer sends in a second: it sends what it can.</summary>
    private const int Unbounded = 10_000_000;

    private static readonly Dictionary<string, string> KeepsAll = new() { ["retention.ms"] = "-1", ["retention.bytes"] = "-1" };

    /// <returns>What to say in the end, and whether each pass delivered each message once, at the rate that was to be held.</returns>
    public static async Task<(string Report, bool IsFine)> RunAsync(BenchmarkKafka kafka, Settings settings, TextWriter csv, CancellationToken cancellationToken)
    {
        if (kafka.IsEmbedded)
            throw new InvalidOperationException("The embedded brokers keep only the newest messages: --replay needs others, by KAFKA_HOME or --kafka.");

        var topic = $"soak-{Guid.NewGuid():N}";
        await kafka.CreateTopicAsync(topic, Load.Partitions, KeepsAll);
        try
        {
            Program.Say(FormattableString.Invariant($"Filling a topic with {settings.Messages:N0} messages."));
            await FillAsync(kafka, topic, settings.Messages, cancellationToken);
            var offsets = OffsetSum(kafka, topic, settings.Messages);
            return await HoldAsync(new ReplayJob(kafka.BootstrapServers, topic, settings.Messages, offsets, settings.Share, settings.Rate ?? 0), settings, csv, cancellationToken);
        }
        finally
        {
            await kafka.DeleteTopicAsync(topic);
        }
    }

    /// <summary>The rate within the passes, and with the starts and stops between them.</summary>
    internal static (double Within, double OverAll) Rates(Replayed end) => (end.Messages / end.Reads, end.Messages / (end.Starts + end.Reads + end.Stops));

    /// <summary>What is wrong, in words; nothing, as it should be.</summary>
    internal static List<string> Faults(Replayed end, Report report)
    {
        if (end.Fault is not null)
            return [end.Fault];

        var faults = new List<string?> { report.NothingMeasured, report.LagFault };
        if (end.Messages == 0)
            faults.Add("Nothing was measured: no message of a pass had come.");
        else if (Rates(end).Within < (1 - Trend.Tolerance) * end.Rate)
            faults.Add(FormattableString.Invariant($"The consumer did not hold {end.Rate:N0} messages a second: within the passes it read {Rates(end).Within:N0}, and fell behind."));

        return [.. faults.OfType<string>()];
    }

    private static async Task<(string Report, bool IsFine)> HoldAsync(ReplayJob job, Settings settings, TextWriter csv, CancellationToken cancellationToken)
    {
        using var consumer = Pair.Start(ReplayingConsumer.Argument, JsonSerializer.Serialize(job));
        try
        {
            var state = await AskAsync("state");
            while (state is { Rate: 0, Fault: null })
            {
                await Task.Delay(TimeSpan.FromSeconds(1), cancellationToken);
                state = await AskAsync("state");
            }

            Program.Say(FormattableString.Invariant($"{state.Rate:N0} messages a second for {settings.Minutes} min."));
            var samples = new List<Sample>();
            var watch = Stopwatch.StartNew();
            await Hold.SampleAsync(settings, csv, samples, async () =>
            {
                var now = await AskAsync("state");
                if (now.Fault is { } fault)
                    throw new InvalidOperationException(fault);

                return Sample.After(samples.LastOrDefault(), watch.Elapsed.TotalSeconds, Due(now), now.Delivered);
            }, cancellationToken);

            var end = await AskAsync("end");
            var report = new Report(settings.Duration, end.Rate, samples, null);
            var faults = Faults(end, report);
            return (report.Trends() + Summary(end, job.Messages) + string.Concat(faults.Select(fault => fault + Environment.NewLine)), faults.Count == 0);
        }
        catch (InvalidOperationException e)
        {
            return (e.Message, false);
        }
        finally
        {
            if (!consumer.HasExited)
                consumer.Kill();

            await consumer.WaitForExitAsync(CancellationToken.None);
        }

        Task<Replayed> AskAsync(string what) => Pair.AskAsync<Replayed>(consumer, what);
    }

    /// <summary>There is no producer: all is there. The lag is what the consumer is late by, at the rate that is held.</summary>
    private static Produced Due(Replayed now) => new(now.Due, now.Due, now.Due, 0);

    private static string Summary(Replayed end, long messages)
    {
        if (end.Fault is not null || end.Messages == 0)
            return "";

        var (within, overAll) = Rates(end);
        return string.Create(
            CultureInfo.InvariantCulture,
            $"""
             {end.Passes} passes of {messages:N0} messages: {within:N0} messages a second within them, {overAll:N0} with starts and stops, which took {end.Starts / end.Passes:F2} s and {end.Stops / end.Passes:F2} s on average.
             Each pass delivered each message once.

             """);
    }

    private static async Task FillAsync(BenchmarkKafka kafka, string topic, int messages, CancellationToken cancellationToken)
    {
        using var producer = Pair.Start(PacedProducer.Argument, kafka.BootstrapServers, topic);
        try
        {
            var state = await Pair.AskAsync<Produced>(producer, FormattableString.Invariant($"pace {Unbounded} {messages}"));
            while (state.Sent < messages)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(500), cancellationToken);
                state = await Pair.AskAsync<Produced>(producer, "state");
            }

            await Pair.AskAsync<Produced>(producer, "end");
        }
        finally
        {
            if (!producer.HasExited)
                producer.Kill();

            await producer.WaitForExitAsync(CancellationToken.None);
        }
    }

    private static long OffsetSum(BenchmarkKafka kafka, string topic, int messages)
    {
        using var consumer = new ConsumerBuilder<Ignore, Ignore>(new ConsumerConfig { BootstrapServers = kafka.BootstrapServers, GroupId = topic }).Build();
        var ends = Enumerable.Range(0, Load.Partitions).Select(p => consumer.QueryWatermarkOffsets(new TopicPartition(topic, p), TimeSpan.FromSeconds(10)).High.Value).ToList();
        return ends.Sum() == messages ? ends.Sum(end => end * (end - 1) / 2)
            : throw new InvalidOperationException(FormattableString.Invariant($"The topic has {ends.Sum():N0} messages in place of {messages:N0}."));
    }
}
