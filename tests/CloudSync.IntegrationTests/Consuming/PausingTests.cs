using System.Diagnostics;
using CloudSync.Sdk;
using CloudSync.Sdk.Testing;
using CloudSync.Tests;
using Xunit;

namespace CloudSync.IntegrationTests.Consuming;

/// <summary>What stops deliveries becomes a pause: the poll loop goes on, memory stays bounded, and reading goes on when it may.</summary>
public sealed class PausingTests(KafkaCluster cluster)
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_sink_slower_than_the_poll_interval_fills_the_window_and_the_member_stays_in_its_group()
    {
        const int Count = 200;
        var interval = TimeSpan.FromSeconds(6);
        using var topic = await TestTopic.CreateAsync(cluster, partitions: 3);
        await topic.ProduceAsync(TestRecord.Many(Count, i => $"key-{i}"));
        var release = new TaskCompletionSource();
        var sink = new ScriptedSink((_, _) => SinkAnswer.Block(release.Task));
        await using var consumer = await ConsumerHost.StartAsync(cluster, topic, sink, options =>
        {
            options.MaxConcurrency = 4;
            options.MaxHeldMessages = 10;
            options.DrainTimeout = TimeSpan.FromSeconds(5);
            options.Kafka["max.poll.interval.ms"] = $"{interval.TotalMilliseconds}";
            options.Kafka["session.timeout.ms"] = $"{interval.TotalMilliseconds}";
        });
        await sink.WaitForAttemptsAsync(4, Eventually.Bound, Cancelled);
        await Eventually.TrueAsync(() => consumer.PauseReasons == PauseReasons.WindowFull, "the full window pauses", Cancelled);

        // Not one call ends for longer than a member may go without a poll.
        var stuck = Stopwatch.StartNew();
        await Eventually.TrueAsync(() => stuck.Elapsed > 1.6 * interval, "the poll interval is long over", Cancelled);
        Assert.Equal(4, sink.Attempts.Count);
        Assert.Equal(10, consumer.Held);
        Assert.Equal(PauseReasons.WindowFull, consumer.PauseReasons);

        release.SetResult();
        await sink.WaitForDeliveredAsync(Count, Eventually.Bound, Cancelled);
        await consumer.StopAsync();

        Assert.Equal(Count, sink.Delivered.Select(m => m.Id).Distinct().Count());
        Assert.Equal(Count, sink.Attempts.Count);
        Assert.Equal(1, consumer.Logged(ConsumerHost.Assigned));
        Assert.Equal(0, consumer.Logged(ConsumerHost.Lost));
        Assert.Equal(0, consumer.Logged(ConsumerHost.KafkaError));
        Assert.Equal(topic.EndOffsets(), topic.Committed(consumer.Group));
    }

    [Fact]
    public async Task A_stuck_message_stops_the_others_only_when_they_are_too_far_ahead_and_holds_no_memory_but_its_own()
    {
        const int Count = 5_000;
        const int Distance = 1_000;
        using var topic = await TestTopic.CreateAsync(cluster);
        var release = new TaskCompletionSource();
        var delivered = 0;
        var sink = new ScriptedSink((message, _) =>
        {
            Interlocked.Increment(ref delivered);
            return message.Offset == 0 ? SinkAnswer.Block(release.Task) : SinkAnswer.Succeed;
        });
        await using var consumer = await ConsumerHost.StartAsync(cluster, topic, sink, options => options.MaxUnsettledDistance = Distance);
        await topic.ProduceAsync(TestRecord.Many(Count, i => $"key-{i}"));
        await consumer.UntilLoggedAsync(ConsumerHost.DistanceReached);
        await Eventually.TrueAsync(() => consumer.Held == 1, "nothing but the stuck message is held", Cancelled);

        // What is read in one go may be past it; no more than that.
        Assert.InRange(Volatile.Read(ref delivered), Distance, Distance + 500);
        Assert.Equal(0, topic.Committed(consumer.Group)[0]);

        release.SetResult();
        await Eventually.TrueAsync(() => Volatile.Read(ref delivered) == Count, "everything is delivered", Cancelled);
        await consumer.StopAsync();
        Assert.Equal([Count], topic.Committed(consumer.Group));
    }

    [Fact]
    public async Task The_smallest_distance_and_the_smallest_window_still_let_everything_through()
    {
        const int Count = 50;
        using var topic = await TestTopic.CreateAsync(cluster, partitions: 2);
        await topic.ProduceAsync(TestRecord.Many(Count, i => $"key-{i}"));
        var sink = new ScriptedSink((_, _) => SinkAnswer.Delay(TimeSpan.FromMilliseconds(5)));
        await using var consumer = await ConsumerHost.StartAsync(cluster, topic, sink, options =>
        {
            options.MaxUnsettledDistance = 1;
            options.MaxHeldMessages = 1;
            options.MaxConcurrency = 1;
        });

        await sink.WaitForDeliveredAsync(Count, Eventually.Bound, Cancelled);
    }

    [Fact]
    public async Task Large_messages_fill_the_window_by_their_bytes_long_before_they_do_by_their_number()
    {
        const int Count = 200;
        const int Size = 100_000;
        using var topic = await TestTopic.CreateAsync(cluster);
        await topic.ProduceAsync(TestRecord.Many(Count, i => $"key-{i}").Select(record => record with { Value = new byte[Size] }));
        var release = new TaskCompletionSource();
        var sink = new ScriptedSink((_, _) => SinkAnswer.Block(release.Task));
        await using var consumer = await ConsumerHost.StartAsync(cluster, topic, sink, options => options.MaxHeldBytes = 20 * Size);
        await Eventually.TrueAsync(() => consumer.PauseReasons == PauseReasons.WindowFull, "the full window pauses", Cancelled);

        Assert.InRange(consumer.Held, 16, 20);

        release.SetResult();
        await sink.WaitForDeliveredAsync(Count, Eventually.Bound, Cancelled);
    }
}
