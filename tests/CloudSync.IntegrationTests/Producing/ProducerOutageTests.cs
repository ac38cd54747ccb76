using CloudSync.Sdk;
using CloudSync.Sdk.Testing;
using Confluent.Kafka;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;
using Xunit;
using static CloudSync.IntegrationTests.Producing.ProducerHost;

namespace CloudSync.IntegrationTests.Producing;

/// <summary>Brokers that are away, and clients that fail.</summary>
public sealed class ProducerOutageTests
{
    [Fact]
    public async Task A_message_that_no_broker_acknowledges_fails_after_the_delivery_timeout()
    {
        await using var kafka = Kafka();
        using var host = await Start(kafka, o => o.DeliveryTimeout = TimeSpan.FromSeconds(1));
        kafka.TakeAllBrokersDown();
        var acknowledgement = new Recorded();

        await Producer(host).EnqueueAsync(Numbered(1), acknowledgement, Cancelled);
        var awaited = await Assert.ThrowsAsync<ProduceFailedException>(
            async () => await Producer(host).ProduceAsync(Numbered(2), Cancelled).AsTask().WaitAsync(Deadline, Cancelled));

        Assert.Equal(("2", false), (awaited.MessageId, awaited.IsPermanent));
        Assert.StartsWith("Message 2 was not taken by topic data-topic: it was not acknowledged within DeliveryTimeout, 00:00:01. ", awaited.Message, StringComparison.Ordinal);
        Assert.Contains("Look at BootstrapServers", awaited.Message, StringComparison.Ordinal);
        Assert.EndsWith(" [Local_MsgTimedOut]", awaited.Message, StringComparison.Ordinal);
        var told = Assert.IsType<ProduceFailedException>(await acknowledgement.Next().AsTask().WaitAsync(Deadline, Cancelled));
        Assert.Equal("1", told.MessageId);
    }

    [Fact]
    public async Task Who_cancels_the_wait_for_an_acknowledgement_ends_only_the_wait()
    {
        await using var kafka = Kafka();
        using var host = await Start(kafka);
        await Producer(host).ProduceAsync(Numbered(0), Cancelled);
        kafka.TakeAllBrokersDown();
        using var cancel = new CancellationTokenSource();

        var waiting = Producer(host).ProduceAsync(Numbered(1), cancel.Token);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await waiting);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await Producer(host).ProduceAsync(Numbered(2), cancel.Token));

        kafka.BringAllBrokersUp();
        await Producer(host).ProduceAsync(Numbered(3), Cancelled).AsTask().WaitAsync(Deadline, Cancelled);
        Assert.Equal([0, 1, 3], TopicReader.Read(kafka, Topic, 3).Select(Number));
    }

    [Fact]
    public async Task A_client_that_has_failed_for_good_is_replaced()
    {
        await using var kafka = Kafka();
        var clock = new ShiftedTime();
        var log = new FakeLogCollector();
        using var host = await Start(kafka, services: s => s.AddSingleton<TimeProvider>(clock).AddLogging(l => l.AddProvider(new FakeLoggerProvider(log))));
        await Producer(host).ProduceAsync(Numbered(0), Cancelled);

        kafka.FailRequests(EmbeddedKafkaRequest.Produce, ErrorCode.OutOfOrderSequenceNumber);
        var first = await Assert.ThrowsAsync<ProduceFailedException>(async () => await Producer(host).ProduceAsync(Numbered(1), Cancelled));
        var tooEarly = await Assert.ThrowsAsync<ProduceFailedException>(async () => await Producer(host).ProduceAsync(Numbered(2), Cancelled));
        clock.Shift += TimeSpan.FromMinutes(1);
        await Producer(host).ProduceAsync(Numbered(3), Cancelled).AsTask().WaitAsync(Deadline, Cancelled);

        Assert.False(first.IsPermanent);
        Assert.Contains("can't go on", tooEarly.Message, StringComparison.Ordinal);
        Assert.Equal([0, 3], TopicReader.Read(kafka, Topic, 2).Select(Number));
        Assert.Single(log.GetSnapshot(), entry => entry.Id.Id == 2008);
    }

    [Fact]
    public async Task The_end_tells_also_what_a_client_has_that_was_replaced_and_is_held_by_an_acknowledgement()
    {
        await using var kafka = Kafka();
        var clock = new ShiftedTime();
        // Both go in one batch, so the thread that is held has both reports in hand.
        var host = await Start(kafka, o => (o.FlushTimeout, o.Linger) = (TimeSpan.FromMilliseconds(300), TimeSpan.FromMilliseconds(200)), s => s.AddSingleton<TimeProvider>(clock));
        using var held = new Held();
        var behind = new Recorded();
        kafka.FailRequests(EmbeddedKafkaRequest.Produce, ErrorCode.OutOfOrderSequenceNumber);
        await Producer(host).EnqueueAsync(Numbered(1), held, Cancelled);
        await Producer(host).EnqueueAsync(Numbered(2), behind, Cancelled);
        await held.IsInside.WaitAsync(Deadline, Cancelled);
        clock.Shift += TimeSpan.FromMinutes(1);
        await Producer(host).ProduceAsync(Numbered(3), Cancelled).AsTask().WaitAsync(Deadline, Cancelled);

        await ((IAsyncDisposable)host).DisposeAsync().AsTask().WaitAsync(Deadline, Cancelled);

        Assert.Equal("2", Assert.IsType<ProduceFailedException>(Assert.Single(behind.All())).MessageId);
    }

    /// <summary>The system's time, and as much later as a test likes.</summary>
    private sealed class ShiftedTime : TimeProvider
    {
        public TimeSpan Shift { get; set; }

        public override long GetTimestamp() => base.GetTimestamp() + (long)(Shift.TotalSeconds * TimestampFrequency);
    }
}
