namespace CloudSync.Sdk.Settings;

/// <summary>What a producer's settings must be together.</summary>
internal static class ProducerRules
{
    public const string AcksAreOurs = "a message counts as taken when all replicas in sync have it (acks=all), or a broker's death could lose it; leave it out.";
    public const string IdempotenceIsOurs = "without it, a retry of the client could reorder or repeat messages; leave it out.";
    public const string NoTransactions = "messages are produced one by one and acknowledged one by one, without transactions; leave it out.";
    public const string ReportsAreOurs = "an acknowledgement is a delivery report, so all of them are needed; leave it out.";

    /// <summary>More requests under way than this, and an idempotent producer can't keep the order.</summary>
    public const int MostRequestsInFlight = 5;

    private static readonly Dictionary<string, string> Refused = new(StringComparer.OrdinalIgnoreCase)
    {
        ["acks"] = AcksAreOurs,
        ["request.required.acks"] = AcksAreOurs,
        ["enable.idempotence"] = IdempotenceIsOurs,
        ["enable.gapless.guarantee"] = "one message that timed out would stop the producer for good; leave it out.",
        ["transactional.id"] = NoTransactions,
        ["delivery.report.only.error"] = ReportsAreOurs,
        ["dotnet.producer.enable.delivery.reports"] = ReportsAreOurs,
        ["dotnet.producer.enable.background.poll"] = ReportsAreOurs,
        ["dotnet.producer.delivery.report.fields"] = ReportsAreOurs,
        ["bootstrap.servers"] = "it has a setting of its own; use BootstrapServers.",
        ["metadata.broker.list"] = "it has a setting of its own; use BootstrapServers.",
        ["linger.ms"] = "it has a setting of its own; use Linger.",
        ["queue.buffering.max.ms"] = "it has a setting of its own; use Linger.",
        ["batch.size"] = "it has a setting of its own; use BatchSize.",
        ["compression.codec"] = "it has a setting of its own; use Compression.",
        ["compression.type"] = "it has a setting of its own; use Compression.",
        ["queue.buffering.max.kbytes"] = "it has a setting of its own; use BufferBytes.",
        ["queue.buffering.max.messages"] = "the producer's memory is bounded in bytes; use BufferBytes.",
        ["message.max.bytes"] = "it has a setting of its own; use MaxMessageBytes.",
        ["message.timeout.ms"] = "it has a setting of its own; use DeliveryTimeout.",
        ["delivery.timeout.ms"] = "it has a setting of its own; use DeliveryTimeout.",
    };

    public static IEnumerable<SettingProblem> Check(CloudSyncProducerOptions options) =>
    [
        .. KafkaRules.BootstrapServers(options.BootstrapServers),
        .. KafkaRules.Topic(nameof(options.Topic), options.Topic),
        .. KafkaRules.Refused(nameof(options.Kafka), options.Kafka, Refused),
        .. GraceRules.Check(options.Grace, nameof(options.FlushTimeout), options.FlushTimeout),
        .. Across(options),
    ];

    private static IEnumerable<SettingProblem> Across(CloudSyncProducerOptions options)
    {
        if (string.IsNullOrWhiteSpace(options.Source) || !UriReference.IsOne(options.Source))
            yield return new SettingProblem(
                nameof(options.Source),
                $"is {SettingText.Quote(nameof(options.Source), options.Source ?? "")}; it must be a URI reference, such as cloudsync or https://example.com/orders.");

        if (string.IsNullOrWhiteSpace(options.Type))
            yield return new SettingProblem(nameof(options.Type), "is empty; it must say what kind of event a message is, such as com.example.order.placed.");

        if (options.BufferBytes < options.MaxMessageBytes)
            yield return new SettingProblem(
                nameof(options.BufferBytes),
                $"is {SettingText.Format(options.BufferBytes)}; it must be at least MaxMessageBytes, {SettingText.Format(options.MaxMessageBytes)}, "
                + "or the largest message would wait for room for ever.");

        if (options.DeliveryTimeout <= options.Linger)
            yield return new SettingProblem(
                nameof(options.DeliveryTimeout),
                $"is {SettingText.Format(options.DeliveryTimeout)}; it must be more than Linger, {SettingText.Format(options.Linger)}.");

        foreach (var key in (string[])["max.in.flight", "max.in.flight.requests.per.connection"])
        {
            if (KafkaRules.Number(options.Kafka, key, 1) is not (>= 1 and <= MostRequestsInFlight))
                yield return new SettingProblem(
                    $"Kafka:{key}", $"is {SettingText.Quote(key, options.Kafka[key])}; it must be from 1 to {MostRequestsInFlight}: with more, a retry could reorder messages.");
        }
    }
}
