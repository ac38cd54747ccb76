using System.Globalization;
using CloudSync.Sdk.Settings;
using Confluent.Kafka;

namespace CloudSync.Sdk;

/// <summary>The settings of the Kafka client, out of the producer's options.</summary>
internal static class ProducerConfiguration
{
    /// <summary>
    /// What no user's code may change: that a message is acknowledged when all in-sync replicas have it, that a retry keeps the order and repeats nothing,
    /// that every message is reported, and that memory is bounded.
    /// </summary>
    /// <remarks>
    /// The client's own bounds stand above <see cref="ProducerBuffer"/>'s, which waits where the client would throw: every record counts there with
    /// <see cref="OutgoingRecord.Overhead"/> at least, and the client frees a record a moment later than we do.
    /// </remarks>
    private static Dictionary<string, string> Fixed(CloudSyncProducerOptions options) => new()
    {
        ["bootstrap.servers"] = options.BootstrapServers,
        ["acks"] = "all",
        ["enable.idempotence"] = "true",
        ["message.max.bytes"] = Text(options.MaxMessageBytes),
        ["queue.buffering.max.kbytes"] = Text(Math.Min(int.MaxValue, (options.BufferBytes + options.MaxMessageBytes) / 1024 + 1)),
        ["queue.buffering.max.messages"] = Text(Math.Min(int.MaxValue, options.BufferBytes / OutgoingRecord.Overhead + 2)),
        ["dotnet.producer.enable.delivery.reports"] = "true",
        // ReportPolling does it.
        ["dotnet.producer.enable.background.poll"] = "false",
        // Key, value and headers of a report would be copied back from the client, and nobody looks at them.
        ["dotnet.producer.delivery.report.fields"] = "none",
    };

    private static readonly string[] Forbidden =
        ["metadata.broker.list", "request.required.acks", "transactional.id", "enable.gapless.guarantee", "delivery.report.only.error"];

    /// <summary>Settings that say whether a broker is who it says it is. Both are on by default.</summary>
    public static IReadOnlyList<string> CertificateChecks { get; } = ["enable.ssl.certificate.verification", "ssl.endpoint.identification.algorithm"];

    private static readonly string[] RequestsInFlight = ["max.in.flight", "max.in.flight.requests.per.connection"];

    /// <summary>Merges: our defaults, the options, the user's dictionary, the user's code; and what a guarantee rests on, last.</summary>
    /// <param name="options">Valid options.</param>
    /// <param name="changes">The user's code.</param>
    /// <param name="setBack">What the user's code had changed and may not.</param>
    public static ProducerConfig Build(CloudSyncProducerOptions options, IEnumerable<Action<ProducerConfig>> changes, out IReadOnlyList<string> setBack)
    {
        var fixedValues = Fixed(options);
        var values = new Dictionary<string, string>(fixedValues)
        {
            ["client.id"] = "cloudsync-producer",
            ["linger.ms"] = options.Linger.TotalMilliseconds.ToString(CultureInfo.InvariantCulture),
            ["batch.size"] = Text(options.BatchSize),
            ["compression.codec"] = options.Compression.ToString().ToLowerInvariant(),
            ["delivery.timeout.ms"] = Text((long)Math.Ceiling(options.DeliveryTimeout.TotalMilliseconds)),
            // Java's default, so that producers in both languages send one key to one partition.
            ["partitioner"] = "murmur2_random",
            // A broker that closes an idle connection is nothing to wake anybody for.
            ["log.connection.close"] = "false",
        };
        foreach (var (key, value) in options.Kafka)
            values[key] = value;

        var config = new ProducerConfig(values);
        foreach (var change in changes)
            change(config);

        setBack = [.. SetBack(values, fixedValues)];
        return config;
    }

    private static IEnumerable<string> SetBack(Dictionary<string, string> values, Dictionary<string, string> fixedValues)
    {
        foreach (var (key, value) in fixedValues)
        {
            if (values.TryGetValue(key, out var changed) && changed == value)
                continue;

            values[key] = value;
            yield return key;
        }

        foreach (var key in Forbidden)
            if (values.Remove(key))
                yield return key;

        foreach (var key in RequestsInFlight)
            if (KafkaRules.Number(values, key, 1) is not (>= 1 and <= ProducerRules.MostRequestsInFlight) && values.Remove(key))
                yield return key;
    }

    private static string Text(long value) => value.ToString(CultureInfo.InvariantCulture);
}
