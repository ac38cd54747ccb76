using Confluent.Kafka;
using Microsoft.Extensions.Logging;

namespace CloudSync.Sdk;

/// <summary>What the client reports while records are read. All are called on the poll thread, inside a read, and none may throw.</summary>
internal interface IRebalanceListener
{
    void Assigned(List<TopicPartition> partitions);

    void Revoked(List<TopicPartitionOffset> partitions);

    void Lost(List<TopicPartitionOffset> partitions);
}

/// <summary>Builds the Kafka clients of a consumer from its options.</summary>
internal sealed class KafkaConsumerFactory(
    string name, CloudSyncConsumerOptions options, IEnumerable<Action<ConsumerConfig>> configure, KafkaErrors errors, ILogger log)
{
    /// <summary>The consumer's settings: our defaults, then the user's, then what a guarantee rests on.</summary>
    internal ConsumerConfig ConsumerConfig()
    {
        var config = new ConsumerConfig
        {
            ClientId = $"cloudsync-{name}",
            AutoOffsetReset = AutoOffsetReset.Earliest,
            FetchMinBytes = options.Preset switch { CloudSyncPreset.LowLatency => 1, CloudSyncPreset.HighThroughput => 65_536, _ => 1_024 },
            FetchWaitMaxMs = options.Preset == CloudSyncPreset.HighThroughput ? 250 : 100,
        };

        // librdkafka's default of a second leaves the fetcher idle whenever its queue was full once: a factor of 2.4 to 5 on catching up.
        config.Set("fetch.queue.backoff.ms", "10");
        foreach (var (key, value) in options.Kafka)
            config.Set(key, value);

        foreach (var change in configure)
            change(config);

        config.BootstrapServers = options.BootstrapServers;
        config.GroupId = options.GroupId;
        config.EnableAutoCommit = false;
        config.EnableAutoOffsetStore = false;
        config.EnablePartitionEof = false;
        config.PartitionAssignmentStrategy = PartitionAssignmentStrategy.CooperativeSticky;
        return config;
    }

    /// <summary>The dead-letter producer's settings: the consumer's connection and security, then the user's, then what a guarantee rests on.</summary>
    internal ProducerConfig DeadLetterConfig()
    {
        var consumer = ConsumerConfig();
        var config = new ProducerConfig();
        foreach (var (key, value) in consumer)
        {
            if (IsConnection(key))
                config.Set(key, value);
        }

        config.ClientId = $"cloudsync-{name}-dead-letters";
        LetterSending.SetDefaults(config);
        foreach (var (key, value) in options.DeadLetters.Kafka)
            config.Set(key, value);

        config.BootstrapServers = options.BootstrapServers;
        config.Acks = Acks.All;
        config.EnableIdempotence = true;
        config.MessageTimeoutMs = (int)options.DeadLetters.AcknowledgementTimeout.TotalMilliseconds;
        return config;
    }

    /// <summary>The connection of a client that asks about the dead-letter topic: where its producer writes, as whom that does.</summary>
    internal AdminClientConfig DeadLetterAdminConfig()
    {
        var config = new AdminClientConfig { ClientId = $"cloudsync-{name}-dead-letter-topic" };
        foreach (var (key, value) in DeadLetterConfig())
        {
            if (key == "bootstrap.servers" || IsConnection(key))
                config.Set(key, value);
        }

        return config;
    }

    public IConsumer<int, int> Build(RecordBatch batch, IRebalanceListener listener)
    {
        var builder = new ConsumerBuilder<int, int>(ConsumerConfig())
            .SetKeyDeserializer(batch)
            .SetValueDeserializer(batch)
            .SetPartitionsAssignedHandler((_, partitions) => Guarded(() => listener.Assigned(partitions)))
            .SetPartitionsRevokedHandler((_, partitions) => Guarded(() => listener.Revoked(partitions)))
            .SetPartitionsLostHandler((_, partitions) => Guarded(() => listener.Lost(partitions)))
            .SetErrorHandler((_, error) => errors.Report(error))
            .SetLogHandler((_, entry) => log.ClientSays(entry.Facility, entry.Message));
        return Built(builder.Build, "Kafka", ", and at ConfigureKafka");
    }

    /// <summary>The reader of a consumer's records: by librdkafka's batch call, unless the options or what was found here say otherwise.</summary>
    public IRecordReader BuildReader(IConsumer<int, int> consumer)
    {
        if (!options.ReadInBatches)
            return new ConsumeRecordReader(consumer);

        if (BatchRecordReader.TryCreate(consumer, out var unfit) is { } reader)
            return reader;

        log.ReadsOneByOne(options.Topic, unfit!);
        return new ConsumeRecordReader(consumer);
    }

    public DeadLetterProducer BuildDeadLetterProducer(ConsumerMetrics metrics, KafkaErrors letterErrors) =>
        Built(() => new DeadLetterProducer(DeadLetterConfig(), options.DeadLetters.Topic, name, options.GroupId, metrics, letterErrors, log), "Kafka and DeadLetters:Kafka", "");

    private T Built<T>(Func<T> build, string settings, string alsoInCode)
    {
        try
        {
            return build();
        }
        catch (Exception e) when (e is InvalidOperationException or ArgumentException or KafkaException)
        {
            throw new InvalidOperationException(
                $"Consumer '{name}': the Kafka client refuses its settings: {e.Message.TrimEnd('.')}. Look at {settings} in its section{alsoInCode}.", e);
        }
    }

    /// <summary>An exception out of a rebalance callback would destroy the record that was being read.</summary>
    private void Guarded(Action callback)
    {
        try
        {
            callback();
        }
        catch (Exception e)
        {
            log.RebalanceFailed(e, options.Topic);
        }
    }

    private static bool IsConnection(string key) =>
        key.StartsWith("security.", StringComparison.Ordinal)
        || key.StartsWith("sasl.", StringComparison.Ordinal)
        || key.StartsWith("ssl.", StringComparison.Ordinal)
        || key.StartsWith("socket.", StringComparison.Ordinal)
        || key.StartsWith("broker.address", StringComparison.Ordinal)
        || key.StartsWith("reconnect.", StringComparison.Ordinal)
        || key is "client.dns.lookup" or "enable.ssl.certificate.verification" or "https.ca.location";
}
