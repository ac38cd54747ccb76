using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Text;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace CloudSync.Sdk.Tests;

/// <summary>The way of a message through lanes, claim, breaker, sink and settlement.</summary>
public class DeliveryPipelineTests
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    [Fact]
    public async Task A_message_that_is_delivered_is_settled_and_remembered()
    {
        var sink = new FakeSink();
        using var test = new PipelineUnderTest(sink);
        test.Read(0, ("a", "1"), ("b", "2"));
        await test.SettledAsync();

        test.Read(0, ("c", "1"), ("a", "2"));
        await test.SettledAsync();

        Assert.Equal([0, 1], sink.Delivered.Order());
        Assert.Equal(2, test.Store.Statistics.Duplicates);
    }

    [Fact]
    public async Task Without_a_store_every_copy_is_delivered()
    {
        var sink = new FakeSink();
        using var test = new PipelineUnderTest(sink, withStore: false);
        test.Read(0, ("a", "1"), ("b", "1"));
        await test.SettledAsync();

        Assert.Equal([0, 1], sink.Delivered.Order());
    }

    [Fact]
    public async Task Two_copies_at_the_same_time_are_one_delivery()
    {
        var gate = new TaskCompletionSource();
        var sink = new FakeSink(async (_, _) => await gate.Task);
        var time = new FakeTimeProvider();
        using var test = new PipelineUnderTest(sink, time: time);
        test.Read(0, ("a", "1"), ("b", "1"));
        await Eventually.True(() => test.Pipeline.Lanes.InFlight == 1 && sink.Running == 1);

        gate.SetResult();
        await Eventually.True(() => test.Partition().CommitOffset >= 1);
        time.Advance(Second);
        await test.SettledAsync();

        Assert.Single(sink.Calls);
        Assert.Equal(1, test.Store.Statistics.Duplicates);
    }

    [Fact]
    public async Task The_second_copy_is_delivered_when_the_first_one_became_a_dead_letter()
    {
        var sink = new FakeSink(async (message, _) =>
        {
            await Task.Yield();
            if (message.Offset == 0)
                throw new SinkException(ErrorType.Permanent, "no");
        });
        using var test = new PipelineUnderTest(sink);
        test.Read(0, ("a", "1"), ("b", "1"));
        await test.SettledAsync();

        Assert.Equal([0], test.DeadLetters.Written.Select(d => d.Offset));
        Assert.Equal([1], sink.Delivered);
    }

    [Fact]
    public async Task A_key_that_backs_off_delays_no_other_of_its_partition()
    {
        var time = new FakeTimeProvider();
        var sink = new FakeSink((message, _) => KeyOf(message) == "bad" ? throw new SinkException(ErrorType.Transient, "hiccup") : default);
        using var test = new PipelineUnderTest(sink, time: time);
        test.Read("bad", "a", "bad", "b", null, "c");
        await Eventually.True(() => sink.Delivered.Count == 4);

        Assert.Equal([1, 3, 4, 5], sink.Delivered.Order());
        Assert.Equal(0, test.Partition().CommitOffset);
        Assert.DoesNotContain(2L, sink.Calls);

        sink.Send = (_, _) => default;
        await Eventually.True(() =>
        {
            // It may be on its way to the retries still.
            time.Advance(TimeSpan.FromSeconds(1));
            return test.Partition().CommitOffset == 6;
        });
        Assert.Equal([0, 2], sink.Delivered.TakeLast(2));
    }

    /// <summary>Elsewhere this is taken for a shutdown, or for success, and the message is gone.</summary>
    [Fact]
    public async Task A_sink_that_is_cancelled_by_itself_has_failed_and_is_tried_again()
    {
        var time = new FakeTimeProvider();
        var fail = true;
        var sink = new FakeSink((_, _) => fail ? throw new TaskCanceledException("HttpClient.Timeout elapsed.", new TimeoutException()) : default);
        using var test = new PipelineUnderTest(sink, time: time);
        var message = test.Read("a").Single();
        await Eventually.True(() => message.Failures is not null && test.Pipeline.Lanes.InFlight == 0);

        Assert.Equal(ErrorType.Timeout, message.Failures!.ErrorType);
        Assert.Equal(1, message.Failures.Attempts);
        Assert.Equal(0, test.Partition().CommitOffset);

        fail = false;
        await AdvanceUntilAsync(time, () => sink.Delivered.Count == 1);
        await test.SettledAsync();
        Assert.Equal(2, sink.Calls.Count);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_call_that_takes_too_long_is_cancelled_and_tried_again(bool one)
    {
        var time = new FakeTimeProvider();
        var first = true;
        async ValueTask SendAsync(CancellationToken token)
        {
            if (first)
            {
                first = false;
                await Task.Delay(Timeout.Infinite, token);
            }
        }

        var sink = one
            ? (object)new FakeSink((_, token) => SendAsync(token))
            : new FakeBatchSink(async (messages, token) =>
            {
                await SendAsync(token);
                return SinkResult.AllDelivered(messages.Count);
            });
        using var test = new PipelineUnderTest(sink, time: time);
        var message = test.Read("a").Single();
        await Eventually.True(() => test.Pipeline.Lanes.InFlight == 1 && !first);
        time.Advance(test.Options.SinkTimeout - TimeSpan.FromMilliseconds(1));
        Assert.Null(message.Failures);

        await AdvanceUntilAsync(time, () => message.Failures?.Exception is not null, TimeSpan.FromMilliseconds(1));
        Assert.Equal(ErrorType.Timeout, message.Failures!.ErrorType);
        Assert.IsType<TimeoutException>(message.Failures.Exception);
        Assert.Contains("SinkTimeout", message.Failures.Exception.Message, StringComparison.Ordinal);

        await AdvanceUntilAsync(time, () => test.Partition().CommitOffset == 1);
        await test.EmptyAsync();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_sink_that_ignores_its_cancellation_is_left_behind_and_its_message_tried_again(bool one)
    {
        var time = new FakeTimeProvider();
        var calls = 0;
        var never = new TaskCompletionSource();
        Task SendAsync() => Interlocked.Increment(ref calls) == 1 ? never.Task : Task.CompletedTask;
        var sink = one
            ? (object)new FakeSink((_, _) => new ValueTask(SendAsync()))
            : new FakeBatchSink(async (messages, _) =>
            {
                await SendAsync();
                return SinkResult.AllDelivered(messages.Count);
            });
        using var test = new PipelineUnderTest(sink, options => options.MaxConcurrency = 1, time);
        var message = test.Read("a").Single();
        await Eventually.True(() => calls == 1);

        await AdvanceUntilAsync(time, () => message.Failures?.Exception is not null);
        Assert.Equal(ErrorType.Timeout, message.Failures!.ErrorType);
        Assert.Contains("left behind", message.Failures.Exception!.Message, StringComparison.Ordinal);
        await AdvanceUntilAsync(time, () => test.Partition().CommitOffset == 1);
        await test.EmptyAsync();

        // What becomes of the call that was left behind changes nothing any more.
        never.SetException(new InvalidOperationException("late"));
        test.Read("b");
        await test.SettledAsync();
        Assert.Equal(3, calls);
    }

    /// <summary>It returns nothing to wait for until it is too late.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_sink_that_blocks_its_thread_for_too_long_is_cancelled_and_tried_again(bool one)
    {
        var time = new FakeTimeProvider();
        var calls = 0;
        void Send(CancellationToken token)
        {
            if (Interlocked.Increment(ref calls) == 1)
            {
                token.WaitHandle.WaitOne(Eventually.Deadline);
                token.ThrowIfCancellationRequested();
            }
        }

        using var test = new PipelineUnderTest(Blocking(one, Send), time: time);
        var message = test.Read("a").Single();
        await Eventually.True(() => calls == 1);

        await AdvanceUntilAsync(time, () => message.Failures?.Exception is not null);
        Assert.Equal(ErrorType.Timeout, message.Failures!.ErrorType);
        Assert.Contains("SinkTimeout", message.Failures.Exception!.Message, StringComparison.Ordinal);
        await AdvanceUntilAsync(time, () => test.Partition().CommitOffset == 1);
        Assert.Equal(2, calls);
    }

    /// <summary>Were they not, so many as there may be calls at a time would stop the consumer for good, and nobody would be told.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_sink_that_blocks_its_thread_for_ever_is_left_behind_and_its_message_tried_again(bool one)
    {
        var time = new FakeTimeProvider();
        using var never = new ManualResetEventSlim();
        var calls = 0;
        void Send(CancellationToken token)
        {
            if (Interlocked.Increment(ref calls) == 1)
                never.Wait(CancellationToken.None);
        }

        using var test = new PipelineUnderTest(Blocking(one, Send), options => options.MaxConcurrency = 1, time);
        var message = test.Read("a").Single();
        await Eventually.True(() => calls == 1);

        await AdvanceUntilAsync(time, () => message.Failures?.Exception is not null);
        Assert.Contains("left behind", message.Failures!.Exception!.Message, StringComparison.Ordinal);
        await AdvanceUntilAsync(time, () => test.Partition().CommitOffset == 1);

        // What becomes of the call that was left behind changes nothing any more.
        never.Set();
        test.Read("b");
        await test.SettledAsync();
        Assert.Equal(3, calls);
    }

    [Fact]
    public async Task A_stop_cancels_a_call_that_blocks_its_thread()
    {
        var calls = 0;
        var cancelled = false;
        var sink = Blocking(one: true, token =>
        {
            Interlocked.Increment(ref calls);
            Volatile.Write(ref cancelled, token.WaitHandle.WaitOne(Eventually.Deadline));
            token.ThrowIfCancellationRequested();
        });
        using var test = new PipelineUnderTest(sink);
        var message = test.Read("a").Single();
        await Eventually.True(() => calls == 1);

        test.Pipeline.StopDispatch();
        test.Pipeline.Abort();
        await test.EmptyAsync();

        Assert.True(Volatile.Read(ref cancelled));
        Assert.Null(message.Failures);
        Assert.Equal(0, test.Partition().CommitOffset);
    }

    [Fact]
    public async Task An_id_neither_fills_the_log_nor_forges_a_line_of_it()
    {
        using var test = new PipelineUnderTest(new FakeSink((_, _) => throw new SinkException(ErrorType.Permanent, "no")));
        test.Read(0, ("a", "1\r\nfail: everything is lost\u001b[2J" + new string('x', 1_000_000)));
        await test.SettledAsync();

        Assert.All(test.Log.Collector.GetSnapshot(), record =>
        {
            Assert.DoesNotContain(record.Message, char.IsControl);
            Assert.InRange(record.Message.Length, 0, 1_000);
        });
        Assert.Contains("1\uFFFD\uFFFDfail", Assert.Single(test.Log.Collector.GetSnapshot(), record => record.Id.Id == 1102).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_dead_letter_that_waits_to_be_written_is_left_to_the_partitions_next_owner()
    {
        var time = new FakeTimeProvider();
        using var test = new PipelineUnderTest(new FakeSink((_, _) => throw new SinkException(ErrorType.Permanent, "no")), time: time);
        test.DeadLetters.Write = (_, _) => throw new InvalidOperationException("no broker");
        test.Read("a");
        await Eventually.True(() => test.Logged(1103));

        test.DeadLetters.Write = (_, _) => Task.CompletedTask;
        test.Partition().Close();
        test.Pipeline.DropRevoked();
        await AdvanceUntilAsync(time, () => test.Pipeline.Window.Messages == 0);
        await test.EmptyAsync();

        Assert.Empty(test.DeadLetters.Written);
        Assert.Equal(PauseReasons.None, test.Pipeline.PauseReasons);
    }

    private static object Blocking(bool one, Action<CancellationToken> send) => one
        ? new FakeSink((_, token) =>
        {
            send(token);
            return default;
        })
        : new FakeBatchSink((messages, token) =>
        {
            send(token);
            return new(SinkResult.AllDelivered(messages.Count));
        });

    [Fact]
    public async Task A_sink_that_blocks_its_thread_holds_its_own_key_alone()
    {
        using var release = new ManualResetEventSlim();
        var sink = new FakeSink((message, _) =>
        {
            if (KeyOf(message) == "blocked")
                release.Wait(CancellationToken.None);

            return default;
        });
        using var test = new PipelineUnderTest(sink);
        test.Read("blocked", "a", "b", "blocked", "c", "a", "b", "c");
        await Eventually.True(() => sink.Delivered.Count == 6);
        test.Read("d", "e");
        await Eventually.True(() => sink.Delivered.Count == 8);

        Assert.Equal(0, test.Partition().CommitOffset);
        release.Set();
        await test.SettledAsync();
        Assert.Equal(10, sink.Delivered.Count);
    }

    [Fact]
    public async Task A_message_is_tried_as_often_as_the_settings_say_and_then_kept_as_a_dead_letter()
    {
        var time = new FakeTimeProvider();
        var sink = new FakeSink((message, _) => KeyOf(message) == "bad" ? throw new InvalidOperationException("no") : default);
        using var test = new PipelineUnderTest(sink, options => (options.Retry.MaxRetryAttempts, options.Breaker.FailuresToOpen) = (2, 3), time);
        var bad = test.Read("bad", "bad")[0];
        await AdvanceUntilAsync(time, () => test.DeadLetters.Written.Count == 1, pump: () => test.Read("good"));

        Assert.Equal(3, sink.Calls.Count(offset => offset == 0));
        Assert.Equal(3, bad.Failures!.Attempts);
        Assert.Same(bad, test.DeadLetters.Written.Single());
        await AdvanceUntilAsync(time, () => test.DeadLetters.Written.Count == 2, pump: () => test.Read("good"));
        await test.SettledAsync();
    }

    [Fact]
    public async Task A_failure_of_the_messages_own_is_a_dead_letter_at_once_and_its_successor_goes_on()
    {
        var sink = new FakeSink((message, _) => message.Offset == 0 ? throw new SinkException(ErrorType.ValidationError, "no") : default);
        using var test = new PipelineUnderTest(sink);
        test.Read("a", "a");
        await test.SettledAsync();

        Assert.Equal([0, 1], sink.Calls);
        Assert.Equal([0], test.DeadLetters.Written.Select(d => d.Offset));
        Assert.True(test.Pipeline.Gate.IsClosed);
    }

    [Fact]
    public async Task The_successor_waits_until_the_brokers_have_the_dead_letter()
    {
        var acknowledged = new TaskCompletionSource();
        var sink = new FakeSink((message, _) => message.Offset == 0 ? throw new SinkException(ErrorType.Permanent, "no") : default);
        using var test = new PipelineUnderTest(sink);
        test.DeadLetters.Write = (_, _) => acknowledged.Task;
        test.Read("a", "a", "b");
        await Eventually.True(() => test.DeadLetters.Writes == 1 && sink.Delivered.Contains(2));

        Assert.Equal(0, test.Partition().CommitOffset);
        Assert.DoesNotContain(1L, sink.Calls);
        acknowledged.SetResult();
        await test.SettledAsync();
        Assert.Equal([2, 1], sink.Delivered);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task While_a_dead_letter_can_not_be_written_nothing_of_it_is_settled_and_reading_pauses(bool hangs)
    {
        var time = new FakeTimeProvider();
        var sink = new FakeSink((message, _) => message.Offset == 0 ? throw new SinkException(ErrorType.Permanent, "no") : default);
        using var test = new PipelineUnderTest(sink, time: time);
        test.DeadLetters.Write = (_, _) => hangs ? new TaskCompletionSource().Task : Task.FromException(new InvalidOperationException("no topic"));
        test.Read("a", "b");
        await AdvanceUntilAsync(time, () => test.DeadLetters.Writes > 2);

        Assert.Equal(PauseReasons.DeadLettersDown, test.Pipeline.PauseReasons);
        Assert.Equal(0, test.Partition().CommitOffset);
        Assert.Equal([1], sink.Delivered);
        Assert.True(test.Logged(1103));

        test.DeadLetters.Write = (_, _) => Task.CompletedTask;
        await AdvanceUntilAsync(time, () => test.Partition().CommitOffset == 2);
        await test.EmptyAsync();
        Assert.Equal(PauseReasons.None, test.Pipeline.PauseReasons);
        Assert.Single(test.DeadLetters.Written);
    }

    [Fact]
    public async Task While_the_store_can_not_claim_nothing_is_delivered_and_reading_pauses()
    {
        var time = new FakeTimeProvider();
        var sink = new FakeSink();
        using var test = new PipelineUnderTest(sink, time: time);
        test.Store.BeforeClaim = () => throw new InvalidOperationException("The store is down.");
        test.Read("a", "b", "a");
        await AdvanceUntilAsync(time, () => test.Store.Claims > 5);

        Assert.Equal(PauseReasons.StoreDown, test.Pipeline.PauseReasons);
        Assert.Empty(sink.Calls);
        Assert.True(test.Logged(1106));

        test.Store.BeforeClaim = null;
        await AdvanceUntilAsync(time, () => sink.Delivered.Count == 3);
        await test.SettledAsync();
        Assert.Equal(PauseReasons.None, test.Pipeline.PauseReasons);
        Assert.Empty(test.DeadLetters.Written);
        Assert.Equal([0, 2], sink.Delivered.Where(o => o != 1));
    }

    [Fact]
    public async Task A_store_that_answers_nothing_is_a_store_that_is_down()
    {
        var time = new FakeTimeProvider();
        var sink = new FakeSink();
        using var test = new PipelineUnderTest(sink, time: time);
        test.Store.LeavesUnanswered = true;
        test.Read("a", "b");
        await AdvanceUntilAsync(time, () => test.Store.Claims > 3);

        Assert.Equal(PauseReasons.StoreDown, test.Pipeline.PauseReasons);
        Assert.Empty(sink.Calls);
        Assert.True(test.Logged(1106));

        test.Store.LeavesUnanswered = false;
        await AdvanceUntilAsync(time, () => sink.Delivered.Count == 2);
        await test.SettledAsync();
        Assert.Equal(PauseReasons.None, test.Pipeline.PauseReasons);
    }

    [Fact]
    public async Task While_the_store_can_not_complete_nothing_is_settled_and_reading_pauses()
    {
        var time = new FakeTimeProvider();
        var sink = new FakeSink();
        var completions = 0;
        using var test = new PipelineUnderTest(sink, time: time);
        test.Store.BeforeComplete = () => Task.FromException(new InvalidOperationException($"The store is down: {completions++}."));
        test.Read("a");
        await AdvanceUntilAsync(time, () => completions > 3);

        Assert.Equal(PauseReasons.StoreDown, test.Pipeline.PauseReasons);
        Assert.Equal(0, test.Partition().CommitOffset);

        test.Store.BeforeComplete = null;
        await AdvanceUntilAsync(time, () => test.Partition().CommitOffset == 1);
        await test.EmptyAsync();
        Assert.Equal(PauseReasons.None, test.Pipeline.PauseReasons);
        Assert.Single(sink.Calls);
    }

    [Fact]
    public async Task A_claim_that_can_not_be_released_runs_out_and_its_message_is_tried_again()
    {
        var time = new FakeTimeProvider();
        var fail = true;
        var sink = new FakeSink((_, _) => fail ? throw new SinkException(ErrorType.Transient, "hiccup") : default);
        using var test = new PipelineUnderTest(sink, time: time);
        test.Store.BeforeRelease = () => throw new InvalidOperationException("The store is down.");
        test.Read("a");
        await Eventually.True(() => sink.Calls.Count == 1);
        fail = false;

        await AdvanceUntilAsync(time, () => sink.Delivered.Count == 1);
        await test.SettledAsync();
    }

    /// <summary>Those who would ask the store again are gone with their partition. If nobody else may be read, nobody ever asks.</summary>
    [Fact]
    public async Task A_store_that_was_down_when_a_partition_was_given_up_does_not_pause_the_next_one_for_ever()
    {
        var time = new FakeTimeProvider();
        var sink = new FakeSink();
        using var test = new PipelineUnderTest(sink, time: time);
        test.Store.BeforeClaim = () => throw new InvalidOperationException("The store is down.");
        test.Read("a");
        await Eventually.True(() => test.Pipeline.PauseReasons == PauseReasons.StoreDown && test.Pipeline.Lanes.InFlight == 0);

        GiveUp(test, 0);
        test.Store.BeforeClaim = null;

        await test.EmptyAsync();
        Assert.Equal(PauseReasons.None, test.Pipeline.PauseReasons);
    }

    [Fact]
    public async Task An_open_breaker_stops_everything_and_one_probe_after_the_break_starts_it_again()
    {
        var time = new FakeTimeProvider();
        var fail = true;
        var sink = new FakeSink((_, _) => fail ? throw new HttpRequestException("connection refused") : default);
        using var test = new PipelineUnderTest(sink, options => options.MaxConcurrency = 1, time);
        var messages = test.Read([.. Enumerable.Range(0, 20).Select(i => (string?)$"key-{i}")]);
        await Eventually.True(() => !test.Pipeline.Gate.IsClosed && test.Pipeline.Lanes.InFlight == 0);
        Assert.Equal(PauseReasons.BreakerOpen, test.Pipeline.PauseReasons);
        Assert.Equal(5, sink.Calls.Count);
        Assert.Equal(4, messages.Sum(m => m.Failures?.Attempts ?? 0));

        // Half an hour of outage: one probe a minute, each of another key, and none of them counts against its message.
        for (var probe = 1; probe <= 30; probe++)
        {
            time.Advance(TimeSpan.FromSeconds(60));
            await Eventually.True(() => sink.Calls.Count == 5 + probe && test.Pipeline.Lanes.InFlight == 0 && test.Pipeline.Gate.State == BreakerState.Open);
        }

        // What counted before the breaker opened was the beginning of the outage, and is taken back.
        Assert.Equal(0, messages.Sum(m => m.Failures?.Attempts ?? 0));
        Assert.Equal(20, sink.Calls.Distinct().Count());
        Assert.Empty(test.DeadLetters.Written);

        fail = false;
        time.Advance(TimeSpan.FromSeconds(60));
        await AdvanceUntilAsync(time, () => test.Partition().CommitOffset == 20);
        await test.EmptyAsync();
        Assert.Equal(PauseReasons.None, test.Pipeline.PauseReasons);
        Assert.Equal(20, sink.Delivered.Count);
        Assert.Empty(test.DeadLetters.Written);
        Assert.True(test.Logged(1104));
        Assert.True(test.Logged(1105));
    }

    /// <summary>The endpoint refuses connections within microseconds. Not more calls are on their way than may be when the breaker hears of the first failures.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_endpoint_that_fails_fast_is_called_no_more_often_than_the_breaker_and_the_concurrency_allow(bool inBatches)
    {
        const int MaxConcurrency = 3;
        var calls = 0;
        object sink = inBatches
            ? new FakeBatchSink((_, _) =>
            {
                Interlocked.Increment(ref calls);
                throw new HttpRequestException("connection refused");
            })
            : new FakeSink((_, _) =>
            {
                Interlocked.Increment(ref calls);
                throw new HttpRequestException("connection refused");
            });
        using var test = new PipelineUnderTest(
            sink, options => (options.MaxConcurrency, options.MaxBatchSize) = (MaxConcurrency, 1), new FakeTimeProvider());
        test.Read([.. Enumerable.Range(0, 1_000).Select(i => (string?)$"key-{i}")]);
        await Eventually.True(() => !test.Pipeline.Gate.IsClosed && test.Pipeline.Lanes.InFlight == 0);

        Assert.InRange(calls, 5, 5 + MaxConcurrency - 1);
    }

    [Fact]
    public async Task For_the_breaker_a_call_with_many_messages_is_one_failure()
    {
        var sink = new FakeBatchSink((_, _) => throw new HttpRequestException("connection refused"));
        using var test = new PipelineUnderTest(sink, options => (options.MaxConcurrency, options.MaxBatchSize) = (1, 10), new FakeTimeProvider());
        test.Read([.. Enumerable.Range(0, 200).Select(i => (string?)$"key-{i}")]);
        await Eventually.True(() => !test.Pipeline.Gate.IsClosed && test.Pipeline.Lanes.InFlight == 0);

        Assert.Equal(5, sink.Calls.Count);
    }

    /// <summary>The first of each batch is refused for its own sake. What the others say must be heard all the same.</summary>
    [Fact]
    public async Task A_batch_in_which_one_message_is_at_fault_and_the_endpoint_fails_the_others_is_a_failure()
    {
        var sink = new FakeBatchSink((messages, _) => new(
        [
            SinkResult.Failed(new SinkException(ErrorType.ValidationError, "400")),
            .. messages.Skip(1).Select(_ => SinkResult.Failed(new SinkException(ErrorType.ServiceUnavailable, "503"))),
        ]));
        using var test = new PipelineUnderTest(sink, options => (options.MaxConcurrency, options.MaxBatchSize) = (1, 10), new FakeTimeProvider());
        test.Read([.. Enumerable.Range(0, 200).Select(i => (string?)$"key-{i}")]);
        await Eventually.True(() => !test.Pipeline.Gate.IsClosed && test.DeadLetters.Written.Count == 5 && test.Pipeline.Lanes.InFlight == 0);

        Assert.Equal(5, sink.Calls.Count);
    }

    [Fact]
    public async Task A_batch_of_which_the_endpoint_takes_one_message_is_no_failure_of_the_endpoint()
    {
        var sink = new FakeBatchSink((messages, _) => new(
        [
            .. messages.SkipLast(1).Select(_ => SinkResult.Failed(new SinkException(ErrorType.ServiceUnavailable, "503"))),
            SinkResult.Delivered,
        ]));
        using var test = new PipelineUnderTest(sink, options => options.Breaker.FailuresToOpen = 1, new FakeTimeProvider());
        test.Read("a", "b", "c");
        await Eventually.True(() => test.Pipeline.Window.Messages == 2 && test.Pipeline.Lanes.InFlight == 0);

        Assert.True(test.Pipeline.Gate.IsClosed);
    }

    [Fact]
    public async Task An_exception_that_can_not_say_what_it_is_costs_its_own_message_alone()
    {
        var time = new FakeTimeProvider();
        var sink = new FakeSink((message, _) => message.Offset == 1 ? throw new MuteException() : default);
        using var test = new PipelineUnderTest(sink, options => (options.MaxConcurrency, options.Retry.MaxRetryAttempts) = (1, 4), time);
        test.Read("a", "b", "c");
        await Eventually.True(() => sink.Delivered.Count == 2);
        for (var retry = 1; retry <= 4; retry++)
        {
            await Eventually.True(() => sink.Calls.Count == 2 + retry && test.Pipeline.Lanes.InFlight == 0);
            time.Advance(TimeSpan.FromMinutes(1));
        }

        await test.SettledAsync();
        Assert.Equal(typeof(MuteException).ToString(), Assert.Single(test.DeadLetters.Written).Failures!.Reason);
    }

    [Fact]
    public async Task Failed_authentication_opens_the_breaker_at_once()
    {
        var time = new FakeTimeProvider();
        var sink = new FakeSink((_, _) => throw new SinkException(ErrorType.Authentication, "401") { StatusCode = 401 });
        using var test = new PipelineUnderTest(sink, options => options.MaxConcurrency = 1, time);
        test.Read("a", "b", "c");
        await Eventually.True(() => !test.Pipeline.Gate.IsClosed && test.Pipeline.Lanes.InFlight == 0);

        Assert.Single(sink.Calls);
        Assert.Equal(PauseReasons.BreakerOpen, test.Pipeline.PauseReasons);
    }

    /// <summary>The store took its time, and the endpoint went down meanwhile.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_message_that_was_claimed_while_the_breaker_opened_goes_back_and_it_is_no_attempt(bool inBatches)
    {
        var time = new FakeTimeProvider();
        var fail = true;
        var calls = 0;
        void Send()
        {
            Interlocked.Increment(ref calls);
            if (fail)
                throw new SinkException(ErrorType.Authentication, "401");
        }

        object sink = inBatches
            ? new FakeBatchSink((messages, _) =>
            {
                Send();
                return new(SinkResult.AllDelivered(messages.Count));
            })
            : new FakeSink((_, _) =>
            {
                Send();
                return default;
            });
        using var test = new PipelineUnderTest(sink, time: time);
        var claiming = new TaskCompletionSource();
        var claims = 0;
        test.Store.BeforeClaim = () => Interlocked.Increment(ref claims) == 1 ? claiming.Task : Task.CompletedTask;
        var refused = test.Read("slow").Single();
        await Eventually.True(() => claims == 1);
        var failed = test.Read("fast").Single();
        await Eventually.True(() => !test.Pipeline.Gate.IsClosed);

        claiming.SetResult();
        await Eventually.True(() => test.Pipeline.Lanes.InFlight == 0);
        Assert.Equal(1, calls);
        Assert.Null(refused.Failures);
        Assert.NotNull(failed.Failures);

        fail = false;
        await AdvanceUntilAsync(time, () => test.Partition().CommitOffset == 2);
        await test.EmptyAsync();
        Assert.Equal(3, calls);
    }

    /// <summary>The probe turned out to be a duplicate, which says nothing about the endpoint. The next message must be let in, or nothing ever moves again.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(40)]
    public async Task Probes_that_are_duplicates_come_to_nothing_and_the_next_one_goes_at_once(int duplicates)
    {
        var time = new FakeTimeProvider();
        var fail = false;
        var sink = new FakeSink((_, _) => fail ? throw new SinkException(ErrorType.Authentication, "401") : default);
        using var test = new PipelineUnderTest(sink, options => options.MaxConcurrency = 1, time);
        test.Read(0, ("first", "id"));
        await test.SettledAsync();

        fail = true;
        test.Read(1, [("failing", null), .. Enumerable.Range(0, duplicates).Select(i => ($"key-{i}", (string?)"id")), ("last", null)]);
        await Eventually.True(() => !test.Pipeline.Gate.IsClosed && test.Pipeline.Lanes.InFlight == 0);
        fail = false;
        time.Advance(TimeSpan.FromSeconds(60));

        await AdvanceUntilAsync(time, () => test.Partition(1).CommitOffset == duplicates + 2, step: TimeSpan.FromMilliseconds(1));
        Assert.Equal(duplicates, test.Store.Statistics.Duplicates);
        Assert.True(test.Pipeline.Gate.IsClosed);
    }

    /// <summary>Nothing is in hand that could probe: then one message must be read, or the pause has no end.</summary>
    [Fact]
    public async Task An_open_breaker_pauses_once_a_message_that_has_not_failed_is_in_hand_to_probe_with()
    {
        var time = new FakeTimeProvider();
        var sink = new FakeSink((_, _) => throw new SinkException(ErrorType.Authentication, "401"));
        using var test = new PipelineUnderTest(sink, time: time);
        test.Read("a");
        await Eventually.True(() => !test.Pipeline.Gate.IsClosed && test.Pipeline.Lanes.InFlight == 0);

        // All in hand has failed: if it is the message's fault, only another can show it.
        Assert.Equal(PauseReasons.None, test.Pipeline.PauseReasons);
        test.Read("b");
        Assert.Equal(PauseReasons.BreakerOpen, test.Pipeline.PauseReasons);

        sink.Send = (_, _) => default;
        time.Advance(TimeSpan.FromSeconds(60));
        await test.SettledAsync();
        Assert.True(test.Pipeline.Gate.IsClosed);
        Assert.Equal(PauseReasons.None, test.Pipeline.PauseReasons);
    }

    /// <summary>What is in hand is stuck in the sink, and all that waits stands behind it: none of it can probe.</summary>
    [Fact]
    public async Task What_stands_behind_a_call_that_hangs_can_not_probe_and_pauses_nothing()
    {
        var time = new FakeTimeProvider();
        using var release = new ManualResetEventSlim();
        var sink = new FakeSink((message, _) =>
        {
            if (KeyOf(message) == "stuck")
                release.Wait(CancellationToken.None);

            throw new SinkException(ErrorType.Authentication, "401");
        });
        using var test = new PipelineUnderTest(sink, time: time);
        test.Read("stuck", "stuck");
        await Eventually.True(() => sink.Running == 1);
        test.Read(1, ("a", null));
        await Eventually.True(() => !test.Pipeline.Gate.IsClosed && test.Pipeline.Lanes.InFlight == 1);
        GiveUp(test, 1);
        await Eventually.True(() => test.Pipeline.Window.Messages == 2);
        Assert.Equal(PauseReasons.None, test.Pipeline.PauseReasons);
        release.Set();
    }

    [Theory]
    [InlineData(ErrorType.RateLimited, 0)]
    [InlineData(ErrorType.ServiceUnavailable, 1)]
    public async Task An_endpoint_that_asks_us_to_slow_down_is_left_alone_by_all_messages_for_as_long_as_it_says(ErrorType type, int attempts)
    {
        var time = new FakeTimeProvider();
        var start = time.GetTimestamp();
        var calls = new ConcurrentQueue<TimeSpan>();
        var sink = new FakeSink((_, _) =>
        {
            calls.Enqueue(time.GetElapsedTime(start));
            return calls.Count == 1 ? throw new SinkException(type, "slower, please") { RetryAfter = TimeSpan.FromSeconds(90) } : default;
        });
        using var test = new PipelineUnderTest(sink, options => options.MaxConcurrency = 1, time);
        var first = test.Read("a").Single();
        await Eventually.True(() => first.Failures is not null && test.Pipeline.Lanes.InFlight == 0);
        test.Read("b", "c");
        await AdvanceUntilAsync(time, () => test.Partition().CommitOffset == 3);

        Assert.Equal(4, calls.Count);
        Assert.All(calls.Skip(1), at => Assert.InRange(at, TimeSpan.FromSeconds(90), TimeSpan.MaxValue));
        Assert.Equal(attempts, first.Failures!.Attempts);
        Assert.True(test.Pipeline.Gate.IsClosed);
        await test.EmptyAsync();
    }

    [Fact]
    public async Task Being_asked_to_slow_down_any_number_of_times_makes_no_dead_letter()
    {
        var time = new FakeTimeProvider();
        var sink = new FakeSink((_, _) => throw new SinkException(ErrorType.RateLimited, "429"));
        using var test = new PipelineUnderTest(sink, time: time);
        test.Read("a");
        await AdvanceUntilAsync(time, () => sink.Calls.Count > 20);

        Assert.Empty(test.DeadLetters.Written);
        sink.Send = (_, _) => default;
        await AdvanceUntilAsync(time, () => test.Partition().CommitOffset == 1);
    }

    /// <summary>A tenant over its limit, a message too large for a gRPC server: one is refused each time, and asks everybody to wait.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(30)]
    public async Task One_message_that_is_always_asked_to_wait_does_not_stop_the_others(int retryAfter)
    {
        const int Others = 2_000;
        var time = new FakeTimeProvider();
        var sink = new FakeSink(async (message, _) =>
        {
            await Task.Delay(TimeSpan.FromSeconds(1), time, CancellationToken.None);
            if (message.Offset == 0)
                throw new SinkException(ErrorType.RateLimited, "429") { RetryAfter = TimeSpan.FromSeconds(retryAfter) };
        });
        using var test = new PipelineUnderTest(sink, time: time, withStore: false);
        test.Read([.. Enumerable.Range(0, Others + 1).Select(i => $"k{i}")]);

        // Asked again and again, whatever the others do: in the end all of them are through, and it is none of the dead letters.
        await Eventually.True(() =>
        {
            time.Advance(TimeSpan.FromSeconds(1));
            return sink.Delivered.Count == Others && sink.Calls.Count(offset => offset == 0) > 5;
        });
        Assert.Empty(test.DeadLetters.Written);
    }

    /// <summary>Up for the probe, down for what follows it: that is an outage, and the attempts of its beginning are nobody's.</summary>
    [Fact]
    public async Task An_endpoint_that_takes_each_probe_and_fails_what_follows_makes_no_dead_letter()
    {
        var time = new FakeTimeProvider();
        var takes = 0;
        var sink = new FakeSink((_, _) => Interlocked.Decrement(ref takes) >= 0 ? default : throw new SinkException(ErrorType.ServiceUnavailable, "503"));
        using var test = new PipelineUnderTest(sink, options => options.MaxConcurrency = 4, time, withStore: false);
        test.Read([.. Enumerable.Range(0, 12).Select(i => $"k{i}")]);
        for (var probe = 1; probe <= 10; probe++)
        {
            await Eventually.True(() => test.Pipeline.Gate.State == BreakerState.Open && test.Pipeline.Lanes.InFlight == 0);
            Volatile.Write(ref takes, 1);
            await Eventually.True(() =>
            {
                time.Advance(TimeSpan.FromSeconds(1));
                return sink.Delivered.Count == probe;
            });

            // Closed by the probe, opened again by what follows, be it fresh or tried before.
            await Eventually.True(() =>
            {
                time.Advance(TimeSpan.FromSeconds(1));
                return test.Pipeline.Gate.State != BreakerState.Closed;
            });
        }

        Assert.Empty(test.DeadLetters.Written);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(24)]
    public async Task An_outage_with_a_long_Retry_After_makes_no_dead_letter(int hours)
    {
        var time = new FakeTimeProvider();
        var sink = new FakeSink((_, _) => throw new SinkException(ErrorType.ServiceUnavailable, "maintenance") { RetryAfter = TimeSpan.FromHours(hours) });
        using var test = new PipelineUnderTest(sink, options => options.MaxConcurrency = 1, time, withStore: false);
        test.Read("a", "b", "c");

        for (var calls = 1; calls <= 12; calls++)
        {
            await Eventually.True(() =>
            {
                time.Advance(TimeSpan.FromMinutes(10));
                return sink.Calls.Count >= calls;
            });
        }

        Assert.Empty(test.DeadLetters.Written);
        Assert.False(test.Pipeline.Gate.IsClosed);
    }

    [Fact]
    public async Task Patience_does_not_end_while_nobody_gets_through_and_ends_when_others_do()
    {
        var time = new FakeTimeProvider();
        var isDown = true;
        var sink = new FakeSink((message, _) => isDown || message.Offset == 0 ? throw new SinkException(ErrorType.ServiceUnavailable, "503") : default);
        using var test = new PipelineUnderTest(
            sink, options => (options.Retry.MaxElapsedTime, options.Retry.MaxRetryAttempts, options.Breaker.FailuresToOpen) = (TimeSpan.FromSeconds(5), 1_000, 1_000), time, withStore: false);
        test.Read("bad");
        await Eventually.True(() =>
        {
            time.Advance(TimeSpan.FromSeconds(1));
            return sink.Calls.Count > 5;
        });
        Assert.Empty(test.DeadLetters.Written);
        Assert.True(test.Pipeline.Gate.IsClosed);

        isDown = false;
        test.Read("good");
        await Eventually.True(() =>
        {
            time.Advance(TimeSpan.FromSeconds(1));
            return test.DeadLetters.Written.Count == 1;
        });
    }

    [Fact]
    public async Task A_message_without_a_trace_does_not_continue_the_trace_of_the_one_before_it()
    {
        var parents = new ConcurrentQueue<(string? Topic, string? Parent)>();
        using var listener = new System.Diagnostics.ActivityListener
        {
            ShouldListenTo = source => source == CloudSyncMeter.Activities,
            Sample = static (ref System.Diagnostics.ActivityCreationOptions<System.Diagnostics.ActivityContext> _) => System.Diagnostics.ActivitySamplingResult.AllDataAndRecorded,
            ActivityStarted = activity => parents.Enqueue((activity.DisplayName, activity.ParentId)),
        };
        System.Diagnostics.ActivitySource.AddActivityListener(listener);
        var go = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var sink = new FakeSink(async (_, _) => await go.Task);
        using var test = new PipelineUnderTest(sink, options => options.Topic = "untraced", withStore: false);
        test.Read("a", "b", "c", "d", "e", "f", "g", "h");
        await Eventually.True(() => sink.Running == 8);
        go.SetResult();
        await test.SettledAsync();

        // Other tests run beside this one, and are traced as well.
        var ours = parents.Where(p => p.Topic == "process untraced").ToList();
        Assert.Equal(8, ours.Count);
        Assert.All(ours, p => Assert.Null(p.Parent));
    }

    /// <summary>A client may end all its calls on one thread of its own, or under a lock: a store that needs that client would then wait for itself.</summary>
    [Theory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(false, false)]
    public async Task A_thread_on_which_a_sink_ends_its_calls_is_not_made_to_settle_them(bool inBatches, bool ofThePool)
    {
        using var ends = new BlockingCollection<Action>();
        Thread? own = null;
        void Loop()
        {
            own = Thread.CurrentThread;
            foreach (var end in ends.GetConsumingEnumerable())
                end();
        }

        // A client that reads its answers in a loop on the pool is the usual one.
        var loop = ofThePool ? Task.Run(Loop, TestContext.Current.CancellationToken) : Task.Factory.StartNew(Loop, TestContext.Current.CancellationToken, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        object sink = inBatches
            ? new FakeBatchSink((messages, _) =>
            {
                var call = new TaskCompletionSource<IReadOnlyList<SinkResult>>();
                ends.Add(() => call.SetResult(SinkResult.AllDelivered(messages.Count)), CancellationToken.None);
                return new ValueTask<IReadOnlyList<SinkResult>>(call.Task);
            })
            : new FakeSink((_, _) =>
            {
                var call = new TaskCompletionSource();
                ends.Add(call.SetResult, CancellationToken.None);
                return new ValueTask(call.Task);
            });
        using var test = new PipelineUnderTest(sink);
        var settledByThem = 0;
        test.Store.BeforeComplete = () =>
        {
            Interlocked.Add(ref settledByThem, Thread.CurrentThread == own ? 1 : 0);
            return Task.CompletedTask;
        };
        test.Read("a", "b", "c");
        await test.SettledAsync();

        Assert.Equal(0, settledByThem);
        ends.CompleteAdding();
        await loop;
    }

    /// <summary>Listeners run within what they listen to. One that throws must cost no message its end, nor the pool a thread.</summary>
    [Theory]
    [InlineData("messaging.process.duration", false, false)]
    [InlineData("messaging.process.duration", false, true)]
    [InlineData("messaging.process.duration", true, false)]
    [InlineData("cloudsync.consumer.delivered", false, false)]
    [InlineData("cloudsync.consumer.delivered", true, false)]
    [InlineData("cloudsync.consumer.duplicates", false, false)]
    public async Task A_listener_of_the_metrics_that_throws_takes_no_outcome_with_it(string instrument, bool inBatches, bool endsAtOnce)
    {
        var group = Guid.NewGuid().ToString("N");
        using var listener = new MeterListener();
        listener.InstrumentPublished = (published, all) =>
        {
            if (published.Name == instrument)
                all.EnableMeasurementEvents(published);
        };
        listener.SetMeasurementEventCallback<double>((_, _, tags, _) => Throw(tags));
        listener.SetMeasurementEventCallback<long>((_, _, tags, _) => Throw(tags));
        listener.Start();
        using var test = new PipelineUnderTest(SinkThat(inBatches, endsAtOnce), options => options.GroupId = group);

        test.Read(0, ("a", "1"), ("b", "2"), ("c", "3"));
        await test.SettledAsync();
        test.Read(0, ("a", "1"), ("b", "4"));
        await test.SettledAsync();

        Assert.Equal(0, test.Pipeline.Window.Messages);
        Assert.Equal(5, test.Partition().CommitOffset);
        Assert.Contains(test.Log.Collector.GetSnapshot(), entry => entry.Id.Id == 1128);

        void Throw(ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            foreach (var (_, value) in tags)
            {
                if (group.Equals(value))
                    throw new InvalidOperationException("The listener throws.");
            }
        }
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    public async Task A_listener_of_the_traces_that_throws_takes_no_outcome_with_it(bool inBatches, bool atTheStart)
    {
        var (topic, ours) = (Guid.NewGuid().ToString("N"), CloudSyncMeter.Activities.Name);
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == ours,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStarted = activity => Throw(activity, atTheStart),
            ActivityStopped = activity => Throw(activity, !atTheStart),
        };
        ActivitySource.AddActivityListener(listener);
        var calls = 0;
        using var test = new PipelineUnderTest(SinkThat(inBatches, endsAtOnce: false, () => Interlocked.Increment(ref calls)), options => options.Topic = topic);

        test.Read("a", "b", "c");
        await test.SettledAsync();

        Assert.Equal(3, test.Partition().CommitOffset);
        Assert.Equal(inBatches ? 1 : 3, calls);

        void Throw(Activity activity, bool now)
        {
            if (now && activity.DisplayName == $"process {topic}")
                throw new InvalidOperationException("The listener throws.");
        }
    }

    private static object SinkThat(bool inBatches, bool endsAtOnce, Action? called = null) => inBatches
        ? new FakeBatchSink(async (messages, _) =>
        {
            called?.Invoke();
            if (!endsAtOnce)
                await Task.Yield();
            return SinkResult.AllDelivered(messages.Count);
        })
        : new FakeSink(async (_, _) =>
        {
            called?.Invoke();
            if (!endsAtOnce)
                await Task.Yield();
        });

    [Fact]
    public async Task A_completion_after_the_partition_was_lost_settles_nothing()
    {
        var gate = new TaskCompletionSource();
        var sink = new FakeSink(async (_, _) => await gate.Task);
        using var test = new PipelineUnderTest(sink);
        test.Read("a", "a", "b");
        await Eventually.True(() => sink.Running == 2);
        var before = test.Partition();

        before.Close();
        test.Pipeline.DropRevoked();
        var back = test.Reassign(0, offset: 0);
        gate.SetResult();
        await test.EmptyAsync();

        Assert.Equal(0, before.CommitOffset);
        Assert.Equal(-1, back.CommitOffset);
    }

    [Fact]
    public async Task What_waits_for_a_retry_is_dropped_when_its_partition_is_given_up_and_the_rest_waits_on()
    {
        var time = new FakeTimeProvider();
        var fail = true;
        var sink = new FakeSink((_, _) => fail ? throw new SinkException(ErrorType.Transient, "hiccup") { RetryAfter = TimeSpan.FromHours(1) } : default);
        using var test = new PipelineUnderTest(sink, time: time);
        test.Read(0, ("a", null), ("a", null));
        test.Read(1, ("a", null));
        await Eventually.True(() => sink.Calls.Count == 2 && test.Pipeline.Lanes.InFlight == 0 && test.Pipeline.Window.Messages == 3);

        GiveUp(test, 0);
        await Eventually.True(() => test.Pipeline.Window.Messages == 1);

        // It comes back and is delivered at once, for nothing of before stands in its way.
        fail = false;
        test.Reassign(0, offset: 0);
        test.Read(0, ("a", null), ("a", null));
        await Eventually.True(() => test.Partition(0).CommitOffset == 2);
        await AdvanceUntilAsync(time, () => test.Partition(1).CommitOffset == 1, TimeSpan.FromMinutes(10));
        await test.EmptyAsync();
    }

    [Fact]
    public async Task A_call_that_fails_after_its_partition_was_given_up_lets_the_partition_that_came_back_go_on_at_once()
    {
        var time = new FakeTimeProvider();
        var gate = new TaskCompletionSource();
        var first = true;
        var sink = new FakeSink(async (_, _) =>
        {
            if (!first)
                return;

            first = false;
            await gate.Task;
        });
        using var test = new PipelineUnderTest(sink, time: time);
        test.Read("a");
        await Eventually.True(() => sink.Running == 1);
        GiveUp(test, 0);
        test.Reassign(0, offset: 0);
        test.Read("a");

        gate.SetException(new SinkException(ErrorType.RateLimited, "429"));
        await AdvanceUntilAsync(time, () => test.Partition().CommitOffset == 1, TimeSpan.FromMilliseconds(100));
        await test.EmptyAsync();
    }

    [Fact]
    public async Task A_dead_letter_that_can_not_be_written_does_not_hold_up_its_key_when_the_partition_comes_back()
    {
        var time = new FakeTimeProvider();
        var sink = new FakeSink((_, _) => throw new SinkException(ErrorType.Permanent, "no"));
        using var test = new PipelineUnderTest(sink, time: time);
        test.DeadLetters.Write = (_, _) => throw new InvalidOperationException("no topic");
        test.Read("a", "a");
        await AdvanceUntilAsync(time, () => test.Pipeline.PauseReasons == PauseReasons.DeadLettersDown);

        GiveUp(test, 0);
        await AdvanceUntilAsync(time, () => test.Pipeline.PauseReasons == PauseReasons.None);
        await test.EmptyAsync();
        test.Reassign(0, offset: 0);
        test.DeadLetters.Write = (_, _) => Task.CompletedTask;
        test.Read("a", "a");
        await AdvanceUntilAsync(time, () => test.Partition().CommitOffset == 2);
        await test.EmptyAsync();
        Assert.Equal(2, test.DeadLetters.Written.Count);
    }

    [Fact]
    public async Task After_a_stop_nothing_new_is_dispatched_and_an_abort_leaves_what_was_cancelled_unsettled_with_its_claim_free()
    {
        var sink = new FakeSink(async (_, token) => await Task.Delay(Timeout.Infinite, token));
        using var test = new PipelineUnderTest(sink);
        test.Read(0, ("a", "1"), ("a", "2"), ("b", "3"));
        await Eventually.True(() => sink.Running == 2);
        test.Pipeline.StopDispatch();
        test.Read(0, ("c", "4"));

        test.Pipeline.Abort();
        await Eventually.True(() => test.Pipeline.Lanes.InFlight == 0);

        // Free by the time that nothing is in flight any more: the process may end then.
        Assert.Equal(2, test.Store.Releases);
        Assert.Equal(0, test.Store.Statistics.Entries);
        Assert.Equal(0, test.Partition().CommitOffset);
        Assert.Equal([0, 2], sink.Calls.Order());
        Assert.Empty(test.DeadLetters.Written);
    }

    [Fact]
    public async Task An_abort_settles_what_was_delivered_even_if_the_store_does_not_hear_of_it()
    {
        var time = new FakeTimeProvider();
        var sink = new FakeSink();
        using var test = new PipelineUnderTest(sink, time: time);
        test.Store.BeforeComplete = () => throw new InvalidOperationException("The store is down.");
        test.Read("a");
        await Eventually.True(() => test.Pipeline.PauseReasons == PauseReasons.StoreDown);
        test.Pipeline.StopDispatch();

        test.Pipeline.Abort();

        await test.SettledAsync();
    }

    [Fact]
    public async Task A_sink_whose_cancellation_throws_does_not_keep_the_others_from_being_cancelled()
    {
        var sink = new FakeSink(async (message, token) =>
        {
            await using var registration = token.Register(() =>
            {
                if (message.Offset == 0)
                    throw new InvalidOperationException("from a callback of the sink");
            });
            await Task.Delay(Timeout.Infinite, token);
        });
        using var test = new PipelineUnderTest(sink);
        test.Read("a", "b");
        await Eventually.True(() => sink.Running == 2);
        test.Pipeline.StopDispatch();

        test.Pipeline.Abort();

        await Eventually.True(() => test.Pipeline.Lanes.InFlight == 0);
    }

    [Fact]
    public async Task A_sink_whose_cancellation_blocks_does_not_keep_the_others_from_being_cancelled()
    {
        var (callbacks, goOn) = (0, new TaskCompletionSource());
        var sink = new FakeSink(async (_, token) =>
        {
            await using var registration = token.Register(() =>
            {
                if (Interlocked.Increment(ref callbacks) == 1)
                    goOn.Task.Wait(CancellationToken.None);
            });
            await Task.Delay(Timeout.Infinite, token);
        });
        using var test = new PipelineUnderTest(sink);
        test.Read("a", "b", "c");
        await Eventually.True(() => sink.Running == 3);
        test.Pipeline.StopDispatch();

        test.Pipeline.Abort();

        await Eventually.True(() => callbacks == 3 && test.Pipeline.Lanes.InFlight == 1);
        goOn.SetResult();
        await Eventually.True(() => test.Pipeline.Lanes.InFlight == 0);
    }

    /// <summary>A callback that throws runs on the clock's thread else, where it ends the process.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_sink_whose_cancellation_throws_at_its_time_out_is_tried_again(bool one)
    {
        var (time, calls) = (new FakeTimeProvider(), 0);
        async ValueTask SendAsync(CancellationToken token)
        {
            if (Interlocked.Increment(ref calls) > 1)
                return;

            await using var registration = token.Register(() => throw new InvalidOperationException("from a callback of the sink"));
            await Task.Delay(Timeout.Infinite, token);
        }

        var sink = one
            ? (object)new FakeSink((_, token) => SendAsync(token))
            : new FakeBatchSink(async (messages, token) =>
            {
                await SendAsync(token);
                return SinkResult.AllDelivered(messages.Count);
            });
        using var test = new PipelineUnderTest(sink, time: time);
        test.Read("a");
        await Eventually.True(() => test.Pipeline.Lanes.InFlight == 1 && calls == 1);

        await AdvanceUntilAsync(time, () => test.Partition().CommitOffset == 1);
        Assert.Equal(2, calls);
    }

    [Fact]
    public async Task A_round_of_dispatch_that_fails_is_logged_and_another_follows()
    {
        var time = new ClockThatThrows(within: "RunRound");
        var sink = new FakeSink((_, _) => throw new InvalidOperationException("try again"));
        using var test = new PipelineUnderTest(sink, time: time);
        test.Read("a");
        await Eventually.True(() => test.Pipeline.Lanes is { InFlight: 0, LaneCount: 1 } && sink.Calls.Count == 1);
        sink.Send = (_, _) => default;
        time.Throws = true;

        await AdvanceUntilAsync(time, () => test.Logged(1129));
        time.Throws = false;

        await AdvanceUntilAsync(time, () => test.Partition().CommitOffset == 1);
        await test.EmptyAsync();
    }

    /// <summary>A clock that can't be read, for a while, by what a method calls.</summary>
    private sealed class ClockThatThrows(string within) : FakeTimeProvider
    {
        public volatile bool Throws;

        public override long GetTimestamp() =>
            Throws && new StackTrace().GetFrames().Any(frame => frame.GetMethod()?.Name == within) ? throw new InvalidOperationException("The clock throws.") : base.GetTimestamp();
    }

    [Fact]
    public async Task A_classifier_is_asked_first_and_its_answer_counts()
    {
        var asked = new List<(int Attempt, string Message)>();
        var sink = new FakeSink((_, _) => throw new InvalidOperationException("mine"));
        using var test = new PipelineUnderTest(sink, classifier: new Classifier((in DeliveryFailure failure) =>
        {
            asked.Add((failure.Attempt, failure.Exception.Message));
            return new ErrorClassification(ErrorType.ValidationError);
        }));
        test.Read("a");
        await test.SettledAsync();

        Assert.Equal([(1, "mine")], asked);
        Assert.Equal(ErrorType.ValidationError, test.DeadLetters.Written.Single().Failures!.ErrorType);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_classifier_that_throws_or_does_not_know_leaves_it_to_the_default(bool throws)
    {
        var sink = new FakeSink((_, _) => throw new SinkException(ErrorType.Permanent, "no"));
        using var test = new PipelineUnderTest(
            sink, classifier: new Classifier((in DeliveryFailure _) => throws ? throw new InvalidOperationException("broken") : null));
        test.Read("a");
        await test.SettledAsync();

        Assert.Equal(ErrorType.Permanent, test.DeadLetters.Written.Single().Failures!.ErrorType);
        Assert.Equal(throws, test.Logged(1108));
    }

    [Theory]
    [InlineData("few")]
    [InlineData("none")]
    [InlineData("null")]
    [InlineData("default")]
    [InlineData("throws")]
    [InlineData("throws in the list")]
    [InlineData("cancelled")]
    public async Task A_batch_sink_that_reports_nothing_for_a_message_has_not_delivered_it(string how)
    {
        var time = new FakeTimeProvider();
        var sink = new FakeBatchSink((messages, _) => how switch
        {
            "few" => new([SinkResult.Delivered]),
            "none" => new((IReadOnlyList<SinkResult>)[]),
            "null" => new((IReadOnlyList<SinkResult>)null!),
            "default" => new([SinkResult.Delivered, default, default]),
            "throws in the list" => new(new BrokenList()),
            "cancelled" => ValueTask.FromCanceled<IReadOnlyList<SinkResult>>(new CancellationToken(canceled: true)),
            _ => throw new InvalidOperationException("at once"),
        });
        using var test = new PipelineUnderTest(sink, options => options.Breaker.FailuresToOpen = 6, time);
        var messages = test.Read("a", "b", "c");
        await Eventually.True(() => sink.Calls.Count == 1 && test.Pipeline.Lanes.InFlight == 0);

        var delivered = how is "few" or "default" ? 1 : 0;
        Assert.Equal(delivered, test.Partition().CommitOffset);
        Assert.All(messages.Skip(delivered), m => Assert.Equal(how is "cancelled" ? ErrorType.Timeout : ErrorType.Unknown, m.Failures!.ErrorType));

        sink.Send = (batch, _) => new(SinkResult.AllDelivered(batch.Count));
        await AdvanceUntilAsync(time, () => test.Partition().CommitOffset == 3);
        await test.EmptyAsync();
        Assert.Equal(3 - delivered, sink.Calls.Skip(1).Sum(call => call.Length));
    }

    [Fact]
    public async Task Of_a_batch_only_what_failed_is_tried_again()
    {
        var time = new FakeTimeProvider();
        var sink = new FakeBatchSink((messages, _) =>
            new([.. messages.Select(m => m.Offset == 1 ? SinkResult.Failed(new SinkException(ErrorType.Transient, "hiccup")) : SinkResult.Delivered)]));
        using var test = new PipelineUnderTest(sink, time: time);
        test.Read("a", "b", "c", "b");
        await Eventually.True(() => test.Pipeline.Window.Messages == 2 && test.Pipeline.Lanes.InFlight == 0);
        sink.Send = (messages, _) => new(SinkResult.AllDelivered(messages.Count));
        await AdvanceUntilAsync(time, () => test.Partition().CommitOffset == 4);

        Assert.Equal([1, 3], sink.Calls.Where(call => !call.Contains(0)).SelectMany(call => call).Where(o => o is 1 or 3).Distinct());
        Assert.Single(sink.Calls, call => call.Contains(0));
        Assert.DoesNotContain(sink.Calls, call => call.Contains(1) && call.Contains(3));
    }

    [Fact]
    public async Task A_batch_has_so_many_messages_and_bytes_at_most_and_a_larger_message_goes_alone()
    {
        using var gate = new ManualResetEventSlim();
        var sink = new FakeBatchSink((messages, _) =>
        {
            gate.Wait(CancellationToken.None);
            return new(SinkResult.AllDelivered(messages.Count));
        });
        using var test = new PipelineUnderTest(sink, options => (options.MaxConcurrency, options.MaxBatchSize, options.MaxBatchBytes) = (1, 10, 60));
        test.Read("first");
        await Eventually.True(() => sink.Calls.Count == 1);

        // 9 bytes each, so that six go into a batch; the ninth is far larger.
        test.Read([.. Enumerable.Range(0, 8).Select(i => (string?)$"{i:00}"), new string('x', 500), "98", "99"]);
        gate.Set();
        await test.SettledAsync();

        Assert.Equal([[0], [1, 2, 3, 4, 5, 6], [7, 8], [9], [10, 11]], sink.Calls);
    }

    [Fact]
    public async Task As_many_calls_run_at_the_same_time_as_the_settings_allow_and_no_more()
    {
        var gate = new TaskCompletionSource();
        var sink = new FakeSink(async (_, _) => await gate.Task);
        using var test = new PipelineUnderTest(sink, options => options.MaxConcurrency = 3);
        test.Read("a", "b", "c", "d", "e");
        await Eventually.True(() => sink.Running == 3);
        test.Pipeline.Pump();
        gate.SetResult();
        await test.SettledAsync();

        Assert.Equal(3, sink.MostRunning);
    }

    /// <summary>A timer for each call of the past half minute would be a timer for each of a million messages.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_call_that_has_ended_leaves_no_timer_behind(bool one)
    {
        var time = new TimersAlive();
        object sink = one
            ? new FakeSink(async (_, _) => await Task.Yield())
            : new FakeBatchSink(async (messages, _) =>
            {
                await Task.Yield();
                return SinkResult.AllDelivered(messages.Count);
            });
        using var test = new PipelineUnderTest(sink, time: time);
        var before = time.Count;
        for (var i = 0; i < 50; i++)
            test.Read($"key-{i}");

        await test.SettledAsync();
        await Eventually.True(() => time.Count <= before);
    }

    private static void GiveUp(PipelineUnderTest test, int partition)
    {
        test.Partition(partition).Revoke();
        test.Pipeline.DropRevoked();
        test.Partition(partition).Close();
        test.Pipeline.DropRevoked();
    }

    /// <summary>Lets time pass in small steps while other threads work, until it is so.</summary>
    private static Task AdvanceUntilAsync(FakeTimeProvider time, Func<bool> condition, TimeSpan? step = null, Action? pump = null) => Eventually.True(() =>
    {
        if (condition())
            return true;

        pump?.Invoke();
        time.Advance(step ?? Second);
        return false;
    });

    private static string? KeyOf(SyncMessage message) => message.Key is { } key ? Encoding.UTF8.GetString(key.Span) : null;

    private delegate ErrorClassification? Classify(in DeliveryFailure failure);

    private sealed class Classifier(Classify classify) : IErrorClassifier
    {
        public ErrorClassification? Classify(in DeliveryFailure failure) => classify(failure);
    }

    private sealed class MuteException : Exception
    {
        public override string Message => throw new InvalidOperationException("No comment.");
    }

    private sealed class BrokenList : IReadOnlyList<SinkResult>
    {
        public int Count => 3;

        public SinkResult this[int index] => throw new InvalidOperationException("The list is broken.");

        public IEnumerator<SinkResult> GetEnumerator() => throw new InvalidOperationException("The list is broken.");

        System.Collections.IEnumerator System.Collections.IEnumerable.GetEnumerator() => GetEnumerator();
    }

    /// <summary>Counts the timers that were made and not disposed.</summary>
    private sealed class TimersAlive : FakeTimeProvider
    {
        private int _count;

        public int Count => Volatile.Read(ref _count);

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            Interlocked.Increment(ref _count);
            return new Counted(base.CreateTimer(callback, state, dueTime, period), this);
        }

        private sealed class Counted(ITimer inner, TimersAlive owner) : ITimer
        {
            private int _disposed;

            public bool Change(TimeSpan dueTime, TimeSpan period) => inner.Change(dueTime, period);

            public void Dispose()
            {
                if (Interlocked.Exchange(ref _disposed, 1) == 0)
                    Interlocked.Decrement(ref owner._count);

                inner.Dispose();
            }

            public ValueTask DisposeAsync()
            {
                Dispose();
                return default;
            }
        }
    }
}
