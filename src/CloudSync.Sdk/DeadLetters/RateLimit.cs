namespace CloudSync.Sdk;

/// <summary>
/// So many a second and no more, evenly spaced (the generic cell rate algorithm). What was not used is not saved up: who has paused for an hour
/// does not go on with an hour's worth.
/// </summary>
internal sealed class RateLimit(int? perSecond, TimeProvider time)
{
    /// <summary>How far ahead of even spacing one may be: timers are no finer, and a high rate would fall short of itself.</summary>
    public static readonly TimeSpan Tolerance = TimeSpan.FromMilliseconds(50);

    private readonly long _started = time.GetTimestamp();
    private TimeSpan _next;

    /// <summary>The time from one to the next.</summary>
    public TimeSpan Interval { get; } = perSecond is { } rate ? TimeSpan.FromTicks((TimeSpan.TicksPerSecond + rate - 1) / rate) : TimeSpan.Zero;

    /// <summary>Asks for one.</summary>
    /// <returns>Zero when it was given; else nothing was, and after this time it will be.</returns>
    public TimeSpan Take()
    {
        if (Interval == TimeSpan.Zero)
            return TimeSpan.Zero;

        var now = time.GetElapsedTime(_started);
        var ahead = _next - now - Tolerance;
        if (ahead > TimeSpan.Zero)
            return ahead;

        _next = (_next > now ? _next : now) + Interval;
        return TimeSpan.Zero;
    }
}
