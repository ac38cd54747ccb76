using CloudSync.Sdk.Settings;

namespace CloudSync.Sdk;

/// <summary>How messages are put into Kafka. Checked at start; every error names the setting, its value and what would do.</summary>
public sealed class CloudSyncProducerOptions
{
    private TimeSpan? _linger;
    private int? _batchSize;
    private long? _bufferBytes;
    private TimeSpan? _flushTimeout;

    /// <summary>Kafka's addresses, <c>host:port</c> separated by commas. Required.</summary>
    public string BootstrapServers { get; set; } = "";

    /// <summary>The topic to write. Default <c>data-topic</c>.</summary>
    public string Topic { get; set; } = "data-topic";

    /// <summary>CloudEvents <c>source</c> of messages that name none, a URI reference. Default <c>cloudsync</c>.</summary>
    public string Source { get; set; } = "cloudsync";

    /// <summary>CloudEvents <c>type</c> of messages that name none. Default <c>cloudsync.message</c>.</summary>
    public string Type { get; set; } = "cloudsync.message";

    /// <summary>
    /// Where the CloudEvents envelope stands: in headers (<see cref="CloudEventsFormat.Binary"/>, the default), or around the payload (<see cref="CloudEventsFormat.Structured"/>), which takes
    /// the client much less work. Consumers of this SDK read both.
    /// </summary>
    public CloudEventsFormat Format { get; set; } = CloudEventsFormat.Binary;

    /// <summary>
    /// What the defaults of <see cref="Linger"/>, <see cref="BatchSize"/> and <see cref="BufferBytes"/> are for. A setting that is given is what it is, whatever the preset. Default
    /// <see cref="CloudSyncPreset.Balanced"/>.
    /// </summary>
    public CloudSyncPreset Preset { get; set; } = CloudSyncPreset.Balanced;

    /// <summary>
    /// How long a batch waits to fill. Default 5 ms, with <see cref="CloudSyncPreset.LowLatency"/> 0, with <see cref="CloudSyncPreset.HighThroughput"/> 20 ms; 0 sends at once, for less latency and more requests.
    /// </summary>
    [SettingRange("00:00:00", "00:15:00")]
    public TimeSpan Linger
    {
        get => _linger ?? Preset switch
        {
            CloudSyncPreset.LowLatency => TimeSpan.Zero,
            CloudSyncPreset.HighThroughput => TimeSpan.FromMilliseconds(20),
            _ => TimeSpan.FromMilliseconds(5),
        };
        set => _linger = value;
    }

    /// <summary>Bytes in one batch of a partition, at most. Default 65,536, with <see cref="CloudSyncPreset.HighThroughput"/> 262,144.</summary>
    [SettingRange(1, 2_147_483_647)]
    public int BatchSize
    {
        get => _batchSize ?? (Preset == CloudSyncPreset.HighThroughput ? 262_144 : 65_536);
        set => _batchSize = value;
    }

    /// <summary>How batches are compressed: <c>none</c>, <c>gzip</c>, <c>snappy</c>, <c>lz4</c> or <c>zstd</c>. Default <c>lz4</c>.</summary>
    public ProducerCompression Compression { get; set; } = ProducerCompression.Lz4;

    /// <summary>
    /// Memory for messages that are not yet acknowledged, in bytes. Default 128 MiB, with <see cref="CloudSyncPreset.HighThroughput"/> 256 MiB. When it is full, callers wait. A message counts with its key, value and
    /// headers and about 1 KB of its own, so 128 MiB hold some 100,000 small messages.
    /// </summary>
    [SettingRange(1_024, 1_099_511_627_776)]
    public long BufferBytes
    {
        get => _bufferBytes ?? (Preset == CloudSyncPreset.HighThroughput ? 256 : 128) * 1024L * 1024;
        set => _bufferBytes = value;
    }

    /// <summary>The largest message, in bytes. Default 1,000,000. The topic and the brokers must allow as much.</summary>
    [SettingRange(1_000, 1_000_000_000)]
    public int MaxMessageBytes { get; set; } = 1_000_000;

    /// <summary>How long the brokers may take to acknowledge a message, retries included; later, it has failed. Default 2 min.</summary>
    [SettingRange("00:00:00.100", "1.00:00:00")]
    public TimeSpan DeliveryTimeout { get; set; } = TimeSpan.FromMinutes(2);

    /// <summary>
    /// How long a stop waits for messages that are not yet acknowledged. Default 25 s, less than the 30 s that a .NET host gives its services; with
    /// <see cref="CloudSyncHostServiceCollectionExtensions.AddCloudSyncGraceTime"/> what the grace time leaves, 2 min at most, and counted from when the host begins to stop.
    /// </summary>
    [SettingRange("00:00:00", "01:00:00")]
    public TimeSpan FlushTimeout
    {
        get => _flushTimeout ?? Grace?.DefaultStop ?? TimeSpan.FromSeconds(25);
        set => _flushTimeout = value;
    }

    /// <summary>
    /// Further settings of the Kafka client by librdkafka's own names (<c>security.protocol</c>, <c>sasl.username</c> …). They are merged with ours; those
    /// that a guarantee rests on (acks, idempotence, delivery reports), and those that have a setting here, are refused. Default: none.
    /// </summary>
    public IDictionary<string, string> Kafka { get; } = new Dictionary<string, string>(StringComparer.Ordinal);

    /// <summary>What the platform gives the process to stop; <see langword="null"/> when nobody has said.</summary>
    internal GraceTime? Grace { get; set; }
}

/// <summary>How the producer compresses its batches.</summary>
public enum ProducerCompression
{
    /// <summary>Not at all.</summary>
    None = 0,

    /// <summary>gzip: small batches for much CPU; understood by every client.</summary>
    Gzip,

    /// <summary>snappy.</summary>
    Snappy,

    /// <summary>lz4: little CPU for most of the gain.</summary>
    Lz4,

    /// <summary>zstd: the smallest batches, for more CPU.</summary>
    Zstd,
}

/// <summary>Where the CloudEvents envelope of a record stands: the two content modes of the Kafka protocol binding.</summary>
public enum CloudEventsFormat
{
    /// <summary>In headers; the record's value is the payload, untouched. Whoever knows nothing of CloudEvents can read it.</summary>
    Binary = 0,

    /// <summary>
    /// Around the payload: the value is a JSON object with the attributes and <c>data</c>, the payload as it is where it is JSON, else <c>data_base64</c>. The one header is <c>content-type: application/cloudevents+json</c>.
    /// Readers must know CloudEvents.
    /// </summary>
    Structured,
}
