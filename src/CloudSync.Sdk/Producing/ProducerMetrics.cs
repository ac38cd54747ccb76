using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Globalization;

namespace CloudSync.Sdk;

/// <summary>What a producer counts and traces, after OpenTelemetry's messaging conventions.</summary>
internal sealed class ProducerMetrics(string topic, TimeProvider time)
{
    private static readonly Counter<long> SentMessages = CloudSyncMeter.Meter.CreateCounter<long>(
        "messaging.client.sent.messages", "{message}", "Messages that the brokers have acknowledged or refused; the latter with error.type.");

    private static readonly Histogram<double> OperationDuration = CloudSyncMeter.Meter.CreateHistogram(
        "messaging.client.operation.duration", "s", "Time from producing a message to its acknowledgement, a wait for room included.",
        advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120] });

    private static readonly Counter<long> BufferWaits = CloudSyncMeter.Meter.CreateCounter<long>(
        "cloudsync.producer.buffer.waits", "{message}", "Messages that had to wait because BufferBytes were in use.");

    private readonly KeyValuePair<string, object?> _topic = new("messaging.destination.name", topic);

    private static KeyValuePair<string, object?> MessagingSystem { get; } = new("messaging.system", "kafka");

    private static KeyValuePair<string, object?> Operation { get; } = new("messaging.operation.name", "send");

    private static KeyValuePair<string, object?> OperationType { get; } = new("messaging.operation.type", "send");

    public void Waited() => BufferWaits.Add(1, MessagingSystem, _topic);

    public void Settled(OutgoingRecord record, in ProducedMessage produced, ProduceFailedException? failure, string? errorType)
    {
        if (SentMessages.Enabled)
            SentMessages.Add(1, Tags(errorType));
        if (OperationDuration.Enabled)
            OperationDuration.Record(time.GetElapsedTime(record.ProducedAt).TotalSeconds, Tags(errorType));

        if (record.Activity is { IsAllDataRequested: true } activity)
        {
            activity.SetTag("messaging.message.id", record.Id);
            if (failure is null)
                activity.SetTag("messaging.destination.partition.id", produced.Partition.ToString(CultureInfo.InvariantCulture))
                    .SetTag("messaging.kafka.offset", produced.Offset);
        }

        EndSend(record.Activity, failure?.Message, errorType);
    }

    /// <summary>Starts the span of a message, as a child of the caller's; <see langword="null"/> when nobody listens.</summary>
    public Activity? StartSend(in OutgoingMessage message)
    {
        if (!CloudSyncMeter.Activities.HasListeners())
            return null;

        var caller = Activity.Current;
        var activity = CloudSyncMeter.Activities.StartActivity($"send {topic}", ActivityKind.Producer);
        // The span ends on another thread, after the caller has gone on: it must not become the parent of what the caller does next.
        Activity.Current = caller;
        if (activity is { IsAllDataRequested: true })
        {
            activity.SetTag(MessagingSystem.Key, MessagingSystem.Value).SetTag(Operation.Key, Operation.Value).SetTag(OperationType.Key, OperationType.Value);
            activity.SetTag(_topic.Key, _topic.Value).SetTag("messaging.message.body.size", message.Value.Length);
        }

        return activity;
    }

    /// <summary>Ends the span of a message.</summary>
    public static void EndSend(Activity? activity, string? error, string? errorType)
    {
        if (activity is null)
            return;

        if (errorType is not null)
            activity.SetTag("error.type", errorType).SetStatus(ActivityStatusCode.Error, error);

        // Ending a span makes its parent the current one, which on the client's thread would be one caller's for everybody.
        var current = Activity.Current;
        activity.Stop();
        Activity.Current = current;
    }

    private TagList Tags(string? errorType)
    {
        var tags = new TagList { MessagingSystem, Operation, OperationType, _topic };
        if (errorType is not null)
            tags.Add("error.type", errorType);
        return tags;
    }
}
