using System.Globalization;

namespace CloudSync.LoadTest.ScaleOut;

/// <summary>
/// What one process may take at most, by its settings and by how long the endpoint takes. It is kept small on purpose: the endpoint's time bounds the rate then, and not the processors of the machine, so more processes
/// get more through.
/// </summary>
/// <param name="Settings">Of the consumer, by name.</param>
/// <param name="MaxConcurrency">Calls at the same time.</param>
/// <param name="MaxBatchSize">Messages of a call.</param>
/// <param name="Latency">Of the endpoint.</param>
internal sealed record GroupCapacity(Dictionary<string, string> Settings, int MaxConcurrency, int MaxBatchSize, TimeSpan Latency)
{
    /// <summary>Messages a second, if a call took no longer than the endpoint.</summary>
    public double PerSecond => UnderWay / Latency.TotalSeconds;

    /// <summary>Messages under way at the same time.</summary>
    public int UnderWay => MaxConcurrency * MaxBatchSize;

    /// <param name="given">Settings that go before those of here.</param>
    /// <param name="latency">Of the endpoint.</param>
    /// <param name="isEmbedded">Whether the brokers are the embedded ones, which take shorter sessions and rebalance a second before the session's end.</param>
    /// <exception cref="FormatException">One of the given ones is no number.</exception>
    public static GroupCapacity Of(IEnumerable<KeyValuePair<string, string>> given, TimeSpan latency, bool isEmbedded)
    {
        var settings = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase)
        {
            ["MaxConcurrency"] = "4",
            ["MaxBatchSize"] = "25",
            // What a killed process has claimed waits for its lease, and its partitions for its session: a run of a minute has shorter ones than a cloud. Real brokers take no session below 6 s by default.
            ["SinkTimeout"] = "00:00:08",
            ["Idempotency:Lease"] = "00:00:08",
            ["Kafka:session.timeout.ms"] = isEmbedded ? "3000" : "6000",
            ["Kafka:heartbeat.interval.ms"] = "500",
            // A partition with a backlog comes in small pieces, so that the others of its process don't wait for it: what stands still then does so for another reason.
            ["Kafka:max.partition.fetch.bytes"] = "65536",
            // More than it gets ahead: a full window would stop the reading of one partition after the other.
            ["MaxHeldMessages"] = "50000",
        };
        foreach (var (name, value) in given)
            settings[name] = value;
        return new GroupCapacity(settings, Number(settings, "MaxConcurrency"), Number(settings, "MaxBatchSize"), latency);
    }

    private static int Number(Dictionary<string, string> settings, string name) =>
        int.TryParse(settings[name], NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0
            ? number
            : throw new FormatException($"--consumer {name}={settings[name]}: must be a whole number from 1.");
}
