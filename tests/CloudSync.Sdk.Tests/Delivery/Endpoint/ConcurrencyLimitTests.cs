using FsCheck;
using FsCheck.Xunit;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace CloudSync.Sdk.Tests;

public class ConcurrencyLimitTests
{
    [Fact]
    public void Before_any_outage_it_is_what_the_settings_say_and_stays_so_whatever_happens()
    {
        var limit = new ConcurrencyLimit(16, adaptive: null);
        Assert.False(limit.WantsDurations);
        Assert.Equal(16, limit.Current);

        limit.PushedBack();
        Assert.Equal(16, limit.Current);
        Assert.False(limit.Succeeded(TimeSpan.Zero, 1));
        Assert.Equal(16, limit.Current);
    }

    [Theory]
    [InlineData(1, new[] { 1, 1 })]
    [InlineData(16, new[] { 1, 2, 4, 8, 16, 16 })]
    [InlineData(100, new[] { 1, 2, 4, 8, 16, 32, 64, 100, 100 })]
    public void After_an_outage_it_is_one_and_doubles_with_each_round_trip_up_to_the_maximum(int max, int[] rounds)
    {
        var limit = new ConcurrencyLimit(max, adaptive: null);
        limit.Restart();
        foreach (var expected in rounds)
        {
            Assert.Equal(expected, limit.Current);
            for (var call = 0; call < expected; call++)
                Assert.Equal(limit.Current < max, limit.Succeeded(TimeSpan.Zero, expected));
        }
    }

    [Fact]
    public void A_push_back_on_the_way_up_halves_it_and_one_is_the_least()
    {
        var limit = Ramped(max: 100, to: 13);
        foreach (var expected in new[] { 6, 3, 1, 1 })
        {
            limit.PushedBack();
            Assert.Equal(expected, limit.Current);
        }

        Assert.True(limit.Succeeded(TimeSpan.Zero, 1));
        Assert.Equal(2, limit.Current);
    }

    [Fact]
    public void An_outage_on_the_way_up_begins_anew()
    {
        var limit = Ramped(max: 100, to: 13);
        limit.Restart();
        Assert.Equal(1, limit.Current);
        Assert.True(limit.Succeeded(TimeSpan.Zero, 1));
        Assert.Equal(2, limit.Current);
    }

    [Fact]
    public void Once_the_maximum_is_reached_a_push_back_takes_nothing_any_more()
    {
        var limit = Ramped(max: 4, to: 4);
        limit.PushedBack();

        Assert.Equal(4, limit.Current);
    }

    [Fact]
    public void With_a_limit_that_is_found_the_ramp_ends_at_it()
    {
        var time = new FakeTimeProvider();
        var adaptive = new AdaptiveLimit(new AdaptiveConcurrencyOptions(), 100, time);
        var limit = new ConcurrencyLimit(100, adaptive);
        Assert.True(limit.WantsDurations);
        Assert.Equal(1, limit.Current);
        while (limit.Current < 10)
            RoundTrip(limit, time);

        limit.Restart();
        Assert.Equal(1, limit.Current);
        for (var expected = 2; expected <= 10; expected++)
        {
            Assert.Equal(10, adaptive.Current);
            Assert.True(limit.Succeeded(TimeSpan.FromSeconds(0.1), 1));
            Assert.Equal(expected, limit.Current);
        }

        // From here on it is found out again.
        RoundTrip(limit, time);
        Assert.Equal(11, limit.Current);
        Assert.Equal(11, adaptive.Current);
    }

    [Fact]
    public void With_a_limit_that_is_found_a_push_back_on_the_way_up_lowers_both()
    {
        var time = new FakeTimeProvider();
        var adaptive = new AdaptiveLimit(new AdaptiveConcurrencyOptions(), 100, time);
        var limit = new ConcurrencyLimit(100, adaptive);
        while (limit.Current < 20)
            RoundTrip(limit, time);

        limit.Restart();
        for (var i = 0; i < 7; i++)
            limit.Succeeded(TimeSpan.FromSeconds(0.1), 1);

        time.Advance(TimeSpan.FromSeconds(0.1));
        limit.PushedBack();

        Assert.Equal(4, limit.Current);
        Assert.Equal(18, adaptive.Current);
    }

    [Fact]
    public void With_a_limit_that_is_found_a_push_back_beyond_the_ramp_takes_what_that_says()
    {
        var time = new FakeTimeProvider();
        var limit = new ConcurrencyLimit(100, new AdaptiveLimit(new AdaptiveConcurrencyOptions(), 100, time));
        while (limit.Current < 20)
            RoundTrip(limit, time);

        time.Advance(TimeSpan.FromSeconds(0.1));
        limit.PushedBack();

        Assert.Equal(18, limit.Current);
    }

    [Property(MaxTest = 300)]
    public void It_never_leaves_one_to_the_maximum_and_tells_whenever_it_rises(PositiveInt most, bool isAdaptive, byte[] steps)
    {
        var max = 1 + (most.Get % 40);
        var time = new FakeTimeProvider();
        var limit = new ConcurrencyLimit(max, isAdaptive ? new AdaptiveLimit(new AdaptiveConcurrencyOptions(), max, time) : null);
        foreach (var step in steps)
        {
            var before = limit.Current;
            switch (step % 8)
            {
                case 0 when step % 5 == 0:
                    limit.Restart();
                    Assert.Equal(1, limit.Current);
                    break;
                case 1:
                    limit.PushedBack();
                    Assert.InRange(limit.Current, 1, before);
                    break;
                case 2:
                    time.Advance(TimeSpan.FromMilliseconds(step));
                    break;
                default:
                    Assert.Equal(limit.Succeeded(TimeSpan.FromMilliseconds(10 + (step % 50)), step % (max + 1)), limit.Current > before);
                    Assert.InRange(limit.Current, before / 2, before + 1);
                    break;
            }

            Assert.InRange(limit.Current, 1, max);
        }
    }

    [Fact]
    public async Task No_success_is_lost_between_threads()
    {
        const int Calls = 20_000;
        var limit = new ConcurrencyLimit(1_000_000, adaptive: null);
        limit.Restart();
        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Factory.StartNew(
            () =>
            {
                for (var i = 0; i < Calls; i++)
                    limit.Succeeded(TimeSpan.Zero, 1);
            },
            TestContext.Current.CancellationToken,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default)));

        Assert.Equal(1 + (4 * Calls), limit.Current);
    }

    /// <summary>As many calls as may be, and all of them as fast as ever.</summary>
    private static void RoundTrip(ConcurrencyLimit limit, FakeTimeProvider time)
    {
        time.Advance(TimeSpan.FromSeconds(0.1));
        limit.Succeeded(TimeSpan.FromSeconds(0.1), limit.Current);
    }

    private static ConcurrencyLimit Ramped(int max, int to)
    {
        var limit = new ConcurrencyLimit(max, adaptive: null);
        limit.Restart();
        while (limit.Current < to)
            limit.Succeeded(TimeSpan.Zero, 1);

        return limit;
    }
}
