using FsCheck.Xunit;
using Xunit;

namespace CloudSync.Sdk.Tests.Http;

public class RetryAfterTests
{
    private static readonly DateTimeOffset Now = new(2026, 11, 23, 12, 0, 0, TimeSpan.Zero);
    private static readonly TimeSpan Longest = TimeSpan.FromHours(1);

    [Theory]
    [InlineData("0", 0)]
    [InlineData("120", 120)]
    [InlineData(" 120 ", 120)]
    [InlineData("1.5", 1.5)]
    [InlineData("-5", 0)]
    [InlineData("99999999999999999999999999", 3600)]
    [InlineData("1e300", 3600)]
    [InlineData("Infinity", 3600)]
    [InlineData("Mon, 23 Nov 2026 12:00:30 GMT", 30)]
    [InlineData("Monday, 23-Nov-26 12:00:30 GMT", 30)]
    [InlineData("Mon Nov 23 12:00:30 2026", 30)]
    [InlineData("Mon, 23 Nov 2026 11:00:00 GMT", 0)]
    [InlineData("Sat, 23 Nov 2126 11:00:00 GMT", 3600)]
    public void Seconds_and_dates_are_read_within_limits(string text, double seconds) =>
        Assert.Equal(TimeSpan.FromSeconds(seconds), RetryAfter.Read(text, Now, Longest));

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("soon")]
    [InlineData("NaN")]
    [InlineData("12 s")]
    public void Anything_else_says_nothing(string? text) => Assert.Null(RetryAfter.Read(text, Now, Longest));

    [Property]
    public bool No_text_is_a_wait_below_zero_or_above_the_longest(string? text) =>
        RetryAfter.Read(text, Now, Longest) is not { } wait || (wait >= TimeSpan.Zero && wait <= Longest);

    [Property]
    public bool No_number_is_a_wait_below_zero_or_above_the_longest(double seconds) =>
        RetryAfter.FromSeconds(seconds, Longest) is not { } wait || (wait >= TimeSpan.Zero && wait <= Longest);
}
