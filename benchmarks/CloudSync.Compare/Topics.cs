using CloudSync.Measuring;
using Confluent.Kafka;

namespace CloudSync.Compare;

/// <summary>A topic with messages in it.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Shape">What was written.</param>
/// <param name="Messages">How many messages are to be read.</param>
/// <param name="OffsetSum">The sum of their offsets.</param>
/// <param name="BytesPerMessage">Bytes of key, value and headers of one, on average.</param>
/// <param name="OfFirstKey">How many messages have the first key, and the sum of their offsets.</param>
internal sealed record FilledTopic(string Name, Shape Shape, int Messages, long OffsetSum, double BytesPerMessage, (int Messages, long OffsetSum) OfFirstKey)
{
    /// <summary>What is left to be read when the messages of the first key never get through.</summary>
    public FilledTopic WithoutFirstKey => this with { Messages = Messages - OfFirstKey.Messages, OffsetSum = OffsetSum - OfFirstKey.OffsetSum };

    /// <summary>The sum of their numbers.</summary>
    public long NumberSum => (long)Messages * (Messages - 1) / 2;
}

/// <summary>The topics that are read, each filled once and gone in the end, or as soon as nobody needs it.</summary>
internal sealed class Topics(BenchmarkKafka kafka, Settings settings, Action<string> say) : IAsyncDisposable
{
    private const int MostWarmUp = 500_000;

    private readonly Dictionary<Shape, FilledTopic> _filled = [];

    public BenchmarkKafka Kafka => kafka;

    private Shape Main => new(settings.Messages);

    private Shape WarmUp => new(Math.Clamp(settings.Messages / 4, 1, MostWarmUp));

    /// <summary>What is measured.</summary>
    public Task<FilledTopic> MainAsync(CancellationToken cancellationToken) => FilledAsync(Main, cancellationToken);

    /// <summary>What a process warms up with.</summary>
    public Task<FilledTopic> WarmUpAsync(CancellationToken cancellationToken) => FilledAsync(WarmUp, cancellationToken);

    /// <summary>What is posted one by one.</summary>
    public Task<FilledTopic> SinglesAsync(CancellationToken cancellationToken) => FilledAsync(new Shape(Math.Max(1, settings.Messages / 4)), cancellationToken);

    public async ValueTask DisposeAsync()
    {
        foreach (var topic in _filled.Values)
            await kafka.DeleteTopicAsync(topic.Name);
    }

    /// <summary>Gives back the disk of a topic, unless most arms read it.</summary>
    public async Task DropAsync(FilledTopic topic)
    {
        if (topic.Shape == Main || topic.Shape == WarmUp || !_filled.Remove(topic.Shape))
            return;

        await kafka.DeleteTopicAsync(topic.Name);
    }

    /// <summary>A topic that holds what is wanted.</summary>
    public async Task<FilledTopic> FilledAsync(Shape shape, CancellationToken cancellationToken)
    {
        if (kafka.IsEmbedded && MostEmbedded(shape) is var most && shape.Messages > most)
        {
            say($"The embedded brokers keep no {shape.Messages:N0} messages: {most:N0} in their place.");
            shape = shape with { Messages = most };
        }

        if (_filled.TryGetValue(shape, out var filled))
            return filled;

        var name = $"compare-{Guid.NewGuid():N}";
        say($"Filling a topic with {shape.Messages:N0} messages of {shape.ValueSize:N0} bytes in {shape.Partitions} partitions with {Math.Min(shape.Keys, shape.Messages):N0} keys.");
        await kafka.CreateTopicAsync(name, shape.Partitions);
        var (bytes, ofFirstKey) = await Task.Run(() => Fill(name, shape, cancellationToken), cancellationToken);
        var ends = Ends(kafka.BootstrapServers, name, shape.Partitions);
        if (ends.Sum() != shape.Messages)
            throw new InvalidOperationException($"The topic has {ends.Sum():N0} messages in place of {shape.Messages:N0}.");

        return _filled[shape] = new FilledTopic(name, shape, shape.Messages, ends.Sum(end => end * (end - 1) / 2), (double)bytes / shape.Messages, ofFirstKey);
    }

    /// <summary>The next offset of each partition: of a topic that began with nothing, how many messages it was given.</summary>
    public static long[] Ends(string bootstrapServers, string topic, int partitions = Load.Partitions)
    {
        using var consumer = new ConsumerBuilder<Ignore, Ignore>(new ConsumerConfig { BootstrapServers = bootstrapServers, GroupId = "compare-ends" }).Build();
        return [.. Enumerable.Range(0, partitions).Select(p => consumer.QueryWatermarkOffsets(new TopicPartition(topic, p), TimeSpan.FromSeconds(10)).High.Value)];
    }

    /// <summary>What surely fits into the 5 MB that the embedded brokers keep of a partition: 200,000 of the usual messages.</summary>
    private static int MostEmbedded(Shape shape) =>
        (int)(200_000L * Math.Min(shape.Partitions, shape.Keys) / Load.Partitions * Load.ValueSize / Math.Max(Load.ValueSize, shape.ValueSize));

    private (long Bytes, (int Messages, long OffsetSum) OfFirstKey) Fill(string topic, Shape shape, CancellationToken cancellationToken)
    {
        const int Window = 100_000;
        const int WindowBytes = 256 * 1024 * 1024;
        var config = new ProducerConfig { BootstrapServers = kafka.BootstrapServers, CompressionType = CompressionType.Lz4, LingerMs = 20, EnableIdempotence = true, QueueBufferingMaxMessages = 2 * Window };
        var values = Load.Values(shape.ValueSize);
        var window = Math.Min(Window, WindowBytes / shape.ValueSize);
        var firstKey = Load.Key(0);
        var (ofFirstKey, sumOfFirstKey) = (0, 0L);
        long bytes = 0;
        var acknowledged = 0;
        Error? failed = null;
        using var producer = new ProducerBuilder<byte[], byte[]>(config).SetLogHandler((_, _) => { }).Build();
        for (var i = 0; i < shape.Messages; i++)
        {
            while (i - Volatile.Read(ref acknowledged) >= window)
            {
                cancellationToken.ThrowIfCancellationRequested();
                producer.Poll(TimeSpan.FromMilliseconds(10));
            }

            var message = new Message<byte[], byte[]> { Key = Load.Key(i % shape.Keys), Value = values[i % values.Length], Headers = Load.Headers(Load.Id(i)) };
            bytes += message.Key.Length + message.Value.Length + message.Headers.Sum(header => header.Key.Length + header.GetValueBytes().Length);
            producer.Produce(topic, message, report =>
            {
                failed = report.Error.IsError ? report.Error : failed;
                if (report.Key.AsSpan().SequenceEqual(firstKey))
                {
                    Interlocked.Increment(ref ofFirstKey);
                    Interlocked.Add(ref sumOfFirstKey, report.Offset.Value);
                }

                Interlocked.Increment(ref acknowledged);
            });
        }

        producer.Flush(TimeSpan.FromMinutes(2));
        return failed is null ? (bytes, (ofFirstKey, sumOfFirstKey)) : throw new KafkaException(failed);
    }
}
