using Confluent.Kafka;

namespace CloudSync.Measuring;

/// <summary>The client that one would use without the SDK, set up as well as one can.</summary>
internal static class RawProducer
{
    /// <summary>
    /// What ours sets by default, written down here and not taken from it: it may drive the client in a way that needs more than settings. Reports without copies of key, value and headers,
    /// which are ours to set as well.
    /// </summary>
    public static ProducerConfig Settings(string kafka) => new()
    {
        BootstrapServers = kafka,
        Acks = Acks.All,
        EnableIdempotence = true,
        CompressionType = CompressionType.Lz4,
        LingerMs = 5,
        BatchSize = 65_536,
        Partitioner = Partitioner.Murmur2Random,
        QueueBufferingMaxMessages = 200_000,
        QueueBufferingMaxKbytes = 256 * 1024,
        DeliveryReportFields = "none",
    };
}
