using System.Collections.Concurrent;
using CloudSync.Sdk;
using CloudSync.Sdk.Testing;
using CloudSync.Tests;
using Confluent.Kafka;
using Xunit;

namespace CloudSync.IntegrationTests.Consuming;

/// <summary>The brokers say that an offset is out of range, and the client goes back to the beginning: after a topic was made anew, or an unclean election.</summary>
public sealed class OffsetsWentBackTests(KafkaCluster cluster)
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    /// <summary>
    /// The client remembers the highest offset that a batch of its has brought, and after a pause goes on from there: what was read again up to then, and what was thrown away because it would be read
    /// again, was lost, and the commit passed it.
    /// </summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Nothing_is_lost_when_a_pause_follows(bool inBatches)
    {
        await using var kafka = EmbeddedKafka.Start(new EmbeddedKafkaOptions { Brokers = 2 });
        var name = KafkaCluster.UniqueName("test");
        kafka.CreateTopic(name, 2);
        kafka.SetLeader(name, 0, 1);
        kafka.SetLeader(name, 1, 2);
        using var topic = new TestTopic(kafka.BootstrapServers, name, 2);
        await topic.ProduceAsync(TestRecord.Many(300, i => i < 200 ? null : "k", partition: 0));
        var sink = new HoldingSink();
        await using var consumer = await ConsumerHost.StartAsync(cluster, topic, sink, options =>
        {
            options.ReadInBatches = inBatches;
            options.MaxHeldMessages = 250;
            options.SinkTimeout = TimeSpan.FromMinutes(2);
            options.Idempotency.Enabled = false;
        });
        await Eventually.TrueAsync(() => sink.Delivered.Count == 200 && consumer.Held == 100, "200 are delivered, 100 held", Cancelled);

        // Only while the other partition flows does the first record after the jump come through the batch call.
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(Cancelled);
        var feeding = Task.Run(
            async () =>
            {
                // Ahead enough for the queue never to be empty, and no more: what partition 0 reads again stands behind it in the client's queue.
                for (var sent = 0; !enough.IsCancellationRequested;)
                {
                    if (sent - Volatile.Read(ref sink.Others) > 40_000)
                    {
                        await Task.Delay(10, Cancelled);
                        continue;
                    }

                    await topic.ProduceAsync(TestRecord.Many(1_000, i => null, partition: 1));
                    sent += 1_000;
                }
            },
            Cancelled);
        await Eventually.TrueAsync(() => Volatile.Read(ref sink.Others) > 10_000, "the other partition flows", Cancelled);
        sink.HoldsAll = true;
        while (!WentBack())
        {
            // It is the next requests that fail, of whichever partition; between them the client needs some that do not.
            kafka.FailRequests(EmbeddedKafkaRequest.Fetch, ErrorCode.OffsetOutOfRange, ErrorCode.OffsetOutOfRange);
            for (var i = 0; i < 100 && !WentBack(); i++)
                await Task.Delay(20, Cancelled);
        }

        await Eventually.TrueAsync(() => consumer.PauseReasons == PauseReasons.WindowFull, "the window is full", Cancelled);
        await enough.CancelAsync();
        await feeding;

        sink.Release.SetResult();
        await Eventually.TrueAsync(() => topic.Committed(consumer.Group)[0] == 300, "all is committed", Cancelled);

        Assert.Equal(Enumerable.Range(0, 300), sink.Delivered.Keys.Order());

        bool WentBack() => consumer.LoggedText(1009).Any(text => text.Contains("Partition 0", StringComparison.Ordinal));
    }

    private sealed class HoldingSink : ICloudSink
    {
        public int Others;

        public ConcurrentDictionary<int, bool> Delivered { get; } = new();

        public TaskCompletionSource Release { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public volatile bool HoldsAll;

        public async ValueTask SendAsync(SyncMessage message, CancellationToken cancellationToken)
        {
            if (message.Partition == 1)
            {
                if (!Release.Task.IsCompleted)
                    await Task.Delay(1, cancellationToken);
                Interlocked.Increment(ref Others);
                return;
            }

            if (HoldsAll || message.Offset >= 200)
                await Release.Task.WaitAsync(cancellationToken);

            Delivered[(int)message.Offset] = true;
        }
    }
}
