using CloudSync.Measuring;
using Confluent.Kafka;

namespace CloudSync.Soak;

/// <summary>A consumer at a part of its highest rate for a long time, and what that does to its memory, handles and threads.</summary>
internal static class Program
{
    private static async Task<int> Main(string[] args)
    {
        using var interrupt = new Interrupt();
        if (args is [PacedProducer.Argument, var addressOfProducer, var topicOfProducer])
            return PacedProducer.Run(addressOfProducer, topicOfProducer);

        if (args is [CountingConsumer.Argument, var address, var topic, var ids])
            return await CountingConsumer.RunAsync(address, topic, ids);

        if (args is [ReplayingConsumer.Argument, var job])
            return await ReplayingConsumer.RunAsync(job);

        Settings settings;
        StreamWriter? file;
        try
        {
            settings = Settings.Parse(args);
            file = settings.OpenCsv();
        }
        catch (FormatException e)
        {
            await Console.Error.WriteLineAsync(e.Message);
            return 2;
        }

        await using var samples = file;
        try
        {
            // What is old must go before the disk is full of it.
            await using var kafka = await BenchmarkKafka.StartAsync(settings.Kafka, "log.retention.check.interval.ms=5000");
            Say($"On {kafka.Description}.");
            var (report, isFine) = await (settings.Replay ? Replay.RunAsync(kafka, settings, file ?? Console.Out, interrupt.Token) : HoldAsync(kafka, settings, file ?? Console.Out, interrupt.Token));
            await (file is null ? Console.Error : Console.Out).WriteLineAsync(report);
            return isFine ? 0 : 1;
        }
        catch (OperationCanceledException) when (interrupt.Token.IsCancellationRequested)
        {
            return Interrupt.ExitCode;
        }
        catch (Exception e) when (e is InvalidOperationException or KafkaException)
        {
            Say(e.Message);
            return 1;
        }
    }

    private static async Task<(string Report, bool IsFine)> HoldAsync(BenchmarkKafka kafka, Settings settings, TextWriter csv, CancellationToken cancellationToken)
    {
        var rate = settings.ShareOf(settings.Rate ?? await HighestRate.FindAsync(kafka, cancellationToken));
        return await Hold.RunAsync(kafka, settings, csv, rate, cancellationToken);
    }

    /// <summary>Progress: never on the standard output, which is for the result.</summary>
    internal static void Say(string what) => Console.Error.WriteLine(what);
}
