using CloudSync.Measuring;
using Confluent.Kafka;
using Microsoft.Extensions.DependencyInjection;

namespace CloudSync.Compare.Arms;

/// <summary>Messages into Kafka, from the first that is enqueued to the last that is acknowledged. Each run has a topic of its own.</summary>
internal static class Produce
{
    public const string Name = "produce";

    private const string Ours = "ours";
    private const string OursStructured = "ours, structured CloudEvents";
    private const string Raw = "Produce + delivery handler";
    private const string RawPolled = "Produce + delivery handler, polled where it produces";
    private const string RawByDefault = "Produce + delivery handler, reports as by default";
    private const int MostWarmUp = 200_000;

    public static Task<IReadOnlyList<Ratio>> CompareAsync(Settings settings, BenchmarkKafka kafka, CancellationToken cancellationToken)
    {
        Contender ours = Contender(Ours), structured = Contender(OursStructured), raw = Contender(Raw), polled = Contender(RawPolled), byDefault = Contender(RawByDefault);
        Pairing[] pairings = [new(ours, raw), new(structured, raw), new(ours, polled), new(structured, polled), new(ours, byDefault), new(structured, byDefault)];
        return Contest.RunAsync(Name, settings.Rounds, [polled, structured, raw, ours, byDefault], pairings, Program.Say, cancellationToken);

        Contender Contender(string name) => new(name, token => RunOneAsync(name, settings, kafka, token));
    }

    /// <summary>In the process of the contender.</summary>
    public static Task<RunResult> RunAsync(Job job) => job.Contender switch
    {
        Ours => OursAsync(job, CloudEventsFormat.Binary),
        OursStructured => OursAsync(job, CloudEventsFormat.Structured),
        Raw => Task.Run(() => RawAsync(job, RawProducer.Settings(job.Server), pollsItself: false)),
        RawPolled => Task.Run(() => RawAsync(job, RawProducer.Settings(job.Server), pollsItself: true)),
        RawByDefault => Task.Run(() => RawAsync(job, new ProducerConfig(RawProducer.Settings(job.Server)) { DeliveryReportFields = "all" }, pollsItself: false)),
        _ => throw new InvalidOperationException($"{job.Contender} is no contender."),
    };

    private static async Task<RunResult> RunOneAsync(string contender, Settings settings, BenchmarkKafka kafka, CancellationToken cancellationToken)
    {
        var job = new Job(Name, contender)
        {
            Server = kafka.BootstrapServers,
            Topic = $"compare-{Guid.NewGuid():N}",
            Messages = settings.Messages,
            WarmUpMessages = Math.Clamp(settings.Messages / 4, 1, MostWarmUp),
        };
        await kafka.CreateTopicAsync(job.Topic, Load.Partitions);
        try
        {
            var result = await Child.StartAsync(job, cancellationToken);
            var (found, given) = (Topics.Ends(kafka.BootstrapServers, job.Topic).Sum(), job.Messages + job.WarmUpMessages);
            return result.Messages == job.Messages && found == given
                ? result
                : throw new InvalidOperationException($"{contender}: {result.Messages:N0} of {job.Messages:N0} messages were acknowledged, and the topic has {found:N0} of {given:N0}.");
        }
        finally
        {
            await kafka.DeleteTopicAsync(job.Topic);
        }
    }

    private static async Task<RunResult> OursAsync(Job job, CloudEventsFormat format)
    {
        var builder = OneHost.Builder();
        builder.Services.AddCloudSyncProducer(options =>
        {
            options.BootstrapServers = job.Server;
            options.Topic = job.Topic;
            options.Format = format;
        });
        using var host = builder.Build();
        await host.StartAsync();
        var producer = host.Services.GetRequiredService<ICloudSyncProducer>();
        var (keys, values) = (Load.KeyTexts(), Load.Values());
        await ProduceAsync(job.WarmUpMessages);
        await Child.SettleAsync();
        var result = await ProduceAsync(job.Messages);
        await host.StopAsync();
        return result;

        async Task<RunResult> ProduceAsync(int messages)
        {
            var tally = new Tally(messages);
            var acknowledgement = new Acknowledgement(tally);
            tally.Begin();
            for (var i = 0; i < messages; i++)
            {
                var enqueued = producer.EnqueueAsync(new OutgoingMessage(values[i % values.Length]) { Key = keys[i % keys.Length] }, acknowledgement);
                if (!enqueued.IsCompletedSuccessfully)
                    await enqueued;
            }

            return await tally.WaitAsync();
        }
    }

    /// <summary>
    /// As one would write it by hand for volume: no task for a message, one handler for all, headers whose bytes are there already, and a bound of what is under way, so that the client
    /// never throws because its queue is full.
    /// </summary>
    /// <param name="job">What is to be done.</param>
    /// <param name="config">The client's settings.</param>
    /// <param name="pollsItself">Whether the thread that produces also calls the handler, which saves a thread; else one of the client does, as by default.</param>
    private static async Task<RunResult> RawAsync(Job job, ProducerConfig config, bool pollsItself)
    {
        const int Window = 100_000;
        const int PollEvery = 100;
        config.Set("dotnet.producer.enable.background.poll", pollsItself ? "false" : "true");
        var (keys, values) = (Load.KeyBytes(), Load.Values());
        var ids = Enumerable.Range(0, Load.Keys).Select(number => Load.Id(number)).ToArray();
        using var producer = new ProducerBuilder<byte[], byte[]>(config).SetLogHandler((_, _) => { }).Build();
        await ProduceAsync(job.WarmUpMessages);
        await Child.SettleAsync();
        return await ProduceAsync(job.Messages);

        Task<RunResult> ProduceAsync(int messages)
        {
            var tally = new Tally(messages);
            void Handle(DeliveryReport<byte[], byte[]> report)
            {
                if (report.Error.IsError)
                    Console.Error.WriteLine(report.Error);
                else
                    tally.Add(1, 0);
            }

            Action<DeliveryReport<byte[], byte[]>> handle = Handle;
            tally.Begin();
            for (var i = 0; i < messages; i++)
            {
                if (pollsItself && i % PollEvery == 0)
                    producer.Poll(TimeSpan.Zero);

                while (i - tally.Count >= Window)
                    producer.Poll(TimeSpan.FromMilliseconds(10));

                producer.Produce(
                    job.Topic, new Message<byte[], byte[]> { Key = keys[i % keys.Length], Value = values[i % values.Length], Headers = Load.Headers(ids[i % ids.Length]) }, handle);
            }

            // Not waited for by the client's Flush: it would send what lingers before its time.
            while (pollsItself && tally.Count < messages)
                producer.Poll(TimeSpan.FromMilliseconds(10));

            return tally.WaitAsync();
        }
    }

    private sealed class Acknowledgement(Tally tally) : IProduceAcknowledgement
    {
        public void Acknowledged(in ProducedMessage produced) => tally.Add(1, 0);

        public void Failed(ProduceFailedException failure) => Console.Error.WriteLine(failure.Message);
    }
}
