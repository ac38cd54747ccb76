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

    /// <returns>What to say in the end, and whether each pass delivered each message once.</returns>
    public static async Task<(string Report, bool IsFine)> RunAsync(BenchmarkKafka kafka, Settings settings, CancellationToken cancellationToken)
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
            return await HoldAsync(new ReplayJob(kafka.BootstrapServers, topic, settings.Messages, offsets, settings.Share, settings.Rate ?? 0), settings, cancellationToken);
        }
        finally
        {
            await kafka.DeleteTopicAsync(topic);
        }
    }

    /// <summary>The rate within the passes, and with the starts and stops between them.</summary>
    internal static (double Within, double OverAll) Rates(Replayed end, long messages) =>
        (end.Passes * messages / end.Reads, end.Passes * messages / (end.Starts + end.Reads + end.Stops));

    private static async Task<(string Report, bool IsFine)> HoldAsync(ReplayJob job, Settings settings, CancellationToken cancellationToken)
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
            await Hold.SampleAsync(settings, samples, async () =>
            {
                var now = await AskAsync("state");
                if (now.Fault is { } fault)
                    throw new InvalidOperationException(fault);

                return Sample.After(samples.LastOrDefault(), watch.Elapsed.TotalSeconds, Nothing(now.Delivered), now.Delivered);
            }, cancellationToken);

            var end = await AskAsync("end");
            return (new Report(settings.Duration, end.Rate, samples, null).Trends() + Summary(end, job.Messages), end.Fault is null);
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

    /// <summary>A producer that is neither ahead nor late, for there is none.</summary>
    private static Produced Nothing(Delivered delivered) => new(delivered.Messages, delivered.Messages, delivered.Messages, 0);

    private static string Summary(Replayed end, long messages)
    {
        if (end.Fault is not null || end.Passes == 0)
            return (end.Fault ?? "No pass is over.") + Environment.NewLine;

        var (within, overAll) = Rates(end, messages);
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
