using CloudSync.Sdk.Settings;

namespace CloudSync.Sdk;

/// <summary>How duplicates are recognised.</summary>
public sealed class IdempotencyOptions
{
    internal const int MostEntries = 100_000_000;

    /// <summary>Whether duplicates are recognised at all. Default <see langword="true"/>.</summary>
    public bool Enabled { get; set; } = true;

    /// <summary>What two copies of a message have in common. Default <see cref="IdempotencyKeyStrategy.MessageId"/>.</summary>
    public IdempotencyKeyStrategy KeyStrategy { get; set; } = IdempotencyKeyStrategy.MessageId;

    /// <summary>How long a delivered id is remembered. Default 60 min. It must outlast all retries of a message and a drain.</summary>
    [SettingRange("00:00:01", "365.00:00:00")]
    public TimeSpan Retention { get; set; } = TimeSpan.FromMinutes(60);

    /// <summary>
    /// Ids that the in-memory store remembers, at most. Default 100,000. At 100 messages a second that is 1,000 seconds; at 100,000 it is one:
    /// set it to message rate × retention. Each takes 32 to 40 bytes.
    /// </summary>
    [SettingRange(1, MostEntries)]
    public int MaxEntries { get; set; } = 100_000;

    /// <summary>
    /// Bytes that the ids of the in-memory store take, at most. Default <see langword="null"/>: what <see cref="MaxEntries"/> take.
    /// </summary>
    [SettingRange(65_536, 1_099_511_627_776)]
    public long? MaxBytes { get; set; }

    /// <summary>
    /// How long a claim holds a message for the one who delivers it. Default 30 s. It must not be shorter than <see cref="CloudSyncConsumerOptions.SinkTimeout"/>. While a
    /// delivery takes longer its claim is extended, so this is how long the messages of a consumer that crashed wait for another.
    /// </summary>
    [SettingRange("00:00:00.001", "01:00:00")]
    public TimeSpan Lease { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How often the in-memory store looks for ids past their retention. Default 5 min.</summary>
    [SettingRange("00:00:00.010", "1.00:00:00")]
    public TimeSpan CleanupInterval { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>How long one call of the store may take; later, it has failed. Default 5 s.</summary>
    [SettingRange("00:00:00.010", "00:05:00")]
    public TimeSpan StoreTimeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>What happens while the store does not answer. Default <see cref="StoreOutagePolicy.Pause"/>.</summary>
    public StoreOutagePolicy WhenStoreFails { get; set; } = StoreOutagePolicy.Pause;
}

/// <summary>What happens while the idempotency store does not answer. Nothing is lost with either.</summary>
public enum StoreOutagePolicy
{
    /// <summary>Consumption pauses until it answers: nothing is delivered that could not be remembered. The default.</summary>
    Pause = 0,

    /// <summary>
    /// Messages are delivered without being claimed, counted (<c>cloudsync.consumer.past_store</c>) and logged: an endpoint may get one twice, with the same
    /// <c>Idempotency-Key</c>. What is delivered meanwhile is not remembered afterwards.
    /// </summary>
    DeliverAnyway,
}

/// <summary>What two copies of a message have in common, and so which copies are recognised.</summary>
public enum IdempotencyKeyStrategy
{
    /// <summary>
    /// The message id (<c>ce_id</c>), wherever the record stands. Sees both kinds of duplicates: what the brokers deliver again, and what a producer sent twice under one id. A
    /// record without an id is known by its place. Two messages that are wrongly given one id are taken for one.
    /// </summary>
    MessageId = 0,

    /// <summary>
    /// The message id and the record's place (topic, partition, offset). Sees what the brokers deliver again, and not what a producer sent twice: each copy has a place of its own. For
    /// producers whose ids are not unique.
    /// </summary>
    MessageIdAndOffset,

    /// <summary>
    /// The record's place alone (topic, partition, offset, and its timestamp, so that a topic that was made anew is not taken for its predecessor). Sees the same as
    /// <see cref="MessageIdAndOffset"/>, whatever the ids are, and a redriven dead letter is always new.
    /// </summary>
    Place,
}
