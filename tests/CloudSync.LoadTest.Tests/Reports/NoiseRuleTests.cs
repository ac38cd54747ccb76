using CloudSync.LoadTest.Reports.Compare;
using Xunit;

namespace CloudSync.LoadTest.Tests.Reports;

public sealed class NoiseRuleTests
{
    [Fact]
    public void The_same_seconds_show_no_change() => Assert.Equal(Noise.Within, NoiseRule.Of(Seconds(1_000, 0.1), Seconds(1_000, 0.1)));

    [Fact]
    public void A_fifth_less_with_a_small_scatter_is_beyond_noise() => Assert.Equal(Noise.Beyond, NoiseRule.Of(Seconds(1_000, 0.02), Seconds(800, 0.02)));

    [Fact]
    public void A_fifth_more_is_so_too() => Assert.Equal(Noise.Beyond, NoiseRule.Of(Seconds(1_000, 0.02), Seconds(1_200, 0.02)));

    [Fact]
    public void A_fifth_less_with_a_scatter_as_large_is_within_noise() => Assert.Equal(Noise.Within, NoiseRule.Of(Seconds(1_000, 0.4), Seconds(800, 0.4)));

    [Fact]
    public void The_scatter_of_either_side_counts()
    {
        Assert.Equal(Noise.Within, NoiseRule.Of(Seconds(1_000, 0.6), Seconds(800, 0)));
        Assert.Equal(Noise.Within, NoiseRule.Of(Seconds(1_000, 0), Seconds(800, 0.6)));
    }

    [Fact]
    public void More_seconds_make_the_same_difference_sure() => Assert.Equal(
        (Noise.Within, Noise.Beyond),
        (NoiseRule.Of(Seconds(1_000, 0.3, 10), Seconds(800, 0.3, 10)), NoiseRule.Of(Seconds(1_000, 0.3, 100), Seconds(800, 0.3, 100))));

    [Theory]
    [InlineData(1_049, "Within")]
    [InlineData(1_051, "Beyond")]
    [InlineData(951, "Within")]
    [InlineData(949, "Beyond")]
    public void Five_percent_are_the_least_that_counts_however_sure(double now, string noise) =>
        Assert.Equal(noise, NoiseRule.Of(Seconds(1_000, 0), Seconds(now, 0)).ToString());

    [Fact]
    public void Fewer_than_five_seconds_of_either_are_too_short_to_tell()
    {
        Assert.Equal(Noise.TooShort, NoiseRule.Of(Seconds(1_000, 0, 4), Seconds(100, 0, 50)));
        Assert.Equal(Noise.TooShort, NoiseRule.Of(Seconds(1_000, 0, 50), Seconds(100, 0, 4)));
        Assert.Equal(Noise.TooShort, NoiseRule.Of([], []));
        Assert.Equal(Noise.Beyond, NoiseRule.Of(Seconds(1_000, 0, 5), Seconds(100, 0, 5)));
    }

    [Fact]
    public void What_was_nothing_and_is_something_is_beyond_noise() => Assert.Equal(Noise.Beyond, NoiseRule.Of(Seconds(0, 0), Seconds(10, 0.1)));

    [Fact]
    public void Of_a_hundred_pairs_of_the_same_distribution_few_are_beyond_noise_and_all_of_another_one_are()
    {
        var random = new Random(20261130);
        var same = Enumerable.Range(0, 100).Count(_ => NoiseRule.Of(Drawn(random, 1_000), Drawn(random, 1_000)) == Noise.Beyond);
        var other = Enumerable.Range(0, 100).Count(_ => NoiseRule.Of(Drawn(random, 1_000), Drawn(random, 500)) == Noise.Beyond);

        Assert.InRange(same, 1, 15);
        Assert.Equal(100, other);
    }

    [Fact]
    public void At_five_seconds_five_of_a_hundred_are_beyond_it_by_chance()
    {
        var random = new Random(7);
        var beyond = Enumerable.Range(0, 10_000).Count(_ => NoiseRule.Of(Normal(), Normal()) == Noise.Beyond);

        Assert.InRange(beyond, 300, 550);

        double[] Normal() => [.. Enumerable.Range(0, 5).Select(_ => 100 + (30 * Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble())))];
    }

    private static double[] Seconds(double mean, double scatter, int seconds = 10) =>
        [.. Enumerable.Range(0, seconds).Select(second => mean * (1 + (seconds % 2 == 1 && second == seconds - 1 ? 0 : second % 2 == 0 ? scatter : -scatter)))];

    // About the mean by some 17 %, as even as chance has it.
    private static double[] Drawn(Random random, double mean) => [.. Enumerable.Range(0, 10).Select(_ => mean * (0.7 + (0.6 * random.NextDouble())))];
}
