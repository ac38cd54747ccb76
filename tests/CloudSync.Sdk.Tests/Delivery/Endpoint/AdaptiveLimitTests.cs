using FsCheck;
using FsCheck.Xunit;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace CloudSync.Sdk.Tests;

public class AdaptiveLimitTests
{
    private static readonly TimeSpan Tenth = TimeSpan.FromSeconds(0.1);

    private readonly FakeTimeProvider _time = new();

    [Fact]
    public void It_starts_at_one() => Assert.Equal(1, Limit(max: 100).Current);

    /// <summary>In floating point three times a tenth is more than three tenths.</summary>
    [Theory]
    [InlineData(1_000_000)]
    [InlineData(700_001)]
    [InlineData(3)]
    public void Calls_that_all_take_the_same_time_let_it_rise_to_the_maximum(long ticks)
    {
        var limit = Limit(max: 100);
        var duration = TimeSpan.FromTicks(ticks);
        for (var round = 1; round <= 101; round++)
        {
            Assert.Equal(Math.Max(1, Math.Min(100, round - 1)), limit.Current);
            _time.Advance(duration);
            var calls = limit.Current;
            for (var call = calls; call > 0; call--)
                limit.Succeeded(duration, call);
        }

        Assert.Equal(100, limit.Current);
    }

    [Fact]
    public void Calls_that_take_no_time_at_all_let_it_rise_too()
    {
        var limit = Limit(max: 5);
        for (var i = 0; i < 6; i++)
            limit.Succeeded(TimeSpan.Zero, limit.Current);

        Assert.Equal(5, limit.Current);
    }

    [Fact]
    public void What_was_not_reached_does_not_rise()
    {
        var limit = At(10);
        for (var i = 0; i < 20; i++)
            Call(limit, Tenth, underWay: 9);

        Assert.Equal(10, limit.Current);
        Call(limit, Tenth, underWay: 10);
        Assert.Equal(11, limit.Current);
    }

    [Fact]
    public void It_is_enough_that_it_was_reached_once_in_a_round_trip_and_the_next_starts_anew()
    {
        var limit = At(10);
        limit.Succeeded(Tenth, underWay: 10);
        Call(limit, Tenth, underWay: 3);
        Assert.Equal(11, limit.Current);

        Call(limit, Tenth, underWay: 3);
        Assert.Equal(11, limit.Current);
    }

    [Fact]
    public void It_decides_once_for_each_round_trip()
    {
        var limit = At(10);
        _time.Advance(Tenth - TimeSpan.FromTicks(1));
        for (var i = 0; i < 100; i++)
            limit.Succeeded(Tenth, underWay: 10);

        Assert.Equal(10, limit.Current);
        _time.Advance(TimeSpan.FromTicks(1));
        limit.Succeeded(Tenth, underWay: 10);
        Assert.Equal(11, limit.Current);
    }

    [Fact]
    public void Many_push_backs_of_one_round_trip_are_one_and_count_when_it_is_over()
    {
        var limit = At(30);
        _time.Advance(Tenth);
        limit.PushedBack();
        Assert.Equal(27, limit.Current);

        for (var i = 0; i < 50; i++)
            limit.PushedBack();

        Assert.Equal(27, limit.Current);
        _time.Advance(Tenth);
        limit.Succeeded(Tenth, underWay: 27);
        Assert.Equal(24, limit.Current);

        // They are forgotten with the decision that they have made.
        Call(limit, Tenth, underWay: 24);
        Assert.Equal(25, limit.Current);
    }

    [Fact]
    public void Push_backs_alone_lower_it_to_one_and_no_further()
    {
        var limit = At(10);
        foreach (var expected in new[] { 9, 8, 7, 6, 5, 4, 3, 2, 1, 1, 1 })
        {
            _time.Advance(Tenth);
            limit.PushedBack();
            Assert.Equal(expected, limit.Current);
        }
    }

    [Fact]
    public void An_endpoint_that_has_only_ever_pushed_back_is_called_one_by_one()
    {
        var limit = Limit(max: 10);
        limit.PushedBack();
        limit.PushedBack();
        Assert.Equal(1, limit.Current);

        Call(limit, Tenth, 1);
        Call(limit, Tenth, 1);
        Assert.Equal(2, limit.Current);
    }

