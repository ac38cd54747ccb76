using CloudSync.Sdk.Settings;

namespace CloudSync.Sdk;

/// <summary>How one cloud's consumer reads, delivers, retries and remembers. Checked at start; every error names the setting, its value and what would do.</summary>
public sealed class CloudSyncConsumerOptions
{
    private int? _maxHeldMessages;
    private long? _maxHeldBytes;
    private TimeSpan? _drainTimeout;

    /// <summary>Kafka's addresses, <c>host:port</c> separated by commas. Required.</summary>
    public string BootstrapServers { get; set; } = "";

    /// <summary>The topic to read. Default <c>data-topic</c>.</summary>
    public string Topic { get; set; } = "data-topic";

    /// <summary>The consumer group. Default <c>{name}-sync-group</c>: each cloud has a group of its own, and so gets every message.</summary>
    public string GroupId { get; set; } = "";

    /// <summary>
    /// Further settings of the Kafka client by librdkafka's own names (<c>security.protocol</c>, <c>sasl.username</c> …). They are merged with ours; those
    /// that a guarantee rests on (auto commit, offset storage, the group, the addresses, the assignment strategy) are refused here. Default: none.
    /// </summary>
    public IDictionary<string, string> Kafka { get; } = new Dictionary<string, string>(StringComparer.Ordinal);

    /// <summary>
    /// What the defaults of <see cref="MaxHeldMessages"/>, <see cref="MaxHeldBytes"/> and of the client's <c>fetch.min.bytes</c> and <c>fetch.wait.max.ms</c> are for. A setting that is given is
    /// what it is, whatever the preset. Default <see cref="CloudSyncPreset.Balanced"/>.
    /// </summary>
    public CloudSyncPreset Preset { get; set; } = CloudSyncPreset.Balanced;

    /// <summary>
    /// Whether records are read by librdkafka's batch call, for half of the cost. Default <see langword="true"/>. <see langword="false"/> reads one by one with the client's own
    /// <c>Consume</c>, which is also what happens, and is logged, where the library is not as expected. Nothing else depends on it.
    /// </summary>
    public bool ReadInBatches { get; set; } = true;

    /// <summary>What is kept in order. Default <see cref="MessageOrdering.Key"/>.</summary>
    public MessageOrdering Ordering { get; set; } = MessageOrdering.Key;

    /// <summary>Calls of the sink at the same time. Default 16. For a batch sink each call carries up to <see cref="MaxBatchSize"/> messages.</summary>
    [SettingRange(1, 10_000)]
    public int MaxConcurrency { get; set; } = 16;

    /// <summary>Messages in one call of a batch sink, at most. Default 500.</summary>
    [SettingRange(1, 100_000)]
    public int MaxBatchSize { get; set; } = 500;

    /// <summary>
    /// Bytes of keys, values and headers in one call of a batch sink, at most. Default 1 MiB. A single message that is larger goes alone.
    /// </summary>
    [SettingRange(1_024, 1_073_741_824)]
    public int MaxBatchBytes { get; set; } = 1024 * 1024;

