using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using CloudSync.Sdk;
using Confluent.Kafka;

namespace CloudSync.Failures;

/// <summary>The messages of a round, and which of them fail. Message i has key i % <see cref="Keys"/>, so a key's messages are spread over the whole round.</summary>
internal static class Load
{
    public const int Partitions = 12;
    public const int Keys = 20_000;

    /// <summary>256 bytes of payload and the six headers of the envelope.</summary>
    private const int Size = 256;

    /// <summary>
    /// One message in 10,000, each of a key of its own while there are keys. None in the last quarter: a message that fails when there is nothing else to deliver can't be told from an
    /// outage, and this is a measurement under load.
    /// </summary>
    public static bool Throws(int message, int messages) => message < messages / 4 * 3 && message % 10_000 == 5_000 + (message / 10_000 % 1_000);

    /// <summary>Messages that fail.</summary>
    public static int Failing(int messages) => Enumerable.Range(0, messages).Count(i => Throws(i, messages) || Hangs(i, messages));

    /// <summary>One of all, early on: what waits behind it must come in its turn.</summary>
    public static bool Hangs(int message, int messages) => message == messages / 4 / 10_000 * 10_000 + 1;

    public static int NumberOf(SyncMessage message) => BinaryPrimitives.ReadInt32LittleEndian(message.Value.Span);

    /// <summary>Writes them all, in their order, and waits until the brokers have them.</summary>
    public static void Produce(string kafka, string topic, int messages)
    {
        var config = new ProducerConfig { BootstrapServers = kafka, CompressionType = CompressionType.Lz4, LingerMs = 20, EnableIdempotence = true, QueueBufferingMaxMessages = 500_000 };
        Error? failed = null;
        using var producer = new ProducerBuilder<byte[], byte[]>(config).SetLogHandler((_, _) => { }).Build();
        for (var i = 0; i < messages; i++)
        {
            var message = Message(i);
            while (true)
            {
                try
                {
                    producer.Produce(topic, message, report => failed = report.Error.IsError ? report.Error : failed);
                    break;
                }
                catch (ProduceException<byte[], byte[]> e) when (e.Error.Code == ErrorCode.Local_QueueFull)
                {
                    producer.Poll(TimeSpan.FromMilliseconds(10));
                }
            }
        }

        producer.Flush(TimeSpan.FromMinutes(2));
        if (failed is not null)
            throw new KafkaException(failed);
    }

    private static Message<byte[], byte[]> Message(int number)
    {
        var value = new byte[Size];
        BinaryPrimitives.WriteInt32LittleEndian(value, number);
        return new Message<byte[], byte[]>
        {
            Key = Encoding.UTF8.GetBytes((number % Keys).ToString(CultureInfo.InvariantCulture)),
            Value = value,
            Headers = new Headers
            {
                { CloudEvents.SpecVersion, "1.0"u8.ToArray() },
                { CloudEvents.Id, Encoding.UTF8.GetBytes(number.ToString("D36", CultureInfo.InvariantCulture)) },
                { CloudEvents.Source, "benchmark"u8.ToArray() },
                { CloudEvents.Type, "benchmark.message"u8.ToArray() },
                { CloudEvents.Time, "2026-01-01T00:00:00Z"u8.ToArray() },
                { CloudEvents.ContentType, "application/json"u8.ToArray() },
            },
        };
    }
}
