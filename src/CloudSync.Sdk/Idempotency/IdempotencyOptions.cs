using CloudSync.Sdk.Settings;

namespace CloudSync.Sdk;

/// <summary>How duplicates are recognised.</summary>
public sealed class IdempotencyOptions
{
    /// <summary>Whether duplicates are recognised at all. Default <see langword="true"/>.</summary>
    public bool Enabled { get; set; } = true;

    /// <summary>How long a delivered id is remembered. Default 60 min. It must outlast all retries of a message and a drain.</summary>
    [SettingRange("00:00:01", "365.00:00:00")]
    public TimeSpan Retention { get; set; } = TimeSpan.FromMinutes(60);

    /// <summary>
    /// Ids that the in-memory store remembers, at most. Default 100,000. At 100 messages a second that is 1,000 seconds; at 100,000 it is one:
    /// set it to message rate × retention.
    /// </summary>
    [SettingRange(1, 100_000_000)]
    public int MaxEntries { get; set; } = 100_000;

    /// <summary>
    /// How long a claim holds a message for the one who delivers it. Default 30 s. It must not be shorter than
    /// <see cref="CloudSyncConsumerOptions.SinkTimeout"/>.
    /// </summary>
    [SettingRange("00:00:00.001", "01:00:00")]
    public TimeSpan Lease { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How often the in-memory store looks for ids past their retention. Default 5 min.</summary>
    [SettingRange("00:00:00.010", "1.00:00:00")]
    public TimeSpan CleanupInterval { get; set; } = TimeSpan.FromMinutes(5);
}
