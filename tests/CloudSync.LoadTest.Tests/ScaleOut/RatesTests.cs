using CloudSync.LoadTest.ScaleOut;
using Xunit;

namespace CloudSync.LoadTest.Tests.ScaleOut;

public sealed class RatesTests
{
    [Fact]
    public void The_mean_is_what_came_in_the_window_by_its_length() => Assert.Equal(100, Rates.Mean(Steady((0, 10, 100)), At(2), At(7)));

    [Fact]
    public void An_empty_window_has_no_rate() => Assert.Equal(0, Rates.Mean(Steady((0, 10, 100)), At(5), At(5)));

    [Fact]
    public void A_rate_is_reached_when_it_has_risen_to_it() => Assert.Equal(3, Reached(200, Steady((0, 3, 100), (3, 10, 200))), 0.25);

    [Fact]
    public void A_rate_is_reached_when_it_has_fallen_to_it() => Assert.Equal(3, Reached(100, Steady((0, 3, 200), (3, 10, 100))), 0.25);

    [Fact]
    public void What_stood_still_in_between_has_not_reached_it_before() => Assert.Equal(5, Reached(100, Steady((0, 3, 200), (5, 10, 100))), 0.25);

    [Fact]
    public void A_second_that_happens_to_have_the_rate_is_not_enough() => Assert.Equal(4, Reached(100, Steady((0, 1, 100), (1, 4, 50), (4, 10, 100))), 0.25);

    [Fact]
    public void Within_a_tenth_is_near_enough() => Assert.Equal(0, Reached(100, Steady((0, 10, 91))), 0.05);

    [Fact]
    public void Farther_off_is_not() => Assert.Null(Rates.Reached(Steady((0, 10, 85)), 100, At(0), At(10)));

    [Fact]
    public void What_is_reached_after_the_end_is_not_reached() => Assert.Null(Rates.Reached(Steady((0, 8.5, 50), (8.5, 20, 100)), 100, At(0), At(10)));

    private static double Reached(double rate, TimeSpan[] arrivals) => Rates.Reached(arrivals, rate, At(0), At(10))!.Value.TotalSeconds;

    private static TimeSpan At(double second) => TimeSpan.FromSeconds(second);

    private static TimeSpan[] Steady(params (double From, double To, int Rate)[] parts) =>
        [.. parts.SelectMany(part => Enumerable.Range(0, (int)Math.Round((part.To - part.From) * part.Rate)).Select(i => At(part.From + ((double)i / part.Rate))))];
}
