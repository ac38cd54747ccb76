using System.Globalization;
using CloudSync.Sdk.Settings;
using FsCheck.Xunit;
using Xunit;

namespace CloudSync.Sdk.Tests.Settings;

public class SettingTextTests
{
    [Theory]
    [InlineData("00:00:05", "00:00:05")]
    [InlineData("1.00:00:00", "1.00:00:00")]
    [InlineData("00:00:00.001", "00:00:00.001")]
    [InlineData("500ms", "00:00:00.5")]
    [InlineData("5s", "00:00:05")]
    [InlineData("1.5 s", "00:00:01.5")]
    [InlineData(" 2m ", "00:02:00")]
    [InlineData("1h", "01:00:00")]
    [InlineData("30d", "30.00:00:00")]
    [InlineData("-5s", "-00:00:05")]
    public void A_time_is_read(string text, string expected)
    {
        Assert.True(SettingText.TryRead(text, typeof(TimeSpan), out var value));
        Assert.Equal(TimeSpan.Parse(expected, CultureInfo.InvariantCulture), value);
    }

    [Theory]
    [InlineData("5")]
    [InlineData("05:00")]
    [InlineData("s")]
    [InlineData("5S")]
    [InlineData("5 seconds")]
    [InlineData("1e3s")]
    [InlineData("1,5s")]
    [InlineData("--5s")]
    [InlineData("25:00:00")]
    [InlineData("99999999999999999999999999999999999999d")]
    [InlineData("106751991167301d")]
    public void What_could_be_another_time_than_was_meant_is_refused(string text) =>
        Assert.False(SettingText.TryRead(text, typeof(TimeSpan), out _));

    [Property]
    public void A_time_is_read_back_as_it_is_shown(TimeSpan time)
    {
        Assert.True(SettingText.TryRead(SettingText.Format(time), typeof(TimeSpan), out var value));
        Assert.Equal(time, value);
    }

    [Fact]
    public void A_long_value_is_shown_in_part_and_on_one_line()
    {
        var shown = SettingText.Quote("Topic", "a\nb" + new string('c', 1000));

        Assert.StartsWith("'a?bc", shown, StringComparison.Ordinal);
        Assert.True(shown.Length < 100);
    }
}
