using CloudSync.Sdk.Testing;
using CloudSync.Tests;
using Confluent.Kafka;
using Xunit;

namespace CloudSync.IntegrationTests.Consuming;

/// <summary>Kafka itself is not there, or says no. These break brokers, so most of them bring an embedded cluster of their own.</summary>
public sealed class OutageTests(KafkaCluster cluster)
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_consumer_of_a_topic_that_does_not_exist_waits_and_goes_on_when_it_is_made()
    {
        var name = KafkaCluster.UniqueName("later");
        using var topic = new TestTopic(cluster.BootstrapServers, name, 1);
        var sink = new RecordingSink();
        await using var consumer = await ConsumerHost.StartAsync(cluster, topic, sink);

        // A real broker says that there is no such topic; the embedded one makes it, because somebody asked.
        if (cluster.Kind != KafkaKind.Embedded)
        {
            await consumer.UntilLoggedAsync(ConsumerHost.KafkaError);
            await topic.MakeAsync();
        }

        await topic.ProduceAsync(TestRecord.Many(10, i => $"key-{i}", partition: 0));
        await sink.WaitForAsync(10, Eventually.Bound, Cancelled);
    }

    [Fact]
    public async Task Brokers_that_are_down_for_longer_than_the_session_cost_nothing_but_time()
    {
        await using var kafka = EmbeddedKafka.Start(new EmbeddedKafkaOptions { Brokers = 3 });
        using var topic = Topic(kafka, partitions: 6);
        var sink = new ScriptedSink((_, _) => SinkAnswer.Delay(TimeSpan.FromMilliseconds(2)));
        await using var consumer = await ConsumerHost.StartAsync(cluster, topic, sink, options => options.Kafka["session.timeout.ms"] = "2000");
        await topic.ProduceAsync(TestRecord.Many(2_000, i => $"key-{i % 50}"));
        await sink.WaitForDeliveredAsync(100, Eventually.Bound, Cancelled);

        kafka.TakeAllBrokersDown();
        await consumer.UntilLoggedAsync(ConsumerHost.Lost);
        kafka.BringAllBrokersUp();
        await topic.ProduceAsync(TestRecord.Many(2_100, i => $"key-{i % 50}").Skip(2_000));
        await Eventually.TrueAsync(() => sink.Delivered.Count >= 2_100, "everything is delivered", Cancelled);
        await consumer.StopAsync();

        Assert.Equal(2_100, sink.Attempts.Count);
        DeliveryTests.AssertKeyOrder(sink.Attempts);
        Assert.Equal(topic.EndOffsets(), topic.Committed(consumer.Group));
    }

    [Fact]
    public async Task Commits_that_fail_are_made_again()
    {
        await using var kafka = EmbeddedKafka.Start();
        using var topic = Topic(kafka, partitions: 1);
        kafka.FailRequests(EmbeddedKafkaRequest.OffsetCommit, [.. Enumerable.Repeat(ErrorCode.UnknownMemberId, 1), .. Enumerable.Repeat(ErrorCode.InvalidCommitOffsetSize, 5)]);
        await topic.ProduceAsync(TestRecord.Many(10, i => $"key-{i}"));
        var sink = new RecordingSink();
        await using var consumer = await ConsumerHost.StartAsync(cluster, topic, sink);

        await Eventually.TrueAsync(() => topic.Committed(consumer.Group)[0] == 10, "the offset is committed", Cancelled);
        Assert.Equal(10, sink.Messages.Select(m => m.Id).Distinct().Count());
    }

    [Fact]
    public async Task Committed_offsets_that_cannot_be_fetched_at_first_are_fetched_again()
    {
        await using var kafka = EmbeddedKafka.Start();
        using var topic = Topic(kafka, partitions: 2);
        kafka.FailRequests(EmbeddedKafkaRequest.OffsetFetch, ErrorCode.GroupAuthorizationFailed);
        await topic.ProduceAsync(TestRecord.Many(10, i => $"key-{i}"));
        var sink = new RecordingSink();
        await using var consumer = await ConsumerHost.StartAsync(cluster, topic, sink);

        await sink.WaitForAsync(10, Eventually.Bound, Cancelled);
    }

    [Fact]
    public async Task A_stop_comes_to_an_end_when_no_broker_answers()
    {
        await using var kafka = EmbeddedKafka.Start();
        using var topic = Topic(kafka, partitions: 1);
        await topic.ProduceAsync(TestRecord.Many(10, i => $"key-{i}"));
        var sink = new RecordingSink();
        await using var consumer = await ConsumerHost.StartAsync(cluster, topic, sink, options => options.CommitInterval = TimeSpan.FromMinutes(5));
        await sink.WaitForAsync(10, Eventually.Bound, Cancelled);

        kafka.TakeAllBrokersDown();
        await consumer.StopAsync();
    }

    [Fact]
    public async Task Records_that_were_deleted_before_they_were_read_hold_nothing_up()
    {
        await using var kafka = EmbeddedKafka.Start();
        using var topic = Topic(kafka, partitions: 1);
        var group = KafkaCluster.UniqueName("group");
        var sink = new RecordingSink();
        await topic.ProduceAsync(TestRecord.Many(10, i => $"key-{i}"));
        await using (var consumer = await ConsumerHost.StartAsync(cluster, topic, sink, group: group))
        {
            await sink.WaitForAsync(10, Eventually.Bound, Cancelled);
            await consumer.StopAsync();
        }

        for (var i = 10; i < 30; i++)
            await topic.ProduceAsync(TestRecord.Of($"{i}", $"key-{i}"));

        kafka.DeleteRecords(topic.Name, 0, beforeOffset: 20);
        await using var restarted = await ConsumerHost.StartAsync(cluster, topic, sink, group: group);

        await Eventually.TrueAsync(() => topic.Committed(group)[0] == 30, "what is left is delivered and committed", Cancelled);
        Assert.Equal([.. Enumerable.Range(0, 10), .. Enumerable.Range(20, 10)], sink.Messages.Select(m => (int)m.Offset).Order());
    }

    [Fact]
    public async Task A_topic_that_is_made_anew_is_read_from_its_beginning_and_none_of_it_is_taken_for_what_stood_there_before()
    {
        Assert.SkipWhen(cluster.Kind == KafkaKind.Embedded, "The embedded cluster can't delete a topic.");
        using var topic = await TestTopic.CreateAsync(cluster);
        var sink = new RecordingSink();
        await using var consumer = await ConsumerHost.StartAsync(cluster, topic, sink);
        await topic.ProduceAsync(Enumerable.Repeat(new TestRecord(), 10));
        await sink.WaitForAsync(10, Eventually.Bound, Cancelled);

        await topic.DeleteAsync();
        using var anew = new TestTopic(cluster.BootstrapServers, topic.Name, 1);
        await anew.MakeAsync();
        await anew.ProduceAsync(Enumerable.Repeat(new TestRecord(), 5));

        await sink.WaitForAsync(15, Eventually.Bound, Cancelled);
    }

    private static TestTopic Topic(EmbeddedKafka kafka, int partitions)
    {
        var name = KafkaCluster.UniqueName("test");
        kafka.CreateTopic(name, partitions);
        return new TestTopic(kafka.BootstrapServers, name, partitions);
    }
}
