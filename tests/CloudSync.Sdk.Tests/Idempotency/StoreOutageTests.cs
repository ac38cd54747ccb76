using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace CloudSync.Sdk.Tests;

public class StoreOutageTests
{
    private readonly FakeTimeProvider _time = new();

    [Fact]
    public void An_outage_is_news_once_and_its_end_tells_how_long_it_was()
    {
        var outage = new StoreOutage(StoreOutagePolicy.Pause, _time);
        Assert.Null(outage.Answered());
        Assert.True(outage.Failed());
        _time.Advance(TimeSpan.FromSeconds(9));
        Assert.False(outage.Failed());
        Assert.True(outage.IsDown);

        Assert.Equal(TimeSpan.FromSeconds(9), outage.Answered());
        Assert.Null(outage.Answered());
        Assert.False(outage.IsDown);
        Assert.True(outage.Failed());
    }

    [Theory]
    [InlineData(StoreOutagePolicy.Pause, true)]
    [InlineData(StoreOutagePolicy.DeliverAnyway, false)]
    public void Reading_pauses_unless_messages_are_delivered_anyway(StoreOutagePolicy policy, bool pauses)
    {
        var outage = new StoreOutage(policy, _time);
        Assert.False(outage.Pauses);
        outage.Failed();
        Assert.Equal(pauses, outage.Pauses);
        outage.Answered();
        Assert.False(outage.Pauses);
    }

    [Fact]
    public void An_outage_that_lasts_is_said_again_less_and_less_often()
    {
        var outage = new StoreOutage(StoreOutagePolicy.Pause, _time);
        var said = new List<int>();
        for (var second = 0; second <= 160; second++)
        {
            if (outage.Failed())
                said.Add(second);

            _time.Advance(TimeSpan.FromSeconds(1));
        }

        Assert.Equal([0, 10, 30, 70, 150], said);
        Assert.Equal(TimeSpan.FromSeconds(161), outage.Answered());
    }

    [Fact]
    public void A_store_that_is_down_is_asked_once_an_interval()
    {
        var outage = new StoreOutage(StoreOutagePolicy.Pause, _time);
        Assert.False(outage.IsLeftAlone());
        outage.Failed();
        Assert.True(outage.IsLeftAlone());
        _time.Advance(StoreOutage.ProbeInterval);
        Assert.False(outage.IsLeftAlone());
        Assert.True(outage.IsLeftAlone());
    }

    [Theory]
    [InlineData(StoreOutagePolicy.Pause, false)]
    [InlineData(StoreOutagePolicy.DeliverAnyway, true)]
    public void Messages_go_past_a_store_that_is_not_waited_for_until_it_answers(StoreOutagePolicy policy, bool isPassed)
    {
        var outage = new StoreOutage(policy, _time);
        Assert.False(outage.IsPassed);
        outage.Failed();
        _time.Advance(StoreOutage.ProbeInterval);
        Assert.Equal(isPassed, outage.IsPassed);
        outage.Answered();
        Assert.False(outage.IsPassed);
    }
}
