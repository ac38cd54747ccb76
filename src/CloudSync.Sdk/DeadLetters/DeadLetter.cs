using System.Globalization;
using System.Text;
using Confluent.Kafka;

namespace CloudSync.Sdk;

/// <summary>Builds the record of a dead letter: the original key, value and headers byte for byte, and why, where, when and how often. Pure.</summary>
internal static class DeadLetter
{
    /// <summary>Long enough to tell what happened; short enough that our headers never make a message too large that the broker had room for.</summary>
    public const int MaxText = 1024;

    private static readonly byte[] Host = Encoding.UTF8.GetBytes(Environment.MachineName);
    private static readonly byte[] SdkVersion = Encoding.UTF8.GetBytes(typeof(DeadLetter).Assembly.GetName().Version?.ToString(3) ?? "0.0.0");

    public static Message<byte[]?, byte[]?> Build(Delivery delivery, string consumer, string group)
    {
        var failures = delivery.Failures ?? throw new ArgumentException("A message that has not failed is no dead letter.", nameof(delivery));
        var headers = new Headers();
        var redriven = false;
        foreach (var header in delivery.Headers)
        {
            // What a redrive has added, an id behind its own headers too, is no header of the original.
            redriven |= header.Name.StartsWith(RedriveHeaders.Prefix, StringComparison.Ordinal);
            if (!IsOurs(header.Name) && !(redriven && header.Name == CloudEvents.Id))
                headers.Add(header.Name, header.Value?.ToArray());
        }

        Add(headers, DeadLetterHeaders.ErrorType, failures.ErrorType.ToString());
        Add(headers, DeadLetterHeaders.ExceptionType, Cut(failures.Exception?.GetType().FullName));
        Add(headers, DeadLetterHeaders.ExceptionMessage, Cut(failures.Exception?.Message));
        if (StatusOf(failures.Exception) is { } status)
            Add(headers, DeadLetterHeaders.HttpStatus, Number(status));

        Add(headers, DeadLetterHeaders.Attempts, Number(failures.Attempts));
        Add(headers, DeadLetterHeaders.FirstFailure, Rfc3339(failures.FirstFailure));
        Add(headers, DeadLetterHeaders.LastFailure, Rfc3339(failures.LastFailure));
        Add(headers, DeadLetterHeaders.Topic, delivery.Topic);
        Add(headers, DeadLetterHeaders.Partition, Number(delivery.Partition));
        Add(headers, DeadLetterHeaders.Offset, Number(delivery.Offset));
        Add(headers, DeadLetterHeaders.Timestamp, Rfc3339(delivery.Timestamp));
        Add(headers, DeadLetterHeaders.ConsumerGroup, group);
        Add(headers, DeadLetterHeaders.Consumer, consumer);
        Add(headers, DeadLetterHeaders.MessageId, Cut(delivery.Id));
        Add(headers, DeadLetterHeaders.Redrives, Cut(delivery.Headers.GetString(RedriveHeaders.Count)));
        headers.Add(DeadLetterHeaders.Host, Host);
        headers.Add(DeadLetterHeaders.SdkVersion, SdkVersion);
        return new Message<byte[]?, byte[]?>
        {
            Key = delivery.Key?.ToArray(),
            Value = delivery.IsTombstone ? null : delivery.Value.ToArray(),
            Headers = headers,
            Timestamp = new Timestamp(delivery.TimestampMs, TimestampType.CreateTime),
        };
    }

    private static bool IsOurs(string name) =>
        name.StartsWith(DeadLetterHeaders.Prefix, StringComparison.Ordinal) || name.StartsWith(RedriveHeaders.Prefix, StringComparison.Ordinal);

    private static int? StatusOf(Exception? exception) => exception switch
    {
        SinkException sink => sink.StatusCode,
        HttpRequestException http => (int?)http.StatusCode,
        _ => null,
    };

    private static void Add(Headers headers, string name, string? value)
    {
        if (value is not null)
            headers.Add(name, Encoding.UTF8.GetBytes(value));
    }

    private static string? Cut(string? text) => text is { Length: > MaxText } ? string.Concat(text.AsSpan(0, MaxText - 1), "…") : text;

    private static string Number(long number) => number.ToString(CultureInfo.InvariantCulture);

    private static string Rfc3339(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);
}
