using FsCheck;
using FsCheck.Xunit;
using Xunit;

namespace CloudSync.Sdk.Tests;

public class BackoffTests
{
    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 2)]
    [InlineData(3, 4)]
    [InlineData(5, 16)]
    [InlineData(6, 30)]
    [InlineData(1_000, 30)]
    [InlineData(int.MaxValue, 30)]
    public void The_defaults_double_from_a_second_to_thirty(int retry, int seconds) =>
        Assert.Equal(TimeSpan.FromSeconds(seconds), Backoff.Delay(retry, new RetryOptions { Jitter = 0 }, random: 0.7));

    [Theory]
    [InlineData(0.0, 900)]
    [InlineData(0.5, 1_000)]
    [InlineData(0.75, 1_050)]
    public void Jitter_moves_a_delay_by_its_share_at_most(double random, int milliseconds) =>
        Assert.Equal(milliseconds, Backoff.Delay(1, new RetryOptions { Jitter = 0.1 }, random).TotalMilliseconds, tolerance: 0.01);

    [Property]
    public void A_delay_lies_in_its_bounds_whatever_the_retry_and_the_settings(int retry, Settings settings, double random, TimeSpan floor)
    {
        var options = settings.Options;
        var delay = Backoff.Delay(retry, options, Share(random), floor);

        Assert.True(delay >= TimeSpan.Zero);
        Assert.True(delay >= floor);
        var longest = Math.Max(Math.Max(0, floor.Ticks), options.MaxDelay.Ticks * (1 + options.Jitter));
        Assert.True(delay.Ticks <= longest + 1);
        var shortest = Math.Min(options.InitialDelay.Ticks, options.MaxDelay.Ticks) * (1 - options.Jitter);
        Assert.True(delay.Ticks >= shortest - 1);
    }

    [Property]
    public void The_same_chance_gives_the_same_delay_and_without_jitter_no_delay_is_shorter_than_the_one_before(PositiveInt retry, Settings settings, double random)
    {
        var options = settings.Options;
        Assert.Equal(Backoff.Delay(retry.Get, options, Share(random)), Backoff.Delay(retry.Get, options, Share(random)));

        options.Jitter = 0;
        Assert.True(Backoff.Delay(retry.Get + 1, options, 0) >= Backoff.Delay(retry.Get, options, 0.99));
    }

    [Property]
    public void Not_even_settings_that_are_refused_make_it_throw(int retry, TimeSpan first, TimeSpan longest, double multiplier, double jitter, double random, TimeSpan floor) =>
        Assert.True(Backoff.Delay(
            retry, new RetryOptions { InitialDelay = first, MaxDelay = longest, Multiplier = multiplier, Jitter = jitter }, random, floor) >= floor);

    private static double Share(double any) => double.IsFinite(any) ? Math.Abs(any % 1) : 0.5;

    /// <summary>Settings within the ranges that the validation allows.</summary>
    public sealed record Settings(uint First, uint Longest, uint Multiplier, uint Jitter)
    {
        internal RetryOptions Options => new()
        {
            InitialDelay = TimeSpan.FromMilliseconds(1 + (First % 86_400_000)),
            MaxDelay = TimeSpan.FromMilliseconds(1 + (Longest % 86_400_000)),
            Multiplier = 1 + (Multiplier % 9_001 / 1_000.0),
            Jitter = Jitter % 1_001 / 1_000.0,
        };
    }
}