    /// <summary>A refusal is often answered within a millisecond; it says nothing of how long the work takes.</summary>
    [Fact]
    public void Only_what_succeeds_tells_how_long_calls_take()
    {
        var limit = At(20);
        for (var i = 0; i < 5; i++)
        {
            _time.Advance(Tenth);
            limit.PushedBack();
        }

        // As fast as ever: were the refusals timed, this would be far slower than the average.
        var after = limit.Current;
        Call(limit, Tenth, underWay: after);
        Assert.Equal(after + 1, limit.Current);
    }

    [Fact]
    public void Calls_that_become_much_slower_lower_it()
    {
        var limit = At(50);
        Call(limit, Tenth * 2, underWay: 50);

        Assert.Equal(45, limit.Current);
    }

    /// <summary>Times of 90 and 110 ms in turn: about 10 ms of deviation, 2.5 of which are 25.</summary>
    [Theory]
    [InlineData(90, 2.5, 1)]
    [InlineData(115, 2.5, 0)]
    [InlineData(160, 2.5, -1)]
    [InlineData(160, 10.0, 0)]
    [InlineData(300, 10.0, -1)]
    public void What_is_slower_by_no_more_than_usual_leaves_it_as_it_is(int milliseconds, double tolerance, int direction)
    {
        var limit = new AdaptiveLimit(new AdaptiveConcurrencyOptions { Tolerance = tolerance }, 100, _time);
        while (limit.Current < 80)
            Call(limit, Tenth, underWay: limit.Current);

        for (var i = 0; i < 100; i++)
            Call(limit, TimeSpan.FromMilliseconds(i % 2 == 0 ? 90 : 110), underWay: 0);

        var before = limit.Current;
        Call(limit, TimeSpan.FromMilliseconds(milliseconds), underWay: before);

        Assert.Equal(direction < 0 ? (int)(before * 0.9) : before + direction, limit.Current);
    }

    /// <summary>One call of 200 ms after many of 100: is one of 150 slower than usual now?</summary>
    [Theory]
    [InlineData(1.0, true)]
    [InlineData(0.55, true)]
    [InlineData(0.45, false)]
    [InlineData(0.1, false)]
    public void Smoothing_says_how_soon_a_slower_time_is_the_usual_one(double smoothing, bool rises)
    {
        var limit = new AdaptiveLimit(new AdaptiveConcurrencyOptions { Smoothing = smoothing, Tolerance = 100 }, 100, _time);
        while (limit.Current < 50)
            Call(limit, Tenth, underWay: limit.Current);

        Call(limit, Tenth * 2, underWay: 50);
        Call(limit, Tenth * 1.5, underWay: 50);

        Assert.Equal(rises ? 46 : 45, limit.Current);
    }

    /// <summary>
    /// Calls take longer as soon as there are more of them than the endpoint works on at the same time. Where that is a handful, one call more makes all of them so much slower
    /// that it is soon taken for the usual scatter: then it is only kept far from the maximum.
    /// </summary>
    [Theory]
    [InlineData(1, 1, 30)]
    [InlineData(5, 1, 30)]
    [InlineData(20, 13, 28)]
    [InlineData(60, 42, 78)]
    public void An_endpoint_that_slows_down_beyond_its_capacity_is_called_about_as_often_at_once_as_it_can_take(int capacity, int least, int most)
    {
        var endpoint = new Endpoint(_time, capacity) { Max = 1_000 };
        endpoint.Run(TimeSpan.FromMinutes(2));

        Assert.InRange(endpoint.MeanLimit(over: TimeSpan.FromMinutes(1)), least, most);
    }

    [Theory]
    [InlineData(1, 1, 2)]
    [InlineData(5, 3, 6)]
    [InlineData(20, 16, 21)]
    [InlineData(60, 52, 62)]
    public void An_endpoint_that_pushes_back_beyond_its_capacity_is_called_about_as_often_at_once_as_it_can_take(int capacity, int least, int most)
    {
        var endpoint = new Endpoint(_time, capacity) { Max = 1_000, PushesBack = true };
        endpoint.Run(TimeSpan.FromMinutes(2));

        Assert.InRange(endpoint.MeanLimit(over: TimeSpan.FromMinutes(1)), least, most);
    }

    [Fact]
    public void A_capacity_that_shrinks_and_grows_is_followed()
    {
        var endpoint = new Endpoint(_time, capacity: 40) { Max = 1_000, PushesBack = true };
        endpoint.Run(TimeSpan.FromMinutes(2));
        var before = endpoint.MeanLimit(over: TimeSpan.FromMinutes(1));

        endpoint.Capacity = 8;
        endpoint.Run(TimeSpan.FromMinutes(2));
        var small = endpoint.MeanLimit(over: TimeSpan.FromMinutes(1));

        endpoint.Capacity = 40;
        endpoint.Run(TimeSpan.FromMinutes(2));
        var after = endpoint.MeanLimit(over: TimeSpan.FromMinutes(1));

        Assert.True(small < before / 2 && small < after / 2, $"{before}, {small}, {after}");
    }

