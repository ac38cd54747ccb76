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
        _time.Advance(TimeSpan.FromSeconds(10));
        Assert.False(outage.Failed());
        Assert.True(outage.IsDown);

        Assert.Equal(TimeSpan.FromSeconds(10), outage.Answered());
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
    public void Nobody_goes_past_a_store_that_is_waited_for()
    {
        var outage = new StoreOutage(StoreOutagePolicy.Pause, _time);
        outage.Failed();
        Assert.False(outage.GoesPast());
    }

    [Fact]
    public void Past_a_store_that_is_not_waited_for_all_go_but_one_in_a_while_who_finds_out()
    {
        var outage = new StoreOutage(StoreOutagePolicy.DeliverAnyway, _time);
        Assert.False(outage.GoesPast());
        outage.Failed();
        Assert.True(outage.GoesPast());
        _time.Advance(StoreOutage.ProbeInterval - TimeSpan.FromTicks(1));
        Assert.True(outage.GoesPast());
        _time.Advance(TimeSpan.FromTicks(1));

        Assert.False(outage.GoesPast());
        Assert.True(outage.GoesPast());

        outage.Answered();
        Assert.False(outage.GoesPast());
    }
}
