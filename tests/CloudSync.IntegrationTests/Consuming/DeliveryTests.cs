using System.Text;
using CloudSync.Sdk;
using CloudSync.Sdk.Testing;
using CloudSync.Tests;
using Microsoft.Extensions.Hosting;
using Xunit;

namespace CloudSync.IntegrationTests.Consuming;

/// <summary>Every message arrives, once and in its order, and what arrived is committed.</summary>
public sealed class DeliveryTests(KafkaCluster cluster)
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Everything_produced_arrives_once_and_in_key_order_and_is_committed(bool inBatches)
    {
        const int Count = 5_000;
        using var topic = await TestTopic.CreateAsync(cluster, partitions: 12);
        await topic.ProduceAsync(TestRecord.Many(Count / 2, KeyOf));

        // Some take a moment, so that calls overtake one another where nothing keeps them in order.
        var sink = new ScriptedSink((message, _) => message.Offset % 7 == 0 ? SinkAnswer.Delay(TimeSpan.FromMilliseconds(1)) : SinkAnswer.Succeed);
        await using var consumer = await ConsumerHost.StartAsync(
            cluster, topic, inBatches ? new BatchesOnly(sink) : sink, options => options.MaxBatchSize = 50);
        await topic.ProduceAsync(TestRecord.Many(Count, KeyOf).Skip(Count / 2));
        await sink.WaitForDeliveredAsync(Count, Eventually.Bound, Cancelled);
        await consumer.StopAsync();

        var ids = sink.Attempts.Select(a => a.Message.Id).ToList();
        Assert.Equal(Count, ids.Count);
        Assert.Equal(Count, ids.Distinct().Count());
        AssertKeyOrder(sink.Attempts);
        Assert.Equal(topic.EndOffsets(), topic.Committed(consumer.Group));

        // One in ten has no key.
        static string? KeyOf(int i) => i % 10 == 0 ? null : $"key-{i % 97}";
    }

    [Fact]
    public async Task Ordering_by_partition_delivers_each_partition_one_at_a_time_in_the_order_of_offsets_through_retries()
    {
        const int Count = 60;
        using var topic = await TestTopic.CreateAsync(cluster, partitions: 2);
        await topic.ProduceAsync(TestRecord.Many(Count, i => $"key-{i}", partition: 0).Concat(
            Enumerable.Range(Count, Count).Select(i => TestRecord.Of($"{i}", partition: 1))));
        var inFlight = new int[2];
        var overlapped = false;
        var sink = new ScriptedSink((message, attempt) =>
        {
            overlapped |= Interlocked.Increment(ref inFlight[message.Partition]) > 1;
            Thread.Yield();
            Interlocked.Decrement(ref inFlight[message.Partition]);
            return message.Offset % 20 == 10 && attempt == 1 ? SinkAnswer.Fail(ErrorType.Transient) : SinkAnswer.Succeed;
        });
        await using var consumer = await ConsumerHost.StartAsync(cluster, topic, sink, options => options.Ordering = MessageOrdering.Partition);

        var delivered = await sink.WaitForDeliveredAsync(2 * Count, Eventually.Bound, Cancelled);

        Assert.False(overlapped);
        foreach (var partition in delivered.GroupBy(m => m.Partition))
            Assert.Equal(Enumerable.Range(0, Count).Select(i => (long)i), partition.Select(m => m.Offset));
    }

    [Fact]
    public async Task Unordered_messages_of_one_key_do_not_wait_for_each_other()
    {
        using var topic = await TestTopic.CreateAsync(cluster);
        await topic.ProduceAsync(TestRecord.Many(50, _ => "same"));
        var release = new TaskCompletionSource();
        var sink = new ScriptedSink().On("0", SinkAnswer.Block(release.Task));
        await using var consumer = await ConsumerHost.StartAsync(cluster, topic, sink, options => options.Ordering = MessageOrdering.Unordered);

        var delivered = await sink.WaitForDeliveredAsync(49, Eventually.Bound, Cancelled);

        Assert.DoesNotContain(delivered, m => m.Id == "0");
        release.SetResult();
        await sink.WaitForDeliveredAsync(50, Eventually.Bound, Cancelled);
    }

    [Fact]
    public async Task Two_clouds_in_one_process_each_get_every_message_and_neither_waits_for_the_other()
    {
        const int Count = 500;
        using var topic = await TestTopic.CreateAsync(cluster, partitions: 4);
        await topic.ProduceAsync(TestRecord.Many(Count, i => $"key-{i % 10}"));
        var outage = new TaskCompletionSource();
        var aws = new RecordingSink();
        var azure = new ScriptedSink((_, _) => outage.Task.IsCompleted ? SinkAnswer.Succeed : SinkAnswer.Fail(ErrorType.ServiceUnavailable));
        var builder = Host.CreateApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        var (awsGroup, azureGroup) = (KafkaCluster.UniqueName("aws"), KafkaCluster.UniqueName("azure"));
        builder.Services.AddCloudSyncConsumer("aws").UseSink(_ => aws).Configure(o => ConsumerHost.Configure(o, cluster, topic, awsGroup));
        builder.Services.AddCloudSyncConsumer("azure").UseBatchSink(_ => azure).Configure(o =>
        {
            ConsumerHost.Configure(o, cluster, topic, azureGroup);
            o.Breaker.BreakDuration = TimeSpan.FromMilliseconds(500);
        });
        using var host = builder.Build();
        await host.StartAsync(Cancelled);

        // One of the clouds is down.
        await aws.WaitForAsync(Count, Eventually.Bound, Cancelled);
        Assert.Empty(azure.Delivered);

        outage.SetResult();
        await azure.WaitForDeliveredAsync(Count, Eventually.Bound, Cancelled);
        await host.StopAsync(Cancelled);

        Assert.Equal(Count, aws.Messages.Select(m => m.Id).Distinct().Count());
        Assert.Equal(Count, azure.Delivered.Select(m => m.Id).Distinct().Count());
        Assert.Equal((Count, Count), (aws.Count, azure.Delivered.Count));
        Assert.Equal(topic.EndOffsets(), topic.Committed(awsGroup));
        Assert.Equal(topic.EndOffsets(), topic.Committed(azureGroup));
    }

    /// <summary>Within every key, the sink was called in the order of the offsets. Keys stay in their partition.</summary>
    internal static void AssertKeyOrder(IEnumerable<SinkAttempt> attempts)
    {
        foreach (var key in attempts.Where(a => a.Message.Key is not null).GroupBy(a => Encoding.UTF8.GetString(a.Message.Key!.Value.Span)))
        {
            var offsets = key.Select(a => a.Message.Offset).ToList();
            Assert.True(offsets.SequenceEqual(offsets.Order()), $"{key.Key}: {string.Join(' ', offsets)}");
        }
    }
}
