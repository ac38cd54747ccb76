using Xunit;

namespace CloudSync.Cli.Tests;

public class TimeTextTests
{
    private static readonly DateTimeOffset Now = new(2026, 11, 24, 12, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData("2h", "2026-11-24T10:00:00Z")]
    [InlineData("90s", "2026-11-24T11:58:30Z")]
    [InlineData("1d", "2026-11-23T12:00:00Z")]
    [InlineData("0s", "2026-11-24T12:00:00Z")]
    [InlineData("2026-11-23", "2026-11-23T00:00:00Z")]
    [InlineData("2026-11-23T08:00", "2026-11-23T08:00:00Z")]
    [InlineData("2026-11-23T08:00:00Z", "2026-11-23T08:00:00Z")]
    [InlineData("2026-11-23T08:00:00.125+02:00", "2026-11-23T06:00:00Z")]
    public void Ago_or_a_time_is_read(string text, string expected)
    {
        Assert.True(TimeText.TryRead(text, Now, out var time));
        Assert.Equal(expected, TimeText.Show(time));
    }

    [Theory]
    [InlineData("")]
    [InlineData("2")]
    [InlineData("-2h")]
    [InlineData("yesterday")]
    [InlineData("11/12/2026")]
    [InlineData("08:00")]
    [InlineData("2026-13-01")]
    [InlineData("999999999d")]
    public void What_may_mean_anything_is_refused(string text) => Assert.False(TimeText.TryRead(text, Now, out _));
}
