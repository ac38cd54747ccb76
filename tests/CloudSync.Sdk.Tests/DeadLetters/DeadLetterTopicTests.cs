using CloudSync.Sdk.Testing;
using Confluent.Kafka;
using Xunit;

namespace CloudSync.Sdk.Tests;

public class DeadLetterTopicTests
{
    private const string Name = "data-topic-dlq";

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_end_short_of_where_the_topic_ended_is_none()
    {
        await using var kafka = EmbeddedKafka.Start();
        kafka.CreateTopic(Name);
        await WriteAsync(kafka, 2);
        using var topic = new DeadLetterTopic(new DeadLetterRedriveOptions { BootstrapServers = kafka.BootstrapServers, Topic = Name }, TimeProvider.System);

        // As when a leader that came a moment ago has not all of the records yet.
        topic.Begin([(0, 0, 5)]);
        var offsets = new List<long>();
        while (offsets.Count < 2)
            offsets.AddRange((await topic.ReadAsync(Cancelled)).Select(r => r.Offset.Value));

        // What comes next is the end of what is there, and after it a turn in which nothing comes.
        Assert.Empty(await topic.ReadAsync(Cancelled));
        Assert.False(topic.IsAtEnd);
        await WriteAsync(kafka, 4);
        while (!topic.IsAtEnd)
            offsets.AddRange((await topic.ReadAsync(Cancelled)).Select(r => r.Offset.Value));

        Assert.Equal([0, 1, 2, 3, 4], offsets);
    }

    [Fact]
    public async Task A_topic_that_has_become_shorter_is_named_with_both_ends()
    {
        await using var kafka = EmbeddedKafka.Start();
        kafka.CreateTopic(Name);
        await WriteAsync(kafka, 2);
        var options = new DeadLetterRedriveOptions { BootstrapServers = kafka.BootstrapServers, Topic = Name, Timeout = TimeSpan.FromSeconds(1) };
        using var topic = new DeadLetterTopic(options, TimeProvider.System);
        topic.Begin([(0, 0, 5)]);

        var failure = await Assert.ThrowsAsync<DeadLetterRedriveException>(async () =>
        {
            while (!topic.IsAtEnd)
                await topic.ReadAsync(Cancelled);
        });

        Assert.Contains("ended at 5 when the run began, and ends at 2 now", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Only_the_partitions_that_are_wanted_are_read()
    {
        await using var kafka = EmbeddedKafka.Start();
        kafka.CreateTopic(Name, 2);
        await WriteAsync(kafka, 2);
        await WriteAsync(kafka, 3, partition: 1);
        using var topic = new DeadLetterTopic(new DeadLetterRedriveOptions { BootstrapServers = kafka.BootstrapServers, Topic = Name }, TimeProvider.System);

        Assert.Equal([(0, 0L, 2L), (1, 0L, 3L)], topic.Bounds(null, Cancelled));
        Assert.Equal([(1, 0L, 3L)], topic.Bounds(new HashSet<int> { 1, 7 }, Cancelled));
    }

    private static async Task WriteAsync(EmbeddedKafka kafka, int records, int partition = 0)
    {
        using var producer = new ProducerBuilder<byte[], byte[]>(new ProducerConfig { BootstrapServers = kafka.BootstrapServers, LingerMs = 0 }).Build();
        for (var i = 0; i < records; i++)
            await producer.ProduceAsync(new TopicPartition(Name, partition), new Message<byte[], byte[]> { Key = [1], Value = [2] }, Cancelled);
    }
}
