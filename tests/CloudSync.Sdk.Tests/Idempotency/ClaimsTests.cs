using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace CloudSync.Sdk.Tests;

/// <summary>What the pipeline does with the claims of its messages, above all when the store or another owner gets in the way.</summary>
public class ClaimsTests
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);
    private readonly FakeTimeProvider _time = new();
    private readonly FakeSink _sink = new();

    /// <summary>Tells this test's figures from those of others: the counters are the process's.</summary>
    private readonly string _group = Guid.NewGuid().ToString("N");

    [Theory]
    [InlineData("claim")]
    [InlineData("complete")]
    public async Task A_store_that_never_answers_is_down_after_its_time_and_nothing_is_lost(string operation)
    {
        using var test = new PipelineUnderTest(_sink, time: _time);
        var hang = new TaskCompletionSource();
        Func<Task> hanging = () => hang.Task;
        (test.Store.BeforeClaim, test.Store.BeforeComplete) = operation == "claim" ? (hanging, (Func<Task>?)null) : (null, hanging);
        test.Read("a", "b");
        await AdvanceUntilAsync(() => test.Pipeline.PauseReasons == PauseReasons.StoreDown);
        Assert.Equal(0, test.Partition().CommitOffset);
        Assert.True(test.Logged(1106));

        (test.Store.BeforeClaim, test.Store.BeforeComplete) = (null, null);
        hang.SetResult();
        await AdvanceUntilAsync(() => test.Partition().CommitOffset == 2);
        await test.EmptyAsync();
        Assert.Equal(2, _sink.Calls.Count);
        Assert.True(test.Logged(1122));
    }

    [Fact]
    public async Task A_claim_whose_answer_came_late_is_extended_as_long_after_it_was_asked_for()
    {
        var end = new TaskCompletionSource();
        _sink.Send = (_, _) => new ValueTask(end.Task);
        using var test = new PipelineUnderTest(_sink, options => (options.SinkTimeout, options.Idempotency.Lease) = (5 * Second, 6 * Second), _time);
        var (isAsked, answer) = (false, new TaskCompletionSource());
        test.Store.BeforeClaim = () =>
        {
            Volatile.Write(ref isAsked, true);
            return answer.Task;
        };
        var began = _time.GetTimestamp();
        test.Read("a");
        await Eventually.True(() => Volatile.Read(ref isAsked));

        // The lease runs already: the answer comes when three quarters of it are over.
        _time.Advance(4.5 * Second);
        answer.SetResult();
        await Eventually.True(() => _sink.Running == 1);
        await AdvanceUntilAsync(() => test.Store.Extensions > 0);

        Assert.True(_time.GetElapsedTime(began) < 6 * Second, $"It was extended {_time.GetElapsedTime(began)} after it was asked for, and its lease is 6 s.");
        end.SetResult();
        await AdvanceUntilAsync(() => test.Partition().CommitOffset == 1);
    }

    [Fact]
    public async Task With_deliver_anyway_messages_go_past_a_store_that_is_down()
    {
        using var test = new PipelineUnderTest(_sink, options => options.Idempotency.WhenStoreFails = StoreOutagePolicy.DeliverAnyway, _time);
        test.Store.BeforeClaim = test.Store.BeforeComplete = () => throw new InvalidOperationException("The store is down.");
        test.Read("a", "b", "a");
        await test.SettledAsync();

        Assert.Equal([0, 2], _sink.Delivered.Where(offset => offset != 1));
        Assert.Equal(PauseReasons.None, test.Pipeline.PauseReasons);
        Assert.True(test.Pipeline.Claims!.IsStoreDown);
        Assert.True(test.Logged(1123));
        Assert.Equal(0, test.Pipeline.Claims.Held);

        // It comes back, which is found out without a message, and is used again.
        (test.Store.BeforeClaim, test.Store.BeforeComplete) = (null, null);
        await AdvanceUntilAsync(() => !test.Pipeline.Claims.IsStoreDown);
        test.Read(0, ("a", "id"), ("b", "id"));
        await AdvanceUntilAsync(() => test.Partition().Distance == 0);
        Assert.Equal(4, _sink.Delivered.Count);
    }

    [Fact]
    public async Task While_messages_go_past_the_store_it_is_not_asked_for_each_of_them()
    {
        using var test = new PipelineUnderTest(_sink, options => options.Idempotency.WhenStoreFails = StoreOutagePolicy.DeliverAnyway, _time);
        test.Store.BeforeClaim = () => throw new InvalidOperationException("The store is down.");
        for (var i = 0; i < 20; i++)
        {
            test.Read($"{i}");
            await test.SettledAsync();
        }

        Assert.Equal(20, _sink.Delivered.Count);
        Assert.Equal(1, test.Store.Claims);

        // Who finds out is none of them.
        _time.Advance(StoreOutage.ProbeInterval);
        await Eventually.True(() => test.Store.Claims == 2);
        test.Read("next");
        await test.SettledAsync();
        Assert.Equal(2, test.Store.Claims);
    }

    /// <summary>A hanging store must not hold up each batch for the whole of its time.</summary>
    [Fact]
    public async Task A_store_that_hangs_costs_those_who_find_out_and_nobody_else()
    {
        using var test = new PipelineUnderTest(_sink, options => options.Idempotency.WhenStoreFails = StoreOutagePolicy.DeliverAnyway, _time);
        var hang = new TaskCompletionSource();
        test.Store.BeforeClaim = test.Store.BeforeComplete = () => hang.Task;
        test.Read("a");
        await AdvanceUntilAsync(() => test.Pipeline.Claims!.IsStoreDown);
        await test.SettledAsync();

        // No time passes for these, and none of them asks.
        var claims = test.Store.Claims;
        test.Read("b", "c");
        await test.SettledAsync();
        Assert.Equal(3, _sink.Delivered.Count);
        Assert.Equal(claims, test.Store.Claims);
        hang.SetResult();
    }

    [Fact]
    public async Task A_call_that_outlives_its_lease_keeps_its_claim()
    {
        var release = new TaskCompletionSource();
        _sink.Send = (_, _) => new ValueTask(release.Task);
        using var test = new PipelineUnderTest(_sink, options => (options.SinkTimeout, options.AbandonAfter) = (TimeSpan.FromSeconds(30), TimeSpan.FromSeconds(30)), _time);
        var message = test.Read("a")[0];
        await Eventually.True(() => _sink.Running == 1);

        var started = _time.GetUtcNow();
        while (_time.GetUtcNow() - started < TimeSpan.FromSeconds(50))
        {
            // Whoever extends may not have looked at the clock yet since the last time: then a third of a lease begins later for him, and time must go on. Never by a whole lease.
            var (extensions, since) = (test.Store.Extensions, _time.GetTimestamp());
            await Eventually.True(() =>
            {
                if (test.Store.Extensions == extensions && _time.GetElapsedTime(since) < TimeSpan.FromSeconds(25))
                    _time.Advance(Second);
                return test.Store.Extensions > extensions;
            });
            Assert.Equal(ClaimStatus.Held, (await ClaimAsync(test, message)).Status);
        }

        release.SetResult();
        await test.SettledAsync();
        Assert.Equal(ClaimStatus.Completed, (await ClaimAsync(test, message)).Status);
        Assert.False(test.Logged(1107));
        Assert.Single(_sink.Calls);
    }

    [Fact]
    public async Task A_claim_that_was_lost_during_its_call_is_said_and_counted_once()
    {
        var release = new TaskCompletionSource();
        _sink.Send = (_, _) => new ValueTask(release.Task);
        using var counter = new Counter("overtaken_claims", _group);
        using var test = new PipelineUnderTest(_sink, options => options.GroupId = _group, _time);
        var message = test.Read("a")[0];
        await Eventually.True(() => _sink.Running == 1);

        // The process stood still for longer than its lease, and another was quicker than its extension.
        test.Store.BeforeExtend = async () =>
        {
            test.Store.BeforeExtend = null;
            Assert.True((await ClaimAsync(test, message)).TookOver);
        };
        _time.Advance(test.Options.Idempotency.Lease);
        await Eventually.True(() => test.Logged(1124));
        release.SetResult();
        await test.SettledAsync();

        Assert.False(test.Logged(1107));
        Assert.Equal(["1"], counter.Counted);
        Assert.Equal(ClaimStatus.Held, (await ClaimAsync(test, message)).Status);
    }

    [Fact]
    public async Task A_completion_that_another_has_overtaken_is_said_and_counted_and_leaves_the_others_claim()
    {
        var release = new TaskCompletionSource();
        _sink.Send = (message, _) => message.Offset == 0 ? new ValueTask(release.Task) : default;
        using var counter = new Counter("overtaken_claims", _group);
        using var test = new PipelineUnderTest(_sink, options => options.GroupId = _group, _time);
        test.Store.BeforeExtend = () => throw new InvalidOperationException("The store is down.");
        var message = test.Read("a", "b")[0];
        await Eventually.True(() => _sink.Running == 1 && _sink.Delivered.Count == 1);

        // No extension has come through, so the lease has run out while the call takes its time.
        _time.Advance(test.Options.Idempotency.Lease);
        Assert.True((await ClaimAsync(test, message)).TookOver);
        release.SetResult();
        await test.SettledAsync();

        Assert.Single(test.Log.Collector.GetSnapshot(), entry => entry.Id.Id == 1107);
        Assert.Equal(["1"], counter.Counted);
        Assert.False(test.Logged(1124));
        Assert.Equal(ClaimStatus.Held, (await ClaimAsync(test, message)).Status);
    }

    [Fact]
    public async Task What_is_taken_over_from_another_is_counted_and_what_is_merely_acquired_is_not()
    {
        using var counter = new Counter("taken_over_claims", _group);
        using var test = new PipelineUnderTest(_sink, options => options.GroupId = _group, _time);
        await ClaimAsync(test, Message("a", "crashed"));
        _time.Advance(test.Options.Idempotency.Lease);
        test.Read(0, ("a", "crashed"), ("b", "other"));
        await test.SettledAsync();

        Assert.Equal(["1"], counter.Counted);
        Assert.True(test.Logged(1121));
    }

    [Fact]
    public async Task What_goes_past_the_store_is_counted_when_it_is_not_claimed_and_when_it_is_not_remembered()
    {
        using var counter = new Counter("past_store", _group);
        using var test = new PipelineUnderTest(
            _sink, options => (options.GroupId, options.Idempotency.WhenStoreFails) = (_group, StoreOutagePolicy.DeliverAnyway), _time);
        test.Read("claimed and remembered");
        await test.SettledAsync();
        Assert.Empty(counter.Counted);

        test.Store.BeforeClaim = test.Store.BeforeComplete = () => throw new InvalidOperationException("The store is down.");
        test.Read("not claimed");
        await test.SettledAsync();

        Assert.Equal(["1 claim", "1 complete"], counter.Counted);
    }

    [Fact]
    public async Task What_a_crashed_owner_holds_waits_for_its_lease_and_holds_up_no_other_key()
    {
        using var test = new PipelineUnderTest(_sink, time: _time);
        var crashed = Message("a", "crashed");
        Assert.Equal(ClaimStatus.Acquired, (await ClaimAsync(test, crashed)).Status);
        test.Read(0, ("a", "crashed"), ("a", "behind it"), ("b", "other"));
        await Eventually.True(() => _sink.Delivered.Count == 1);
        Assert.Equal([2], _sink.Delivered);

        var started = _time.GetUtcNow();
        await AdvanceUntilAsync(() => _sink.Delivered.Count == 3, TimeSpan.FromMilliseconds(100));

        Assert.Equal([2, 0, 1], _sink.Delivered);
        Assert.True(_time.GetUtcNow() - started >= test.Options.Idempotency.Lease);
        Assert.True(test.Logged(1121));
        await test.SettledAsync();
    }

    [Theory]
    [InlineData(0, 30_000, 100)]
    [InlineData(1, 30_000, 200)]
    [InlineData(4, 30_000, 1_600)]
    [InlineData(1_000, 30_000, 1_600)]
    [InlineData(4, 700, 700)]
    [InlineData(0, 0, 1)]
    public void The_other_is_looked_after_less_and_less_often(int checks, int heldForMs, int waitMs) =>
        Assert.Equal(TimeSpan.FromMilliseconds(waitMs), Settlement.HeldRecheck(TimeSpan.FromMilliseconds(heldForMs), checks));

    /// <summary>Its lease has run out during the outage, and nothing but its extension or completion keeps a copy from being delivered.</summary>
    [Fact]
    public async Task After_an_outage_nothing_is_claimed_before_what_is_held_is_completed_or_extended()
    {
        var (slow, extension) = (new TaskCompletionSource(), new TaskCompletionSource());
        _sink.Send = (message, _) => message is { Offset: 1, Partition: 0 } ? new ValueTask(slow.Task) : default;
        using var test = new PipelineUnderTest(_sink, time: _time);
        var (completions, extensions) = (0, 0);
        test.Store.BeforeComplete = () => throw new InvalidOperationException($"The store is down: {Interlocked.Increment(ref completions)}.");
        test.Store.BeforeExtend = () => throw new InvalidOperationException("The store is down.");
        test.Read(0, ("a", "first"), ("b", "id"));
        await Eventually.True(() => _sink.Running == 1);
        await AdvanceUntilAsync(() => completions > 0);

        // "id" is delivered while the settlement waits with "first", for longer than its lease.
        slow.SetResult();
        await Eventually.True(() => _sink.Delivered.Count == 2);
        await AdvanceUntilAsync(() => completions > 2 * test.Options.Idempotency.Lease.TotalSeconds);

        // The store is back, and has taken the completion of "first". A copy of "id" is read, and looks again and again.
        test.Store.BeforeExtend = () =>
        {
            Interlocked.Increment(ref extensions);
            return extension.Task;
        };
        test.Store.BeforeComplete = null;
        await AdvanceUntilAsync(() => extensions > 0, TimeSpan.FromMilliseconds(100));
        var (claims, looks) = (test.Store.Claims, 0);
        test.Read(1, ("c", "id"));
        await AdvanceUntilAsync(() => ++looks > 40, TimeSpan.FromMilliseconds(100));
        Assert.Equal(claims, test.Store.Claims);

        extension.SetResult();
        await AdvanceUntilAsync(() => test.Partition(0).CommitOffset == 2 && test.Partition(1).CommitOffset == 1, TimeSpan.FromMilliseconds(100));
        Assert.Equal(2, _sink.Delivered.Count);
    }

    /// <summary>The only message in hand waits for its retry, so nobody else would ask the store, and reading would stay paused for as long.</summary>
    [Fact]
    public async Task A_store_that_failed_for_a_moment_does_not_pause_reading_until_a_retry_is_due()
    {
        var calls = 0;
        _sink.Send = (_, _) => Interlocked.Increment(ref calls) == 1 ? throw new SinkException(ErrorType.ServiceUnavailable, "hiccup") : default;
        using var test = new PipelineUnderTest(
            _sink, options => options.Retry.InitialDelay = options.Retry.MaxDelay = TimeSpan.FromHours(5), _time);
        test.Store.BeforeRelease = () => throw new InvalidOperationException("The store is down.");
        test.Read("a");
        await Eventually.True(() => test.Logged(1106));
        Assert.Equal(PauseReasons.StoreDown, test.Pipeline.PauseReasons);
        test.Store.BeforeRelease = null;

        await AdvanceUntilAsync(() => test.Pipeline.PauseReasons == PauseReasons.None);
        Assert.Single(_sink.Calls);
        Assert.Equal(1, test.Store.Releases);
    }

    [Fact]
    public async Task What_was_delivered_is_completed_at_the_end_of_a_drain_too()
    {
        var slow = new TaskCompletionSource();
        _sink.Send = (_, _) => new ValueTask(slow.Task);
        using var test = new PipelineUnderTest(_sink, time: _time);
        test.Store.HeedsItsToken = true;
        var message = test.Read("a")[0];
        await Eventually.True(() => _sink.Running == 1);
        test.Pipeline.StopDispatch();
        slow.SetResult();
        test.Pipeline.Abort();
        await Eventually.True(() => test.Partition().CommitOffset == 1);

        Assert.Equal(ClaimStatus.Completed, (await ClaimAsync(test, message)).Status);
    }

    [Fact]
    public async Task Past_a_store_that_hangs_messages_are_settled_without_waiting_for_it_again_and_again()
    {
        using var test = new PipelineUnderTest(_sink, options => options.Idempotency.WhenStoreFails = StoreOutagePolicy.DeliverAnyway, _time);
        var hang = new TaskCompletionSource();
        test.Store.BeforeClaim = test.Store.BeforeComplete = test.Store.BeforeExtend = test.Store.BeforeRelease = () => hang.Task;
        test.Read("a");
        await AdvanceUntilAsync(() => test.Pipeline.Claims!.IsStoreDown && test.Partition().Distance == 0);

        // Somebody finds out that it hangs still, and nobody waits for that: no further time passes.
        _time.Advance(StoreOutage.ProbeInterval);
        test.Read([.. Enumerable.Range(0, 20).Select(i => (string?)$"{i}")]);
        await test.SettledAsync();
        Assert.Equal(21, _sink.Delivered.Count);
        hang.SetResult();
    }

    /// <summary>Its own claim would hold it up for the whole lease.</summary>
    [Fact]
    public async Task A_claim_that_could_not_be_released_is_released_when_the_store_is_back()
    {
        var calls = 0;
        _sink.Send = (_, _) => Interlocked.Increment(ref calls) == 1 ? throw new SinkException(ErrorType.Transient, "hiccup") : default;
        using var test = new PipelineUnderTest(_sink, time: _time);
        test.Store.BeforeRelease = () => throw new InvalidOperationException("The store is down.");
        test.Read("a");
        await Eventually.True(() => test.Logged(1106));
        test.Store.BeforeRelease = null;

        await AdvanceUntilAsync(() => _sink.Delivered.Count == 1, TimeSpan.FromMilliseconds(100));

        // A whole lease is more than twenty looks.
        Assert.InRange(test.Store.Claims, 2, 9);
        await test.SettledAsync();
    }

    [Fact]
    public async Task A_key_of_ones_own_decides_what_is_a_copy()
    {
        using var test = new PipelineUnderTest(_sink, time: _time, keyOf: message => message.Id.Split('/')[0]);
        test.Read(0, ("a", "order-1/try-1"), ("b", "order-1/try-2"), ("c", "order-2/try-1"), ("d", "/"), ("e", "/"));
        await AdvanceUntilAsync(() => test.Partition().Distance == 0);

        Assert.Equal([0, 2, 3, 4], _sink.Delivered.Order());
    }

    [Fact]
    public async Task A_message_for_which_the_key_of_ones_own_throws_becomes_a_dead_letter_and_no_other()
    {
        using var test = new PipelineUnderTest(_sink, time: _time, keyOf: message => message.Id == "bad" ? throw new FormatException("no order number") : message.Id);
        test.Read(0, ("a", "good"), ("b", "bad"), ("b", "behind it"));
        await AdvanceUntilAsync(() => test.Partition().Distance == 0);

        Assert.Equal([0, 2], _sink.Delivered.Order());
        var letter = Assert.Single(test.DeadLetters.Written);
        Assert.Equal(("bad", ErrorType.ValidationError), (letter.Id, letter.Failures!.ErrorType));
        Assert.Contains("UseIdempotencyKey", letter.Failures.Reason, StringComparison.Ordinal);
        Assert.IsType<FormatException>(letter.Failures.Exception!.InnerException);
        Assert.Equal(0, test.Pipeline.Claims!.Held);
    }

    [Fact]
    public async Task Nothing_is_held_when_all_is_settled()
    {
        var calls = 0;
        _sink.Send = (_, _) => Interlocked.Increment(ref calls) % 3 == 0 ? throw new SinkException(ErrorType.Transient, "hiccup") : default;
        using var test = new PipelineUnderTest(_sink, time: _time);
        test.Read([.. Enumerable.Range(0, 200).Select(i => (string?)$"key-{i % 20}")]);
        await AdvanceUntilAsync(() => test.Partition().Distance == 0);
        await test.EmptyAsync();

        Assert.Equal(0, test.Pipeline.Claims!.Held);
    }

    private static SyncMessage Message(string key, string id) => SyncMessage.Create("payload"u8.ToArray(), key, id);

    /// <summary>Another member of the group claims it.</summary>
    private static async Task<ClaimResult> ClaimAsync(PipelineUnderTest test, SyncMessage message)
    {
        var results = new ClaimResult[1];
        await test.Store.ClaimAsync(
            new[] { new MessageFingerprint(test.Options.GroupId).Of(message) }, test.Options.Idempotency.Lease, results, TestContext.Current.CancellationToken);
        return results[0];
    }

    private Task AdvanceUntilAsync(Func<bool> condition, TimeSpan? step = null) => Eventually.True(() =>
    {
        if (condition())
            return true;

        _time.Advance(step ?? Second);
        return false;
    });

    /// <summary>What one of the consumer's counters is given for one group, with the operation where it has one.</summary>
    private sealed class Counter : IDisposable
    {
        private readonly MeterListener _listener = new();
        private readonly ConcurrentQueue<string> _counted = new();

        public Counter(string name, string group)
        {
            _listener.InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Name == $"cloudsync.consumer.{name}")
                    listener.EnableMeasurementEvents(instrument);
            };
            _listener.SetMeasurementEventCallback<long>((_, count, tags, _) =>
            {
                var values = tags.ToArray().ToDictionary(tag => tag.Key, tag => tag.Value);
                if (group.Equals(values["messaging.consumer.group.name"]))
                    _counted.Enqueue($"{count} {values.GetValueOrDefault("cloudsync.operation")}".TrimEnd());
            });
            _listener.Start();
        }

        public IEnumerable<string> Counted => _counted;

        public void Dispose() => _listener.Dispose();
    }
}
