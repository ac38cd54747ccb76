using CloudSync.LoadTest.Measuring;
using Xunit;

namespace CloudSync.LoadTest.Tests.Measuring;

public sealed class StepRateTests
{
    [Theory]
    [InlineData(4_850, 4.85)]
    [InlineData(3_000, 3)]
    public void The_latency_of_the_path_costs_it_nothing(long count, double sinceFirst) => Assert.Equal(1_000, StepRate.Of(1_000, count, sinceFirst, 5), 1);

    [Fact]
    public void What_falls_short_does_so_from_the_first_on() => Assert.Equal(800, StepRate.Of(1_000, 3_600, 4.5, 5), 1);

    [Fact]
    public void What_comes_in_a_burst_at_the_end_is_no_rate() => Assert.Equal(400, StepRate.Of(1_000, 1_000, 0.1, 5), 1);

    [Fact]
    public void There_is_never_more_than_was_asked_for() => Assert.Equal(1_000, StepRate.Of(1_000, 5_000, 4, 5));

    [Fact]
    public void Nothing_is_no_rate() => Assert.Equal(0, StepRate.Of(1_000, 0, 0, 0));
}
