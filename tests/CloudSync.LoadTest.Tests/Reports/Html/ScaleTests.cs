using CloudSync.LoadTest.Reports.Html;
using Xunit;

namespace CloudSync.LoadTest.Tests.Reports.Html;

public sealed class ScaleTests
{
    [Fact]
    public void A_logarithmic_axis_gives_each_power_of_ten_as_much_room()
    {
        var scale = LogScale.Along([1, 1_000_000]);

        Assert.Equal([1, 10, 100, 1_000, 10_000, 100_000, 1_000_000], scale.Ticks);
        Assert.Equal([0, 1 / 6.0, 0.5, 1], new[] { 1.0, 10, 1_000, 1_000_000 }.Select(scale.Share), (a, b) => Math.Abs(a - b) < 1e-9);
    }

    [Fact]
    public void An_axis_that_goes_up_ends_at_powers_of_ten() => Assert.Equal([1, 10, 100, 1_000], LogScale.Around([1.9, 448]).Ticks);

    [Fact]
    public void What_is_a_hair_beyond_a_power_of_ten_gets_no_decade_of_its_own() => Assert.Equal([1, 10, 100], LogScale.Around([0.9995, 102]).Ticks);

    [Fact]
    public void Within_two_powers_of_ten_there_are_ticks_between_them() => Assert.Equal([10, 20, 50, 100, 200], LogScale.Along([10, 200]).Ticks);

    [Fact]
    public void A_narrow_range_has_ticks_too() => Assert.Equal([100_000, 150_000, 200_000, 300_000], LogScale.Along([100_000, 340_000]).Ticks);

    [Fact]
    public void A_wide_range_has_no_more_ticks_than_can_be_read() => Assert.InRange(LogScale.Around([1e-6, 1e9]).Ticks.Count, 3, 8);

    [Fact]
    public void A_single_value_stands_in_the_middle() => Assert.Equal(0.5, LogScale.Along([10_000]).Share(10_000), 9);

    [Fact]
    public void What_is_counted_has_a_place_for_none_of_it()
    {
        var scale = LogScale.FromZero([0, 8_000]);

        Assert.Equal([0, 1, 10, 100, 1_000, 10_000], scale.Ticks);
        Assert.Equal((0, 1), (scale.Share(0), scale.Share(10_000)));
        Assert.InRange(scale.Share(1), 0.05, 0.1);
    }

    [Theory]
    [InlineData(3.7, new[] { 0.0, 1, 2, 3, 4 })]
    [InlineData(1_260, new[] { 0.0, 500, 1_000, 1_500 })]
    [InlineData(0.04, new[] { 0.0, 0.01, 0.02, 0.03, 0.04 })]
    [InlineData(10, new[] { 0.0, 2, 4, 6, 8, 10 })]
    public void An_even_axis_begins_at_0_and_has_round_steps(double most, double[] ticks) =>
        Assert.Equal(ticks, LinearScale.For([most]).Ticks, (a, b) => Math.Abs(a - b) < 1e-9);

    [Fact]
    public void Without_a_value_there_is_an_axis_all_the_same()
    {
        foreach (var scale in new Scale[] { LogScale.Along([]), LogScale.Around([]), LogScale.FromZero([]), LinearScale.For([]), LogScale.Around([0, double.NaN]), LinearScale.For([double.NaN]) })
        {
            Assert.NotEmpty(scale.Ticks);
            Assert.All(scale.Ticks, tick => Assert.True(double.IsFinite(tick)));
        }
    }

    [Fact]
    public void Each_value_has_a_place_on_the_axis_and_a_larger_one_none_before_it()
    {
        double[] values = [double.NegativeInfinity, -5, 0, 1e-9, 0.3, 1, 7, 1_000, 1e12, double.PositiveInfinity, double.NaN];
        foreach (var scale in new Scale[] { LogScale.Along([1, 1_000]), LogScale.Around([3, 4]), LogScale.FromZero([0, 50]), LinearScale.For([70]) })
        {
            Assert.All(values, value => Assert.InRange(scale.Share(value), 0, 1));
            var rising = values[1..^2].Select(scale.Share).ToArray();
            Assert.Equal(rising.Order(), rising);
        }
    }
}
