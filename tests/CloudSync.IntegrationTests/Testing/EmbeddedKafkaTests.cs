using CloudSync.Sdk.Testing;
using Confluent.Kafka;
using Xunit;

namespace CloudSync.IntegrationTests.Testing;

public sealed class EmbeddedKafkaTests
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_is_produced_is_consumed()
    {
        await using var kafka = EmbeddedKafka.Start(new EmbeddedKafkaOptions { Brokers = 3 });
        kafka.CreateTopic("topic", partitions: 12);
        using var producer = new ProducerBuilder<string, string>(new ProducerConfig { BootstrapServers = kafka.BootstrapServers, EnableIdempotence = true }).Build();
        for (var i = 0; i < 100; i++)
            await producer.ProduceAsync("topic", new Message<string, string> { Key = $"k{i}", Value = $"v{i}" }, Cancelled);

        using var consumer = new ConsumerBuilder<string, string>(new ConsumerConfig
        {
            BootstrapServers = kafka.BootstrapServers,
            GroupId = "g",
            AutoOffsetReset = AutoOffsetReset.Earliest,
            PartitionAssignmentStrategy = PartitionAssignmentStrategy.CooperativeSticky,
        }).Build();
        consumer.Subscribe("topic");
        var seen = new HashSet<string>();
        while (seen.Count < 100)
        {
            var result = consumer.Consume(TimeSpan.FromSeconds(10));
            Assert.NotNull(result);
            seen.Add(result.Message.Value);
        }
    }
}
