using System.Globalization;
using CloudSync.Sdk;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;
using Xunit;
using static CloudSync.IntegrationTests.Producing.ProducerHost;

namespace CloudSync.IntegrationTests.Producing;

/// <summary>What a stop, an end and a flush wait for.</summary>
public sealed class ProducerStopTests
{
    [Fact]
    public async Task A_stop_waits_for_what_was_queued()
    {
        const int Count = 2_000;
        await using var kafka = Kafka(partitions: 3);
        using var host = await Start(kafka, o => o.Linger = TimeSpan.FromSeconds(1));
        kafka.SetLatency(TimeSpan.FromMilliseconds(200));
        for (var i = 0; i < Count; i++)
            await Producer(host).EnqueueAsync(Numbered(i), cancellationToken: Cancelled);

        await host.StopAsync(Cancelled);

        kafka.SetLatency(TimeSpan.Zero);
        Assert.Equal(Enumerable.Range(0, Count), TopicReader.Read(kafka, Topic, Count).Select(Number).Order());
    }

    [Fact]
    public async Task What_is_queued_after_the_stop_is_waited_for_at_the_end()
    {
        await using var kafka = Kafka();
        var host = await Start(kafka, o => o.Linger = TimeSpan.FromSeconds(30));
        await host.StopAsync(Cancelled);
        await Producer(host).EnqueueAsync(Numbered(1), cancellationToken: Cancelled);
        var producer = Producer(host);

        await ((IAsyncDisposable)host).DisposeAsync();

        Assert.Single(TopicReader.Read(kafka, Topic, 1));
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await producer.ProduceAsync(Numbered(2), Cancelled));
    }

    [Fact]
    public async Task An_end_without_brokers_tells_every_caller_within_the_flush_timeout()
    {
        await using var kafka = Kafka();
        var host = await Start(kafka, o => (o.FlushTimeout, o.BufferBytes, o.MaxMessageBytes) = (TimeSpan.FromMilliseconds(300), 20_000, 10_000));
        await Producer(host).ProduceAsync(Numbered(0), Cancelled);
        kafka.TakeAllBrokersDown();
        var underWayAndWaiting = Enumerable.Range(1, 100).Select(i => Producer(host).ProduceAsync(Numbered(i), Cancelled).AsTask()).ToList();

        await host.StopAsync(Cancelled);
        await ((IAsyncDisposable)host).DisposeAsync();

        foreach (var (index, task) in underWayAndWaiting.Index())
        {
            var failure = await Assert.ThrowsAsync<ProduceFailedException>(() => task.WaitAsync(Deadline, Cancelled));
            Assert.Equal($"{index + 1}", failure.MessageId);
            Assert.Contains("FlushTimeout (00:00:00.3)", failure.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Dispose_inside_an_acknowledgement_fails_at_once_and_the_producer_goes_on()
    {
        await using var kafka = Kafka();
        using var host = await Start(kafka);
        var inside = new Inside(() => ((IDisposable)Producer(host)).Dispose());

        await Producer(host).EnqueueAsync(Numbered(1), inside, Cancelled);

        var error = Assert.IsType<InvalidOperationException>(await inside.Done.WaitAsync(Deadline, Cancelled));
        Assert.Contains("inside an acknowledgement", error.Message, StringComparison.Ordinal);
        await Producer(host).ProduceAsync(Numbered(2), Cancelled).AsTask().WaitAsync(Deadline, Cancelled);
    }

    [Fact]
    public async Task DisposeAsync_inside_an_acknowledgement_ends_the_producer_once_that_has_returned()
    {
        await using var kafka = Kafka();
        var host = await Start(kafka);
        var producer = Producer(host);
        var ended = Task.CompletedTask;
        var inside = new Inside(() => ended = ((IAsyncDisposable)host).DisposeAsync().AsTask());

        await producer.EnqueueAsync(Numbered(1), inside, Cancelled);

        Assert.Null(await inside.Done.WaitAsync(Deadline, Cancelled));
        await ended.WaitAsync(Deadline, Cancelled);
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await producer.ProduceAsync(Numbered(2), Cancelled));
    }

    [Theory]
    [InlineData("00:00:00")]
    [InlineData("00:00:00.3")]
    public async Task An_acknowledgement_that_waits_for_the_end_does_not_hold_it_up_for_ever(string flushTimeout)
    {
        await using var kafka = Kafka();
        var log = new FakeLogCollector();
        var host = await Start(kafka, o => o.FlushTimeout = TimeSpan.Parse(flushTimeout, CultureInfo.InvariantCulture), s => s.AddLogging(l => l.AddProvider(new FakeLoggerProvider(log))));
        var inside = new Inside(host.Dispose);

        await Producer(host).EnqueueAsync(Numbered(1), inside, Cancelled);

        Assert.Null(await inside.Done.WaitAsync(Deadline, Cancelled));
        Assert.Single(log.GetSnapshot(), entry => entry.Id.Id == 2012);
        Assert.DoesNotContain(log.GetSnapshot(), entry => entry.Id.Id == 2003);
    }

    /// <summary>Windows, forms and old test runners have such threads: what is awaited on one comes back to it, and it is waiting.</summary>
    [Fact]
    public async Task A_host_can_be_disposed_on_a_thread_that_has_a_context()
    {
        await using var kafka = Kafka();
        var host = await Start(kafka);
        await Producer(host).ProduceAsync(Numbered(1), Cancelled);
        var ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

        var thread = new Thread(() =>
        {
            SynchronizationContext.SetSynchronizationContext(new BusyContext());
            host.Dispose();
            ended.SetResult();
        }) { IsBackground = true };
        thread.Start();

        await ended.Task.WaitAsync(Deadline, Cancelled);
    }

    [Fact]
    public async Task A_flush_does_not_wait_for_the_linger()
    {
        await using var kafka = Kafka();
        using var host = await Start(kafka, o => (o.Linger, o.DeliveryTimeout) = (TimeSpan.FromMinutes(10), TimeSpan.FromMinutes(20)));
        await Producer(host).EnqueueAsync(Numbered(1), cancellationToken: Cancelled);

        await Producer(host).FlushAsync(Cancelled).WaitAsync(Deadline, Cancelled);

        Assert.Single(TopicReader.Read(kafka, Topic, 1));
    }

    /// <summary>The context of a thread that does nothing of what it is asked for, because it waits.</summary>
    private sealed class BusyContext : SynchronizationContext
    {
        public override void Post(SendOrPostCallback d, object? state)
        {
        }
    }

    /// <summary>Does something inside its acknowledgement, on the thread that tells it.</summary>
    private sealed class Inside(Action action) : IProduceAcknowledgement
    {
        private readonly TaskCompletionSource<Exception?> _done = new(TaskCreationOptions.RunContinuationsAsynchronously);

        /// <summary>Ends with what it threw.</summary>
        public Task<Exception?> Done => _done.Task;

        public void Acknowledged(in ProducedMessage produced) => _done.TrySetResult(Record.Exception(action));

        public void Failed(ProduceFailedException failure) => _done.TrySetResult(failure);
    }
}
