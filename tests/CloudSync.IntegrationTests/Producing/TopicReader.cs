using System.Text;
using CloudSync.Sdk;
using CloudSync.Sdk.Testing;
using Confluent.Kafka;
using Xunit;

namespace CloudSync.IntegrationTests.Producing;

/// <summary>Reads what stands in a topic, with the plain client.</summary>
internal static class TopicReader
{
    /// <summary>
    /// All records, in the order of each partition, and the first alone of those with one id: the client sends a request again when its answer was lost, which
    /// a real broker recognises and the embedded one does not. Fails when there are not exactly <paramref name="count"/>.
    /// </summary>
    public static List<ConsumeResult<byte[]?, byte[]>> Read(EmbeddedKafka kafka, string topic, int count)
    {
        var config = new ConsumerConfig { BootstrapServers = kafka.BootstrapServers, GroupId = "reader", EnableAutoCommit = false, EnablePartitionEof = true, FetchWaitMaxMs = 20 };
        using var consumer = new ConsumerBuilder<byte[]?, byte[]>(config).Build();
        using var admin = new DependentAdminClientBuilder(consumer.Handle).Build();
        var partitions = admin.GetMetadata(topic, TimeSpan.FromSeconds(10)).Topics.Single().Partitions;
        consumer.Assign(partitions.Select(p => new TopicPartitionOffset(topic, p.PartitionId, Offset.Beginning)));

        var records = new List<ConsumeResult<byte[]?, byte[]>>();
        var ids = new HashSet<string>();
        for (var ends = 0; ends < partitions.Count;)
        {
            var result = consumer.Consume(TimeSpan.FromSeconds(20));
            Assert.NotNull(result);
            if (result.IsPartitionEOF)
                ends++;
            else if (ids.Add(Encoding.UTF8.GetString(result.Message.Headers.GetLastBytes(CloudEvents.Id))))
                records.Add(result);
        }

        Assert.Equal(count, records.Count);
        return records;
    }
}
