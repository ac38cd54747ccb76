using CloudSync.Sdk;
using CloudSync.Sdk.Testing;
using CloudSync.Tests;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Xunit;

namespace CloudSync.IntegrationTests.Consuming;

/// <summary>A stop finishes what it began, to a deadline, and leaves the rest for the next start.</summary>
public sealed class StopTests(KafkaCluster cluster)
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Calls_under_way_are_finished_and_committed_and_nothing_further_is_begun()
    {
        using var topic = await TestTopic.CreateAsync(cluster);
        var group = KafkaCluster.UniqueName("group");
        await topic.ProduceAsync(TestRecord.Many(10, i => $"key-{i}"));
        var release = new TaskCompletionSource();
        var sink = new ScriptedSink((_, _) => SinkAnswer.Block(release.Task));
        await using var consumer = await ConsumerHost.StartAsync(
            cluster, topic, sink, options => (options.MaxConcurrency, options.DrainTimeout) = (4, Eventually.Bound), group: group);
        await sink.WaitForAttemptsAsync(4, Eventually.Bound, Cancelled);

        var stopping = consumer.StopAsync();
        await Eventually.TrueAsync(() => consumer.PauseReasons.HasFlag(PauseReasons.Stopping), "it drains", Cancelled);
        Assert.False(stopping.IsCompleted);
        release.SetResult();
        await stopping;

        Assert.Equal(4, sink.Attempts.Count);
        Assert.Equal(4, sink.Delivered.Count);
        Assert.Equal([4], topic.Committed(group));

        var next = new RecordingSink();
        await using var restarted = await ConsumerHost.StartAsync(cluster, topic, next, group: group);
        await next.WaitForAsync(6, Eventually.Bound, Cancelled);
        Assert.Equal([4, 5, 6, 7, 8, 9], next.Messages.Select(m => m.Offset).Order());
    }

    /// <summary>The host stops its services one after the other. Were a consumer to drain only when it is its turn, the drain times would add up, past what the platform gives.</summary>
    [Fact]
    public async Task Two_consumers_of_a_process_drain_at_the_same_time()
    {
        using var topic = await TestTopic.CreateAsync(cluster);
        await topic.ProduceAsync(TestRecord.Of("0"));
        var release = new TaskCompletionSource();
        var (first, second) = (new ScriptedSink((_, _) => SinkAnswer.Block(release.Task)), new ScriptedSink((_, _) => SinkAnswer.Block(release.Task)));
        var builder = Host.CreateApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        foreach (var (name, sink) in (ReadOnlySpan<(string, ScriptedSink)>)[("first", first), ("second", second)])
        {
            var group = KafkaCluster.UniqueName("group");
            builder.Services.AddCloudSyncConsumer(name).UseSink(_ => sink).Configure(options => ConsumerHost.Configure(options, cluster, topic, group))
                .Configure(options => options.DrainTimeout = Eventually.Bound);
        }

        using var host = builder.Build();
        await host.StartAsync(Cancelled);
        await first.WaitForAttemptsAsync(1, Eventually.Bound, Cancelled);
        await second.WaitForAttemptsAsync(1, Eventually.Bound, Cancelled);

        var stopping = host.StopAsync(Cancelled);
        await Eventually.TrueAsync(() => IsStopping("first") && IsStopping("second"), "both drain", Cancelled);
        Assert.False(stopping.IsCompleted);
        release.SetResult();
        await stopping;

        Assert.Equal((1, 1), (first.Delivered.Count, second.Delivered.Count));

        bool IsStopping(string name) => host.Services.GetRequiredKeyedService<ICloudSyncConsumer>(name).Status.Paused.HasFlag(PauseReasons.Stopping);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_call_beyond_the_drain_time_is_left_uncommitted_and_delivered_after_a_restart(bool heedsItsToken)
    {
        using var topic = await TestTopic.CreateAsync(cluster);
        var group = KafkaCluster.UniqueName("group");
        await topic.ProduceAsync(TestRecord.Many(5, i => $"key-{i}"));
        var release = new TaskCompletionSource();
        var sink = new ScriptedSink().On("1", heedsItsToken ? SinkAnswer.Hang : SinkAnswer.Block(release.Task));
        await using (var consumer = await ConsumerHost.StartAsync(
            cluster, topic, sink, options => options.DrainTimeout = TimeSpan.FromMilliseconds(500), group: group))
        {
            await sink.WaitForDeliveredAsync(4, Eventually.Bound, Cancelled);
            await consumer.StopAsync();
        }

        Assert.Equal([1], topic.Committed(group));

        // A call that was left behind may end whenever it likes.
        release.SetResult();
        var next = new RecordingSink();
        await using var restarted = await ConsumerHost.StartAsync(cluster, topic, next, group: group);
        await next.WaitForAsync(4, Eventually.Bound, Cancelled);
        Assert.Equal(["1", "2", "3", "4"], next.Messages.Select(m => m.Id).Order());
        await restarted.StopAsync();
        Assert.Equal([5], topic.Committed(group));
    }

    [Theory]
    [InlineData(MessageOrdering.Key, true)]
    [InlineData(MessageOrdering.Partition, false)]
    public async Task Stops_and_starts_under_load_lose_nothing_and_repeat_nothing(MessageOrdering ordering, bool withALastingStore)
    {
        const int Lives = 8;
        using var store = new InMemoryIdempotencyStore(new IdempotencyOptions(), TimeProvider.System);
        using var topic = await TestTopic.CreateAsync(cluster, partitions: 4);
        var group = KafkaCluster.UniqueName("group");
        await topic.ProduceAsync(TestRecord.Many(Lives * 1_000, i => $"key-{i % 200}"));
        var sink = new ScriptedSink((message, _) => message.Offset % 3 == 0 ? SinkAnswer.Delay(TimeSpan.FromMilliseconds(1)) : SinkAnswer.Succeed);

        for (var life = 1; life < Lives; life++)
        {
            await using var consumer = await StartAsync();
            await sink.WaitForDeliveredAsync(life * 500, Eventually.Bound, Cancelled);
            await consumer.StopAsync();
        }

        await using var last = await StartAsync();
        await sink.WaitForDeliveredAsync(Lives * 1_000, Eventually.Bound, Cancelled);
        await last.StopAsync();
        Assert.Equal(Lives * 1_000, sink.Delivered.Select(m => m.Id).Distinct().Count());
        Assert.Equal(Lives * 1_000, sink.Attempts.Count);
        Assert.Equal(topic.EndOffsets(), topic.Committed(group));

        // Without a lasting memory, only what is committed keeps messages from coming twice: all that was delivered, when a partition's come one at a time.
        Task<ConsumerHost> StartAsync() => ConsumerHost.StartAsync(
            cluster, topic, sink, options => (options.Ordering, options.Idempotency.Enabled) = (ordering, withALastingStore),
            consumer => consumer.UseIdempotencyStore(_ => store), group);
    }

    [Fact]
    public async Task Messages_that_wait_for_a_retry_do_not_hold_up_a_stop_and_come_again()
    {
        using var topic = await TestTopic.CreateAsync(cluster);
        var group = KafkaCluster.UniqueName("group");
        await topic.ProduceAsync(TestRecord.Many(3, i => $"key-{i}"));
        var sink = new ScriptedSink().On("0", SinkAnswer.Fail(ErrorType.ServiceUnavailable));
        await using (var consumer = await ConsumerHost.StartAsync(
            cluster, topic, sink, options => (options.Retry.InitialDelay, options.Retry.MaxDelay) = (TimeSpan.FromHours(1), TimeSpan.FromHours(1)), group: group,
            build: consumer => consumer.Configure(options => options.Idempotency.Retention = TimeSpan.FromDays(1))))
        {
            await consumer.UntilLoggedAsync(ConsumerHost.WillRetry);
            await sink.WaitForDeliveredAsync(2, Eventually.Bound, Cancelled);
            await consumer.StopAsync();
        }

        Assert.Equal([0], topic.Committed(group));
        var next = new RecordingSink();
        await using var restarted = await ConsumerHost.StartAsync(cluster, topic, next, group: group);
        await next.WaitForAsync(3, Eventually.Bound, Cancelled);
    }

    /// <summary>A host whose other service fails to start is disposed of without a stop. Tests, and programs that go on without it, live on in the same process.</summary>
    [Fact]
    public async Task A_consumer_whose_host_failed_to_start_leaves_its_group()
    {
        using var topic = await TestTopic.CreateAsync(cluster);
        var group = KafkaCluster.UniqueName("group");
        await topic.ProduceAsync(TestRecord.Of("0"));
        var abandoned = new RecordingSink();
        var builder = Host.CreateApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        builder.Services.AddCloudSyncConsumer("test").UseSink(_ => abandoned).Configure(options => ConsumerHost.Configure(options, cluster, topic, group));
        builder.Services.AddHostedService(_ => new FailsToStart(abandoned));
        using (var host = builder.Build())
            await Assert.ThrowsAsync<NotSupportedException>(() => host.StartAsync(Cancelled));

        var sink = new RecordingSink();
        await using var consumer = await ConsumerHost.StartAsync(cluster, topic, sink, group: group);
        await consumer.UntilOwnsAsync(1);
        await topic.ProduceAsync(TestRecord.Of("1"));
        await sink.WaitForAsync(1, Eventually.Bound, Cancelled);

        Assert.Equal("1", Assert.Single(sink.Messages).Id);
        Assert.Equal("0", Assert.Single(abandoned.Messages).Id);
    }

    private sealed class FailsToStart(RecordingSink sink) : IHostedService
    {
        public async Task StartAsync(CancellationToken cancellationToken)
        {
            await sink.WaitForAsync(1, Eventually.Bound, cancellationToken);
            throw new NotSupportedException("This service can't start.");
        }

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
