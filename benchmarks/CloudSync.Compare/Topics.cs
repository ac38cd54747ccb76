using CloudSync.Measuring;
using Confluent.Kafka;

namespace CloudSync.Compare;

/// <summary>A topic with messages in it.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Messages">How many.</param>
/// <param name="OffsetSum">The sum of their offsets.</param>
/// <param name="BytesPerMessage">Bytes of key, value and headers of one, on average.</param>
internal sealed record FilledTopic(string Name, int Messages, long OffsetSum, double BytesPerMessage)
{
    /// <summary>The sum of their numbers.</summary>
    public long NumberSum => (long)Messages * (Messages - 1) / 2;
}

/// <summary>The topics that are read, each filled once and gone in the end.</summary>
internal sealed class Topics(BenchmarkKafka kafka, Settings settings, Action<string> say) : IAsyncDisposable
{
    /// <summary>What surely fits into the 5 MB that the embedded brokers keep of a partition.</summary>
    private const int MostEmbedded = 200_000;

    private const int MostWarmUp = 500_000;

    private readonly Dictionary<int, FilledTopic> _filled = [];

    public BenchmarkKafka Kafka => kafka;

    /// <summary>What is measured.</summary>
    public Task<FilledTopic> MainAsync(CancellationToken cancellationToken) => FilledAsync(settings.Messages, cancellationToken);

    /// <summary>What a process warms up with.</summary>
    public Task<FilledTopic> WarmUpAsync(CancellationToken cancellationToken) => FilledAsync(Math.Clamp(settings.Messages / 4, 1, MostWarmUp), cancellationToken);

    /// <summary>What is posted one by one.</summary>
    public Task<FilledTopic> SinglesAsync(CancellationToken cancellationToken) => FilledAsync(Math.Max(1, settings.Messages / 20), cancellationToken);

    public async ValueTask DisposeAsync()
    {
        foreach (var topic in _filled.Values)
            await kafka.DeleteTopicAsync(topic.Name);
    }

    private async Task<FilledTopic> FilledAsync(int messages, CancellationToken cancellationToken)
    {
        if (kafka.IsEmbedded && messages > MostEmbedded)
        {
            say($"The embedded brokers keep no {messages:N0} messages: {MostEmbedded:N0} in their place.");
            messages = MostEmbedded;
        }

        if (_filled.TryGetValue(messages, out var filled))
            return filled;

        var name = $"compare-{Guid.NewGuid():N}";
        say($"Filling a topic with {messages:N0} messages.");
        await kafka.CreateTopicAsync(name, Load.Partitions);
        var bytes = await Task.Run(() => Fill(name, messages, cancellationToken), cancellationToken);
        var ends = Ends(kafka.BootstrapServers, name);
        if (ends.Sum() != messages)
            throw new InvalidOperationException($"The topic has {ends.Sum():N0} messages in place of {messages:N0}.");

        return _filled[messages] = new FilledTopic(name, messages, ends.Sum(end => end * (end - 1) / 2), (double)bytes / messages);
    }

    /// <summary>The next offset of each partition: of a topic that began with nothing, how many messages it was given.</summary>
    public static long[] Ends(string bootstrapServers, string topic)
    {
        using var consumer = new ConsumerBuilder<Ignore, Ignore>(new ConsumerConfig { BootstrapServers = bootstrapServers, GroupId = "compare-ends" }).Build();
        return [.. Enumerable.Range(0, Load.Partitions).Select(p => consumer.QueryWatermarkOffsets(new TopicPartition(topic, p), TimeSpan.FromSeconds(10)).High.Value)];
    }

    private long Fill(string topic, int messages, CancellationToken cancellationToken)
    {
        const int Window = 100_000;
        var config = new ProducerConfig { BootstrapServers = kafka.BootstrapServers, CompressionType = CompressionType.Lz4, LingerMs = 20, EnableIdempotence = true, QueueBufferingMaxMessages = 2 * Window };
        var (keys, values) = (Load.KeyBytes(), Load.Values());
        long bytes = 0;
        var acknowledged = 0;
        Error? failed = null;
        using var producer = new ProducerBuilder<byte[], byte[]>(config).SetLogHandler((_, _) => { }).Build();
        for (var i = 0; i < messages; i++)
        {
            while (i - Volatile.Read(ref acknowledged) >= Window)
            {
                cancellationToken.ThrowIfCancellationRequested();
                producer.Poll(TimeSpan.FromMilliseconds(10));
            }

            var message = new Message<byte[], byte[]> { Key = keys[i % keys.Length], Value = values[i % values.Length], Headers = Load.Headers(Load.Id(i)) };
            bytes += message.Key.Length + message.Value.Length + message.Headers.Sum(header => header.Key.Length + header.GetValueBytes().Length);
            producer.Produce(topic, message, report =>
            {
                failed = report.Error.IsError ? report.Error : failed;
                Interlocked.Increment(ref acknowledged);
            });
        }

        producer.Flush(TimeSpan.FromMinutes(2));
        return failed is null ? bytes : throw new KafkaException(failed);
    }
}
