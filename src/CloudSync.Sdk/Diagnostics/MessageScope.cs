using System.Collections;
using System.Globalization;
using Microsoft.Extensions.Logging;

namespace CloudSync.Sdk;

/// <summary>
/// What every log line has in common that is written while a message is delivered, the sink's own lines included. It looks at the message only when a provider asks, so most of
/// the time it costs nothing but itself. One for each call, though a thread makes many: a provider that exports in batches keeps it, and asks later. No payload, no key.
/// </summary>
/// <remarks>
/// Names are those of OpenTelemetry's messaging conventions, and of the span's attributes. A provider that throws must not take a message's outcome with it: nothing is thrown here.
/// </remarks>
internal sealed class MessageScope : IReadOnlyList<KeyValuePair<string, object?>>, IDisposable
{
    private readonly Delivery _message;
    private readonly int _batch;
    private IDisposable? _scope;

    private MessageScope(Delivery message, int batch)
    {
        _message = message;
        _batch = batch;
    }

    public int Count => _batch > 0 || _message.CorrelationId is not null ? 5 : 4;

    public KeyValuePair<string, object?> this[int index] => index switch
    {
        0 => _batch > 0 ? new("cloudsync.batch.first_message_id", _message.ShownId) : new("messaging.message.id", _message.ShownId),
        1 => new("messaging.destination.name", _message.Topic),
        2 => new("messaging.destination.partition.id", _message.Partition),
        3 => new("messaging.kafka.offset", _message.Offset),
        4 => _batch > 0 ? new("messaging.batch.message_count", _batch) : new("messaging.message.conversation_id", Delivery.Shown(_message.CorrelationId ?? "")),
        _ => throw new ArgumentOutOfRangeException(nameof(index)),
    };

    /// <summary>The scope of one message.</summary>
    /// <returns><see langword="null"/> where nobody logs, and nothing is made.</returns>
    public static MessageScope? Begin(ILogger log, Delivery message) => Begin(log, message, 0);

    /// <summary>The scope of a batch, by its first message and their number.</summary>
    /// <inheritdoc cref="Begin(ILogger, Delivery)"/>
    public static MessageScope? Begin(ILogger log, List<Delivery> batch) => Begin(log, batch[0], batch.Count);

    public IEnumerator<KeyValuePair<string, object?>> GetEnumerator()
    {
        for (var i = 0; i < Count; i++)
            yield return this[i];
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>What a console without structure shows.</summary>
    public override string ToString() => _batch > 0
        ? string.Create(CultureInfo.InvariantCulture, $"{_batch} messages from {_message.ShownId} ({_message})")
        : $"message {_message.ShownId} ({_message})";

    public void Dispose()
    {
        try
        {
            _scope?.Dispose();
        }
        catch (Exception)
        {
            // There is nobody left to tell.
        }
    }

    private static MessageScope? Begin(ILogger log, Delivery message, int batch)
    {
        try
        {
            if (!log.IsEnabled(LogLevel.Critical))
                return null;

            var scope = new MessageScope(message, batch);
            scope._scope = log.BeginScope(scope);
            return scope;
        }
        catch (Exception)
        {
            return null;
        }
    }
}
