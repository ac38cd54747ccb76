using CloudSync.IntegrationTests.Consuming;
using CloudSync.Sdk;
using CloudSync.Sdk.Testing;
using CloudSync.Tests;
using Xunit;

namespace CloudSync.IntegrationTests.Idempotency;

/// <summary>What a producer sent twice reaches the sink once.</summary>
public sealed class DuplicateTests(KafkaCluster cluster)
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_id_that_a_producer_sent_several_times_reaches_the_sink_once_wherever_it_stands(bool inBatches)
    {
        const int Count = 200;
        using var topic = await TestTopic.CreateAsync(cluster, partitions: 3);

        // With the same key at once, with another key at once, and in another partition.
        await topic.ProduceAsync(Enumerable.Range(0, Count).SelectMany(i => new[]
        {
            TestRecord.Of($"{i}", $"key-{i % 20}", partition: 0), TestRecord.Of($"{i}", $"key-{i % 20}", partition: 0),
            TestRecord.Of($"{i}", "other", partition: 1), TestRecord.Of($"{i}", null, partition: 2),
        }));
        var sink = new ScriptedSink((message, _) => SinkAnswer.Delay(TimeSpan.FromMilliseconds(message.Offset % 3)));
        await using var consumer = await ConsumerHost.StartAsync(
            cluster, topic, inBatches ? new BatchesOnly(sink) : sink, options => options.MaxBatchSize = 20);

        await Eventually.TrueAsync(
            () => topic.Committed(consumer.Group).SequenceEqual([2 * Count, Count, Count]), "everything is committed, the duplicates too", Cancelled);

        Assert.Equal(Count, sink.Attempts.Count);
        Assert.Equal(Count, sink.Delivered.Select(m => m.Id).Distinct().Count());
    }

    [Fact]
    public async Task A_duplicate_of_a_message_that_could_not_be_delivered_is_no_duplicate()
    {
        using var topic = await TestTopic.CreateAsync(cluster);
        using var deadLetters = await TestTopic.CreateAsync(cluster);
        var sink = new ScriptedSink().On("a", SinkAnswer.Fail(ErrorType.Permanent));
        await using var consumer = await ConsumerHost.StartAsync(cluster, topic, sink, options => options.DeadLetters.Topic = deadLetters.Name);

        await topic.ProduceAsync(TestRecord.Of("a", "key"), TestRecord.Of("a", "key"));
        await sink.WaitForDeliveredAsync(1, Eventually.Bound, Cancelled);

        Assert.Equal(1, sink.Delivered.Single().Offset);
    }

    [Fact]
    public async Task A_copy_that_waits_for_another_is_delivered_when_that_one_is_not()
    {
        using var topic = await TestTopic.CreateAsync(cluster, partitions: 2);
        using var deadLetters = await TestTopic.CreateAsync(cluster);
        var release = new TaskCompletionSource();
        var sink = new ScriptedSink((message, attempt) =>
            message.Id == "a" && attempt == 1 ? SinkAnswer.Block(release.Task, SinkAnswer.Fail(ErrorType.Permanent)) : SinkAnswer.Succeed);
        await using var consumer = await ConsumerHost.StartAsync(cluster, topic, sink, options => options.DeadLetters.Topic = deadLetters.Name);
        await topic.ProduceAsync(TestRecord.Of("a", partition: 0));
        await sink.WaitForAttemptsAsync(1, Eventually.Bound, Cancelled);

        // The copy is read, since what stands behind it is delivered.
        await topic.ProduceAsync(TestRecord.Of("a", "key", partition: 1), TestRecord.Of("b", "other", partition: 1));
        await sink.WaitForDeliveredAsync(1, Eventually.Bound, Cancelled);
        Assert.Equal(0, topic.Committed(consumer.Group)[1]);
        release.SetResult();

        var delivered = await sink.WaitForDeliveredAsync(2, Eventually.Bound, Cancelled);
        Assert.Equal(("a", 1), (delivered[1].Id, delivered[1].Partition));
    }

    [Fact]
    public async Task A_store_that_does_not_answer_pauses_and_neither_loses_nor_repeats()
    {
        const int Count = 500;
        using var topic = await TestTopic.CreateAsync(cluster, partitions: 3);
        using var store = new MoodyStore();
        var sink = new ScriptedSink();
        await using var consumer = await ConsumerHost.StartAsync(
            cluster, topic, sink, build: consumer => consumer.UseIdempotencyStore(_ => store), configure: options => options.MaxConcurrency = 4);
        await topic.ProduceAsync(TestRecord.Many(Count, i => $"key-{i % 50}"));
        await sink.WaitForDeliveredAsync(Count / 5, Eventually.Bound, Cancelled);

        store.IsDown = true;
        await topic.ProduceAsync(TestRecord.Many(2 * Count, i => $"key-{i % 50}").Skip(Count));
        await Eventually.TrueAsync(() => consumer.PauseReasons.HasFlag(PauseReasons.StoreDown), "consumption pauses", Cancelled);
        store.IsDown = false;
        await sink.WaitForDeliveredAsync(2 * Count, Eventually.Bound, Cancelled);
        await consumer.StopAsync();

        Assert.Equal(2 * Count, sink.Attempts.Count);
        Assert.Equal(2 * Count, sink.Delivered.Select(m => m.Id).Distinct().Count());
        DeliveryTests.AssertKeyOrder(sink.Attempts);
        Assert.Equal(topic.EndOffsets(), topic.Committed(consumer.Group));
    }

    /// <summary>The process' own store, as if it stood behind a network that fails.</summary>
    private sealed class MoodyStore : IIdempotencyStore, IDisposable
    {
        private readonly InMemoryIdempotencyStore _store = new(new IdempotencyOptions(), TimeProvider.System);

        public volatile bool IsDown;

        public IdempotencyStatistics Statistics => _store.Statistics;

        public async ValueTask ClaimAsync(
            ReadOnlyMemory<IdempotencyKey> keys, TimeSpan lease, Memory<ClaimResult> results, CancellationToken cancellationToken)
        {
            await AnswerAsync();
            await _store.ClaimAsync(keys, lease, results, cancellationToken);
        }

        public async ValueTask CompleteAsync(ReadOnlyMemory<IdempotencyClaim> claims, Memory<bool> results, CancellationToken cancellationToken)
        {
            await AnswerAsync();
            await _store.CompleteAsync(claims, results, cancellationToken);
        }

        public async ValueTask ReleaseAsync(ReadOnlyMemory<IdempotencyClaim> claims, CancellationToken cancellationToken)
        {
            await AnswerAsync();
            await _store.ReleaseAsync(claims, cancellationToken);
        }

        public async ValueTask ExtendAsync(
            ReadOnlyMemory<IdempotencyClaim> claims, TimeSpan lease, Memory<bool> results, CancellationToken cancellationToken)
        {
            await AnswerAsync();
            await _store.ExtendAsync(claims, lease, results, cancellationToken);
        }

        public void Dispose() => _store.Dispose();

        private async Task AnswerAsync()
        {
            await Task.Yield();
            if (IsDown)
                throw new TimeoutException("The store does not answer.");
        }
    }
}
