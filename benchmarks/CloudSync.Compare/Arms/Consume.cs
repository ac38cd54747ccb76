using System.Diagnostics;
using CloudSync.Measuring;
using Confluent.Kafka;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace CloudSync.Compare.Arms;

/// <summary>A topic from its first message to its last, read by a group that is new.</summary>
internal static class Consume
{
    public const string Name = "consume";

    public const string Ours = "ours";
    public const string Raw = "Consume, headers read";

    private const string FewRemembered = "ours with few ids remembered";
    private const string Default = "Consume, default settings";
    private const string PerfTest = "kafka-consumer-perf-test.sh";

    public static async Task<IReadOnlyList<Ratio>> CompareAsync(Settings settings, Topics topics, CancellationToken cancellationToken)
    {
        var topic = await topics.MainAsync(cancellationToken);
        var warmUp = await topics.WarmUpAsync(cancellationToken);
        var kafka = topics.Kafka.BootstrapServers;
        Contender ours = Contender(Ours, new Job(Name, Ours)), raw = Contender(Raw, new Job(Name, Raw)), byDefault = Contender(Default, new Job(Name, Default));
        var contenders = new List<Contender> { ours, raw, byDefault };
        var pairings = new List<Pairing> { new(ours, raw), new(ours, byDefault) };

        var perfTest = BenchmarkKafka.Home is { } home ? Path.Combine(home, "bin", PerfTest) : null;
        if (perfTest is not null && File.Exists(perfTest) && !topics.Kafka.IsEmbedded)
        {
            contenders.Add(new Contender(PerfTest, token => PerfTestAsync(perfTest, kafka, topic, token)));
            pairings.Add(new Pairing(ours, contenders[^1]));
        }

        if (settings.Remembered > 0)
        {
            contenders.Insert(0, Contender($"ours, {settings.Remembered:N0} ids remembered", new Job(Name, Ours) { Remembered = settings.Remembered }));
            pairings.Add(new Pairing(contenders[0], ours, FewRemembered));
        }

        return await Contest.RunAsync(Name, settings.Rounds, contenders, pairings, Program.Say, cancellationToken);

        Contender Contender(string name, Job job) => Reader(name, job, kafka, topic, warmUp);
    }

    /// <summary>A contender that reads a topic to its end, and must have got each of its messages once.</summary>
    /// <param name="name">What it is called.</param>
    /// <param name="job">How it reads.</param>
    /// <param name="kafka">The brokers.</param>
    /// <param name="topic">What it reads.</param>
    /// <param name="warmUp">What it warms up with.</param>
    internal static Contender Reader(string name, Job job, string kafka, FilledTopic topic, FilledTopic warmUp) => new(name, async token =>
    {
        var result = await Child.StartAsync(
            job with
            {
                Server = kafka, Topic = topic.Name, Messages = topic.Messages, Partitions = topic.Shape.Partitions, WarmUpTopic = warmUp.Name, WarmUpMessages = warmUp.Messages,
            },
            token);
        return result.Messages == topic.Messages && result.Sum == topic.OffsetSum
            ? result with { BytesPerMessage = result.BytesPerMessage - topic.BytesPerMessage }
            : throw new InvalidOperationException($"{name}: {result.Messages:N0} of {topic.Messages:N0} messages came, the sum of whose offsets is {result.Sum} in place of {topic.OffsetSum}.");
    });

    /// <summary>In the process of the contender.</summary>
    public static async Task<RunResult> RunAsync(Job job)
    {
        await ReadAsync(job with { Topic = job.WarmUpTopic, Messages = job.WarmUpMessages, Partitions = Load.Partitions, Remembered = 0 });
        await Child.SettleAsync();
        return await ReadAsync(job);
    }

    private static Task<RunResult> ReadAsync(Job job) => job.Contender switch
    {
        Ours => OursAsync(job),
        Raw => RawAsync(SettingsOfOurs(job.Server), job),
        Default => RawAsync(new ConsumerConfig { BootstrapServers = job.Server, AutoOffsetReset = AutoOffsetReset.Earliest, EnableAutoCommit = false }, job),
        _ => throw new InvalidOperationException($"{job.Contender} is no contender."),
    };

    /// <summary>Options of ours for a group that is new: the default ones, with room for all ids.</summary>
    internal static void Configure(CloudSyncConsumerOptions options, string kafka, string topic, int ids)
    {
        options.BootstrapServers = kafka;
        options.Topic = topic;
        options.GroupId = $"compare-{Guid.NewGuid():N}";
        options.DeadLetters.Topic = DeadLettersOf(topic);
        options.Idempotency.MaxEntries = ids;
    }

    internal static string DeadLettersOf(string topic) => topic + "-dlq";

    /// <summary>The settings of the client that ours reads with.</summary>
    internal static ConsumerConfig SettingsOfOurs(string kafka)
    {
        var options = new CloudSyncConsumerOptions { BootstrapServers = kafka };
        return new KafkaConsumerFactory("compare", options, [], new KafkaErrors(TimeProvider.System, (_, _, _) => { }), NullLogger.Instance).ConsumerConfig();
    }

