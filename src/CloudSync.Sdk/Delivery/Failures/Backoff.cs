namespace CloudSync.Sdk;

/// <summary>How long to wait before a retry: exponential, capped, jittered. Pure, and safe for every number of retries and every setting.</summary>
/// <param name="InitialDelay">The delay before the first retry.</param>
/// <param name="Multiplier">By how much each is longer than the one before.</param>
/// <param name="MaxDelay">The longest.</param>
/// <param name="Mode">How they are spread.</param>
/// <param name="Jitter">How far, with <see cref="JitterMode.Proportional"/>.</param>
internal readonly record struct Backoff(TimeSpan InitialDelay, double Multiplier, TimeSpan MaxDelay, JitterMode Mode, double Jitter)
{
    /// <summary>Far beyond every setting, and half of what would overflow when it is added to a clock.</summary>
    private const double MaxTicks = long.MaxValue / 2d;

    public static Backoff From(RetryOptions options) =>
        new(options.InitialDelay, options.Multiplier, options.MaxDelay, options.JitterMode, options.Jitter);

    /// <param name="retry">Which retry it is, from 1.</param>
    /// <param name="previous">The delay before; what comes before the first is taken for <see cref="InitialDelay"/>.</param>
    /// <param name="random">From 0 (inclusive) to 1 (exclusive): where in the jitter the delay lies.</param>
    /// <param name="floor">What the endpoint asked for: the delay is never shorter.</param>
    public TimeSpan Delay(int retry, TimeSpan previous, double random, TimeSpan floor = default)
    {
        var ticks = Mode switch
        {
            JitterMode.Full => Exponential(retry) * random,
            JitterMode.Decorrelated => Math.Min(MaxDelay.Ticks, Between(InitialDelay.Ticks, 3d * Math.Max(previous.Ticks, InitialDelay.Ticks), random)),
            _ => Exponential(retry) * (1 + (Jitter * ((2 * random) - 1))),
        };

        // A multiplier that is not a number, which no setting may be, comes out as no delay.
        var bounded = double.IsNaN(ticks) ? 0 : (long)Math.Clamp(ticks, 0, MaxTicks);
        return TimeSpan.FromTicks(Math.Max(bounded, floor.Ticks));
    }

    /// <summary>The longest that the delay before a retry can be, without a floor.</summary>
    public TimeSpan Longest(int retry)
    {
        // The decorrelated delay may have trebled every time.
        var exponential = Mode == JitterMode.Decorrelated ? this with { Mode = JitterMode.Full, Multiplier = 3 } : this;
        return exponential.Delay(Mode == JitterMode.Decorrelated ? retry + 1 : retry, default, random: 1);
    }

    /// <summary>Power overflows to infinity, which the cap brings back; nothing here can throw.</summary>
    private double Exponential(int retry) => Math.Min(InitialDelay.Ticks * Math.Pow(Multiplier, Math.Max(1, retry) - 1), MaxDelay.Ticks);

    private static double Between(double low, double high, double random) => low + ((high - low) * random);
}
