using CloudSync.Sdk.Settings;

namespace CloudSync.Sdk;

/// <summary>When and how often a message is tried again. The delay before retry n is <c>InitialDelay × Multiplier^(n-1)</c>, capped, then jittered.</summary>
public sealed class RetryOptions
{
    /// <summary>Retries of one message after its first attempt; when they are used up it is dead-lettered. Default 5; 0 never tries again.</summary>
    [SettingRange(0, 1_000)]
    public int MaxRetryAttempts { get; set; } = 5;

    /// <summary>The delay before the first retry. Default 1 s.</summary>
    [SettingRange("00:00:00.001", "1.00:00:00")]
    public TimeSpan InitialDelay { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>By how much each delay is longer than the one before. Default 2.</summary>
    [SettingRange(1.0, 10.0)]
    public double Multiplier { get; set; } = 2.0;

    /// <summary>The longest delay. Default 30 s. A longer Retry-After of the endpoint is honoured all the same.</summary>
    [SettingRange("00:00:00.001", "1.00:00:00")]
    public TimeSpan MaxDelay { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How far a delay may deviate, as a share of it, so that retries don't come in step. Default 0.1: from 90 % to 110 %.</summary>
    [SettingRange(0.0, 1.0)]
    public double Jitter { get; set; } = 0.1;
}