    [Fact]
    public void A_jump_of_the_latency_lowers_it_at_once_and_what_stays_so_becomes_the_usual()
    {
        var endpoint = new Endpoint(_time, capacity: 1_000) { Max = 100 };
        endpoint.Run(TimeSpan.FromMinutes(1));
        Assert.InRange(endpoint.Limit.Current, 60, 100);

        endpoint.Latency *= 3;
        endpoint.Run(TimeSpan.FromSeconds(0.8));
        Assert.InRange(endpoint.Limit.Current, 50, 90);

        endpoint.Run(TimeSpan.FromMinutes(2));
        Assert.InRange(endpoint.Limit.Current, 60, 100);
    }

    [Property(MaxTest = 300)]
    public void It_never_leaves_one_to_the_maximum_and_moves_by_one_up_and_a_tenth_down(PositiveInt most, ushort[] steps)
    {
        var max = 1 + (most.Get % 60);
        var limit = Limit(max);
        foreach (var step in steps)
        {
            var before = limit.Current;
            if (step % 7 == 0)
                limit.PushedBack();
            else if (step % 7 < 3)
                _time.Advance(TimeSpan.FromMilliseconds(step % 300));
            else
                limit.Succeeded(TimeSpan.FromMilliseconds(step % 200), step % (max + 2));

            Assert.InRange(limit.Current, Math.Max(1, (int)Math.Floor(before * 0.9)), Math.Min(max, before + 1));
        }
    }

    private AdaptiveLimit Limit(int max) => new(new AdaptiveConcurrencyOptions(), max, _time);

    /// <summary>One that has come so far by calls of a tenth of a second each.</summary>
    private AdaptiveLimit At(int current)
    {
        var limit = Limit(max: 100);
        while (limit.Current < current)
            Call(limit, Tenth, underWay: limit.Current);

        return limit;
    }

    /// <summary>A call that ends a round trip after the last decision, or more.</summary>
    private void Call(AdaptiveLimit limit, TimeSpan duration, int underWay)
    {
        _time.Advance(TimeSpan.FromSeconds(1));
        limit.Succeeded(duration, underWay);
    }

    /// <summary>
    /// An endpoint that is called as often at once as the limit says. It works on <c>capacity</c> calls at the same time; the more there are beyond that, the longer all of
    /// them take, or it refuses them. Latencies scatter by a few per cent, always in the same way.
    /// </summary>
    private sealed class Endpoint(FakeTimeProvider time, int capacity)
    {
        private readonly PriorityQueue<(TimeSpan Duration, bool IsRefused), long> _calls = new();
        private readonly List<(long At, int Limit)> _limits = [];
        private readonly Random _random = new(4711);
        private AdaptiveLimit? _limit;

        public int Capacity { get; set; } = capacity;

        public int Max { get; init; }

        public bool PushesBack { get; init; }

        public TimeSpan Latency { get; set; } = TimeSpan.FromMilliseconds(100);

        public AdaptiveLimit Limit => _limit ??= new AdaptiveLimit(new AdaptiveConcurrencyOptions(), Max, time);

        public void Run(TimeSpan period)
        {
            var end = Now + period.Ticks;
            while (Now < end)
            {
                while (_calls.Count < Limit.Current)
                    Begin();

                _calls.TryDequeue(out var call, out var endsAt);
                time.Advance(TimeSpan.FromTicks(Math.Max(0, endsAt - Now)));
                if (call.IsRefused)
                    Limit.PushedBack();
                else
                    Limit.Succeeded(call.Duration, _calls.Count + 1);

                _limits.Add((Now, Limit.Current));
            }
        }

        public double MeanLimit(TimeSpan over) => _limits.Where(l => l.At > Now - over.Ticks).Average(l => l.Limit);

        private long Now => time.GetTimestamp();

        private void Begin()
        {
            var underWay = _calls.Count + 1;
            var isRefused = PushesBack && underWay > Capacity;
            var load = PushesBack ? 1 : Math.Max(1.0, (double)underWay / Capacity);
            var duration = isRefused ? TimeSpan.FromMilliseconds(1) : Latency * (load * (0.97 + (0.06 * _random.NextDouble())));
            _calls.Enqueue((duration, isRefused), Now + duration.Ticks);
        }
    }
}