    /// <summary>How long one call of the sink may take; later, it is cancelled and counts as <see cref="ErrorType.Timeout"/>. Default 30 s.</summary>
    [SettingRange("00:00:00.001", "01:00:00")]
    public TimeSpan SinkTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// How long a call may go on after <see cref="SinkTimeout"/> when it ignores its cancellation. Then it is abandoned: its message goes the way of a time-out, and what
    /// the call still says settles nothing. Default 5 s.
    /// </summary>
    [SettingRange("00:00:00", "01:00:00")]
    public TimeSpan AbandonAfter { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Abandoned calls that have not ended, at most. Each holds memory, a connection, perhaps a thread, so when they are that many nothing further is called,
    /// consumption pauses and the consumer is unhealthy until one ends. Default 64. Calls under way at that moment may still be added to them.
    /// </summary>
    [SettingRange(1, 100_000)]
    public int MaxAbandonedCalls { get; set; } = 64;

    /// <summary>
    /// Messages held in memory at most: in flight, waiting for their key, or backing off. Default 10,000, with <see cref="CloudSyncPreset.HighThroughput"/> 50,000. When they are that many, consumption pauses.
    /// </summary>
    [SettingRange(1, 10_000_000)]
    public int MaxHeldMessages
    {
        get => _maxHeldMessages ?? (Preset == CloudSyncPreset.HighThroughput ? 50_000 : 10_000);
        set => _maxHeldMessages = value;
    }

    /// <summary>Bytes of the messages held in memory, at most. Default 64 MiB, with <see cref="CloudSyncPreset.HighThroughput"/> 256 MiB. One message that is larger is held alone.</summary>
    [SettingRange(1_024, 1_099_511_627_776)]
    public long MaxHeldBytes
    {
        get => _maxHeldBytes ?? (Preset == CloudSyncPreset.HighThroughput ? 256 : 64) * 1024L * 1024;
        set => _maxHeldBytes = value;
    }

    /// <summary>
    /// How far, in offsets, a partition may be read past its first unsettled message. Default 1,000,000 (a bit each, 125 KB). It is what a crash would
    /// read again, and the idempotency store then recognise.
    /// </summary>
    [SettingRange(1, 100_000_000)]
    public int MaxUnsettledDistance { get; set; } = 1_000_000;

    /// <summary>How often offsets are committed. Default 1 s.</summary>
    [SettingRange("00:00:00.010", "00:05:00")]
    public TimeSpan CommitInterval { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>
    /// How long a stop, or the revocation of a partition, waits for the calls under way. Default 25 s, less than the 30 s that a .NET host gives its
    /// services; with <see cref="CloudSyncHostServiceCollectionExtensions.AddCloudSyncGraceTime"/> what the grace time leaves, 2 min at most. What is not finished by then stays uncommitted and is
    /// delivered after the restart, or by the partition's next owner.
    /// </summary>
    [SettingRange("00:00:00", "01:00:00")]
    public TimeSpan DrainTimeout
    {
        get => _drainTimeout ?? Grace?.DefaultStop ?? TimeSpan.FromSeconds(25);
        set => _drainTimeout = value;
    }

    /// <summary>Whether the number of calls at the same time is found out, below <see cref="MaxConcurrency"/>.</summary>
    [SettingGroup(typeof(AdaptiveConcurrencyOptions))]
    public AdaptiveConcurrencyOptions AdaptiveConcurrency { get; set; } = new();

    /// <summary>When and how often a message is tried again.</summary>
    [SettingGroup(typeof(RetryOptions))]
    public RetryOptions Retry { get; set; } = new();

    /// <summary>What each kind of error gets, where it is not the default.</summary>
    [SettingGroup(typeof(ErrorOptions))]
    public ErrorOptions Errors { get; set; } = new();

    /// <summary>When consumption pauses because the endpoint is down.</summary>
    [SettingGroup(typeof(BreakerOptions))]
    public BreakerOptions Breaker { get; set; } = new();

    /// <summary>How duplicates are recognised.</summary>
    [SettingGroup(typeof(IdempotencyOptions))]
    public IdempotencyOptions Idempotency { get; set; } = new();

    /// <summary>Where messages go that can't be delivered.</summary>
    [SettingGroup(typeof(DeadLetterOptions))]
    public DeadLetterOptions DeadLetters { get; set; } = new();

    /// <summary>What the platform gives the process to stop; <see langword="null"/> when nobody has said.</summary>
    internal GraceTime? Grace { get; set; }
}

/// <summary>What a consumer keeps in order.</summary>
public enum MessageOrdering
{
    /// <summary>Messages with one key reach the sink in the order of their offsets. Messages without a key have no order.</summary>
    Key = 0,

    /// <summary>All messages of a partition reach the sink in the order of their offsets, one at a time.</summary>
    Partition,

    /// <summary>Nothing: the most concurrency, and one message never waits for another.</summary>
    Unordered,
}
