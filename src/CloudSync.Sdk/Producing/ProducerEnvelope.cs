using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Confluent.Kafka;

namespace CloudSync.Sdk;

/// <summary>
/// Writes a message as a Kafka record: the payload untouched, the key as UTF-8, and the CloudEvents envelope in the headers, in a fixed order, followed by
/// the user's own headers.
/// </summary>
internal sealed class ProducerEnvelope(CloudSyncProducerOptions options, TimeProvider time)
{
    private const int MaxIdLength = 1_024;

    /// <summary>Half a character would be written as U+FFFD, and two ids as one: then a message would be taken for a duplicate of the other.</summary>
    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private static readonly Header SpecVersion = new(CloudEvents.SpecVersion, "1.0"u8.ToArray());
    private static readonly Header Json = new(CloudEvents.ContentType, "application/json"u8.ToArray());

    /// <summary>Written from the message's own properties, and so refused among its headers.</summary>
    private static readonly HashSet<string> Ours =
    [
        CloudEvents.SpecVersion, CloudEvents.Id, CloudEvents.Source, CloudEvents.Type, CloudEvents.Time, CloudEvents.CorrelationId, CloudEvents.ContentType,
    ];

    private readonly Header _source = new(CloudEvents.Source, Utf8.GetBytes(options.Source));
    private readonly Header _type = new(CloudEvents.Type, Utf8.GetBytes(options.Type));

    /// <summary>Checks a message and writes it. The record's value is the caller's own array where that can be: see <see cref="OutgoingRecord.Keep"/>.</summary>
    /// <param name="message">The message.</param>
    /// <param name="trace">What the message is traced as; <see langword="null"/> for not at all.</param>
    /// <exception cref="ArgumentException">The message can't be written as it is.</exception>
    public OutgoingRecord Write(in OutgoingMessage message, Activity? trace)
    {
        var now = time.GetUtcNow();
        var id = message.Id ?? MessageIds.New(now);
        if (id.Length is 0 or > MaxIdLength)
            throw new ArgumentException($"The id has {id.Length} characters; it must have 1 to {MaxIdLength}, or be null to get one.", nameof(message));

        var headers = new Headers
        {
            SpecVersion,
            Text(CloudEvents.Id, id, "id"),
            message.Source is null ? _source : Text(CloudEvents.Source, NotEmpty(message.Source, "source"), "source"),
            message.Type is null ? _type : Text(CloudEvents.Type, NotEmpty(message.Type, "type"), "type"),
            new Header(CloudEvents.Time, Rfc3339(message.Time ?? now)),
            message.ContentType is null ? Json : Text(CloudEvents.ContentType, NotEmpty(message.ContentType, "content type"), "content type"),
        };
        if (!string.IsNullOrEmpty(message.CorrelationId))
            headers.Add(Text(CloudEvents.CorrelationId, message.CorrelationId, "correlation id"));

        if (trace is { IdFormat: ActivityIdFormat.W3C, Id: { } traceParent } && !HasTrace(message.Headers))
        {
            headers.Add(new Header(CloudEvents.TraceParent, Encoding.ASCII.GetBytes(traceParent)));
            if (trace.TraceStateString is { Length: > 0 } traceState)
                headers.Add(Text(CloudEvents.TraceState, traceState, "trace state"));
        }

        if (message.Headers is { } own)
            for (var i = 0; i < own.Count; i++)
                headers.Add(Own(own[i]));

        var key = message.Key is null ? null : Bytes(message.Key, "key");
        var value = Array(message.Value, out var isBorrowed);
        return new OutgoingRecord(id, new Message<byte[]?, byte[]> { Key = key, Value = value, Headers = headers }, isBorrowed);
    }

    private static Header Own(in MessageHeader header)
    {
        if (string.IsNullOrEmpty(header.Name))
            throw new ArgumentException("A header has no name.");
        if (Ours.Contains(header.Name))
            throw new ArgumentException($"The header '{header.Name}' is written from the message's own properties; set it there and not among the headers.");

        if (header.Name.StartsWith(RedriveHeaders.Prefix, StringComparison.Ordinal) || header.Name.StartsWith(DeadLetterHeaders.Prefix, StringComparison.Ordinal))
            throw new ArgumentException(
                $"The header '{header.Name}' belongs to a dead letter or its redrive, and would hide the message from every consumer group but one, or be lost; leave it out when a message is passed on.");

        return new Header(header.Name, header.Value?.ToArray());
    }

    /// <summary>Whether the user passes a trace context on; it is theirs then, and not ours.</summary>
    private static bool HasTrace(IReadOnlyList<MessageHeader>? headers)
    {
        for (var i = 0; i < headers?.Count; i++)
            if (headers[i].Name is CloudEvents.TraceParent or CloudEvents.TraceState)
                return true;

        return false;
    }

    private static Header Text(string name, string text, string what) => new(name, Bytes(text, what));

    private static byte[] Bytes(string text, string what)
    {
        try
        {
            return Utf8.GetBytes(text);
        }
        catch (EncoderFallbackException e)
        {
            throw new ArgumentException($"The {what} holds half a character (a lone surrogate), which UTF-8 can't hold.", e);
        }
    }

    private static string NotEmpty(string text, string what) =>
        text.Length > 0 ? text : throw new ArgumentException($"The {what} is empty; name it, or leave it null for the default.");

    private static byte[] Rfc3339(DateTimeOffset at)
    {
        Span<byte> utf8 = stackalloc byte[40];
        at.UtcDateTime.TryFormat(utf8, out var written, "O", CultureInfo.InvariantCulture);
        return utf8[..written].ToArray();
    }

    /// <summary>The client copies the bytes while it takes the record, so an array that is the payload, all of it, need not be copied before.</summary>
    private static byte[] Array(ReadOnlyMemory<byte> value, out bool isBorrowed)
    {
        isBorrowed = MemoryMarshal.TryGetArray(value, out var segment) && segment.Array is { } array && segment.Count == array.Length;
        return isBorrowed ? segment.Array! : value.ToArray();
    }
}
