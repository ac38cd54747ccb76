using CloudSync.LoadTest.Measuring;
using Xunit;

namespace CloudSync.LoadTest.Tests.Measuring;

public sealed class LagTrendTests
{
    [Fact]
    public void A_step_that_is_broken_off_early_has_a_half_of_its_own() => Assert.Equal(200, LagTrend.AtHalf(Lags(100, 200, 300, 400), seconds: 4));

    [Fact]
    public void Without_a_second_there_is_no_lag() => Assert.Equal(0, LagTrend.AtHalf([], 0.3));

    [Fact]
    public void What_grows_evenly_does_so_for_certain() => Assert.Equal((490, 0), Rounded(LagTrend.Growth([.. Enumerable.Range(1, 60).Select(second => new LagSample(second, 490 * second))], 0.1)));

    [Fact]
    public void What_goes_up_and_down_has_an_error_larger_than_its_growth()
    {
        var (growth, error) = LagTrend.Growth(Lags(400, 900, 300, 1_000, 500, 700, 600, 900), 0.1);

        Assert.True(growth < 2 * error, $"{growth} ± {error}");
    }

    [Fact]
    public void What_is_on_its_way_for_the_first_time_is_no_growth() =>
        Assert.Equal((0, 0), LagTrend.Growth(Lags(1_000, 2_000, 2_500, 2_500, 2_500, 2_500, 2_500), firstArrival: 2.5));

    [Fact]
    public void A_few_seconds_tell_nothing() => Assert.Equal((0, 0), LagTrend.Growth(Lags(1_000, 2_000, 3_000, 4_000), 0.1));

    private static LagSample[] Lags(params long[] lags) => [.. lags.Select((lag, index) => new LagSample(index + 1, lag))];

    private static (double, double) Rounded((double Growth, double Error) trend) => (Math.Round(trend.Growth, 6), Math.Round(trend.Error, 6));
}
