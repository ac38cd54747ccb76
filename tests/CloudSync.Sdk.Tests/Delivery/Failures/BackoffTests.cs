using FsCheck;
using FsCheck.Xunit;
using Xunit;

namespace CloudSync.Sdk.Tests;

public class BackoffTests
{
    private static readonly Backoff Defaults = Backoff.From(new RetryOptions { Jitter = 0 });

    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 2)]
    [InlineData(3, 4)]
    [InlineData(5, 16)]
    [InlineData(6, 30)]
    [InlineData(1_000, 30)]
    [InlineData(int.MaxValue, 30)]
    [InlineData(0, 1)]
    [InlineData(int.MinValue, 1)]
    public void The_defaults_double_from_a_second_to_thirty(int retry, int seconds) =>
        Assert.Equal(TimeSpan.FromSeconds(seconds), Defaults.Delay(retry, default, random: 0.7));

    [Theory]
    [InlineData(0.0, 900)]
    [InlineData(0.5, 1_000)]
    [InlineData(0.75, 1_050)]
    public void Jitter_in_proportion_moves_a_delay_by_its_share_at_most(double random, int milliseconds) =>
        Assert.Equal(milliseconds, (Defaults with { Jitter = 0.1 }).Delay(1, default, random).TotalMilliseconds, tolerance: 0.01);

    [Theory]
    [InlineData(1, 0.0, 0)]
    [InlineData(1, 0.5, 500)]
    [InlineData(3, 0.25, 1_000)]
    [InlineData(3, 0.75, 3_000)]
    [InlineData(1_000, 0.5, 15_000)]
    public void Full_jitter_takes_anything_up_to_the_delay(int retry, double random, int milliseconds) =>
        Assert.Equal(milliseconds, (Defaults with { Mode = JitterMode.Full }).Delay(retry, default, random).TotalMilliseconds, tolerance: 0.01);

    [Theory]
    [InlineData(0, 0.0, 1_000)]
    [InlineData(0, 0.5, 2_000)]
    [InlineData(4_000, 0.0, 1_000)]
    [InlineData(4_000, 0.5, 6_500)]
    [InlineData(29_000, 0.9, 30_000)]
    public void Decorrelated_jitter_takes_anything_up_to_three_times_the_delay_before(int previous, double random, int milliseconds) => Assert.Equal(
        milliseconds,
        (Defaults with { Mode = JitterMode.Decorrelated }).Delay(7, TimeSpan.FromMilliseconds(previous), random).TotalMilliseconds,
        tolerance: 0.01);

    [Property]
    public void A_delay_lies_in_its_bounds_whatever_the_retry_and_the_settings(int retry, Settings settings, uint previousMs, double random, TimeSpan floor)
    {
        var backoff = settings.Backoff;
        var previous = TimeSpan.FromMilliseconds(previousMs);
        var delay = backoff.Delay(retry, previous, Share(random), floor);

        var (first, longest) = (backoff.InitialDelay.Ticks, backoff.MaxDelay.Ticks);
        var (low, high) = backoff.Mode switch
        {
            JitterMode.Full => (0, longest),
            JitterMode.Decorrelated => (Math.Min(first, longest), longest),
            _ => (Math.Min(first, longest) * (1 - backoff.Jitter), longest * (1 + backoff.Jitter)),
        };
        Assert.True(delay >= TimeSpan.Zero);
        Assert.True(delay >= floor);
        Assert.True(delay.Ticks >= low - 1);
        Assert.True(delay.Ticks <= Math.Max(Math.Max(0, floor.Ticks), high + 1));
    }

    /// <summary>What a setting may be checked against: no delay is longer than it says.</summary>
    [Property]
    public void The_longest_delay_is_never_exceeded_by_a_sequence_of_delays(Settings settings, double[] chances)
    {
        var (previous, retry) = (TimeSpan.Zero, 0);
        foreach (var chance in chances)
        {
            previous = settings.Backoff.Delay(++retry, previous, Share(chance));
            Assert.True(previous <= settings.Backoff.Longest(retry) + TimeSpan.FromTicks(1));
        }
    }

    [Property]
    public void The_same_chance_gives_the_same_delay(PositiveInt retry, Settings settings, uint previousMs, double random)
    {
        var previous = TimeSpan.FromMilliseconds(previousMs);
        Assert.Equal(settings.Backoff.Delay(retry.Get, previous, Share(random)), settings.Backoff.Delay(retry.Get, previous, Share(random)));
    }

    [Property]
    public void A_seeded_random_gives_the_same_delays_again(int seed, Settings settings) => Assert.Equal(Sequence(settings.Backoff, seed), Sequence(settings.Backoff, seed));

    [Property]
    public void Without_jitter_no_delay_is_shorter_than_the_one_before(PositiveInt retry, Settings settings)
    {
        var backoff = settings.Backoff with { Mode = JitterMode.Proportional, Jitter = 0 };

        Assert.True(backoff.Delay(retry.Get + 1, default, 0) >= backoff.Delay(retry.Get, default, 0.99));
    }

    /// <summary>More luck, more delay: with it, the bounds above are the whole truth about the spread.</summary>
    [Property]
    public void A_larger_chance_never_gives_a_shorter_delay(PositiveInt retry, Settings settings, uint previousMs, double one, double other)
    {
        var (low, high) = (Math.Min(Share(one), Share(other)), Math.Max(Share(one), Share(other)));
        var previous = TimeSpan.FromMilliseconds(previousMs);

        Assert.True(settings.Backoff.Delay(retry.Get, previous, low) <= settings.Backoff.Delay(retry.Get, previous, high));
    }

    /// <summary>Mean and standard deviation of what a uniform distribution between the bounds has: 20,000 draws, five standard errors.</summary>
    [Theory]
    [InlineData(JitterMode.Proportional, 0.5, 1_000, 3_000)]
    [InlineData(JitterMode.Proportional, 0.1, 1_800, 2_200)]
    [InlineData(JitterMode.Full, 0.1, 0, 2_000)]
    [InlineData(JitterMode.Decorrelated, 0.1, 1_000, 6_000)]
    public void The_delays_spread_evenly_over_their_range(JitterMode mode, double jitter, double shortest, double longest)
    {
        const int Draws = 20_000;
        var (mean, deviation) = ((shortest + longest) / 2, (longest - shortest) / Math.Sqrt(12));
        var backoff = Defaults with { Mode = mode, Jitter = jitter };
        var random = new Random(7);
        var delays = Enumerable.Range(0, Draws).Select(_ => backoff.Delay(2, TimeSpan.FromSeconds(2), random.NextDouble()).TotalMilliseconds).ToArray();

        var measured = delays.Average();
        Assert.Equal(mean, measured, tolerance: 5 * deviation / Math.Sqrt(Draws));
        Assert.Equal(deviation, Math.Sqrt(delays.Average(d => (d - measured) * (d - measured))), tolerance: 0.02 * deviation);
    }

    [Property]
    public void Not_even_settings_that_are_refused_make_it_throw(
        int retry, TimeSpan first, TimeSpan longest, double multiplier, double jitter, int mode, TimeSpan previous, double random, TimeSpan floor)
    {
        var delay = new Backoff(first, multiplier, longest, (JitterMode)(mode % 4), jitter).Delay(retry, previous, random, floor);

        Assert.True(delay >= floor && delay >= TimeSpan.Zero);
    }

    [Property]
    public void The_longest_delay_of_any_settings_can_be_added_to_a_clock(int retry, Settings settings, double random) =>
        Assert.True(settings.Backoff.Delay(retry, TimeSpan.MaxValue, Share(random), TimeSpan.FromDays(1)).Ticks < long.MaxValue / 2);

    private static List<TimeSpan> Sequence(Backoff backoff, int seed)
    {
        var random = new Random(seed);
        var delays = new List<TimeSpan>();
        for (var retry = 1; retry <= 20; retry++)
            delays.Add(backoff.Delay(retry, delays.LastOrDefault(), random.NextDouble()));

        return delays;
    }

    [Theory]
    [InlineData(JitterMode.Proportional, 0.0, 1, 1)]
    [InlineData(JitterMode.Proportional, 0.0, 3, 4)]
    [InlineData(JitterMode.Proportional, 0.5, 3, 6)]
    [InlineData(JitterMode.Proportional, 0.5, 9, 45)]
    [InlineData(JitterMode.Full, 0.5, 3, 4)]
    [InlineData(JitterMode.Full, 0.5, 9, 30)]
    [InlineData(JitterMode.Decorrelated, 0.5, 1, 3)]
    [InlineData(JitterMode.Decorrelated, 0.5, 2, 9)]
    [InlineData(JitterMode.Decorrelated, 0.5, 9, 30)]
    public void The_longest_that_a_delay_can_be_is_known(JitterMode mode, double jitter, int retry, int seconds) => Assert.Equal(
        TimeSpan.FromSeconds(seconds), new Backoff(TimeSpan.FromSeconds(1), 2, TimeSpan.FromSeconds(30), mode, jitter).Longest(retry));

    private static double Share(double any) => double.IsFinite(any) ? Math.Abs(any % 1) : 0.5;

    /// <summary>Settings within the ranges that the validation allows.</summary>
    public sealed record Settings(uint First, uint Longest, uint Multiplier, uint Jitter, byte Mode)
    {
        internal Backoff Backoff => new(
            TimeSpan.FromMilliseconds(1 + (First % 86_400_000)),
            1 + (Multiplier % 9_001 / 1_000.0),
            TimeSpan.FromMilliseconds(1 + (Longest % 86_400_000)),
            (JitterMode)(Mode % 3),
            Jitter % 1_001 / 1_000.0);
    }
}
