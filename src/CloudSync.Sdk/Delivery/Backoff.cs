namespace CloudSync.Sdk;

/// <summary>How long to wait before a retry: exponential, capped, jittered. Pure, and safe for every number of retries.</summary>
internal static class Backoff
{
    /// <param name="retry">Which retry it is, from 1.</param>
    /// <param name="options">The settings.</param>
    /// <param name="random">From 0 (inclusive) to 1 (exclusive): where in the jitter the delay lies.</param>
    /// <param name="floor">What the endpoint asked for: the delay is never shorter.</param>
    public static TimeSpan Delay(int retry, RetryOptions options, double random, TimeSpan floor = default)
    {
        // Power overflows to infinity, which the cap brings back; nothing here can throw.
        var ticks = options.InitialDelay.Ticks * Math.Pow(options.Multiplier, Math.Max(0, retry - 1));
        var capped = Math.Min(ticks, options.MaxDelay.Ticks);
        var jittered = capped * (1 + (options.Jitter * ((2 * random) - 1)));
        return TimeSpan.FromTicks(Math.Max((long)Math.Clamp(jittered, 0, TimeSpan.MaxValue.Ticks / 2d), floor.Ticks));
    }
}