    private static async Task<RunResult> OursAsync(Job job)
    {
        var tally = new Tally(job.Messages);
        var builder = OneHost.Builder();
        if (job.Trouble != TroubleKind.None)
            builder.Logging.ClearProviders().AddProvider(new LogOfRetries());

        var consumer = builder.Services.AddCloudSyncConsumer("compare")
            .Configure(options =>
            {
                Configure(options, job.Server, job.Topic, job.Messages + job.Remembered);
                options.MaxConcurrency = job.MaxConcurrency ?? options.MaxConcurrency;
                options.MaxHeldMessages = job.MaxHeldMessages ?? options.MaxHeldMessages;
            })
            .UseIdempotencyStore((_, options) => StoreWith(job.Remembered, options.Idempotency));
        _ = job switch
        {
            { OneByOne: true } => consumer.UseSink(_ => new TroubledSink(job.Trouble, tally)),
            { Trouble: not TroubleKind.None } => consumer.UseBatchSink(_ => new TroubledBatchSink(job.Trouble, tally)),
            { Latency.Ticks: > 0 } => consumer.UseBatchSink(_ => new LateSink(tally, job.Latency)),
            _ => consumer.UseBatchSink(_ => new CountingSink(tally)),
        };
        using var host = builder.Build();
        await host.StartAsync();
        var result = await tally.WaitAsync();
        await host.StopAsync();
        return result;
    }

    /// <summary>The store in memory, which the consumer has by itself too, with ids in it.</summary>
    private static InMemoryIdempotencyStore StoreWith(int remembered, IdempotencyOptions options)
    {
        const int Batch = 500;
        var store = new InMemoryIdempotencyStore(options, TimeProvider.System);
        var keys = new IdempotencyKey[Batch];
        var results = new ClaimResult[Batch];
        var claims = new IdempotencyClaim[Batch];
        var completed = new bool[Batch];
        for (var first = 0; first < remembered; first += Batch)
        {
            for (var i = 0; i < Batch; i++)
                keys[i] = CloudSync.Idempotency.Ids.Key(seed: 1, first + i);

            store.ClaimAsync(keys, options.Lease, results, default).AsTask().GetAwaiter().GetResult();
            for (var i = 0; i < Batch; i++)
                claims[i] = new IdempotencyClaim(keys[i], results[i].Token);

            store.CompleteAsync(claims, completed, default).AsTask().GetAwaiter().GetResult();
        }

        GC.Collect();
        return store;
    }

    /// <summary>As one would write it by hand: read, look at the headers, and commit each second what was read.</summary>
    private static Task<RunResult> RawAsync(ConsumerConfig config, Job job) => Task.Run(() =>
    {
        var (topic, messages) = (job.Topic, job.Messages);
        config.GroupId = $"compare-{Guid.NewGuid():N}";
        var tally = new Tally(messages);
        using var consumer = new ConsumerBuilder<byte[]?, byte[]?>(config).SetLogHandler((_, _) => { }).Build();
        consumer.Subscribe(topic);
        var next = new long[job.Partitions];
        var count = 0;
        long sum = 0, headerBytes = 0, commitAt = 0;
        var came = Stopwatch.GetTimestamp();
        while (count < messages)
        {
            if (consumer.Consume(TimeSpan.FromSeconds(1)) is not { } record)
            {
                if (Stopwatch.GetElapsedTime(came) > TimeSpan.FromMinutes(1))
                    throw new InvalidOperationException($"After {count:N0} of {messages:N0} messages nothing more has come for a minute.");

                continue;
            }

            if (count++ == 0)
                tally.Begin();

            var headers = record.Message.Headers;
            for (var i = 0; i < headers.Count; i++)
                headerBytes += headers[i].GetValueBytes().Length;

            sum += record.Offset.Value;
            next[record.Partition.Value] = record.Offset.Value + 1;
            if (Environment.TickCount64 is var now && now >= commitAt)
            {
                if (commitAt > 0)
                    Commit(consumer, topic, next);

                came = Stopwatch.GetTimestamp();
                commitAt = now + 1_000;
            }
        }

        tally.Add(count, sum);
        Commit(consumer, topic, next);
        consumer.Close();
        return headerBytes > 0 ? tally.WaitAsync() : throw new InvalidOperationException("The messages had no headers.");
    });

    /// <summary>Commits the next offset of each partition, where there is one.</summary>
    internal static void Commit<TKey, TValue>(IConsumer<TKey, TValue> consumer, string topic, long[] next)
    {
        var positions = next.Select((offset, partition) => new TopicPartitionOffset(topic, partition, offset)).Where(position => position.Offset > 0).ToList();
        if (positions.Count > 0)
            consumer.Commit(positions);
    }

    private static async Task<RunResult> PerfTestAsync(string script, string kafka, FilledTopic topic, CancellationToken cancellationToken)
    {
        using var process = Process.Start(new ProcessStartInfo(
            "bash", [script, "--bootstrap-server", kafka, "--topic", topic.Name, "--messages", $"{topic.Messages}", "--group", $"compare-{Guid.NewGuid():N}", "--timeout", "60000"])
        {
            RedirectStandardOutput = true,
        })!;
        try
        {
            var said = await process.StandardOutput.ReadToEndAsync(cancellationToken);
            await process.WaitForExitAsync(cancellationToken);
            var result = PerfTestOutput.Parse(said);
            return result.Messages == topic.Messages
                ? new RunResult(result.Messages, result.Seconds, topic.OffsetSum, null, null)
                : throw new InvalidOperationException($"{PerfTest}: {result.Messages:N0} of {topic.Messages:N0} messages came.");
        }
        finally
        {
            if (!process.HasExited)
                process.Kill(entireProcessTree: true);
        }
    }
}

/// <summary>Takes and counts messages, and does nothing with them.</summary>
internal sealed class CountingSink(Tally tally) : IBatchCloudSink
{
    private readonly IReadOnlyList<SinkResult> _delivered = SinkResult.AllDelivered(new CloudSyncConsumerOptions().MaxBatchSize);

    public ValueTask<IReadOnlyList<SinkResult>> SendAsync(IReadOnlyList<SyncMessage> messages, CancellationToken cancellationToken)
    {
        tally.Begin();
        long sum = 0;
        for (var i = 0; i < messages.Count; i++)
            sum += messages[i].Offset;

        tally.Add(messages.Count, sum);
        return ValueTask.FromResult(_delivered);
    }
}
