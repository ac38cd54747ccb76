using CloudSync.LoadTest.Reports;
using Xunit;

namespace CloudSync.LoadTest.Tests.Reports;

public sealed class FiguresTests
{
    [Theory]
    [InlineData(1, "1")]
    [InlineData(10, "10")]
    [InlineData(1_000, "1k")]
    [InlineData(2_500, "2.5k")]
    [InlineData(100_000, "100k")]
    [InlineData(1_000_000, "1M")]
    [InlineData(0.1, "0.1")]
    public void An_axis_has_short_numbers(double value, string text) => Assert.Equal(text, Figures.Short(value));

    [Theory]
    [InlineData(0.123, "0.12")]
    [InlineData(7.25, "7.3")]
    [InlineData(1_234.5, "1,235")]
    public void Milliseconds_have_as_many_digits_as_mean_something(double value, string text) => Assert.Equal(text, Figures.Milliseconds(value));

    [Theory]
    [InlineData(0, "0 %")]
    [InlineData(0.0002, "0.02 %")]
    [InlineData(0.051, "5.1 %")]
    public void A_small_share_is_not_written_as_none(double value, string text) => Assert.Equal(text, Figures.Share(value));

    [Theory]
    [InlineData(498_402, "500,000")]
    [InlineData(123_456, "120,000")]
    [InlineData(7.4, "7")]
    public void What_is_reckoned_has_two_digits(double value, string text) => Assert.Equal(text, Figures.About(value));

    [Fact]
    public void A_change_has_its_sign() =>
        Assert.Equal(("+20.0 %", "-5.1 %", "0.0 %"), (Figures.Change(0.2), Figures.Change(-0.051), Figures.Change(0)));

    [Theory]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    [InlineData(null)]
    public void What_is_no_number_or_not_known_is_a_dash(double? value) =>
        Assert.All([Figures.Rate(value), Figures.Milliseconds(value), Figures.Share(value), Figures.Processors(value), Figures.Change(value)], text => Assert.Equal("–", text));
}
