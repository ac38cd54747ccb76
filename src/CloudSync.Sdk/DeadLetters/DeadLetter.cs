using System.Diagnostics;
using System.Globalization;
using System.Text;
using Confluent.Kafka;

namespace CloudSync.Sdk;

/// <summary>Builds the record of a dead letter: the original key, value and headers byte for byte, and why, where, when and how often. Pure.</summary>
internal static class DeadLetter
{
    /// <summary>Long enough to tell what happened, and no longer: most topics have room for all of our headers.</summary>
    public const int MaxText = 1024;

    private static readonly byte[] Host = Encoding.UTF8.GetBytes(Environment.MachineName);
    private static readonly byte[] SdkVersion = Encoding.UTF8.GetBytes(typeof(DeadLetter).Assembly.GetName().Version?.ToString(3) ?? "0.0.0");

    public static Message<byte[]?, byte[]?> Build(Delivery delivery, string consumer, string group, LetterForm form = default)
    {
        var failures = delivery.Failures ?? throw new ArgumentException("A message that has not failed is no dead letter.", nameof(delivery));
        var headers = new Headers();
        var redriven = false;
        foreach (var header in delivery.RecordHeaders)
        {
            // What a redrive has added, an id behind its own headers too, is no header of the original.
            redriven |= header.Name.StartsWith(RedriveHeaders.Prefix, StringComparison.Ordinal);
            if (!IsOurs(header.Name) && !(redriven && header.Name == CloudEvents.Id))
                headers.Add(header.Name, header.Value?.ToArray());
        }

        // An id that a redrive has added stands nowhere else, and the next redrive must send it again.
        var needsId = redriven && !(headers.TryGetLastBytes(CloudEvents.Id, out var id) && id is { Length: > 0 });
        if (form.Details <= LetterDetails.Brief)
            AddBrief(headers, delivery, failures, consumer, group);
        if (form.Details == LetterDetails.Full)
            AddRest(headers, delivery, failures);
        if (form.Details == LetterDetails.Full || (form.Details == LetterDetails.Brief && needsId))
            Add(headers, DeadLetterHeaders.MessageId, Cut(delivery.Id));

        return new Message<byte[]?, byte[]?>
        {
            Key = delivery.Key?.ToArray(),
            Value = delivery.IsTombstone ? null : delivery.RecordValue.ToArray(),
            Headers = headers,
            Timestamp = form.IsStampedAnew ? Timestamp.Default : new Timestamp(delivery.TimestampMs, TimestampType.CreateTime),
        };
    }

    private static bool IsOurs(string name) =>
        name.StartsWith(DeadLetterHeaders.Prefix, StringComparison.Ordinal) || name.StartsWith(RedriveHeaders.Prefix, StringComparison.Ordinal);

    /// <summary>The status of the last answer; <see langword="null"/> where there was none.</summary>
    public static int? StatusOf(Exception? exception) => exception switch
    {
        SinkException sink => sink.StatusCode,
        HttpRequestException http => (int?)http.StatusCode,
        _ => null,
    };

    /// <summary>
    /// The trace context under which the message was given up: that of its last failed call where somebody traced it, else the record's own. What is no trace context,
    /// or is too long, is left out; the record's own headers have it still.
    /// </summary>
    public static (string? Parent, string? State) TraceOf(Delivery delivery)
    {
        var (own, state) = (delivery.Headers.GetString(CloudEvents.TraceParent), delivery.Headers.GetString(CloudEvents.TraceState));
        var parent = delivery.Failures?.TraceParent ?? own;
        if (parent is null or { Length: > MaxText } || !ActivityContext.TryParse(parent, null, out var context))
            return (null, null);

        // A call of a batch has a trace of its own, which the record's vendors know nothing of.
        var isOneTrace = ActivityContext.TryParse(own, null, out var ownContext) && ownContext.TraceId == context.TraceId;
        return (parent, isOneTrace && state is { Length: > 0 and <= MaxText } ? state : null);
    }

    /// <summary>Text that others chose, as a log may show it: cut, and without control characters, or it could forge a line of the log.</summary>
    public static string? Shown(string? text) => Cut(text) is { } cut && cut.Any(char.IsControl)
        ? string.Concat(cut.Select(c => char.IsControl(c) ? '\uFFFD' : c))
        : Cut(text);

    private static void AddBrief(Headers headers, Delivery delivery, FailureHistory failures, string consumer, string group)
    {
        Add(headers, DeadLetterHeaders.ErrorType, failures.ErrorType.ToString());
        Add(headers, DeadLetterHeaders.Attempts, Number(failures.Attempts));
        Add(headers, DeadLetterHeaders.LastFailure, Rfc3339(failures.LastFailure));
        Add(headers, DeadLetterHeaders.Topic, delivery.Topic);
        Add(headers, DeadLetterHeaders.Partition, Number(delivery.Partition));
        Add(headers, DeadLetterHeaders.Offset, Number(delivery.Offset));
        Add(headers, DeadLetterHeaders.Timestamp, Rfc3339(delivery.Timestamp));
        Add(headers, DeadLetterHeaders.ConsumerGroup, group);
        Add(headers, DeadLetterHeaders.Consumer, consumer);
        Add(headers, DeadLetterHeaders.Redrives, Cut(delivery.RecordHeaders.GetString(RedriveHeaders.Count)));
    }

    private static void AddRest(Headers headers, Delivery delivery, FailureHistory failures)
    {
        Add(headers, DeadLetterHeaders.ExceptionType, Cut(failures.Exception?.GetType().FullName));
        Add(headers, DeadLetterHeaders.ExceptionMessage, Cut(failures.Reason));
        if (StatusOf(failures.Exception) is { } status)
            Add(headers, DeadLetterHeaders.HttpStatus, Number(status));

        Add(headers, DeadLetterHeaders.FirstFailure, Rfc3339(failures.FirstFailure));
        Add(headers, DeadLetterHeaders.CorrelationId, Cut(delivery.CorrelationId));
        var (parent, state) = TraceOf(delivery);
        Add(headers, DeadLetterHeaders.TraceParent, parent);
        Add(headers, DeadLetterHeaders.TraceState, state);
        headers.Add(DeadLetterHeaders.Host, Host);
        headers.Add(DeadLetterHeaders.SdkVersion, SdkVersion);
    }

    private static void Add(Headers headers, string name, string? value)
    {
        if (value is not null)
            headers.Add(name, Encoding.UTF8.GetBytes(value));
    }

    private static string? Cut(string? text) => text is { Length: > MaxText } ? string.Concat(text.AsSpan(0, MaxText - 1), "…") : text;

    private static string Number(long number) => number.ToString(CultureInfo.InvariantCulture);

    private static string Rfc3339(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);
}
