namespace CloudSync.Sdk;

/// <summary>How the time is shared out that the platform gives a process to stop, before it kills it.</summary>
/// <param name="Total">All of it.</param>
/// <param name="Before">What passes of it before anything drains: a front door's <c>DrainDelay</c>.</param>
internal readonly record struct GraceTime(TimeSpan Total, TimeSpan Before = default)
{
    /// <summary>A default longer than this would get near <c>max.poll.interval.ms</c>, and a drain ends by itself once the calls have.</summary>
    private static readonly TimeSpan LongestDefault = TimeSpan.FromMinutes(2);

    /// <summary>What is kept back twice: for the last commit and the way out of the group, and for the end of the process. A tenth, from 1 s to 5 s.</summary>
    public TimeSpan Reserve => TimeSpan.FromSeconds(Math.Clamp(Total.TotalSeconds / 10, 1, 5));

    /// <summary>What the host gives its services.</summary>
    public TimeSpan ShutdownTimeout => Total - Reserve;

    /// <summary>The longest that a consumer may drain, or the producer flush.</summary>
    public TimeSpan LongestStop => Total - (2 * Reserve) - Before;

    /// <summary>The longest that may pass before: as much as the reserve is left to drain and to flush.</summary>
    public TimeSpan LongestBefore => Total - (3 * Reserve);

    /// <summary>How long they do when nobody has said.</summary>
    public TimeSpan DefaultStop => LongestStop < LongestDefault ? LongestStop : LongestDefault;
}
