using System.Buffers;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;

namespace CloudSync.Sdk;

/// <summary>
/// A record in the structured content mode of CloudEvents, as it would be in the binary one: the payload, and the attributes as headers. So all that looks at a message (a sink, the recognition of
/// duplicates, tracing) need not know that there are two. Only a dead letter needs the record as it was.
/// </summary>
/// <remarks>
/// See the CloudEvents Kafka protocol binding 1.0.2, section 3.3, and the JSON event format 1.0.2. What is no such event, whatever the content type says, is delivered as it is: the payload is the
/// record's value, and its id is its place.
/// </remarks>
internal sealed class StructuredEvent
{
    private static readonly byte[] MediaType = "application/cloudevents+json"u8.ToArray();

    /// <summary>Deeper than any payload that was meant. The reader takes a bit for each level, and no stack.</summary>
    private const int MaxDepth = 1_024;

    /// <summary>More attributes than any event has; each takes some bytes beside its own.</summary>
    private const int MaxAttributes = 100;

    private const int MaxKept = 64 * 1024;

    [ThreadStatic]
    private static ArrayBufferWriter<byte>? _block;

    private readonly bool _isReadAsJson;

    private StructuredEvent(ReadOnlyMemory<byte> value, MessageHeaders headers, bool isReadAsJson = false)
    {
        Value = value;
        Headers = headers;
        _isReadAsJson = isReadAsJson;
    }

    /// <summary>Stands for an event that nobody has looked at yet.</summary>
    public static StructuredEvent Unread { get; } = new(default, default);

    /// <summary>The payload: a part of the record's value where it stands there as it is.</summary>
    public ReadOnlyMemory<byte> Value { get; }

    /// <summary>As <see cref="JsonPayload.IsJson"/>, without reading again what was read already. The reader does not look into strings.</summary>
    public bool IsValueJson => _isReadAsJson ? Utf8.IsValid(Value.Span) : JsonPayload.IsJson(Value.Span);

    /// <summary>The record's own headers but for its content type, and behind them the attributes: what the event says of itself counts.</summary>
    public MessageHeaders Headers { get; }

    /// <summary>Whether the value of a record's header <c>content-type</c> says that the record is a structured event in JSON.</summary>
    public static bool IsContentType(ReadOnlySpan<byte> value)
    {
        if (value.Length < MediaType.Length || !Ascii.EqualsIgnoreCase(value[..MediaType.Length], MediaType))
            return false;

        var rest = value[MediaType.Length..].TrimStart(" \t"u8);
        return rest.IsEmpty || rest[0] == ';';
    }

    /// <summary>Reads an event. Never throws.</summary>
    public static StructuredEvent Read(ReadOnlyMemory<byte> value, MessageHeaders headers)
    {
        try
        {
            return TryRead(value, headers) ?? new StructuredEvent(value, headers);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // The latter is what the reader says of text that is no UTF-8.
            return new StructuredEvent(value, headers);
        }
        finally
        {
            // One large event would else take its room on every thread that ever reads one.
            if (_block?.Capacity > MaxKept)
                _block = null;
        }
    }

    private static StructuredEvent? TryRead(ReadOnlyMemory<byte> value, MessageHeaders headers)
    {
        var reader = new Utf8JsonReader(value.Span, new JsonReaderOptions { MaxDepth = MaxDepth });
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
            return null;

        var block = _block ??= new ArrayBufferWriter<byte>(1_024);
        block.ResetWrittenCount();
        foreach (var header in headers)
            if (header.Name != CloudEvents.ContentType)
                Add(block, Encoding.UTF8.GetBytes(header.Name), header.Value is { } own ? own.Span : default, header.Value is null);

        var count = 0;
        Utf8JsonReader data = default;
        var (dataEnd, dataDepth) = (0L, 0);
        byte[]? base64 = null;
        bool hasId = false, isVersion1 = false, isJson = true, hasType = false;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("data"u8))
            {
                reader.Read();
                data = reader;
                dataDepth = Skip(ref reader);
                dataEnd = reader.BytesConsumed;
                continue;
            }

            if (reader.ValueTextEquals("data_base64"u8))
            {
                reader.Read();
                if (reader.TokenType != JsonTokenType.Null && (reader.TokenType != JsonTokenType.String || !reader.TryGetBytesFromBase64(out base64)))
                    return null;
                continue;
            }

