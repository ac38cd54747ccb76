using System.Collections.Concurrent;
using System.Text;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace CloudSync.Sdk.Tests;

/// <summary>What reaches an endpoint that fails, seen from the endpoint.</summary>
public class FailingEndpointTests
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    private readonly FakeTimeProvider _time = new();

    /// <summary>The sink can't say which message it is. The others must neither be lost for it, nor wait for long.</summary>
    [Theory]
    [InlineData(64, new long[] { 0 })]
    [InlineData(64, new long[] { 63 })]
    [InlineData(100, new long[] { 37 })]
    [InlineData(100, new long[] { 3, 71 })]
    [InlineData(7, new long[] { 5 })]
    public async Task Of_a_batch_that_is_refused_whole_only_the_message_at_fault_is_dead_lettered_and_it_is_soon_found(int messages, long[] poison)
    {
        var endpoint = new BatchEndpoint(ErrorType.ValidationError, poison);
        using var test = new PipelineUnderTest(endpoint.Sink, options => (options.MaxConcurrency, options.MaxBatchSize) = (1, messages), _time);
        var keys = Enumerable.Range(0, messages).Select(i => (string?)$"key-{i}").ToArray();
        test.Read([.. keys, .. keys]);
        await test.SettledAsync();

        Assert.Equal(poison, test.DeadLetters.Written.Select(d => d.Offset).Order());
        endpoint.CheckDelivered(2 * messages);

        // The batch itself, and two for each halving. What came behind is called as it comes.
        var halvings = (int)Math.Ceiling(Math.Log2(messages));
        Assert.InRange(endpoint.Sink.Calls.Count(call => call.Min() < messages), 3, 1 + (((2 * halvings) + 1) * poison.Length));
        Assert.All(test.DeadLetters.Written, d => Assert.Equal(1, d.Failures!.Attempts));
        Assert.True(test.Pipeline.Gate.IsClosed);
    }

    /// <summary>A kind of error that the endpoint itself may be to blame for: it backs off, and the messages alone count.</summary>
    [Theory]
    [InlineData(ErrorType.Unknown)]
    [InlineData(ErrorType.ServiceUnavailable)]
    public async Task A_batch_that_fails_whole_for_whatever_reason_is_taken_apart_too(ErrorType type)
    {
        var endpoint = new BatchEndpoint(type, [21]);
        using var test = new PipelineUnderTest(
            endpoint.Sink,
            options =>
            {
                (options.MaxConcurrency, options.MaxBatchSize) = (1, 64);
                (options.Retry.MaxRetryAttempts, options.Breaker.FailuresToOpen) = (2, 3);
            },
            _time);
        test.Read([.. Enumerable.Range(0, 64).Select(i => (string?)$"key-{i}")]);
        var read = 64;
        await AdvanceUntilAsync(() => test.DeadLetters.Written.Count == 1, () =>
        {
            test.Read($"more-{read++}");
        });
        await AdvanceUntilAsync(() => test.Partition().CommitOffset == read);
        await test.EmptyAsync();

        Assert.Equal(21, Assert.Single(test.DeadLetters.Written).Offset);
        Assert.Equal(3, test.DeadLetters.Written.Single().Failures!.Attempts);
        endpoint.CheckDelivered(read);
        var withIt = endpoint.Sink.Calls.Where(call => call.Contains(21)).ToList();
        Assert.Equal([64, 32, 16, 8, 4, 2], withIt.Select(call => call.Length).Where(length => length > 1));
    }

    [Theory]
    [InlineData(1, false)]
    [InlineData(1, true)]
    [InlineData(8, false)]
    [InlineData(8, true)]
    public async Task Retries_never_exceed_their_budget(int concurrency, bool inBatches)
    {
        const double Share = 0.2;
        const double Reserve = 2;
        var calls = new List<(TimeSpan At, bool IsRetry)>();
        bool Fails(Delivery first)
        {
            lock (calls)
            {
                calls.Add((_time.GetElapsedTime(0), first.Failures is not null));
                return calls.Count % 3 != 0;
            }
        }

        using var test = new PipelineUnderTest(
            Sink(inBatches, messages => Fails((Delivery)messages[0]) ? throw new SinkException(ErrorType.Transient, "hiccup") : default),
            options =>
            {
                (options.MaxConcurrency, options.MaxBatchSize) = (concurrency, 1);
                (options.Retry.Budget, options.Retry.BudgetReserve) = (Share, Reserve);
                (options.Retry.MaxRetryAttempts, options.Retry.InitialDelay, options.Retry.MaxDelay) = (1_000, Second, Second);
                options.Idempotency.Enabled = false;
            },
            _time,
            withStore: false);
        var read = 0;
        await AdvanceUntilAsync(
            () => read == 100 && test.Partition().CommitOffset == read,
            () =>
            {
                if (read < 100)
                    test.Read([.. Enumerable.Range(read, 5).Select(i => (string?)$"key-{i}")]);

                read = Math.Min(100, read + 5);
            },
            step: TimeSpan.FromMilliseconds(200));
        await test.EmptyAsync();

        lock (calls)
        {
            Assert.InRange(calls.Count(call => call.IsRetry), 60, 10_000);

            // A call may have been let in before others, and begin after them.
            var late = 2 * (concurrency - 1);
            for (var from = 0; from < calls.Count; from++)
            {
                var (retries, first) = (0, 0);
                foreach (var call in calls.Skip(from))
                {
                    retries += call.IsRetry ? 1 : 0;
                    first += call.IsRetry ? 0 : 1;
                    var allowed = (10 * Reserve) + (Share * (first + 1)) + (Reserve * (call.At - calls[from].At).TotalSeconds) + late;
                    Assert.True(retries <= allowed + 1e-6, $"{retries} retries of {allowed}.");
                }
            }
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task No_call_begins_while_the_endpoint_has_asked_us_to_wait_and_then_one_at_a_time(bool inBatches)
    {
        const int Concurrency = 8;
        var asked = true;
        var begun = new ConcurrentQueue<TimeSpan>();
        var start = _time.GetTimestamp();
        using var test = new PipelineUnderTest(
            Sink(inBatches, async messages =>
            {
                begun.Enqueue(_time.GetElapsedTime(start));
                await Task.Yield();
                if (asked)
                    throw new SinkException(ErrorType.RateLimited, "429") { RetryAfter = Second * 10 };
            }),
            options => (options.MaxConcurrency, options.MaxBatchSize) = (Concurrency, 2),
            _time);
        test.Read([.. Enumerable.Range(0, 100).Select(i => (string?)$"key-{i}")]);
        for (var tens = 1; tens <= 5; tens++)
        {
            await Eventually.True(() => test.Pipeline.Lanes.InFlight == 0 && test.Pipeline.Gate.IsHolding);
            for (var second = 1; second < 10; second++)
            {
                _time.Advance(Second);
                test.Pipeline.Pump();
            }

            asked = tens < 5;
            _time.Advance(Second);
            await Eventually.True(() => begun.Last() >= Second * tens * 10);
        }

        var whileAsked = begun.Where(at => at < Second * 50).GroupBy(at => at).ToDictionary(at => at.Key.TotalSeconds, at => at.Count());
        Assert.Equal([0, 10, 20, 30, 40], whileAsked.Keys.Order());
        Assert.InRange(whileAsked[0], 1, Concurrency);
        Assert.All(whileAsked.Where(at => at.Key > 0), at => Assert.Equal(1, at.Value));
        await AdvanceUntilAsync(() => test.Partition().CommitOffset == 100);
        await test.EmptyAsync();
    }

    [Theory]
    [InlineData(ErrorType.RateLimited, false)]
    [InlineData(ErrorType.RateLimited, true)]
    [InlineData(ErrorType.Authentication, false)]
    [InlineData(ErrorType.Authentication, true)]
    public async Task After_a_wait_or_an_outage_calls_come_one_then_two_then_four_at_a_time(ErrorType type, bool inBatches)
    {
        var fails = true;
        var (begun, running, most) = (0, 0, 0);
        var release = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var test = new PipelineUnderTest(
            Sink(inBatches, async _ =>
            {
                if (fails)
                    throw new SinkException(type, "not now");

                var released = Volatile.Read(ref release).Task;
                lock (_time)
                {
                    most = Math.Max(most, ++running);
                    begun++;
                }

                await released;
                lock (_time)
                    running--;
            }),
            options => (options.MaxConcurrency, options.MaxBatchSize, options.SinkTimeout) = (8, 1, TimeSpan.FromHours(1)),
            _time);
        test.Read([.. Enumerable.Range(0, 60).Select(i => (string?)$"key-{i}")]);
        await Eventually.True(() => test.Pipeline.Lanes.InFlight == 0 && (test.Pipeline.Gate.IsHolding || !test.Pipeline.Gate.IsClosed));
        fails = false;
        _time.Advance(TimeSpan.FromMinutes(1));

        // The probe of a breaker says that it may be called; the first of the calls that follow is alone again.
        var soFar = 0;
        foreach (var expected in type == ErrorType.Authentication ? new[] { 1, 1, 2, 4, 8, 8 } : [1, 2, 4, 8, 8])
        {
            soFar += expected;
            await Eventually.True(() => Volatile.Read(ref begun) == soFar && Volatile.Read(ref running) == expected);
            Assert.Equal(expected, most);

            // What begins from here on waits for the next release: so each round trip can be told from the next.
            Interlocked.Exchange(ref release, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).SetResult();
        }
    }

    [Fact]
    public async Task The_patience_with_a_message_does_not_run_out_in_an_outage()
    {
        var failure = ErrorType.NetworkError;
        var sink = new FakeSink((message, _) => message.Offset == 0 ? throw new SinkException(failure, "no") : default);
        using var test = new PipelineUnderTest(
            sink,
            options => (options.Retry.MaxElapsedTime, options.Retry.MaxRetryAttempts, options.Breaker.FailuresToOpen) = (Second * 10, 1_000, 1),
            _time);
        var message = test.Read("a").Single();
        for (var probes = 0; probes < 5; probes++)
        {
            await Eventually.True(() => sink.Calls.Count == probes + 1 && test.Pipeline.Lanes.InFlight == 0 && test.Pipeline.Gate.State == BreakerState.Open);
            _time.Advance(TimeSpan.FromMinutes(1));
        }

        // Five minutes later another gets through, and from here on it is the message's own time.
        await Eventually.True(() => sink.Calls.Count == 6 && test.Pipeline.Lanes.InFlight == 0);
        failure = ErrorType.Transient;
        test.Read("b");
        _time.Advance(TimeSpan.FromMinutes(1));
        await Eventually.True(() => test.Pipeline.Gate.IsClosed);
        var closedAt = _time.GetUtcNow();
        await AdvanceUntilAsync(() => test.DeadLetters.Written.Count == 1, step: TimeSpan.FromMilliseconds(100));

        Assert.InRange(message.Failures!.LastFailure - closedAt, Second * 10, Second * 60);
        await test.SettledAsync();
    }

    /// <summary>Each of them holds memory, a connection, perhaps a thread: they must not become more and more.</summary>
    [Theory]
    [InlineData("blocks its thread")]
    [InlineData("never ends")]
    [InlineData("is a batch")]
    public async Task With_as_many_abandoned_calls_as_may_be_nothing_is_called_until_one_ends(string how)
    {
        using var blocked = new SemaphoreSlim(0);
        var never = new ConcurrentQueue<TaskCompletionSource>();
        var (calls, hang) = (0, true);
        async ValueTask SendAsync(SyncMessage _)
        {
            Interlocked.Increment(ref calls);
            if (!hang)
                return;

            if (how == "blocks its thread")
            {
                blocked.Wait(CancellationToken.None);
                return;
            }

            var source = new TaskCompletionSource();
            never.Enqueue(source);
            await source.Task;
        }

        using var test = new PipelineUnderTest(
            Sink(how == "is a batch", messages => SendAsync(messages[0])),
            options => (options.MaxConcurrency, options.MaxBatchSize, options.MaxAbandonedCalls, options.Breaker.FailuresToOpen) = (2, 1, 2, 6),
            _time);
        test.Read("a", "b", "c", "d");
        await Eventually.True(() => calls == 2);

        // The place of the first that is left behind may go to a third before the second is.
        await AdvanceUntilAsync(() => test.Pipeline.Abandoned.Running >= 2 && test.Pipeline.Lanes.InFlight == 0);
        var hanging = calls;
        Assert.InRange(hanging, 2, 3);
        Assert.Equal(hanging, test.Pipeline.Abandoned.Running);
        Assert.True(test.Pipeline.PauseReasons.HasFlag(PauseReasons.CallsAbandoned));
        Assert.True(test.Logged(1113));

        for (var i = 0; i < 100; i++)
        {
            _time.Advance(Second);
            test.Pipeline.Pump();
        }

        Assert.Equal((hanging, 0), (calls, test.Partition().CommitOffset));
        hang = false;
        for (var left = hanging; left >= 2; left--)
            EndOne();

        // Its answer comes too late for its own message, which is called again like the others.
        await AdvanceUntilAsync(() => test.Partition().CommitOffset == 4);
        Assert.Equal((hanging + 4, 1), (calls, test.Pipeline.Abandoned.Running));
        Assert.False(test.Pipeline.PauseReasons.HasFlag(PauseReasons.CallsAbandoned));
        EndOne();
        await Eventually.True(() => test.Pipeline.Abandoned.Running == 0);
        await test.EmptyAsync();
        Assert.Equal(4, test.Partition().CommitOffset);

        void EndOne()
        {
            if (how == "blocks its thread")
                blocked.Release();
            else if (never.TryDequeue(out var source))
                source.SetResult();
        }
    }

    /// <summary>An exception that nobody looks at is told of when it is collected, to whoever listens, and some of those end the process.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task What_an_abandoned_call_throws_in_the_end_is_looked_at(bool inBatches)
    {
        var late = $"late-{Guid.NewGuid()}";
        var unobserved = new ConcurrentQueue<string>();
        void Listen(object? sender, UnobservedTaskExceptionEventArgs e) => unobserved.Enqueue(e.Exception.ToString());
        TaskScheduler.UnobservedTaskException += Listen;
        try
        {
            await AbandonAsync();
            GC.Collect();
            GC.WaitForPendingFinalizers();
            GC.Collect();
        }
        finally
        {
            TaskScheduler.UnobservedTaskException -= Listen;
        }

        Assert.DoesNotContain(unobserved, text => text.Contains(late, StringComparison.Ordinal));

        async Task AbandonAsync()
        {
            var never = new TaskCompletionSource();
            var calls = 0;
            using var test = new PipelineUnderTest(
                Sink(inBatches, async _ =>
                {
                    if (Interlocked.Increment(ref calls) == 1)
                        await never.Task;
                }),
                time: _time);
            test.Read("a");
            await AdvanceUntilAsync(() => test.Pipeline.Abandoned.Running == 1);
            never.SetException(new InvalidOperationException(late));
            await Eventually.True(() => test.Pipeline.Abandoned.Running == 0);
            await AdvanceUntilAsync(() => test.Partition().CommitOffset == 1);
        }
    }

    private async Task AdvanceUntilAsync(Func<bool> condition, Action? pump = null, TimeSpan? step = null) => await Eventually.True(() =>
    {
        if (condition())
            return true;

        pump?.Invoke();
        _time.Advance(step ?? Second);
        return false;
    });

    private static object Sink(bool inBatches, Func<IReadOnlyList<SyncMessage>, ValueTask> send) => inBatches
        ? new FakeBatchSink(async (messages, _) =>
        {
            await send(messages);
            return SinkResult.AllDelivered(messages.Count);
        })
        : new FakeSink((message, _) => send([message]));

    /// <summary>Takes all of a batch, or fails as a whole when one of these offsets is in it.</summary>
    private sealed class BatchEndpoint
    {
        private readonly ConcurrentQueue<(string Key, long Offset)> _delivered = new();
        private readonly long[] _poison;

        public BatchEndpoint(ErrorType type, long[] poison)
        {
            _poison = poison;
            Sink = new FakeBatchSink((messages, _) =>
            {
                if (messages.Any(m => poison.Contains(m.Offset)))
                    throw new SinkException(type, "one of them");

                foreach (var message in messages)
                    _delivered.Enqueue((Encoding.UTF8.GetString(message.Key!.Value.Span), message.Offset));

                return new(SinkResult.AllDelivered(messages.Count));
            });
        }

        public FakeBatchSink Sink { get; }

        /// <summary>All but the poison was delivered, once, and each key in its order.</summary>
        public void CheckDelivered(int read)
        {
            Assert.Equal(Enumerable.Range(0, read).Select(i => (long)i).Except(_poison), _delivered.Select(d => d.Offset).Order());
            Assert.All(_delivered.GroupBy(d => d.Key), key => Assert.Equal(key.Select(d => d.Offset).Order(), key.Select(d => d.Offset)));
        }
    }
}
