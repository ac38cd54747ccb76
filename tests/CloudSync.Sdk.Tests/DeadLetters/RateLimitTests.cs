using FsCheck;
using FsCheck.Xunit;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace CloudSync.Sdk.Tests;

public class RateLimitTests
{
    /// <summary>Asked at any times, for any number.</summary>
    [Property]
    public void In_no_stretch_of_time_are_there_more_than_the_rate_allows(PositiveInt perSecond, PositiveInt[] steps)
    {
        var time = new FakeTimeProvider();
        var began = time.GetUtcNow();
        var limit = new RateLimit((perSecond.Get % 2_000) + 1, time);
        var given = new List<TimeSpan>();
        foreach (var step in steps)
        {
            time.Advance(TimeSpan.FromMilliseconds(step.Get % 300));
            for (var asked = 0; asked < step.Get % 50; asked++)
            {
                if (limit.Take() == TimeSpan.Zero)
                    given.Add(time.GetUtcNow() - began);
            }
        }

        for (var i = 0; i < given.Count; i++)
        {
            for (var j = i; j < given.Count; j++)
                Assert.True(j - i <= (given[j] - given[i] + RateLimit.Tolerance) / limit.Interval, $"{j - i + 1} from {given[i]} to {given[j]}");
        }
    }

    [Property]
    public void After_the_time_that_it_names_it_gives_one_and_before_it_none(PositiveInt perSecond, PositiveInt count)
    {
        var time = new FakeTimeProvider();
        var limit = new RateLimit((perSecond.Get % 2_000) + 1, time);
        for (var i = 0; i < count.Get; i++)
        {
            if (limit.Take() is not { Ticks: > 0 } wait)
                continue;

            time.Advance(wait - TimeSpan.FromTicks(1));
            Assert.Equal(TimeSpan.FromTicks(1), limit.Take());
            time.Advance(TimeSpan.FromTicks(1));
            Assert.Equal(TimeSpan.Zero, limit.Take());
        }
    }

    [Fact]
    public void A_pause_is_not_made_up_for()
    {
        var time = new FakeTimeProvider();
        var limit = new RateLimit(1, time);
        Assert.Equal(TimeSpan.Zero, limit.Take());
        time.Advance(TimeSpan.FromHours(1));

        Assert.Equal(TimeSpan.Zero, limit.Take());
        Assert.NotEqual(TimeSpan.Zero, limit.Take());
    }

    [Fact]
    public void No_rate_is_no_limit()
    {
        var limit = new RateLimit(null, new FakeTimeProvider());
        for (var i = 0; i < 1_000; i++)
            Assert.Equal(TimeSpan.Zero, limit.Take());
    }
}
