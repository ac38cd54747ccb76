using CloudSync.Sdk.Settings;

namespace CloudSync.Sdk;

/// <summary>When consumption pauses because the endpoint is down, and for how long.</summary>
public sealed class BreakerOptions
{
    /// <summary>
    /// Consecutive failures that open the breaker. Default 5. It may not exceed <see cref="RetryOptions.MaxRetryAttempts"/> + 1: one message must not use
    /// up its attempts, and be dead-lettered because of an outage, before the breaker has noticed it.
    /// </summary>
    [SettingRange(1, 1_001)]
    public int FailuresToOpen { get; set; } = 5;

    /// <summary>
    /// The share of calls that must fail, within <see cref="SamplingDuration"/>, to open the breaker as well, which spares an endpoint that fails much of the time and never
    /// many times in a row. What it takes meanwhile is proof that it is up, so a message that fails each time uses up its attempts. Default <see langword="null"/>: failures in a row
    /// alone are counted.
    /// </summary>
    [SettingRange(0.01, 1.0)]
    public double? FailureRatio { get; set; }

    /// <summary>With <see cref="FailureRatio"/>: the time over which calls are counted. Default 30 s; half a second at least.</summary>
    [SettingRange("00:00:00.500", "1.00:00:00")]
    public TimeSpan SamplingDuration { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>With <see cref="FailureRatio"/>: so many calls there must be within <see cref="SamplingDuration"/> before their share says anything. Default 20.</summary>
    [SettingRange(2, 1_000_000)]
    public int MinimumThroughput { get; set; } = 20;

    /// <summary>How long the breaker stays open before one message probes the endpoint. Default 60 s; half a second at least.</summary>
    [SettingRange("00:00:00.500", "1.00:00:00")]
    public TimeSpan BreakDuration { get; set; } = TimeSpan.FromSeconds(60);
}