            var name = HeaderOf(ref reader);
            reader.Read();
            if (reader.TokenType == JsonTokenType.Null)
                continue;
            if (reader.TokenType is JsonTokenType.StartObject or JsonTokenType.StartArray || ++count > MaxAttributes)
                return null;

            var text = Text(ref reader);
            Add(block, name, text, isNull: false);
            if (name.SequenceEqual("ce_id"u8))
                hasId = text.Length > 0;
            else if (name.SequenceEqual("ce_specversion"u8))
                isVersion1 = text.StartsWith("1."u8);
            else if (name.SequenceEqual("content-type"u8))
                (hasType, isJson) = (true, JsonPayload.IsJsonType(text));
        }

        // The reader throws when anything but blanks follows.
        reader.Read();
        var hasData = dataEnd > 0;
        if (!hasId || !isVersion1 || (hasData && base64 is not null))
            return null;

        if (hasData && !hasType)
            Add(block, "content-type"u8, "application/json"u8, isNull: false);
        return new StructuredEvent(
            base64 ?? (hasData ? Payload(value, data, dataEnd, isJson) : default),
            new MessageHeaders(block.WrittenSpan.ToArray()),
            hasData && isJson && dataDepth <= JsonPayload.MaxDepth);
    }

    /// <summary>Goes to the end of a value.</summary>
    /// <returns>How deep it is nested: 0 for a value that holds no other.</returns>
    private static int Skip(ref Utf8JsonReader reader)
    {
        var (around, deepest) = (reader.CurrentDepth, 0);
        if (reader.TokenType is not (JsonTokenType.StartObject or JsonTokenType.StartArray))
            return 0;

        do
        {
            reader.Read();
            if (reader.TokenType is JsonTokenType.StartObject or JsonTokenType.StartArray)
                deepest = Math.Max(deepest, reader.CurrentDepth - around);
        }
        while (reader.CurrentDepth > around);
        return deepest + 1;
    }

    /// <summary>The payload as it stands there, but for a string that is said to be no JSON: then it is what the string says.</summary>
    private static ReadOnlyMemory<byte> Payload(ReadOnlyMemory<byte> value, Utf8JsonReader data, long end, bool isJson)
    {
        var start = (int)data.TokenStartIndex;
        if (isJson || data.TokenType != JsonTokenType.String)
            return value[start..(int)end];

        var text = new byte[data.ValueSpan.Length];
        return text.AsMemory(0, data.CopyString(text));
    }

    /// <summary>The header that an attribute is in the binary mode.</summary>
    private static ReadOnlySpan<byte> HeaderOf(ref Utf8JsonReader reader)
    {
        if (reader.ValueTextEquals("specversion"u8))
            return "ce_specversion"u8;
        if (reader.ValueTextEquals("id"u8))
            return "ce_id"u8;
        if (reader.ValueTextEquals("source"u8))
            return "ce_source"u8;
        if (reader.ValueTextEquals("type"u8))
            return "ce_type"u8;
        if (reader.ValueTextEquals("time"u8))
            return "ce_time"u8;
        if (reader.ValueTextEquals("datacontenttype"u8))
            return "content-type"u8;
        if (reader.ValueTextEquals("correlationid"u8))
            return "ce_correlationid"u8;
        if (reader.ValueTextEquals("traceparent"u8))
            return "traceparent"u8;
        if (reader.ValueTextEquals("tracestate"u8))
            return "tracestate"u8;

        var name = new byte[3 + reader.ValueSpan.Length];
        "ce_"u8.CopyTo(name);
        return name.AsSpan(0, 3 + reader.CopyString(name.AsSpan(3)));
    }

    /// <summary>The value of an attribute as text; CloudEvents' other types as they stand in JSON.</summary>
    private static ReadOnlySpan<byte> Text(scoped ref Utf8JsonReader reader)
    {
        if (reader.TokenType == JsonTokenType.String && reader.ValueIsEscaped)
        {
            var text = new byte[reader.ValueSpan.Length];
            return text.AsSpan(0, reader.CopyString(text));
        }

        return Utf8.IsValid(reader.ValueSpan) ? reader.ValueSpan : throw new JsonException();
    }

    private static void Add(ArrayBufferWriter<byte> block, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, bool isNull) =>
        block.Advance(MessageHeaders.Write(block.GetSpan(MessageHeaders.EncodedLength(name, isNull ? -1 : value.Length)), name, value, isNull));
}
