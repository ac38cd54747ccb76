using CloudSync.Sdk.Settings;

namespace CloudSync.Sdk;

/// <summary>
/// When and how often a message is tried again. The delay before retry n is <c>InitialDelay × Multiplier^(n-1)</c>, capped, then jittered; a longer Retry-After of
/// the endpoint is always honoured. <see cref="CloudSyncConsumerOptions.Errors"/> changes it for one kind of error.
/// </summary>
public sealed class RetryOptions
{
    /// <summary>Retries of one message after its first attempt; when they are used up it is dead-lettered. Default 5; 0 never tries again.</summary>
    [SettingRange(0, 1_000)]
    public int MaxRetryAttempts { get; set; } = 5;

    /// <summary>
    /// How long one message may go on failing: what fails again after this is dead-lettered, even if retries are left. Counted from its first failure, or from the
    /// end of the last outage: the time of an outage, or of a Retry-After, is not the message's; and an error that the breaker counts ends it only when others got through since the
    /// failure before. Default <see langword="null"/>: no limit but the retries.
    /// </summary>
    [SettingRange("00:00:00.001", "30.00:00:00")]
    public TimeSpan? MaxElapsedTime { get; set; }

    /// <summary>The delay before the first retry. Default 1 s.</summary>
    [SettingRange("00:00:00.001", "1.00:00:00")]
    public TimeSpan InitialDelay { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>By how much each delay is longer than the one before. Default 2. <see cref="JitterMode.Decorrelated"/> does not use it.</summary>
    [SettingRange(1.0, 10.0)]
    public double Multiplier { get; set; } = 2.0;

    /// <summary>The longest delay. Default 30 s. A longer Retry-After of the endpoint is honoured all the same.</summary>
    [SettingRange("00:00:00.001", "1.00:00:00")]
    public TimeSpan MaxDelay { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How delays are spread, so that retries don't come in step. Default <see cref="JitterMode.Proportional"/>.</summary>
    public JitterMode JitterMode { get; set; } = JitterMode.Proportional;

    /// <summary>
    /// How far a delay may deviate, as a share of it, with <see cref="JitterMode.Proportional"/>. Default 0.1: from 90 % to 110 %, of the longest delay too.
    /// </summary>
    [SettingRange(0.0, 1.0)]
    public double Jitter { get; set; } = 0.1;

    /// <summary>
    /// The share of traffic that retries may be: so many calls with a retry for each call with messages that are sent the first time. What is beyond it waits, and
    /// is neither lost nor counted. Default 0.2. Probes of an open breaker, and the parts of a batch that is taken apart, are not counted.
    /// </summary>
    [SettingRange(0.0, 1_000.0)]
    public double Budget { get; set; } = 0.2;

    /// <summary>Calls with a retry that are made each second whatever the traffic, so that a quiet consumer tries again too. Default 10; ten seconds' worth may come at once.</summary>
    [SettingRange(0.1, 1_000_000.0)]
    public double BudgetReserve { get; set; } = 10;
}

/// <summary>How the delays before retries are spread.</summary>
/// <remarks>See Marc Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog.</remarks>
public enum JitterMode
{
    /// <summary>Around the exponential delay, by <see cref="RetryOptions.Jitter"/> at most: predictable.</summary>
    Proportional = 0,

    /// <summary>Anything from nothing to the exponential delay: spreads best, and the first retries may come very soon.</summary>
    Full,

    /// <summary>Anything from <see cref="RetryOptions.InitialDelay"/> to three times the delay before, capped: spreads well and never comes too soon.</summary>
    Decorrelated,
}
