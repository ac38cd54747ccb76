using CloudSync.Sdk.Testing;
using Confluent.Kafka;
using Confluent.Kafka.Admin;

namespace Demo;

/// <summary>The embedded Kafka, or a real one; the topics; and how far a group has committed, asked with a plain client.</summary>
internal sealed class DemoKafka : IAsyncDisposable
{
    public const string Topic = "data-topic";
    public const string DeadLetterTopic = "data-topic-dlq";
    private const int Partitions = 12;
    private static readonly TimeSpan AnswerWithin = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan CommitWithin = TimeSpan.FromSeconds(15);

    private readonly EmbeddedKafka? _embedded;

    private DemoKafka(string bootstrapServers, EmbeddedKafka? embedded)
    {
        BootstrapServers = bootstrapServers;
        _embedded = embedded;
    }

    public string BootstrapServers { get; }

    public bool IsEmbedded => _embedded is not null;

    /// <summary>Starts the embedded Kafka, or connects to <paramref name="address"/>; then sees to the topics.</summary>
    /// <exception cref="DemoException">The real Kafka does not answer, or refuses the topics.</exception>
    public static async Task<DemoKafka> StartAsync(string? address)
    {
        if (address is not null)
        {
            await CreateMissingTopicsAsync(address);
            return new DemoKafka(address, null);
        }

        var embedded = EmbeddedKafka.Start();
        embedded.CreateTopic(Topic, Partitions);
        embedded.CreateTopic(DeadLetterTopic, Partitions);
        return new DemoKafka(embedded.BootstrapServers, embedded);
    }

    /// <summary>A client that writes nothing to the console: the table is there.</summary>
    public IConsumer<byte[], byte[]> NewConsumer(string groupId)
    {
        var config = new ConsumerConfig
        {
            BootstrapServers = BootstrapServers, GroupId = groupId, EnableAutoCommit = false, EnableAutoOffsetStore = false,
        };
        return new ConsumerBuilder<byte[], byte[]>(config).SetLogHandler((_, _) => { }).SetErrorHandler((_, _) => { }).Build();
    }

    /// <summary>The partitions of a topic, each with its end.</summary>
    /// <exception cref="KafkaException">Kafka has not answered, and in <see cref="AnswerWithin"/> not come back.</exception>
    public static IReadOnlyList<TopicPartitionOffset> Ends(IConsumer<byte[], byte[]> client, string topic)
    {
        var began = TimeProvider.System.GetTimestamp();
        while (true)
        {
            try
            {
                return AskForEnds(client, topic);
            }
            catch (KafkaException) when (TimeProvider.System.GetElapsedTime(began) < AnswerWithin)
            {
                // A topic that was made a moment ago has no leaders yet, and one whose broker is ending has none again.
                Thread.Sleep(100);
            }
        }
    }

    private static List<TopicPartitionOffset> AskForEnds(IConsumer<byte[], byte[]> client, string topic)
    {
        using var admin = new DependentAdminClientBuilder(client.Handle).Build();
        var metadata = admin.GetMetadata(topic, AnswerWithin).Topics[0];
        if (metadata.Error.IsError || metadata.Partitions.Count == 0)
            throw new KafkaException(metadata.Error.IsError ? metadata.Error : new Error(ErrorCode.UnknownTopicOrPart));

        return [.. metadata.Partitions.Select(p => new TopicPartition(topic, p.PartitionId))
            .Select(p => new TopicPartitionOffset(p, client.QueryWatermarkOffsets(p, AnswerWithin).High))];
    }

    /// <summary>Records of the topic past what a group has committed; <see langword="null"/> when Kafka does not say.</summary>
    public long? LagOf(string groupId)
    {
        try
        {
            // Asks with the group's name and never joins it.
            using var client = NewConsumer(groupId);
            var ends = Ends(client, Topic);
            var committed = client.Committed(ends.Select(e => e.TopicPartition), AnswerWithin).ToDictionary(c => c.Partition, c => c.Offset);
            return ends.Sum(end => end.Offset - Committed(end));

            // Where nothing is committed yet, a group begins at the oldest record.
            long Committed(TopicPartitionOffset end) => committed[end.Partition] is { IsSpecial: false } offset
                ? offset
                : client.QueryWatermarkOffsets(end.TopicPartition, AnswerWithin).Low;
        }
        catch (KafkaException)
        {
            return null;
        }
    }

    /// <summary>What the clouds' groups have not committed, once that is nothing or the time for it is over.</summary>
    public async Task<Dictionary<string, long?>> LagWhenCommittedAsync(IReadOnlyList<string> clouds, CancellationToken interrupt)
    {
        var began = TimeProvider.System.GetTimestamp();
        while (true)
        {
            var lag = clouds.ToDictionary(cloud => cloud, cloud => LagOf($"{cloud}-sync-group"));
            if (interrupt.IsCancellationRequested || lag.Values.All(l => l == 0) || TimeProvider.System.GetElapsedTime(began) > CommitWithin)
                return lag;
            await Task.Delay(250, interrupt).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_embedded is not null)
            await _embedded.DisposeAsync();
    }

    /// <summary>A dead letter has the time of its message, and by that Kafka would delete one of an old message at once: it is kept from when it was written.</summary>
    private static TopicSpecification Specification(string topic) => new()
    {
        Name = topic,
        NumPartitions = Partitions,
        Configs = topic == DeadLetterTopic ? new() { ["message.timestamp.type"] = "LogAppendTime" } : null,
    };

    private static async Task CreateMissingTopicsAsync(string address)
    {
        using var admin = new AdminClientBuilder(new AdminClientConfig { BootstrapServers = address })
            .SetLogHandler((_, _) => { }).SetErrorHandler((_, _) => { }).Build();
        try
        {
            var there = admin.GetMetadata(AnswerWithin).Topics.Select(t => t.Topic).ToHashSet();
            var missing = new[] { Topic, DeadLetterTopic }.Where(t => !there.Contains(t)).ToList();
            if (missing.Count > 0)
                await admin.CreateTopicsAsync(missing.Select(Specification));
        }
        catch (CreateTopicsException e)
        {
            throw new DemoException($"Kafka at {address} has refused to make the topics: {e.Results.First(r => r.Error.IsError).Error.Reason}", e);
        }
        catch (KafkaException e)
        {
            throw new DemoException($"Kafka at {address} (--kafka) has not answered within {AnswerWithin.TotalSeconds:0} s: {e.Error.Reason}", e);
        }
    }
}

/// <summary>The demo can't run, for a reason that its user can do something about.</summary>
internal sealed class DemoException(string message, Exception? inner = null) : Exception(message, inner);
