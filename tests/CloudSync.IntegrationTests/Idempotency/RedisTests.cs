using CloudSync.IntegrationTests.Consuming;
using CloudSync.Sdk;
using CloudSync.Sdk.Testing;
using CloudSync.Tests;
using Microsoft.Extensions.Configuration;
using StackExchange.Redis;
using Xunit;

namespace CloudSync.IntegrationTests.Idempotency;

/// <summary>A group whose members share a Redis: what one of them has delivered, none delivers again, whoever dies and whoever takes over.</summary>
public sealed class RedisTests(KafkaCluster cluster)
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    /// <summary>The endpoint holds its answers, so all that is under way at the kill is known: only that may come again, since nobody can know whether it had its effect.</summary>
    [Fact]
    public async Task What_a_killed_process_delivered_does_not_come_again_and_what_was_under_way_comes_with_the_same_key()
    {
        const int Count = 2_000, Concurrency = 16;
        using var topic = await TestTopic.CreateAsync(cluster, partitions: 4);
        await using var redis = await EmbeddedRedis.StartAsync();
        await using var endpoint = await LedgerEndpoint.StartAsync();
        var group = KafkaCluster.UniqueName("group");

        // Each id three times: under the same key, and twice elsewhere, long after.
        await topic.ProduceAsync(TestRecord.Many(Count, i => $"key-{i % 100}"));
        await topic.ProduceAsync(TestRecord.Many(Count, i => $"key-{i % 100}"));
        await topic.ProduceAsync(TestRecord.Many(Count, i => $"other-{i % 90}"));

        endpoint.HoldAfter(Count / 4);
        using (var process = Start())
        {
            await process.UntilAsync(() => endpoint.Held.Count == Concurrency, "all its calls are under way");
            await using var connection = await ConnectionMultiplexer.ConnectAsync(redis.Address);
            await using var store = new RedisIdempotencyStore(connection, new RedisStoreSettings { Group = group, KeyPrefix = "cloudsync", Retention = TimeSpan.FromHours(1) });
            await Eventually.TrueAsync(() => CompletedAsync(store, group, endpoint.Answered), "what was answered is completed", Cancelled);
            await process.KillAsync();
        }

        var underWay = endpoint.Held.ToHashSet();
        endpoint.AnswerAgain();
        using var second = Start();
        using var third = Start();
        await second.UntilAsync(() => endpoint.Answered.Count == Count, "everything has been answered");
        await third.UntilAsync(() => topic.Committed(group).SequenceEqual(topic.EndOffsets()), "everything is committed, the copies too");

        Assert.All(endpoint.Requests, request => Assert.Equal(underWay.Contains(request.Key) ? 2 : 1, request.Value.Length));
        Assert.All(endpoint.Requests, request => Assert.All(request.Value, key => Assert.Equal(request.Key, key)));
        Assert.Contains("CloudSync.Consumer.test[1121]", second.Output + third.Output, StringComparison.Ordinal);

        ConsumerProcess Start() => ConsumerProcess.Start(
            cluster,
            topic,
            group,
            $"--Http:Url={endpoint.Url}",
            $"--Redis:Endpoints={redis.Address}",
            $"--CloudSync:MaxConcurrency={Concurrency}",
            "--CloudSync:SinkTimeout=00:00:15",
            "--CloudSync:Idempotency:Lease=00:00:15");
    }

    [Fact]
    public async Task A_request_whose_answer_was_lost_comes_again_with_the_same_key_and_no_other_does()
    {
        const int Count = 300;
        using var topic = await TestTopic.CreateAsync(cluster, partitions: 3);
        await using var redis = await EmbeddedRedis.StartAsync();
        await using var endpoint = await LedgerEndpoint.StartAsync((id, request) => IsUnlucky(id) && request == 1);
        await topic.ProduceAsync(TestRecord.Many(Count, i => $"key-{i % 30}"));
        await using var consumer = await ConsumerHost.StartAsync(
            cluster, topic, new RecordingSink(), build: builder => builder
                .UseHttpSink(new ConfigurationBuilder().Build(), http => http.Url = endpoint.Url)
                .UseRedisIdempotency(r => r.Endpoints = redis.Address));

        await Eventually.TrueAsync(() => topic.Committed(consumer.Group).SequenceEqual(topic.EndOffsets()), "everything is committed", Cancelled);

        Assert.Equal(Count, endpoint.Answered.Count);
        Assert.All(endpoint.Requests, request => Assert.Equal(IsUnlucky(request.Key) ? 2 : 1, request.Value.Length));
        Assert.All(endpoint.Requests, request => Assert.All(request.Value, key => Assert.Equal(request.Key, key)));

        static bool IsUnlucky(string id) => id.EndsWith('7');
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task While_members_come_and_go_each_id_is_delivered_once(bool inBatches)
    {
        const int Waves = 6, Wave = 300;
        using var topic = await TestTopic.CreateAsync(cluster, partitions: 6);
        await using var redis = await EmbeddedRedis.StartAsync();
        var group = KafkaCluster.UniqueName("group");
        var sink = new ScriptedSink((message, _) => SinkAnswer.Delay(TimeSpan.FromMilliseconds(message.Offset % 10)));
        await using var first = await JoinAsync();
        await using var second = await JoinAsync();

        // Each wave has the copies of the one before, most of which stand in other partitions, and finds the group in a rebalance.
        for (var wave = 0; wave < Waves; wave++)
        {
            var visitor = await JoinAsync();
            var number = wave;
            await topic.ProduceAsync(
                TestRecord.Many((wave + 1) * Wave, i => $"key-{(i + number) % 50}").Skip(Math.Max(0, wave - 1) * Wave));
            if (wave % 2 == 0)
                await visitor.UntilLoggedAsync(ConsumerHost.Assigned);

            await visitor.StopAsync();
            await visitor.DisposeAsync();
        }

        await Eventually.TrueAsync(() => topic.Committed(group).SequenceEqual(topic.EndOffsets()), "everything is committed, the copies too", Cancelled);

        Assert.Equal(Waves * Wave, sink.Delivered.Count);
        Assert.Equal(Waves * Wave, sink.Delivered.Select(m => m.Id).Distinct().Count());

        Task<ConsumerHost> JoinAsync() => ConsumerHost.StartAsync(
            cluster,
            topic,
            inBatches ? new BatchesOnly(sink) : sink,
            options => options.MaxBatchSize = 20,
            builder => builder.UseRedisIdempotency(r => r.Endpoints = redis.Address),
            group);
    }

    [Fact]
    public async Task Two_clouds_that_share_a_redis_each_get_every_id_once()
    {
        const int Count = 300;
        using var topic = await TestTopic.CreateAsync(cluster, partitions: 3);
        await using var redis = await EmbeddedRedis.StartAsync();
        await topic.ProduceAsync(TestRecord.Many(Count, i => $"key-{i % 30}").Concat(TestRecord.Many(Count, i => $"key-{i % 31}")));
        ScriptedSink[] sinks = [new(), new()];
        await using var aws = await StartAsync(sinks[0]);
        await using var azure = await StartAsync(sinks[1]);

        foreach (var group in (string[])[aws.Group, azure.Group])
            await Eventually.TrueAsync(() => topic.Committed(group).SequenceEqual(topic.EndOffsets()), "everything is committed", Cancelled);

        Assert.All(sinks, sink => Assert.Equal(Count, sink.Delivered.Count));
        Assert.All(sinks, sink => Assert.Equal(Count, sink.Delivered.Select(m => m.Id).Distinct().Count()));

        Task<ConsumerHost> StartAsync(ScriptedSink sink) =>
            ConsumerHost.StartAsync(cluster, topic, sink, build: builder => builder.UseRedisIdempotency(r => r.Endpoints = redis.Address));
    }

    /// <summary>It comes back empty, so only what was delivered before the outage and is sent again after it is delivered again.</summary>
    [Fact]
    public async Task A_redis_that_goes_away_under_load_and_comes_back_empty_loses_nothing_and_repeats_only_copies_of_what_it_forgot()
    {
        const int Before = 500, During = 500;
        using var topic = await TestTopic.CreateAsync(cluster, partitions: 3);
        await using var redis = await EmbeddedRedis.StartAsync();
        var sink = new ScriptedSink((message, _) => SinkAnswer.Delay(TimeSpan.FromMilliseconds(message.Offset % 3)));
        await using var consumer = await ConsumerHost.StartAsync(
            cluster,
            topic,
            sink,
            options => (options.Idempotency.StoreTimeout, options.MaxConcurrency) = (TimeSpan.FromSeconds(2), 8),
            builder => builder.UseRedisIdempotency(r => r.Endpoints = redis.Address));
        await topic.ProduceAsync(TestRecord.Many(Before, i => $"key-{i % 50}"));
        await sink.WaitForDeliveredAsync(Before / 2, Eventually.Bound, Cancelled);

        await redis.StopAsync();
        await topic.ProduceAsync(TestRecord.Many(Before + During, i => $"key-{i % 50}").Skip(Before));
        await Eventually.TrueAsync(() => consumer.PauseReasons.HasFlag(PauseReasons.StoreDown), "consumption pauses", Cancelled);
        await redis.StartAgainAsync();
        await Eventually.TrueAsync(() => topic.Committed(consumer.Group).SequenceEqual(topic.EndOffsets()), "everything is committed", Cancelled);

        Assert.Equal(Before + During, sink.Attempts.Count);
        Assert.Equal(Before + During, sink.Delivered.Select(m => m.Id).Distinct().Count());
        DeliveryTests.AssertKeyOrder(sink.Attempts);

        // Copies of all of them. What came after the outage is known.
        await topic.ProduceAsync(TestRecord.Many(Before + During, i => $"key-{i % 50}"));
        await Eventually.TrueAsync(() => topic.Committed(consumer.Group).SequenceEqual(topic.EndOffsets()), "the copies are committed", Cancelled);
        var repeated = sink.Delivered.Skip(Before + During).Select(m => m.Id).ToHashSet();
        Assert.NotEmpty(repeated);
        Assert.All(repeated, id => Assert.Contains(id, TestRecord.Many(Before, _ => null).Select(IdOf)));
    }

    [Fact]
    public async Task A_redis_that_writes_to_disk_is_killed_under_load_and_repeats_nothing()
    {
        const int Before = 500, During = 500;
        await using var redis = await RedisServer.StartAsync("--appendonly", "yes", "--appendfsync", "always");
        using var topic = await TestTopic.CreateAsync(cluster, partitions: 3);
        var sink = new ScriptedSink((message, _) => SinkAnswer.Delay(TimeSpan.FromMilliseconds(message.Offset % 3)));
        await using var consumer = await ConsumerHost.StartAsync(
            cluster,
            topic,
            sink,
            options => (options.Idempotency.StoreTimeout, options.MaxConcurrency) = (TimeSpan.FromSeconds(2), 8),
            builder => builder.UseRedisIdempotency(r => r.Endpoints = redis.Address));
        await topic.ProduceAsync(TestRecord.Many(Before, i => $"key-{i % 50}"));
        await sink.WaitForDeliveredAsync(Before / 2, Eventually.Bound, Cancelled);

        await redis.KillAsync();
        await topic.ProduceAsync(TestRecord.Many(Before + During, i => $"key-{i % 50}"));
        await Eventually.TrueAsync(() => consumer.PauseReasons.HasFlag(PauseReasons.StoreDown), "consumption pauses", Cancelled);
        await redis.StartAgainAsync();
        await Eventually.TrueAsync(() => topic.Committed(consumer.Group).SequenceEqual(topic.EndOffsets()), "everything is committed", Cancelled);

        Assert.Equal(Before + During, sink.Attempts.Count);
        Assert.Equal(Before + During, sink.Delivered.Select(m => m.Id).Distinct().Count());
        DeliveryTests.AssertKeyOrder(sink.Attempts);
    }

    [Fact]
    public async Task With_deliver_anyway_messages_are_delivered_while_redis_is_away_and_recognised_when_it_is_back()
    {
        const int Count = 300;
        using var topic = await TestTopic.CreateAsync(cluster, partitions: 3);
        await using var redis = await EmbeddedRedis.StartAsync();
        await redis.StopAsync();
        var sink = new ScriptedSink();
        await using var consumer = await ConsumerHost.StartAsync(
            cluster,
            topic,
            sink,
            options => (options.Idempotency.StoreTimeout, options.Idempotency.WhenStoreFails) = (TimeSpan.FromSeconds(1), StoreOutagePolicy.DeliverAnyway),
            builder => builder.UseRedisIdempotency(r => r.Endpoints = redis.Address));
        await topic.ProduceAsync(TestRecord.Many(Count, i => $"key-{i % 30}"));
        await Eventually.TrueAsync(() => topic.Committed(consumer.Group).SequenceEqual(topic.EndOffsets()), "everything is committed", Cancelled);
        Assert.Equal(Count, sink.Delivered.Count);
        Assert.Equal(1, consumer.Logged(ConsumerHost.DeliversAnyway));

        // Messages that come now find out that it is back.
        await redis.StartAgainAsync();
        var more = Count;
        await Eventually.TrueAsync(
            async () =>
            {
                await topic.ProduceAsync(TestRecord.Many(++more, _ => null).Last());
                return consumer.Logged(ConsumerHost.StoreAnswers) > 0;
            },
            "the store answers again",
            Cancelled);
        await topic.ProduceAsync(Enumerable.Repeat(TestRecord.Of("copies", "key"), 20));
        await Eventually.TrueAsync(() => topic.Committed(consumer.Group).SequenceEqual(topic.EndOffsets()), "everything is committed", Cancelled);
        Assert.Equal(more + 1, sink.Attempts.Count);
    }

    private static string IdOf(TestRecord record) => System.Text.Encoding.UTF8.GetString(record.Headers.GetLastBytes("ce_id"));

    private static async Task<bool> CompletedAsync(RedisIdempotencyStore store, string group, ICollection<string> ids)
    {
        var fingerprint = new MessageFingerprint(group);
        var results = new ClaimResult[ids.Count];
        var keys = ids.Select(id => fingerprint.Of(SyncMessage.Create("v"u8.ToArray(), id: id))).ToArray();
        await store.ClaimAsync(keys, TimeSpan.FromSeconds(1), results, Cancelled);
        return results.All(result => result.Status == ClaimStatus.Completed);
    }
}
