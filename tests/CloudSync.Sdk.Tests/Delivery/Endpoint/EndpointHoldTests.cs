using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace CloudSync.Sdk.Tests;

public sealed class EndpointHoldTests : IDisposable
{
    private readonly FakeTimeProvider _time = new();
    private readonly EndpointHold _hold;
    private int _over;

    public EndpointHoldTests() => _hold = new EndpointHold(_time, () => _over++);

    public void Dispose() => _hold.Dispose();

    [Fact]
    public void Nobody_is_held_before_anybody_was_asked_to_wait() => Assert.False(_hold.IsHolding);

    [Fact]
    public void It_holds_for_as_long_as_was_asked_and_tells_when_it_is_over()
    {
        _hold.HoldFor(TimeSpan.FromSeconds(10));
        Assert.True(_hold.IsHolding);
        _time.Advance(TimeSpan.FromSeconds(10) - TimeSpan.FromMilliseconds(1));
        Assert.True(_hold.IsHolding);
        Assert.Equal(0, _over);

        _time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.False(_hold.IsHolding);
        Assert.Equal(1, _over);
    }

    [Fact]
    public void A_shorter_wait_does_not_shorten_a_longer_one()
    {
        _hold.HoldFor(TimeSpan.FromSeconds(10));
        _hold.HoldFor(TimeSpan.FromSeconds(1));
        _time.Advance(TimeSpan.FromSeconds(9));

        Assert.True(_hold.IsHolding);
        Assert.Equal(0, _over);
    }

    [Fact]
    public void A_longer_wait_replaces_a_shorter_one()
    {
        _hold.HoldFor(TimeSpan.FromSeconds(1));
        _hold.HoldFor(TimeSpan.FromSeconds(10));
        _time.Advance(TimeSpan.FromSeconds(9));
        Assert.True(_hold.IsHolding);

        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.False(_hold.IsHolding);
        Assert.Equal(1, _over);
    }

    [Fact]
    public void It_can_hold_again_after_it_was_over()
    {
        _hold.HoldFor(TimeSpan.FromSeconds(1));
        _time.Advance(TimeSpan.FromSeconds(1));
        _hold.HoldFor(TimeSpan.FromSeconds(1));
        Assert.True(_hold.IsHolding);
        _time.Advance(TimeSpan.FromSeconds(1));

        Assert.False(_hold.IsHolding);
        Assert.Equal(2, _over);
    }

    [Fact]
    public void It_can_be_ended_by_hand_and_somebody_is_told_once()
    {
        Assert.False(_hold.End());
        Assert.Equal(0, _over);

        _hold.HoldFor(TimeSpan.FromDays(1));
        Assert.True(_hold.End());
        Assert.False(_hold.IsHolding);
        Assert.Equal(1, _over);
        Assert.False(_hold.End());
        Assert.Equal(1, _over);
    }

    [Fact]
    public void No_wait_holds_nobody()
    {
        _hold.HoldFor(TimeSpan.Zero);
        Assert.False(_hold.IsHolding);
    }

    [Fact]
    public void Only_the_first_of_those_that_wait_together_begins_a_wait()
    {
        Assert.False(_hold.HoldFor(TimeSpan.Zero));
        Assert.True(_hold.HoldFor(TimeSpan.FromSeconds(5)));
        Assert.False(_hold.HoldFor(TimeSpan.FromSeconds(1)));
        Assert.False(_hold.HoldFor(TimeSpan.FromSeconds(10)));
        _time.Advance(TimeSpan.FromSeconds(10));
        Assert.False(_hold.HoldFor(TimeSpan.Zero));
        Assert.True(_hold.HoldFor(TimeSpan.FromTicks(1)));
    }

    [Fact]
    public void It_knows_until_when_the_last_wait_is_or_was()
    {
        Assert.Equal(TimeSpan.Zero, _hold.Until);
        var until = _time.GetElapsedTime(0) + TimeSpan.FromSeconds(10);
        _hold.HoldFor(TimeSpan.FromSeconds(10));
        _hold.HoldFor(TimeSpan.FromSeconds(1));
        Assert.Equal(until, _hold.Until);
        _time.Advance(TimeSpan.FromMinutes(1));

        Assert.Equal(until, _hold.Until);
    }

    [Fact]
    public void The_longest_wait_that_can_be_planned_can_be_held()
    {
        _hold.HoldFor(TimeSpan.FromDays(2));
        _time.Advance(TimeSpan.FromDays(2));

        Assert.False(_hold.IsHolding);
        Assert.Equal(1, _over);
    }

    [Fact]
    public void A_timer_that_fires_early_fires_again_when_the_wait_is_over()
    {
        var over = 0;
        using var hold = new EndpointHold(new EarlyTimers(_time, by: TimeSpan.FromMilliseconds(15)), () => over++);
        hold.HoldFor(TimeSpan.FromSeconds(1));
        _time.Advance(TimeSpan.FromMilliseconds(985));
        Assert.Equal(0, over);

        for (var i = 0; i < 20; i++)
            _time.Advance(TimeSpan.FromMilliseconds(1));

        Assert.Equal(1, over);
    }
}
