using CloudSync.IntegrationTests.Consuming;
using CloudSync.Sdk;
using CloudSync.Sdk.Testing;
using CloudSync.Tests;
using Xunit;

namespace CloudSync.IntegrationTests.Delivery;

/// <summary>An outage of the endpoint is not the messages' fault.</summary>
public sealed class BreakerTests(KafkaCluster cluster)
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(ErrorType.ServiceUnavailable)]
    [InlineData(ErrorType.Authentication)]
    public async Task An_outage_pauses_the_group_without_leaving_it_and_dead_letters_nothing_until_a_probe_gets_through(ErrorType outage)
    {
        const int Count = 1_000;
        using var topic = await TestTopic.CreateAsync(cluster, partitions: 6);
        var isDown = true;
        var sink = new ScriptedSink((_, _) => Volatile.Read(ref isDown) ? SinkAnswer.Fail(outage) : SinkAnswer.Succeed);
        await using var consumer = await ConsumerHost.StartAsync(cluster, topic, sink, options =>
        {
            options.MaxConcurrency = 4;
            options.Retry.MaxRetryAttempts = 2;
            options.Breaker.FailuresToOpen = 3;
            options.Breaker.BreakDuration = TimeSpan.FromMilliseconds(500);
        });
        await consumer.UntilOwnsAsync(6);
        await topic.ProduceAsync(TestRecord.Many(Count, i => $"key-{i % 100}"));

        // More probes than a message has attempts.
        await consumer.UntilLoggedAsync(ConsumerHost.BreakerOpened, times: 6);
        Assert.Equal(PauseReasons.BreakerOpen, consumer.PauseReasons);
        var attempts = sink.Attempts.Count;
        Assert.InRange(attempts, 1, 4 + 3 + consumer.Logged(ConsumerHost.BreakerOpened));

        Volatile.Write(ref isDown, false);
        await sink.WaitForDeliveredAsync(Count, Eventually.Bound, Cancelled);
        await consumer.StopAsync();

        Assert.Equal(Count, sink.Delivered.Select(m => m.Id).Distinct().Count());
        Assert.Equal(Count, sink.Delivered.Count);
        Assert.Equal(1, consumer.Logged(ConsumerHost.BreakerClosed));
        Assert.Equal(0, consumer.Logged(ConsumerHost.DeadLettered));
        Assert.Equal(1, consumer.Logged(ConsumerHost.Assigned));
        Assert.Equal(0, consumer.Logged(ConsumerHost.Lost));
        Assert.Equal(topic.EndOffsets(), topic.Committed(consumer.Group));
    }

    [Fact]
    public async Task A_batch_that_fails_once_is_one_failure_however_many_messages_it_carried()
    {
        const int Count = 100;
        using var topic = await TestTopic.CreateAsync(cluster);
        await topic.ProduceAsync(TestRecord.Many(Count, i => $"key-{i}"));
        var sink = new FailsOnce(new RecordingSink());
        await using var consumer = await ConsumerHost.StartAsync(cluster, topic, sink, options => options.MaxConcurrency = 1);

        await sink.Delivered.WaitForAsync(Count, Eventually.Bound, Cancelled);

        Assert.Equal(1, consumer.Logged(ConsumerHost.BatchTakenApart));
        Assert.Equal(0, consumer.Logged(ConsumerHost.BreakerOpened));
    }

    [Fact]
    public async Task A_message_that_always_fails_is_dead_lettered_while_others_get_through_and_does_not_hold_the_breaker_open()
    {
        const int Others = 100;
        using var topic = await TestTopic.CreateAsync(cluster);
        using var deadLetters = await TestTopic.CreateAsync(cluster);
        await topic.ProduceAsync([TestRecord.Of("bad", "bad"), .. TestRecord.Many(Others, i => $"key-{i}")]);
        var sink = new ScriptedSink((message, _) => message.Id == "bad" ? SinkAnswer.Fail(ErrorType.ServiceUnavailable) : SinkAnswer.Succeed);
        await using var consumer = await ConsumerHost.StartAsync(cluster, topic, sink, options =>
        {
            options.DeadLetters.Topic = deadLetters.Name;
            options.Breaker.FailuresToOpen = 1;
            options.Breaker.BreakDuration = TimeSpan.FromMilliseconds(500);
        });

        await sink.WaitForDeliveredAsync(Others, Eventually.Bound, Cancelled);

        // It gets its attempts while the endpoint takes other messages: those are what proves that the endpoint is up.
        var more = Others;
        await Eventually.TrueAsync(
            async () =>
            {
                await topic.ProduceAsync(TestRecord.Of($"more-{more++}", "more"));
                return consumer.Logged(ConsumerHost.DeadLettered) == 1;
            },
            "the bad message is dead-lettered",
            Cancelled);

        await sink.WaitForDeliveredAsync(more, Eventually.Bound, Cancelled);
        await consumer.StopAsync();
        Assert.Equal("bad", Assert.Single(deadLetters.ReadAll()).Message.Key is { } key ? System.Text.Encoding.UTF8.GetString(key) : null);
        Assert.Equal(topic.EndOffsets(), topic.Committed(consumer.Group));
    }

    private sealed class FailsOnce(RecordingSink delivered) : IBatchCloudSink
    {
        private int _calls;

        public RecordingSink Delivered => delivered;

        public ValueTask<IReadOnlyList<SinkResult>> SendAsync(IReadOnlyList<SyncMessage> messages, CancellationToken cancellationToken) =>
            Interlocked.Increment(ref _calls) == 1 ? throw new TimeoutException("The first call takes too long.") : delivered.SendAsync(messages, cancellationToken);
    }
}
