using CloudSync.LoadTest.Load;
using Xunit;

namespace CloudSync.LoadTest.Tests.Load;

public sealed class LadderTests
{
    [Fact]
    public void It_goes_from_one_to_a_million()
    {
        Assert.Equal([1, 2, 5, 10, 20, 40, 60, 80, 100, 200, 300], Ladder.Full.Take(11));
        Assert.Equal([900_000, 1_000_000], Ladder.Full.TakeLast(2));
        Assert.Equal(Ladder.Full.Order().Distinct(), Ladder.Full);
        Assert.Contains(1_000, Ladder.Full);
        Assert.Contains(20_000, Ladder.Full);
        Assert.Equal(45, Ladder.Full.Count);
    }

    [Fact]
    public void A_quick_one_has_rates_of_the_full_one() => Assert.Empty(Ladder.Quick.Except(Ladder.Full));

    [Theory]
    [InlineData(1, 1)]
    [InlineData(200, 1)]
    [InlineData(399, 1)]
    [InlineData(400, 2)]
    [InlineData(20_000, 100)]
    [InlineData(100_000, 500)]
    [InlineData(1_000_000, 500)]
    public void There_are_some_two_hundred_requests_a_second_until_they_are_full(int rate, int batchSize) => Assert.Equal(batchSize, Ladder.BatchSizeOf(rate));

    [Theory]
    [InlineData(950, true, false)]
    [InlineData(949, false, false)]
    [InlineData(800, false, false)]
    [InlineData(799, false, true)]
    public void A_little_less_is_held_and_much_less_is_far_short(int got, bool isHeld, bool isFarShort)
    {
        Assert.Equal(isHeld, Ladder.IsHeld(1_000, got));
        Assert.Equal(isFarShort, Ladder.FallsFarShort(1_000, got));
    }
}
