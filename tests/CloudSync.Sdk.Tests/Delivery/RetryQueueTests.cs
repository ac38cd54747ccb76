using FsCheck;
using FsCheck.Xunit;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace CloudSync.Sdk.Tests;

public sealed class RetryQueueTests : IDisposable
{
    private readonly CountingTimers _time = new();
    private readonly PartitionProgress _progress = new("data-topic", 0, 1);
    private readonly List<(long Offset, TimeSpan At)> _due = [];
    private readonly RetryQueue _queue;

    public RetryQueueTests() => _queue = new RetryQueue(_time, due => _due.AddRange(due.Select(d => (d.Offset, _time.Elapsed))));

    public void Dispose() => _queue.Dispose();

    [Fact]
    public void Messages_are_due_in_the_order_of_their_times_and_not_before()
    {
        Add(0, seconds: 3);
        Add(1, seconds: 1);
        Add(2, seconds: 2);
        _time.Advance(TimeSpan.FromMilliseconds(999));
        Assert.Empty(_due);

        for (var i = 0; i < 4_000; i++)
            _time.Advance(TimeSpan.FromMilliseconds(1));

        Assert.Equal([(1, Seconds(1)), (2, Seconds(2)), (0, Seconds(3))], _due);
        Assert.Equal(0, _queue.Count);
    }

    [Fact]
    public void No_wait_is_due_at_once()
    {
        Add(0, seconds: 0);
        _time.Advance(TimeSpan.Zero);

        Assert.Equal([0], _due.Select(d => d.Offset));
    }

    [Fact]
    public void What_is_due_together_comes_together()
    {
        var calls = 0;
        using var queue = new RetryQueue(_time, _ => calls++);
        for (var i = 0; i < 100; i++)
            queue.Add(Records.InLane(_progress, i, 1), Seconds(1));

        _time.Advance(Seconds(1));
        Assert.Equal(1, calls);
        Assert.Equal(0, queue.Count);
    }

    [Fact]
    public void One_timer_serves_them_all()
    {
        for (var i = 0; i < 1_000; i++)
            Add(i, seconds: 1 + (i % 7));

        _time.Advance(Seconds(8));
        Assert.Equal(1_000, _due.Count);
        Assert.Equal(1, _time.Timers);
    }

    /// <summary>A fraction of a millisecond is waited out by one timer and not by a hundred that fire at once.</summary>
    [Fact]
    public void A_fraction_of_a_millisecond_does_not_make_the_timer_spin()
    {
        _queue.Add(Records.InLane(_progress, 0, 1), TimeSpan.FromTicks(15_001));
        _time.Advance(TimeSpan.FromTicks(15_000));
        Assert.Empty(_due);
        _time.Advance(TimeSpan.FromMilliseconds(1));

        Assert.Single(_due);
        Assert.InRange(_time.Changes, 1, 3);
    }

    [Fact]
    public void A_timer_that_fires_early_fires_again()
    {
        var due = new List<Delivery>();
        using var queue = new RetryQueue(new EarlyTimers(_time, by: TimeSpan.FromMilliseconds(15)), due.AddRange);
        queue.Add(Records.InLane(_progress, 0, 1), Seconds(1));
        _time.Advance(TimeSpan.FromMilliseconds(985));
        Assert.Empty(due);

        for (var i = 0; i < 20; i++)
            _time.Advance(TimeSpan.FromMilliseconds(1));

        Assert.Single(due);
    }

    [Fact]
    public void What_waits_for_a_revoked_partition_is_handed_out_at_once_and_the_rest_waits_on()
    {
        var revoked = new PartitionProgress("data-topic", 1, 1);
        Add(0, seconds: 2);
        _queue.Add(Records.InLane(revoked, 10, 2), Seconds(1));
        _queue.Add(Records.InLane(revoked, 11, 3), Seconds(60));
        _queue.ReleaseRevoked();
        Assert.Empty(_due);

        revoked.Revoke();
        _queue.ReleaseRevoked();

        Assert.Equal([10, 11], _due.Select(d => d.Offset).Order());
        Assert.Equal(1, _queue.Count);
        _time.Advance(Seconds(60));
        Assert.Equal([10, 11, 0], _due.OrderBy(d => d.At).Select(d => d.Offset));
    }

    /// <summary>Its outcome was on its way while the partition was revoked. Nobody comes back for it, and its key waits behind it.</summary>
    [Fact]
    public void A_message_that_comes_after_its_partition_was_revoked_does_not_wait()
    {
        _progress.Revoke();
        _queue.ReleaseRevoked();
        Add(0, seconds: 86_400);
        _time.Advance(TimeSpan.FromMilliseconds(1));

        Assert.Equal([0], _due.Select(d => d.Offset));
    }

    [Property(MaxTest = 100)]
    public void Each_message_comes_once_and_never_before_its_time(PositiveInt[] delays, byte[] steps)
    {
        var time = new CountingTimers();
        var start = time.GetTimestamp();
        var expected = new Dictionary<long, TimeSpan>();
        var came = new Dictionary<long, TimeSpan>();
        using var queue = new RetryQueue(time, due => due.ForEach(d => came.Add(d.Offset, time.GetElapsedTime(start))));
        for (var i = 0; i < Math.Max(delays.Length, steps.Length); i++)
        {
            if (i < delays.Length)
            {
                var delay = TimeSpan.FromTicks(delays[i].Get * 7_919L);
                expected[i] = time.GetElapsedTime(start) + delay;
                queue.Add(Records.InLane(_progress, i, 1), delay);
            }

            if (i < steps.Length)
                time.Advance(TimeSpan.FromMilliseconds(steps[i]));
        }

        for (var i = 0; i < 1_000 && queue.Count > 0; i++)
            time.Advance(TimeSpan.FromMilliseconds(1));

        Assert.Equal(expected.Keys, came.Keys.Order());
        Assert.All(came, c => Assert.True(c.Value >= expected[c.Key]));
    }

    private void Add(long offset, double seconds) => _queue.Add(Records.InLane(_progress, offset, 1), Seconds(seconds));

    private static TimeSpan Seconds(double seconds) => TimeSpan.FromSeconds(seconds);

    private sealed class CountingTimers : FakeTimeProvider
    {
        private readonly DateTimeOffset _start;

        public CountingTimers() => _start = GetUtcNow();

        public int Timers { get; private set; }

        public int Changes { get; private set; }

        public TimeSpan Elapsed => GetUtcNow() - _start;

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            Timers++;
            return new Counting(base.CreateTimer(callback, state, dueTime, period), this);
        }

        private sealed class Counting(ITimer inner, CountingTimers owner) : ITimer
        {
            public bool Change(TimeSpan dueTime, TimeSpan period)
            {
                // A queue that spins would spin for ever here, where timers fire at once.
                Assert.InRange(++owner.Changes, 1, 10_000);
                return inner.Change(dueTime, period);
            }

            public void Dispose() => inner.Dispose();

            public ValueTask DisposeAsync() => inner.DisposeAsync();
        }
    }
}
