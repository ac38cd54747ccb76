using CloudSync.Sdk.Settings;

namespace CloudSync.Sdk;

/// <summary>Where messages go that can't be delivered.</summary>
public sealed class DeadLetterOptions
{
    /// <summary>The topic of dead letters. Default <c>data-topic-dlq</c>. All groups may share it: each letter names its group.</summary>
    public string Topic { get; set; } = "data-topic-dlq";

    /// <summary>How long the brokers may take to acknowledge a dead letter; later, it is written again after a backoff. Default 30 s.</summary>
    [SettingRange("00:00:00.100", "01:00:00")]
    public TimeSpan AcknowledgementTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// Further settings of the dead-letter producer by librdkafka's own names, merged over the consumer's security settings. Acks and idempotence
    /// are refused here. Default: none.
    /// </summary>
    public IDictionary<string, string> Kafka { get; } = new Dictionary<string, string>(StringComparer.Ordinal);
}
