using System.Diagnostics.Metrics;
using CloudSync.IntegrationTests.Consuming;
using CloudSync.Sdk.Testing;
using CloudSync.Tests;
using Xunit;

namespace CloudSync.IntegrationTests.Delivery;

/// <summary>A call of the sink that never returns is not waited for, and not believed when it does.</summary>
public sealed class LostCallTests(KafkaCluster cluster)
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_call_that_never_returns_holds_up_its_key_alone_goes_the_way_of_a_time_out_and_settles_nothing_when_it_returns_after_all()
    {
        const int Attempts = 3;
        const int Others = 2_000;
        using var topic = await TestTopic.CreateAsync(cluster, partitions: 4);
        using var deadLetters = await TestTopic.CreateAsync(cluster);
        await topic.ProduceAsync([TestRecord.Of("lost", "lost"), TestRecord.Of("behind-0", "lost"), TestRecord.Of("behind-1", "lost"), .. TestRecord.Many(Others, i => $"key-{i % 50}")]);
        var release = new TaskCompletionSource();
        var sink = new ScriptedSink((message, _) => message.Id == "lost" ? SinkAnswer.Block(release.Task) : SinkAnswer.Succeed);
        using var abandoned = new Counted("cloudsync.consumer.abandoned_calls");
        await using var consumer = await ConsumerHost.StartAsync(cluster, topic, sink, options =>
        {
            options.DeadLetters.Topic = deadLetters.Name;
            options.SinkTimeout = TimeSpan.FromMilliseconds(300);
            options.AbandonAfter = TimeSpan.FromMilliseconds(200);
            options.Retry.MaxRetryAttempts = Attempts - 1;
            options.Breaker.FailuresToOpen = Attempts;
        });

        // Everything else, while the key waits.
        await sink.WaitForDeliveredAsync(Others, Eventually.Bound, Cancelled);
        Assert.DoesNotContain(sink.Attempts, a => a.Message.Id.StartsWith("behind", StringComparison.Ordinal) && consumer.Logged(ConsumerHost.DeadLettered) == 0);

        // There is always something else to deliver, as there is under load: it proves that the endpoint is up.
        var more = Others;
        await Eventually.TrueAsync(
            async () =>
            {
                await topic.ProduceAsync(TestRecord.Of($"{more}", $"key-{more++ % 50}"));
                return consumer.Logged(ConsumerHost.DeadLettered) == 1;
            },
            "it is dead-lettered",
            Cancelled);
        await sink.WaitForDeliveredAsync(more + 2, Eventually.Bound, Cancelled);
        await Eventually.TrueAsync(() => topic.Committed(consumer.Group).SequenceEqual(topic.EndOffsets()), "everything is committed", Cancelled);

        Assert.Equal(Attempts, sink.AttemptsAt("lost"));
        Assert.Equal(Attempts, consumer.Logged(ConsumerHost.CallAbandoned));
        Assert.Equal(Attempts - 1, consumer.Logged(ConsumerHost.WillRetry));
        Assert.All(consumer.LoggedText(ConsumerHost.CallAbandoned), m => Assert.Contains("message lost", m, StringComparison.Ordinal));
        Assert.Equal(Attempts, abandoned.Of(topic.Name));
        DeliveryTests.AssertKeyOrder(sink.Attempts.Where(a => a.Message.Id != "lost"));

        // Three late answers.
        var committed = topic.Committed(consumer.Group);
        release.SetResult();
        await consumer.UntilLoggedAsync(ConsumerHost.AbandonedEnded, times: Attempts);
        await topic.ProduceAsync(TestRecord.Of("last", "lost"));
        await sink.WaitForDeliveredAsync(more + 2 + Attempts + 1, Eventually.Bound, Cancelled);
        await consumer.StopAsync();

        Assert.Equal(committed.Sum() + 1, topic.Committed(consumer.Group).Sum());
        Assert.Equal(Attempts, sink.AttemptsAt("lost"));
        Assert.Single(deadLetters.ReadAll());
        Assert.Equal(1, consumer.Logged(ConsumerHost.DeadLettered));
    }

    /// <summary>What a counter has counted of one topic.</summary>
    private sealed class Counted : IDisposable
    {
        private readonly MeterListener _listener = new();
        private readonly List<(string? Topic, long Count)> _counts = [];

        public Counted(string instrument)
        {
            _listener.InstrumentPublished = (published, self) =>
            {
                if (published.Meter.Name == "CloudSync.Sdk" && published.Name == instrument)
                    self.EnableMeasurementEvents(published);
            };
            _listener.SetMeasurementEventCallback<long>((_, count, tags, _) =>
            {
                foreach (var tag in tags)
                {
                    if (tag.Key != "messaging.destination.name")
                        continue;

                    lock (_counts)
                        _counts.Add((tag.Value as string, count));
                }
            });
            _listener.Start();
        }

        public long Of(string topic)
        {
            lock (_counts)
                return _counts.Where(c => c.Topic == topic).Sum(c => c.Count);
        }

        public void Dispose() => _listener.Dispose();
    }
}
