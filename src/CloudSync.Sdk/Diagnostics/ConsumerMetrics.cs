using System.Diagnostics.Metrics;
using Microsoft.Extensions.Logging;

namespace CloudSync.Sdk;

/// <summary>What one consumer counts. Instruments with a convention follow OpenTelemetry's messaging conventions; the others are named <c>cloudsync.*</c>.</summary>
/// <remarks>Listeners run within the call that counts, and are somebody else's. One that throws costs its figure, and no message its end: nothing is thrown here.</remarks>
internal sealed class ConsumerMetrics : IDisposable
{
    private static readonly Counter<long> ConsumedMessages = CloudSyncMeter.Meter.CreateCounter<long>(
        "messaging.client.consumed.messages", "{message}", "Messages read from Kafka.");

    private static readonly Histogram<double> ProcessDuration = CloudSyncMeter.Meter.CreateHistogram<double>(
        "messaging.process.duration", "s", "Time of one call of the sink.");

    private static readonly Counter<long> DeliveredMessages = CloudSyncMeter.Meter.CreateCounter<long>(
        "cloudsync.consumer.delivered", "{message}", "Messages that the endpoint has acknowledged.");

    private static readonly Counter<long> RetriedMessages = CloudSyncMeter.Meter.CreateCounter<long>(
        "cloudsync.consumer.retries", "{message}", "Failed attempts after which the message is tried again.");

    private static readonly Counter<long> DuplicateMessages = CloudSyncMeter.Meter.CreateCounter<long>(
        "cloudsync.consumer.duplicates", "{message}", "Messages whose id was delivered before.");

    private static readonly Counter<long> SkippedMessages = CloudSyncMeter.Meter.CreateCounter<long>(
        "cloudsync.consumer.skipped", "{message}", "Messages that were redriven for another group.");

    private static readonly Counter<long> DeadLetteredMessages = CloudSyncMeter.Meter.CreateCounter<long>(
        "cloudsync.consumer.dead_letters", "{message}", "Messages kept as dead letters.");

    private static readonly Counter<long> BareDeadLetters = CloudSyncMeter.Meter.CreateCounter<long>(
        "cloudsync.consumer.dead_letters.bare", "{message}", "Dead letters whose topic had no room for any header of ours; what they would have said is in the log.");

    private static readonly Counter<long> StaleCompletions = CloudSyncMeter.Meter.CreateCounter<long>(
        "cloudsync.consumer.stale_completions", "{message}", "Deliveries that ended after their partition was given up; its next owner settles them.");

    private static readonly Counter<long> OvertakenClaims = CloudSyncMeter.Meter.CreateCounter<long>(
        "cloudsync.consumer.overtaken_claims", "{message}", "Deliveries whose claim another had taken over before they were done.");

    private static readonly Counter<long> TakenOverClaims = CloudSyncMeter.Meter.CreateCounter<long>(
        "cloudsync.consumer.taken_over_claims", "{message}", "Messages whose id another had claimed and let its lease run out.");

    private static readonly Counter<long> MessagesPastStore = CloudSyncMeter.Meter.CreateCounter<long>(
        "cloudsync.consumer.past_store", "{message}", "Messages delivered without being claimed, or not remembered, while the idempotency store did not answer (DeliverAnyway).");

    private static readonly Counter<long> AbandonedCalls = CloudSyncMeter.Meter.CreateCounter<long>(
        "cloudsync.consumer.abandoned_calls", "{call}", "Calls of the sink that ignored their cancellation and were left behind.");

    private static readonly Counter<long> BreakerOpenings = CloudSyncMeter.Meter.CreateCounter<long>(
        "cloudsync.consumer.breaker.openings", "{opening}", "How often the breaker has opened, failed probes included.");

    private static readonly Counter<long> Evictions = CloudSyncMeter.Meter.CreateCounter<long>(
        "cloudsync.consumer.evictions", "{eviction}", "How often the group has gone on without this consumer: it was stopped or stalled for too long.");

    private readonly KeyValuePair<string, object?>[] _tags;
    private readonly Meter _meter;
    private readonly ILogger? _log;

    /// <param name="name">The consumer.</param>
    /// <param name="group">Its group.</param>
    /// <param name="topic">Its topic.</param>
    /// <param name="log">Hears of listeners that throw.</param>
    public ConsumerMetrics(string name, string group, string topic, ILogger? log = null)
    {
        _log = log;
        _tags =
        [
            new("cloudsync.consumer", name),
            new("messaging.system", "kafka"),
            new("messaging.consumer.group.name", group),
            new("messaging.destination.name", topic),
        ];

        // Gauges live as long as their consumer, so they have a meter of their own under the same name.
        _meter = new Meter(CloudSyncMeter.Meter.Name, CloudSyncMeter.Meter.Version);
    }

    public void Consumed(int messages) => Count(ConsumedMessages, messages);

    public void Delivered(int messages) => Count(DeliveredMessages, messages);

    public void Duplicates(int messages) => Count(DuplicateMessages, messages);

    public void Skipped(int messages) => Count(SkippedMessages, messages);

    public void Stale(int messages) => Count(StaleCompletions, messages);

    public void Overtaken(int messages) => Count(OvertakenClaims, messages);

    public void TookOver(int messages) => Count(TakenOverClaims, messages);

    public void PastStore(string operation, int messages) => Count(MessagesPastStore, messages, new("cloudsync.operation", operation));

    public void PutOut() => Count(Evictions, 1);

    public void Abandoned() => Count(AbandonedCalls, 1);

    public void BreakerOpened(ErrorType type) => Count(BreakerOpenings, 1, TagOf(type));

    public void Retried(ErrorType type) => Count(RetriedMessages, 1, TagOf(type));

    public void DeadLettered(ErrorType type) => Count(DeadLetteredMessages, 1, TagOf(type));

    public void DeadLetteredBare() => Count(BareDeadLetters, 1);

    public void Processed(TimeSpan duration)
    {
        try
        {
            ProcessDuration.Record(duration.TotalSeconds, _tags);
        }
        catch (Exception e)
        {
            ListenerThrew(e);
        }
    }

    /// <summary>A listener of the metrics or traces threw.</summary>
    public void ListenerThrew(Exception exception) => _log?.NotCounted(exception);

    /// <summary>Whether anybody listens to the duration of the sink's calls.</summary>
    public static bool TimesCalls => ProcessDuration.Enabled;

    /// <summary>Publishes a figure that is asked for when somebody looks.</summary>
    public void Gauge(string name, string unit, string description, Func<double> read) =>
        _meter.CreateObservableGauge(name, () => new Measurement<double>(read(), _tags), unit, description);

    public void Dispose() => _meter.Dispose();

    private static KeyValuePair<string, object?> TagOf(ErrorType type) => new("error.type", type.ToString());

    private void Count(Counter<long> counter, int count, KeyValuePair<string, object?>? tag = null)
    {
        try
        {
            counter.Add(count, tag is { } one ? [.. _tags, one] : _tags);
        }
        catch (Exception e)
        {
            ListenerThrew(e);
        }
    }
}
