using Demo;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace CloudSync.Samples.Tests;

public sealed class BadDayTests
{
    private readonly FakeTimeProvider _time = new();

    [Theory]
    [InlineData(100)]
    [InlineData(10_000)]
    public void A_run_meets_every_kind_of_weather(int messages)
    {
        var day = new BadDay(messages, seed: 1, _time);

        Live(day, 2 * messages);

        // But for the one that is made by hand alone.
        Assert.All(Enum.GetValues<Weather>().Except([Weather.Locked]), weather => Assert.NotEqual(0, day.Count(weather)));
        Assert.Equal(0, day.Count(Weather.Locked));
    }

    [Fact]
    public void Weather_that_is_made_by_hand_lasts_until_it_is_unmade()
    {
        var day = new BadDay(0, seed: 1, _time) { Forced = Weather.Locked };

        Assert.All(Enumerable.Range(0, 10), _ => Assert.Equal(Weather.Locked, day.Next()));
        day.Forced = null;
        Assert.NotEqual(Weather.Locked, day.Next());
    }

    [Fact]
    public void A_run_of_one_message_does_not_use_up_its_attempts()
    {
        var day = new BadDay(1, seed: 1, _time);

        Live(day, 6);

        Assert.InRange(day.Count(Weather.Fair), 4, 6);
    }

    [Fact]
    public void An_outage_refuses_every_request_until_its_time_is_over()
    {
        var day = new BadDay(100, seed: 1, _time);
        while (day.Next() != Weather.Down)
        {
        }

        _time.Advance(BadDay.Outage / 2);
        Assert.Equal(Weather.Down, day.Next());
        _time.Advance(BadDay.Outage / 2);
        Assert.NotEqual(Weather.Down, day.Next());
    }

    [Fact]
    public void After_the_expected_messages_the_weather_is_fair()
    {
        var day = new BadDay(1_000, seed: 1, _time);
        Live(day, 2_000);

        Assert.All(Enumerable.Range(0, 10_000), _ => Assert.Equal(Weather.Fair, day.Next()));
    }

    [Fact]
    public void Requests_that_carry_many_messages_miss_no_event()
    {
        var day = new BadDay(10_000, seed: 1, _time);

        for (var i = 0; i < 400; i++)
        {
            day.Next(messages: 50);
            _time.Advance(TimeSpan.FromMilliseconds(100));
        }

        Assert.True(day.Count(Weather.Down) >= 2 && day.Count(Weather.Throttled) >= 2 && day.Count(Weather.HangAfter) >= 1);
    }

    private void Live(BadDay day, int requests)
    {
        for (var i = 0; i < requests; i++)
        {
            day.Next();
            _time.Advance(TimeSpan.FromMilliseconds(100));
        }
    }
}
