using Confluent.Kafka;
using Microsoft.Extensions.Logging;

namespace CloudSync.Sdk;

/// <summary>Writes dead letters. One for each consumer, as long-lived as it.</summary>
internal interface IDeadLetterWriter
{
    /// <summary>Writes a dead letter and returns when all in-sync replicas have it, in the most complete form that its topic takes.</summary>
    /// <exception cref="KafkaException">It was not acknowledged.</exception>
    Task WriteAsync(Delivery delivery, CancellationToken cancellationToken);
}

/// <inheritdoc cref="IDeadLetterWriter"/>
internal sealed class DeadLetterProducer(
    ProducerConfig config, string topic, string consumer, string group, ConsumerMetrics metrics, KafkaErrors errors, ILogger log) : IDeadLetterWriter, IDisposable
{
    // Made at start, so that settings which the client refuses stop the start and not the first dead letter.
    private readonly IProducer<byte[]?, byte[]?> _producer = new ProducerBuilder<byte[]?, byte[]?>(config)
        .SetKeySerializer(NullableBytes.Instance)
        .SetValueSerializer(NullableBytes.Instance)
        .SetErrorHandler((_, error) => errors.Report(error))
        .SetLogHandler((_, entry) => log.ClientSays(entry.Facility, entry.Message))
        .Build();

    public async Task WriteAsync(Delivery delivery, CancellationToken cancellationToken)
    {
        for (var form = default(LetterForm); ;)
        {
            try
            {
                var report = await _producer.ProduceAsync(topic, DeadLetter.Build(delivery, consumer, group, form), cancellationToken);
                if (report.Status != PersistenceStatus.Persisted)
                    throw new KafkaException(new Error(ErrorCode.Local_Fail, $"The dead letter of {delivery} was not acknowledged ({report.Status})."));

                if (form.Details == LetterDetails.None)
                    SayDetails(delivery, report.TopicPartitionOffset);

                return;
            }
            catch (KafkaException e) when (form.After(e.Error.Code) is { } next)
            {
                form = next;
            }
        }
    }

    /// <summary>Nothing is left to flush: every write was awaited.</summary>
    public void Dispose() => _producer.Dispose();

    /// <summary>What the letter has no room for.</summary>
    private void SayDetails(Delivery delivery, TopicPartitionOffset letter)
    {
        var failures = delivery.Failures!;
        metrics.DeadLetteredBare();
        log.DeadLetterBare(
            failures.Exception!,
            delivery.ShownId,
            delivery.ToString(),
            letter.ToString(),
            failures.ErrorType,
            DeadLetter.StatusOf(failures.Exception),
            failures.Attempts,
            failures.FirstFailure,
            failures.LastFailure,
            delivery.Timestamp,
            group,
            consumer,
            DeadLetter.Shown(delivery.CorrelationId),
            DeadLetter.TraceOf(delivery).Parent);
    }

    /// <summary>The client's own byte-array serialiser, for null as well: a null key and a null value stay null.</summary>
    private sealed class NullableBytes : ISerializer<byte[]?>
    {
        public static readonly NullableBytes Instance = new();

        public byte[]? Serialize(byte[]? data, SerializationContext context) => data;
    }
}
