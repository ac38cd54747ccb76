using CloudSync.Tests;
using Confluent.Kafka;
using Confluent.Kafka.Admin;
using Xunit;

namespace CloudSync.IntegrationTests.Consuming;

/// <summary>A topic as the plain client sees it: what goes in, what stands there, and what a group has committed.</summary>
internal sealed class TestTopic(string bootstrapServers, string name, int partitions) : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly Lazy<IProducer<byte[]?, byte[]?>> _producer = new(() => new ProducerBuilder<byte[]?, byte[]?>(new ProducerConfig
    {
        BootstrapServers = bootstrapServers,
        LingerMs = 2,
        CompressionType = CompressionType.Lz4,
        EnableIdempotence = true,
        MessageMaxBytes = 4_000_000,
    }).SetKeySerializer(Bytes.Instance).SetValueSerializer(Bytes.Instance).SetLogHandler((_, _) => { }).Build());

    public string BootstrapServers => bootstrapServers;

    public string Name => name;

    /// <summary>A topic of the cluster that all tests share.</summary>
    public static async Task<TestTopic> CreateAsync(KafkaCluster cluster, int partitions = 1, Dictionary<string, string>? settings = null) =>
        new(cluster.BootstrapServers, await cluster.CreateTopicAsync(partitions, settings), partitions);

    /// <summary>Makes the topic on a real cluster, after somebody has asked for it in vain, or it was deleted a moment ago.</summary>
    public async Task MakeAsync()
    {
        using var admin = Admin();
        await Eventually.TrueAsync(
            async () =>
            {
                try
                {
                    await admin.CreateTopicsAsync([new TopicSpecification { Name = name, NumPartitions = partitions, ReplicationFactor = -1 }]);
                    return true;
                }
                catch (CreateTopicsException e) when (e.Results[0].Error.Code == ErrorCode.TopicAlreadyExists)
                {
                    return false;
                }
            },
            $"{name} can be made",
            TestContext.Current.CancellationToken);
    }

    /// <summary>Deletes the topic of a real cluster.</summary>
    public async Task DeleteAsync()
    {
        using var admin = Admin();
        await admin.DeleteTopicsAsync([name]);
    }

    /// <summary>Changes a setting of the topic of a real cluster.</summary>
    public async Task SetAsync(string setting, string value)
    {
        using var admin = Admin();
        await admin.IncrementalAlterConfigsAsync(new Dictionary<ConfigResource, List<ConfigEntry>>
        {
            [new ConfigResource { Type = ResourceType.Topic, Name = name }] = [new ConfigEntry { Name = setting, Value = value, IncrementalOperation = AlterConfigOpType.Set }],
        });
    }

    /// <summary>Sends records in their order and waits until the brokers have all of them.</summary>
    public async Task ProduceAsync(params IEnumerable<TestRecord> records) =>
        await Task.WhenAll(records.Select(record => _producer.Value.ProduceAsync(
            new TopicPartition(name, record.Partition ?? Partition.Any), record.ToMessage())));

    /// <summary>Where each partition ends.</summary>
    public long[] EndOffsets()
    {
        using var consumer = Client("reader");
        return [.. Enumerable.Range(0, partitions).Select(p => consumer.QueryWatermarkOffsets(new TopicPartition(name, p), Patience).High.Value)];
    }

    /// <summary>What a group has committed of each partition; 0 where it has committed nothing.</summary>
    public long[] Committed(string group)
    {
        using var consumer = Client(group);
        return [.. consumer.Committed([.. Enumerable.Range(0, partitions).Select(p => new TopicPartition(name, p))], Patience)
            .OrderBy(o => o.Partition.Value)
            .Select(o => o.Offset == Offset.Unset ? 0 : o.Offset.Value)];
    }

    /// <summary>All records, in the order of each partition.</summary>
    public List<ConsumeResult<byte[]?, byte[]?>> ReadAll()
    {
        using var consumer = Client("reader");
        consumer.Assign(Enumerable.Range(0, partitions).Select(p => new TopicPartitionOffset(name, p, Offset.Beginning)));
        var records = new List<ConsumeResult<byte[]?, byte[]?>>();
        for (var ends = 0; ends < partitions;)
        {
            var result = consumer.Consume(Patience) ?? throw new TimeoutException($"{name} was not read to its end in {Patience}.");
            if (result.IsPartitionEOF)
                ends++;
            else
                records.Add(result);
        }

        return records;
    }

    public void Dispose()
    {
        if (_producer.IsValueCreated)
            _producer.Value.Dispose();
    }

    private IAdminClient Admin() => new AdminClientBuilder(new AdminClientConfig { BootstrapServers = bootstrapServers }).Build();

    private IConsumer<byte[]?, byte[]?> Client(string group) =>
        new ConsumerBuilder<byte[]?, byte[]?>(new ConsumerConfig
        {
            BootstrapServers = bootstrapServers,
            GroupId = group,
            EnableAutoCommit = false,
            EnablePartitionEof = true,
        }).SetKeyDeserializer(Bytes.Instance).SetValueDeserializer(Bytes.Instance).SetLogHandler((_, _) => { }).Build();

    /// <summary>Bytes as they are; null stays null.</summary>
    private sealed class Bytes : ISerializer<byte[]?>, IDeserializer<byte[]?>
    {
        public static readonly Bytes Instance = new();

        public byte[]? Serialize(byte[]? data, SerializationContext context) => data;

        public byte[]? Deserialize(ReadOnlySpan<byte> data, bool isNull, SerializationContext context) => isNull ? null : data.ToArray();
    }
}
