using CloudSync.Sdk.Settings;

namespace CloudSync.Sdk;

/// <summary>How messages are put into Kafka. Checked at start; every error names the setting, its value and what would do.</summary>
public sealed class CloudSyncProducerOptions
{
    /// <summary>Kafka's addresses, <c>host:port</c> separated by commas. Required.</summary>
    public string BootstrapServers { get; set; } = "";

    /// <summary>The topic to write. Default <c>data-topic</c>.</summary>
    public string Topic { get; set; } = "data-topic";

    /// <summary>CloudEvents <c>source</c> of messages that name none, a URI reference. Default <c>cloudsync</c>.</summary>
    public string Source { get; set; } = "cloudsync";

    /// <summary>CloudEvents <c>type</c> of messages that name none. Default <c>cloudsync.message</c>.</summary>
    public string Type { get; set; } = "cloudsync.message";

    /// <summary>How long a batch waits to fill. Default 5 ms; 0 sends at once, for less latency and more requests.</summary>
    [SettingRange("00:00:00", "00:15:00")]
    public TimeSpan Linger { get; set; } = TimeSpan.FromMilliseconds(5);

    /// <summary>Bytes in one batch of a partition, at most. Default 65,536.</summary>
    [SettingRange(1, 2_147_483_647)]
    public int BatchSize { get; set; } = 65_536;

    /// <summary>How batches are compressed: <c>none</c>, <c>gzip</c>, <c>snappy</c>, <c>lz4</c> or <c>zstd</c>. Default <c>lz4</c>.</summary>
    public ProducerCompression Compression { get; set; } = ProducerCompression.Lz4;

    /// <summary>
    /// Memory for messages that are not yet acknowledged, in bytes. Default 128 MiB. When it is full, callers wait. A message counts with its key, value and
    /// headers and about 1 KB of its own, so the default holds some 100,000 small messages.
    /// </summary>
    [SettingRange(1_024, 1_099_511_627_776)]
    public long BufferBytes { get; set; } = 128 * 1024 * 1024;

    /// <summary>The largest message, in bytes. Default 1,000,000. The topic and the brokers must allow as much.</summary>
    [SettingRange(1_000, 1_000_000_000)]
    public int MaxMessageBytes { get; set; } = 1_000_000;

    /// <summary>How long the brokers may take to acknowledge a message, retries included; later, it has failed. Default 2 min.</summary>
    [SettingRange("00:00:00.100", "1.00:00:00")]
    public TimeSpan DeliveryTimeout { get; set; } = TimeSpan.FromMinutes(2);

    /// <summary>How long a stop waits for messages that are not yet acknowledged. Default 25 s, less than the 30 s that a .NET host gives its services.</summary>
    [SettingRange("00:00:00", "01:00:00")]
    public TimeSpan FlushTimeout { get; set; } = TimeSpan.FromSeconds(25);

    /// <summary>
    /// Further settings of the Kafka client by librdkafka's own names (<c>security.protocol</c>, <c>sasl.username</c> …). They are merged with ours; those
    /// that a guarantee rests on (acks, idempotence, delivery reports), and those that have a setting here, are refused. Default: none.
    /// </summary>
    public IDictionary<string, string> Kafka { get; } = new Dictionary<string, string>(StringComparer.Ordinal);
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
