using System.Buffers;
using System.Buffers.Text;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace CloudSync.Sdk;

/// <summary>
/// Writes the value of a structured record: the CloudEvents JSON format, with the payload as it is where it is JSON, else in base64. The consumer reads the same bytes either way:
/// <see cref="StructuredEvent"/>.
/// </summary>
internal sealed class StructuredEnvelope(CloudSyncProducerOptions options)
{
    /// <summary>Bytes that a JSON string can't hold as they are.</summary>
    private static readonly SearchValues<byte> Escaped = SearchValues.Create([.. Enumerable.Range(0, 0x20).Select(b => (byte)b), (byte)'"', (byte)'\\']);

    private readonly byte[] _source = Encoding.UTF8.GetBytes(JsonEncodedText.Encode(options.Source, JavaScriptEncoder.UnsafeRelaxedJsonEscaping).ToString());
    private readonly byte[] _type = Encoding.UTF8.GetBytes(JsonEncodedText.Encode(options.Type, JavaScriptEncoder.UnsafeRelaxedJsonEscaping).ToString());

    public void Write(in EnvelopeAttributes attributes, ReadOnlySpan<byte> payload, RecordContent content)
    {
        var json = content.Json;
        json.Write("{\"specversion\":\"1.0\",\"id\":\""u8);
        if (attributes.Id is null)
            json.Advance(ProducerEnvelope.WriteId(attributes.MadeId, json.GetSpan(40)));
        else
            WriteText(json, attributes.Id, "id");
        json.Write("\",\"source\":\""u8);
        WriteText(json, attributes.Source, _source, "source");
        json.Write("\",\"type\":\""u8);
        WriteText(json, attributes.Type, _type, "type");
        json.Write("\",\"time\":\""u8);
        json.Advance(ProducerEnvelope.WriteRfc3339(attributes.Time, json.GetSpan(40)));

        // JSON is what an event without a datacontenttype holds; of one that holds none, or none that is whole, the type is said.
        var isJson = (attributes.ContentType is null || JsonPayload.IsJsonType(attributes.ContentType)) && CanStandAsItIs(payload);
        if (!isJson || attributes.ContentType is not null)
            WriteAttribute(json, "\",\"datacontenttype\":\""u8, attributes.ContentType ?? "application/json", "content type");
        WriteAttribute(json, "\",\"correlationid\":\""u8, attributes.CorrelationId, "correlation id");
        WriteAttribute(json, "\",\"traceparent\":\""u8, attributes.TraceParent, "trace context");
        WriteAttribute(json, "\",\"tracestate\":\""u8, attributes.TraceState, "trace state");
        if (isJson)
        {
            json.Write("\",\"data\":"u8);
            json.Write(payload);
            json.Write("}"u8);
        }
        else if (payload.IsEmpty)
        {
            json.Write("\"}"u8);
        }
        else
        {
            json.Write("\",\"data_base64\":\""u8);
            Base64.EncodeToUtf8(payload, json.GetSpan(Base64.GetMaxEncodedToUtf8Length(payload.Length)), out _, out var written);
            json.Advance(written);
            json.Write("\"}"u8);
        }

        json.WrittenSpan.CopyTo(content.Value(json.WrittenCount));
    }

    /// <summary>Blanks around it could not be told from those of the event, so such a payload goes as base64: it has to arrive byte for byte.</summary>
    private static bool CanStandAsItIs(ReadOnlySpan<byte> payload) => !payload.IsEmpty && payload[0] > ' ' && payload[^1] > ' ' && JsonPayload.IsJson(payload);

    private static void WriteAttribute(ArrayBufferWriter<byte> json, ReadOnlySpan<byte> begin, string? text, string what)
    {
        if (text is null)
            return;

        json.Write(begin);
        WriteText(json, text, what);
    }

    private static void WriteText(ArrayBufferWriter<byte> json, string? text, byte[] byDefault, string what)
    {
        if (text is null)
            json.Write(byDefault);
        else
            WriteText(json, text, what);
    }

    private static void WriteText(ArrayBufferWriter<byte> json, string text, string what)
    {
        var length = RecordContent.Encode(text, what, json);
        var utf8 = json.GetSpan(length)[..length];
        if (utf8.ContainsAny(Escaped))
            json.Write(Encoding.UTF8.GetBytes(JsonEncodedText.Encode(text, JavaScriptEncoder.UnsafeRelaxedJsonEscaping).ToString()));
        else
            json.Advance(length);
    }
}
