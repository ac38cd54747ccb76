using System.Buffers.Text;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Unicode;

namespace CloudSync.Sdk;

/// <summary>
/// A message as CloudEvents 1.0 sees it: every attribute that the specification requires is there, with a default where the record has none. Values are UTF-8, most of them the record's own bytes; what
/// the record holds there may be no valid UTF-8.
/// </summary>
internal readonly struct CloudEvent
{
    /// <summary>An extension of ours: the record's value is null, 'delete this key'. An empty payload does not have it.</summary>
    public const string Tombstone = "cloudsynctombstone";

    /// <summary>The partitioning extension: the record's key.</summary>
    public const string PartitionKeyName = "partitionkey";

    /// <summary>The last millisecond of the year 9999. Producers that stamp microseconds exist.</summary>
    private const long LastTimestampMs = 253_402_300_799_999;

    private static readonly byte[] DefaultType = "cloudsync.message"u8.ToArray();

    private readonly List<KeyValuePair<string, ReadOnlyMemory<byte>>>? _extensions;

    private CloudEvent(SyncMessage message, ReadOnlyMemory<byte> defaultContentType)
    {
        Message = message;
        ReadOnlyMemory<byte> id = default, source = default, type = default, time = default, contentType = default, traceParent = default, traceState = default;
        List<KeyValuePair<string, ReadOnlyMemory<byte>>>? extensions = null;

        // The order that we keep is the order of the record's key, so the key goes before a partitionkey that the producer wrote.
        PartitionKey = message.Key is { } key && Utf8.IsValid(key.Span) ? key : default;

        // Kafka allows a name twice. The last one counts, as Kafka's own clients read it.
        foreach (var (name, headerValue) in message.Headers)
        {
            if (headerValue is not { } value)
                continue;

            switch (name)
            {
                case CloudEvents.SpecVersion: break;
                case CloudEvents.Id: id = value; break;
                case CloudEvents.Source: source = value; break;
                case CloudEvents.Type: type = value; break;
                case CloudEvents.Time: time = value; break;
                case CloudEvents.ContentType: contentType = value; break;
                case CloudEvents.TraceParent: traceParent = value; break;
                case CloudEvents.TraceState: traceState = value; break;
                default:
                    if (!value.IsEmpty && ExtensionOf(name) is { } extension && !(extension == PartitionKeyName && !PartitionKey.IsEmpty))
                        Set(extensions ??= [], extension, value);
                    break;
            }
        }

        Id = id.IsEmpty ? Encoding.UTF8.GetBytes(message.Id) : id;
        Source = source.IsEmpty ? Encoding.UTF8.GetBytes("kafka://" + Uri.EscapeDataString(message.Topic)) : source;
        Type = type.IsEmpty ? DefaultType : type;
        Time = TimeOf(message, time);
        ContentType = HeaderText.IsMediaType(contentType.Span) ? contentType : message.IsTombstone ? default : defaultContentType;
        TraceParent = traceParent;
        TraceState = traceState;
        _extensions = extensions;
    }

    public SyncMessage Message { get; }

    /// <summary>The message's id. Never empty.</summary>
    public ReadOnlyMemory<byte> Id { get; }

    /// <summary><c>kafka://{topic}</c> when the record names none.</summary>
    public ReadOnlyMemory<byte> Source { get; }

    /// <summary><c>cloudsync.message</c> when the record names none.</summary>
    public ReadOnlyMemory<byte> Type { get; }

    /// <summary>RFC 3339; the record's timestamp when the record has no readable time, and empty when it has neither.</summary>
    public ReadOnlyMemory<byte> Time { get; }

    /// <summary>The media type of the payload; empty only for a tombstone whose record names none.</summary>
    public ReadOnlyMemory<byte> ContentType { get; }

    /// <summary>The record's key, where it is text; else empty, and a <c>partitionkey</c> that the producer wrote is among the extensions.</summary>
    public ReadOnlyMemory<byte> PartitionKey { get; }

    /// <summary>The record's W3C trace context; empty when it has none.</summary>
    public ReadOnlyMemory<byte> TraceParent { get; }

    /// <summary>The vendors' part of the trace context; empty when there is none.</summary>
    public ReadOnlyMemory<byte> TraceState { get; }

    /// <summary>Further attributes, by names of lower-case letters and digits, each once, none empty.</summary>
    public ReadOnlySpan<KeyValuePair<string, ReadOnlyMemory<byte>>> Extensions => CollectionsMarshal.AsSpan(_extensions);

    /// <summary>Whether there is an extension of this name.</summary>
    public bool Has(string extension)
    {
        foreach (var (name, _) in Extensions)
            if (name == extension)
                return true;

        return false;
    }

    /// <summary>Looks at a message.</summary>
    /// <param name="message">The message.</param>
    /// <param name="defaultContentType">The media type of a payload that has none, as ASCII.</param>
    public static CloudEvent Of(SyncMessage message, ReadOnlyMemory<byte> defaultContentType) => new(message, defaultContentType);

    /// <summary>To the letter as the record has it, where it has the form in which our producers write it; whatever else is readable is written anew.</summary>
    private static ReadOnlyMemory<byte> TimeOf(SyncMessage message, ReadOnlyMemory<byte> header)
    {
        // The format O has seven digits of a second, and is RFC 3339 when it has a zone, which it need not have.
        const int WithoutZone = 27;
        if (Utf8Parser.TryParse(header.Span, out DateTimeOffset _, out var read, 'O') && read == header.Length && read > WithoutZone)
            return header;

        if (message.Time is not { } time)
        {
            if (message.TimestampMs is <= 0 or > LastTimestampMs)
                return default;
            time = message.Timestamp;
        }

        return Encoding.UTF8.GetBytes(time.Offset == TimeSpan.Zero
            ? time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.FFFFFFFK", CultureInfo.InvariantCulture)
            : time.ToString("yyyy-MM-dd'T'HH:mm:ss.FFFFFFFK", CultureInfo.InvariantCulture));
    }

    /// <summary>
    /// The extension that a record's header stands for; <see langword="null"/> for what is written by itself or is none, and for a name that CloudEvents does not
    /// allow. <c>data</c> is none of them: as an attribute it would take the payload's place in JSON.
    /// </summary>
    private static string? ExtensionOf(string header)
    {
        if (!header.StartsWith("ce_", StringComparison.Ordinal))
            return null;

        var name = header["ce_".Length..];
        if (name.Length == 0 || !name.All(char.IsAsciiLetterOrDigit))
            return null;

        name = name.ToLowerInvariant();
        return name is "specversion" or "id" or "source" or "type" or "time" or "datacontenttype" or "data" or Tombstone ? null : name;
    }

    private static void Set(List<KeyValuePair<string, ReadOnlyMemory<byte>>> extensions, string name, ReadOnlyMemory<byte> value)
    {
        var at = extensions.FindIndex(e => e.Key == name);
        if (at >= 0)
            extensions[at] = new(name, value);
        else
            extensions.Add(new(name, value));
    }
}
