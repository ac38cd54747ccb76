namespace CloudSync.Sdk;

/// <summary>Where the dead letters are.</summary>
public sealed class DeadLetterRedriveOptions
{
    /// <summary>Kafka's addresses, <c>host:port</c>, separated by commas. Required.</summary>
    public string BootstrapServers { get; set; } = "";

    /// <summary>The topic of dead letters. Default <c>data-topic-dlq</c>.</summary>
    public string Topic { get; set; } = "data-topic-dlq";

    /// <summary>How long the brokers may take to answer, and to acknowledge a letter that is sent back. Default 30 s, from 1 s to 1 h.</summary>
    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// Further settings of the Kafka clients by librdkafka's own names, security first of all. What no letter is lost or repeated by is refused here: commits, acks,
    /// idempotence, transactions, where to begin to read. Default: none.
    /// </summary>
    public IDictionary<string, string> Kafka { get; } = new Dictionary<string, string>(StringComparer.Ordinal);
}
