using System.Globalization;
using CloudSync.Sdk;
using CloudSync.Sdk.Testing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;
using Microsoft.Extensions.Time.Testing;
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
    public async Task With_a_grace_time_the_flush_timeout_runs_from_the_moment_the_host_begins_to_stop()
    {
        await using var kafka = Kafka();
        var time = new FakeTimeProvider();
        using var host = await Start(kafka, services: services =>
        {
            services.AddSingleton<TimeProvider>(time);
            services.AddCloudSyncGraceTime();

            // Stopped before the producer, and takes nearly all of it: a web server with its last requests.
            services.AddHostedService(_ => new StopsSlowly(() => time.Advance(TimeSpan.FromSeconds(24))));
        });
        await Producer(host).ProduceAsync(Numbered(0), Cancelled);
        kafka.TakeAllBrokersDown();
        var never = Producer(host).ProduceAsync(Numbered(1), Cancelled).AsTask();

        // This clock stands still: a stop that still had time to wait would wait for ever.
        await host.StopAsync(Cancelled).WaitAsync(Deadline, Cancelled);
        var disposing = ((IAsyncDisposable)host).DisposeAsync().AsTask();
        await Assert.ThrowsAsync<ProduceFailedException>(() => never.WaitAsync(Deadline, Cancelled));
        await disposing.WaitAsync(Deadline, Cancelled);
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

    [Fact]
    public async Task Dispose_inside_a_failure_that_the_end_tells_returns()
    {
        await using var kafka = Kafka();
        var host = await StartWithoutBrokers(kafka);
        var producer = (IDisposable)Producer(host);
        var inside = new Inside(producer.Dispose, whenFailed: true);
        await Producer(host).EnqueueAsync(Numbered(1), inside, Cancelled);

        await ((IAsyncDisposable)host).DisposeAsync().AsTask().WaitAsync(Deadline, Cancelled);

        Assert.Null(await inside.Done.WaitAsync(Deadline, Cancelled));
    }

    [Fact]
    public async Task A_failure_that_waits_for_the_end_that_tells_it_holds_up_neither_the_end_nor_the_others()
    {
        await using var kafka = Kafka();
        var log = new FakeLogCollector();
        var host = await StartWithoutBrokers(kafka, log);
        var ended = new TaskCompletionSource();
        var inside = new Inside(() => Assert.True(((IAsyncResult)ended.Task).AsyncWaitHandle.WaitOne(Deadline)), whenFailed: true);
        var other = new Recorded();
        await Producer(host).EnqueueAsync(Numbered(1), inside, Cancelled);
        await Producer(host).EnqueueAsync(Numbered(2), other, Cancelled);

        await ((IAsyncDisposable)host).DisposeAsync().AsTask().WaitAsync(Deadline, Cancelled);

        Assert.Equal("2", Assert.IsType<ProduceFailedException>(Assert.Single(other.All())).MessageId);
        Assert.Equal("1", Value(Assert.Single(log.GetSnapshot(), entry => entry.Id.Id == 2012), "MessageIds"));
        Assert.Equal("2", Value(Assert.Single(log.GetSnapshot(), entry => entry.Id.Id == 2003), "Count"));
        ended.SetResult();
        Assert.Null(await inside.Done.WaitAsync(Deadline, Cancelled));
        Assert.Empty(other.All());
    }

    [Fact]
    public async Task Who_waits_for_room_behind_an_acknowledgement_that_does_not_return_is_told_at_the_end()
    {
        await using var kafka = Kafka();
        var log = new FakeLogCollector();
        var host = await Start(
            kafka,
            o => (o.FlushTimeout, o.BufferBytes, o.MaxMessageBytes) = (TimeSpan.FromMilliseconds(300), 10_000, 10_000),
            s => s.AddLogging(l => l.AddProvider(new FakeLoggerProvider(log))));
        using var held = new Held();
        await Producer(host).EnqueueAsync(new OutgoingMessage(new byte[9_000]), held, Cancelled);
        await held.IsInside.WaitAsync(Deadline, Cancelled);
        var waits = Producer(host).ProduceAsync(Numbered(2), Cancelled).AsTask();
        Assert.False(waits.IsCompleted);

        await ((IAsyncDisposable)host).DisposeAsync().AsTask().WaitAsync(Deadline, Cancelled);

        Assert.Equal("2", (await Assert.ThrowsAsync<ProduceFailedException>(() => waits.WaitAsync(Deadline, Cancelled))).MessageId);
        Assert.Equal("1", Value(Assert.Single(log.GetSnapshot(), entry => entry.Id.Id == 2003), "Count"));
    }

    [Fact]
    public async Task What_a_logger_throws_at_the_end_keeps_nobody_from_being_told()
    {
        await using var kafka = Kafka();
        var log = new FakeLogCollector();
        var host = await StartWithoutBrokers(kafka, log, s => s.AddLogging(l => l.AddProvider(new ThrowingProvider(2007))));
        var other = new Recorded();
        await Producer(host).EnqueueAsync(Numbered(1), new Throwing(), Cancelled);
        await Producer(host).EnqueueAsync(Numbered(2), other, Cancelled);

        await ((IAsyncDisposable)host).DisposeAsync().AsTask().WaitAsync(Deadline, Cancelled);

        Assert.Equal("2", Assert.IsType<ProduceFailedException>(Assert.Single(other.All())).MessageId);
        Assert.Equal("2", Value(Assert.Single(log.GetSnapshot(), entry => entry.Id.Id == 2003), "Count"));
    }

    [Fact]
    public async Task An_end_says_whether_anything_was_given_up()
    {
        await using var kafka = Kafka();
        var log = new FakeLogCollector();
        var host = await Start(kafka, services: s => s.AddLogging(l => l.AddProvider(new FakeLoggerProvider(log))));
        await Producer(host).EnqueueAsync(Numbered(1), cancellationToken: Cancelled);

        await ((IAsyncDisposable)host).DisposeAsync();

        Assert.Equal([2002], log.GetSnapshot().Select(entry => entry.Id.Id).Where(id => id is 2002 or 2003 or 2012));
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

    private static async Task<IHost> StartWithoutBrokers(EmbeddedKafka kafka, FakeLogCollector? log = null, Action<IServiceCollection>? services = null)
    {
        var host = await Start(
            kafka,
            o => o.FlushTimeout = TimeSpan.FromMilliseconds(300),
            s =>
            {
                services?.Invoke(s);
                s.AddLogging(l => l.AddProvider(new FakeLoggerProvider(log ?? new FakeLogCollector())));
            });
        await Producer(host).ProduceAsync(Numbered(0), Cancelled);
        kafka.TakeAllBrokersDown();
        return host;
    }

    private static string? Value(FakeLogRecord entry, string name) => entry.StructuredState!.Single(pair => pair.Key == name).Value;

    private sealed class Throwing : IProduceAcknowledgement
    {
        public void Acknowledged(in ProducedMessage produced) => throw new NotSupportedException();

        public void Failed(ProduceFailedException failure) => throw new NotSupportedException();
    }

    /// <summary>Throws at one event.</summary>
    private sealed class ThrowingProvider(int eventId) : ILoggerProvider, ILogger
    {
        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId id, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (id.Id == eventId)
                throw new NotSupportedException("a logger's own");
        }

        public void Dispose()
        {
        }
    }

    /// <summary>The context of a thread that does nothing of what it is asked for, because it waits.</summary>
    private sealed class BusyContext : SynchronizationContext
    {
        public override void Post(SendOrPostCallback d, object? state)
        {
        }
    }

    /// <summary>Does something inside its acknowledgement, on the thread that tells it.</summary>
    private sealed class Inside(Action action, bool whenFailed = false) : IProduceAcknowledgement
    {
        private readonly TaskCompletionSource<Exception?> _done = new(TaskCreationOptions.RunContinuationsAsynchronously);

        /// <summary>Ends with what it threw.</summary>
        public Task<Exception?> Done => _done.Task;

        public void Acknowledged(in ProducedMessage produced) => _done.TrySetResult(Record.Exception(action));

        public void Failed(ProduceFailedException failure) => _done.TrySetResult(whenFailed ? Record.Exception(action) : failure);
    }

    private sealed class StopsSlowly(Action stop) : IHostedService
    {
        public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken)
        {
            stop();
            return Task.CompletedTask;
        }
    }
}
