using CloudSync.IntegrationTests.Consuming;
using CloudSync.Sdk;
using CloudSync.Sdk.Testing;
using CloudSync.Tests;
using Xunit;

namespace CloudSync.IntegrationTests.Delivery;

/// <summary>A message that fails is tried again, and holds up its own key alone.</summary>
public sealed class RetryTests(KafkaCluster cluster)
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(1)]
    [InlineData(16)]
    public async Task A_key_that_backs_off_delays_no_other_key_of_its_partition_and_pins_the_commit(int concurrency)
    {
        const int Others = 300;
        using var topic = await TestTopic.CreateAsync(cluster);
        await topic.ProduceAsync([TestRecord.Of("good-before", "good"), .. Bad(3), .. TestRecord.Many(Others, i => $"key-{i % 20}")]);
        var isRefused = true;
        var sink = new ScriptedSink((message, _) =>
            message.Id == "bad-0" && Volatile.Read(ref isRefused) ? SinkAnswer.Fail(ErrorType.Transient) : SinkAnswer.Succeed);
        await using var consumer = await ConsumerHost.StartAsync(cluster, topic, sink, options =>
        {
            options.MaxConcurrency = concurrency;
            options.Retry.MaxRetryAttempts = 1_000;
            options.Idempotency.Retention = TimeSpan.FromDays(1);
        });

        // Everything else, and the first of the bad key is still being tried.
        await sink.WaitForDeliveredAsync(1 + Others, Eventually.Bound, Cancelled);
        await Eventually.TrueAsync(() => topic.Committed(consumer.Group)[0] > 0, "something is committed", Cancelled);
        var tries = sink.AttemptsAt("bad-0");
        await Eventually.TrueAsync(() => sink.AttemptsAt("bad-0") > tries + 1, "it is tried again", Cancelled);
        Assert.DoesNotContain(sink.Delivered, m => m.Id.StartsWith("bad", StringComparison.Ordinal));
        Assert.Equal([1], topic.Committed(consumer.Group));

        Volatile.Write(ref isRefused, false);
        var delivered = await sink.WaitForDeliveredAsync(1 + Others + 3, Eventually.Bound, Cancelled);
        await consumer.StopAsync();

        Assert.Equal(["bad-0", "bad-1", "bad-2"], delivered.Where(m => m.Id.StartsWith("bad", StringComparison.Ordinal)).Select(m => m.Id));
        Assert.Equal(topic.EndOffsets(), topic.Committed(consumer.Group));
    }

    private static IEnumerable<TestRecord> Bad(int count) => Enumerable.Range(0, count).Select(i => TestRecord.Of($"bad-{i}", "bad"));
}
