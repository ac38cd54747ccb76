using System.Collections.Concurrent;
using CloudSync.Sdk;
using CloudSync.Sdk.Testing;
using CloudSync.Tests;
using Xunit;

namespace CloudSync.IntegrationTests.Consuming;

/// <summary>Partitions come and go; messages neither get lost nor come twice.</summary>
public sealed class RebalanceTests(KafkaCluster cluster)
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(MessageOrdering.Key, true)]
    [InlineData(MessageOrdering.Partition, false)]
    public async Task Members_that_join_and_leave_under_load_lose_nothing_repeat_nothing_and_keep_the_order(MessageOrdering ordering, bool withASharedStore)
    {
        Assert.SkipWhen(
            cluster.Kind == KafkaKind.Embedded && !withASharedStore,
            "The embedded cluster refuses the commit of a revoked partition, since the group still rebalances. A real one takes it.");

        using var topic = await TestTopic.CreateAsync(cluster, partitions: 12);
        using var store = new InMemoryIdempotencyStore(new IdempotencyOptions(), TimeProvider.System);
        var group = KafkaCluster.UniqueName("group");
        var attempts = new ConcurrentQueue<SinkAttempt>();
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(Cancelled);
        var (first, _) = await JoinAsync();
        await using var disposesFirst = first;
        var producing = ProduceUntilAsync(enough.Token);

        for (var round = 0; round < 3; round++)
        {
            var (second, deliveredBySecond) = await JoinAsync();
            await using var disposesSecond = second;
            await second.UntilOwnsAsync(6);
            await first.UntilOwnsAsync(6);
            await Eventually.TrueAsync(() => deliveredBySecond() > 500, "the second member delivers", Cancelled);
            await second.StopAsync();
            await first.UntilOwnsAsync(12);
        }

        await enough.CancelAsync();
        var produced = await producing;
        await Eventually.TrueAsync(() => attempts.Count >= produced, "everything has arrived", Cancelled);
        await first.StopAsync();

        Assert.Equal(produced, attempts.Select(a => a.Message.Id).Distinct().Count());
        Assert.Equal(produced, attempts.Count);
        DeliveryTests.AssertKeyOrder(attempts);
        Assert.Equal(topic.EndOffsets(), topic.Committed(group));
        Assert.Equal(0, first.Logged(ConsumerHost.Lost));

        async Task<(ConsumerHost Member, Func<int> Delivered)> JoinAsync()
        {
            var delivered = 0;
            var sink = new ScriptedSink((message, attempt) =>
            {
                attempts.Enqueue(new SinkAttempt(message, attempt, default));
                Interlocked.Increment(ref delivered);
                return SinkAnswer.Delay(TimeSpan.FromMilliseconds(message.Offset % 3));
            });

            // Without a common memory, only what is committed keeps messages from coming twice: all that was delivered, when a partition's come one at a time.
            var member = await ConsumerHost.StartAsync(
                cluster, topic, sink, options => (options.Ordering, options.Idempotency.Enabled) = (ordering, withASharedStore),
                consumer => consumer.UseIdempotencyStore(_ => store), group);
            return (member, () => Volatile.Read(ref delivered));
        }

        // A load, and never so much ahead that the embedded broker would throw away what was not read yet.
        async Task<int> ProduceUntilAsync(CancellationToken end)
        {
            var count = 0;
            for (; !end.IsCancellationRequested; count += 100)
            {
                await topic.ProduceAsync(Enumerable.Range(count, 100).Select(i => TestRecord.Of($"{i}", $"key-{i % 50}")));
                await Eventually.TrueAsync(() => attempts.Count > count - 3_000, "the consumers keep up", Cancelled);
            }

            return count;
        }
    }

    [Fact]
    public async Task A_call_that_ends_after_its_partition_was_taken_over_changes_nothing_and_loses_nothing()
    {
        using var topic = await TestTopic.CreateAsync(cluster, partitions: 2);
        var group = KafkaCluster.UniqueName("group");
        await topic.ProduceAsync(BothPartitions("first", 10));
        var release = new TaskCompletionSource();
        var slow = new ScriptedSink((message, _) => message.Offset == 0 ? SinkAnswer.Block(release.Task) : SinkAnswer.Succeed);
        await using var first = await ConsumerHost.StartAsync(
            cluster, topic, slow, options => options.DrainTimeout = TimeSpan.FromMilliseconds(300), group: group);
        await slow.WaitForAttemptsAsync(20, Eventually.Bound, Cancelled);

        // The second takes one of the partitions over while the first message of each is still in the first member's sink.
        var other = new RecordingSink();
        await using var second = await ConsumerHost.StartAsync(cluster, topic, other, group: group);
        await second.UntilOwnsAsync(1);
        await other.WaitForAsync(10, Eventually.Bound, Cancelled);
        var taken = other.Messages[0].Partition;
        await UntilCommittedAsync(topic, group, taken, 10);

        // Now the late calls end: that of the partition that is the first member's still, and that of the one that is not.
        release.SetResult();
        await UntilCommittedAsync(topic, group, 1 - taken, 10);
        await topic.ProduceAsync(BothPartitions("then", 5));
        await other.WaitForAsync(15, Eventually.Bound, Cancelled);
        await slow.WaitForDeliveredAsync(25, Eventually.Bound, Cancelled);
        await first.StopAsync();
        await second.StopAsync();

        Assert.Equal([15, 15], topic.Committed(group));
        Assert.All(other.Messages, m => Assert.Equal(taken, m.Partition));
        Assert.Equal(Enumerable.Range(0, 15).Select(i => (long)i), other.Messages.Select(m => m.Offset).Order());
    }

    [Fact]
    public async Task With_a_shared_store_the_next_owner_waits_for_a_call_that_is_still_under_way_and_does_not_repeat_it()
    {
        using var topic = await TestTopic.CreateAsync(cluster, partitions: 2);
        using var store = new InMemoryIdempotencyStore(new IdempotencyOptions(), TimeProvider.System);
        var group = KafkaCluster.UniqueName("group");
        await topic.ProduceAsync(BothPartitions("m", 10));
        var release = new TaskCompletionSource();
        var slow = new ScriptedSink((message, _) => message.Offset == 0 ? SinkAnswer.Block(release.Task) : SinkAnswer.Succeed);
        await using var first = await JoinAsync(slow);
        await slow.WaitForDeliveredAsync(18, Eventually.Bound, Cancelled);

        // The second takes a partition over, whose first message is still in the first member's sink.
        var other = new RecordingSink();
        await using var second = await JoinAsync(other);
        await second.UntilOwnsAsync(1);
        await Eventually.TrueAsync(() => second.Held == 1, "nothing is left in its hands but the message that the other delivers", Cancelled);
        release.SetResult();
        await UntilCommittedAsync(topic, group, 0, 10);
        await UntilCommittedAsync(topic, group, 1, 10);

        Assert.Empty(other.Messages);
        Assert.Equal(20, slow.Attempts.Count);

        Task<ConsumerHost> JoinAsync(object sink) => ConsumerHost.StartAsync(
            cluster, topic, sink, options => options.DrainTimeout = TimeSpan.FromMilliseconds(300),
            consumer => consumer.UseIdempotencyStore(_ => store), group);
    }

    [Fact]
    public async Task A_call_that_ends_after_its_partition_was_away_and_came_back_settles_nothing_of_the_new_assignment()
    {
        using var topic = await TestTopic.CreateAsync(cluster, partitions: 2);
        var group = KafkaCluster.UniqueName("group");
        await topic.ProduceAsync(BothPartitions("m", 3));
        var release = new TaskCompletionSource();
        var slow = new ScriptedSink((message, _) => message.Offset == 0 ? SinkAnswer.Block(release.Task) : SinkAnswer.Succeed);
        await using var first = await ConsumerHost.StartAsync(
            cluster, topic, slow, options => options.DrainTimeout = TimeSpan.FromMilliseconds(300), group: group);
        await slow.WaitForAttemptsAsync(6, Eventually.Bound, Cancelled);

        // The second takes a partition, gets nowhere, and goes.
        var stuck = new ScriptedSink((_, _) => SinkAnswer.Hang);
        var second = await ConsumerHost.StartAsync(
            cluster, topic, stuck, options => options.DrainTimeout = TimeSpan.FromMilliseconds(300), group: group);
        await stuck.WaitForAttemptsAsync(3, Eventually.Bound, Cancelled);
        await second.DisposeAsync();
        await first.UntilOwnsAsync(2);

        // The partition is back and so is its first message, behind the call that has been under way all the time.
        await Eventually.TrueAsync(() => first.Held >= 3, "the messages of the partition are back", Cancelled);
        Assert.Equal([0, 0], topic.Committed(group));
        release.SetResult();
        await UntilCommittedAsync(topic, group, 0, 3);
        await UntilCommittedAsync(topic, group, 1, 3);

        // What the late call delivered is known, so it did not go out twice.
        Assert.Equal(6, slow.Delivered.Count);
        Assert.Equal(6, slow.Delivered.Select(m => m.Id).Distinct().Count());
    }

    [Fact]
    public async Task A_partition_that_was_paused_when_it_went_is_read_when_it_comes_back()
    {
        using var topic = await TestTopic.CreateAsync(cluster, partitions: 2);
        var group = KafkaCluster.UniqueName("group");
        var isDown = true;
        var sink = new ScriptedSink((_, _) => Volatile.Read(ref isDown) ? SinkAnswer.Fail(ErrorType.ServiceUnavailable) : SinkAnswer.Succeed);
        await using var first = await ConsumerHost.StartAsync(
            cluster, topic, sink, options => options.Breaker.BreakDuration = TimeSpan.FromMilliseconds(500), group: group);
        await first.UntilOwnsAsync(2);
        await topic.ProduceAsync(BothPartitions("before", 100));
        await Eventually.TrueAsync(() => first.PauseReasons == PauseReasons.BreakerOpen, "the breaker has paused both partitions", Cancelled);

        // One partition goes while it is paused; meanwhile the endpoint recovers.
        var second = await ConsumerHost.StartAsync(cluster, topic, new RecordingSink(), group: group);
        await second.UntilOwnsAsync(1);
        await first.UntilOwnsAsync(1);
        Volatile.Write(ref isDown, false);
        await Eventually.TrueAsync(() => first.PauseReasons == PauseReasons.None, "the breaker is closed", Cancelled);
        await second.StopAsync();
        await second.DisposeAsync();
        await first.UntilOwnsAsync(2);

        await topic.ProduceAsync(BothPartitions("after", 20));
        await Eventually.TrueAsync(
            () => sink.Delivered.Count(m => m.Id.StartsWith("after", StringComparison.Ordinal)) == 40, "both partitions are read", Cancelled);
    }

    private static IEnumerable<TestRecord> BothPartitions(string id, int each) =>
        Enumerable.Range(0, 2 * each).Select(i => TestRecord.Of($"{id}-{i}", $"key-{i}", partition: i % 2));

    private static Task UntilCommittedAsync(TestTopic topic, string group, int partition, long offset) => Eventually.TrueAsync(
        () => topic.Committed(group)[partition] == offset, $"offset {offset} of partition {partition} is committed", Cancelled);
}
