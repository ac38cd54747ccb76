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

    /// <summary>How long the breaker stays open before one message probes the endpoint. Default 60 s; half a second at least.</summary>
    [SettingRange("00:00:00.500", "1.00:00:00")]
    public TimeSpan BreakDuration { get; set; } = TimeSpan.FromSeconds(60);
}
