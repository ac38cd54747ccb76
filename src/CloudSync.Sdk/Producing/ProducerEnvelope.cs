using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Confluent.Kafka;

namespace CloudSync.Sdk;

/// <summary>
/// Writes a message as a Kafka record: the key as UTF-8, and the CloudEvents envelope either in the headers, with the payload untouched as the value (binary), or as JSON around the payload
/// (structured); behind it the user's own headers.
/// </summary>
internal sealed class ProducerEnvelope(CloudSyncProducerOptions options, TimeProvider time)
{
    private const int MaxIdLength = 1_024;

    private static readonly byte[] Json = "application/json"u8.ToArray();

    /// <summary>The one header of a structured record; its <see cref="Headers"/> are shared by all that have no other.</summary>
    private static readonly Header StructuredType = new(CloudEvents.ContentType, "application/cloudevents+json; charset=UTF-8"u8.ToArray());

    private static readonly Headers StructuredAlone = new() { StructuredType };

    /// <summary>Written from the message's own properties, and so refused among its headers.</summary>
    private static readonly HashSet<string> Ours =
    [
        CloudEvents.SpecVersion, CloudEvents.Id, CloudEvents.Source, CloudEvents.Type, CloudEvents.Time, CloudEvents.CorrelationId, CloudEvents.ContentType,
    ];

    private readonly byte[] _source = Encoding.UTF8.GetBytes(options.Source);
    private readonly byte[] _type = Encoding.UTF8.GetBytes(options.Type);
    private readonly StructuredEnvelope? _structured = options.Format == CloudEventsFormat.Structured ? new StructuredEnvelope(options) : null;

    /// <summary>Checks a message and writes it. The record's value is the caller's own array where that can be: see <see cref="OutgoingRecord.Keep"/>.</summary>
    /// <param name="message">The message.</param>
    /// <param name="trace">What the message is traced as; <see langword="null"/> for not at all.</param>
    /// <param name="record">Gets what is written.</param>
    /// <exception cref="ArgumentException">The message can't be written as it is.</exception>
    public void Write(in OutgoingMessage message, Activity? trace, OutgoingRecord record)
    {
        var now = time.GetUtcNow();
        if (message.Id is { Length: 0 or > MaxIdLength } id)
            throw new ArgumentException($"The id has {id.Length} characters; it must have 1 to {MaxIdLength}, or be null to get one.", nameof(message));

        var attributes = new EnvelopeAttributes
        {
            Id = message.Id,
            MadeId = message.Id is null ? MessageIds.New(now) : default,
            Source = NotEmpty(message.Source, "source"),
            Type = NotEmpty(message.Type, "type"),
            Time = message.Time ?? now,
            ContentType = NotEmpty(message.ContentType, "content type"),
            CorrelationId = string.IsNullOrEmpty(message.CorrelationId) ? null : message.CorrelationId,
        };
        if (trace is { IdFormat: ActivityIdFormat.W3C, Id: { } traceParent } && !HasTrace(message.Headers))
            attributes = attributes with { TraceParent = traceParent, TraceState = trace.TraceStateString is { Length: > 0 } state ? state : null };

        var content = RecordContent.Take();
        content.SetKey(message.Key);
        var isBorrowed = false;
        if (_structured is not null)
            _structured.Write(attributes, message.Value.Span, content);
        else
            content.Message.Value = Array(message.Value, out isBorrowed);

        content.Message.Headers = _structured is not null ? StructuredAlone : Binary(attributes, content.Binary);
        if (message.Headers is { Count: > 0 } own)
            content.Message.Headers = With(content.Message.Headers, own);
        record.Fill(content, attributes.Id, attributes.MadeId, isBorrowed);
    }

    private Headers Binary(in EnvelopeAttributes attributes, BinaryHeaders headers)
    {
        Span<byte> utf8 = stackalloc byte[40];
        if (attributes.Id is null)
            headers.Id.Set(utf8[..WriteId(attributes.MadeId, utf8)]);
        else
            headers.Id.Set(attributes.Id, "id");
        Set(headers.Source, attributes.Source, _source, "source");
        Set(headers.Type, attributes.Type, _type, "type");
        headers.Time.Set(utf8[..WriteRfc3339(attributes.Time, utf8)]);
        Set(headers.ContentType, attributes.ContentType, Json, "content type");
        if (attributes.CorrelationId is null && attributes.TraceParent is null)
            return headers.All;

        var more = With(headers.All, []);
        Add(more, CloudEvents.CorrelationId, attributes.CorrelationId, "correlation id");
        Add(more, CloudEvents.TraceParent, attributes.TraceParent, "trace context");
        Add(more, CloudEvents.TraceState, attributes.TraceState, "trace state");
        return more;
    }

    private static void Set(EnvelopeHeader header, string? text, byte[] byDefault, string what)
    {
        if (text is null)
            header.Set(byDefault);
        else
            header.Set(text, what);
    }

    private static void Add(Headers headers, string name, string? text, string what)
    {
        byte[]? bytes = null;
        if (text is not null)
            headers.Add(new Header(name, RecordContent.Encode(text, what, ref bytes)));
    }

    /// <summary>The headers given, which other records have too, and further ones.</summary>
    private static Headers With(Headers headers, IReadOnlyList<MessageHeader> own)
    {
        var all = new Headers();
        for (var i = 0; i < headers.Count; i++)
            all.Add(headers[i]);
        for (var i = 0; i < own.Count; i++)
            all.Add(Own(own[i]));
        return all;
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

    private static string? NotEmpty(string? text, string what) =>
        text is not "" ? text : throw new ArgumentException($"The {what} is empty; name it, or leave it null for the default.");

    /// <summary>36 bytes.</summary>
    internal static int WriteId(Guid id, Span<byte> utf8)
    {
        id.TryFormat(utf8, out var written);
        return written;
    }

    /// <summary>28 bytes.</summary>
    internal static int WriteRfc3339(DateTimeOffset at, Span<byte> utf8)
    {
        at.UtcDateTime.TryFormat(utf8, out var written, "O", CultureInfo.InvariantCulture);
        return written;
    }

    /// <summary>The client copies the bytes while it takes the record, so an array that is the payload, all of it, need not be copied before.</summary>
    private static byte[] Array(ReadOnlyMemory<byte> value, out bool isBorrowed)
    {
        isBorrowed = MemoryMarshal.TryGetArray(value, out var segment) && segment.Array is { } array && segment.Count == array.Length;
        return isBorrowed ? segment.Array! : value.ToArray();
    }
}

/// <summary>The envelope of a message, before it is written in one form or the other. What is <see langword="null"/> has its default, or is left out.</summary>
internal readonly record struct EnvelopeAttributes
{
    /// <summary><see langword="null"/> for <see cref="MadeId"/>, which need not be made text.</summary>
    public string? Id { get; init; }

    public Guid MadeId { get; init; }

    public string? Source { get; init; }

    public string? Type { get; init; }

    public DateTimeOffset Time { get; init; }

    public string? ContentType { get; init; }

    public string? CorrelationId { get; init; }

    public string? TraceParent { get; init; }

    public string? TraceState { get; init; }
}
