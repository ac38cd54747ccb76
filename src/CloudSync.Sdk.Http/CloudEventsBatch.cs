using System.Buffers;
using System.Buffers.Binary;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;

namespace CloudSync.Sdk;

/// <summary>Many messages in one body: a JSON array of CloudEvents (JSON event format 1.0.2, section 4).</summary>
internal static class CloudEventsBatch
{
    public const string MediaType = "application/cloudevents-batch+json";

    /// <summary>What the attributes' names and the marks of JSON take in most events: no more than a guess, the buffer grows.</summary>
    private const int BytesAround = 192;

    private static readonly JsonWriterOptions Options = new() { SkipValidation = true };

    private static readonly MediaTypeHeaderValue ContentType = new(MediaType);

    // Looked through for what must be escaped once, and not in each event.
    private static readonly JsonEncodedText SpecVersion = JsonEncodedText.Encode("specversion");
    private static readonly JsonEncodedText SpecVersionValue = JsonEncodedText.Encode(CloudEvents.SpecVersionValue);
    private static readonly JsonEncodedText Id = JsonEncodedText.Encode("id");
    private static readonly JsonEncodedText Source = JsonEncodedText.Encode("source");
    private static readonly JsonEncodedText Type = JsonEncodedText.Encode("type");
    private static readonly JsonEncodedText Time = JsonEncodedText.Encode("time");
    private static readonly JsonEncodedText DataContentType = JsonEncodedText.Encode("datacontenttype");
    private static readonly JsonEncodedText PartitionKey = JsonEncodedText.Encode(CloudEvent.PartitionKeyName);
    private static readonly JsonEncodedText TraceParent = JsonEncodedText.Encode(CloudEvents.TraceParent);
    private static readonly JsonEncodedText TraceState = JsonEncodedText.Encode(CloudEvents.TraceState);
    private static readonly JsonEncodedText Data = JsonEncodedText.Encode("data");

    /// <summary>The request's body. Dispose it to give its buffer back.</summary>
    public static HttpContent Content(ReadOnlySpan<SyncMessage> messages, ReadOnlyMemory<byte> defaultContentType)
    {
        long size = 0;
        foreach (var message in messages)
            size += message.Size + BytesAround;

        var buffer = new PooledBuffer((int)Math.Min(1024 * 1024, size));
        try
        {
            Write(messages, defaultContentType, buffer);
            return new PooledContent(buffer) { Headers = { ContentType = ContentType } };
        }
        catch
        {
            buffer.Return();
            throw;
        }
    }

    /// <summary>
    /// The <c>Idempotency-Key</c> of a batch: SHA-256, in lower-case hexadecimal digits, over its ids in their order, each as UTF-8 after its length in
    /// bytes (32 bits, big-endian). The same messages in the same order have the same key; a half of a batch has another.
    /// </summary>
    public static string IdempotencyKey(ReadOnlySpan<SyncMessage> messages)
    {
        var ids = new PooledBuffer(messages.Length * 64);
        foreach (var message in messages)
        {
            // Text that is no UTF-8 counts as what it is in the event.
            if (!message.TryGetIdBytes(out var id) || !Utf8.IsValid(id))
                id = Encoding.UTF8.GetBytes(message.Id);

            var place = ids.GetSpan(sizeof(int) + id.Length);
            BinaryPrimitives.WriteInt32BigEndian(place, id.Length);
            id.CopyTo(place[sizeof(int)..]);
            ids.Advance(sizeof(int) + id.Length);
        }

        var hash = SHA256.HashData(ids.Written.Span);
        ids.Return();
        return Convert.ToHexStringLower(hash);
    }

    internal static void Write(ReadOnlySpan<SyncMessage> messages, ReadOnlyMemory<byte> defaultContentType, IBufferWriter<byte> destination)
    {
        using var json = new Utf8JsonWriter(destination, Options);
        json.WriteStartArray();
        foreach (var message in messages)
            Write(json, CloudEvent.Of(message, defaultContentType));
        json.WriteEndArray();
    }

    private static void Write(Utf8JsonWriter json, in CloudEvent cloudEvent)
    {
        json.WriteStartObject();
        json.WriteString(SpecVersion, SpecVersionValue);
        json.WriteString(Id, cloudEvent.Id.Span);
        json.WriteString(Source, cloudEvent.Source.Span);
        json.WriteString(Type, cloudEvent.Type.Span);
        WriteUnlessEmpty(json, Time, cloudEvent.Time);
        WriteUnlessEmpty(json, DataContentType, cloudEvent.ContentType);
        foreach (var (name, value) in cloudEvent.Extensions)
            json.WriteString(name, value.Span);
        WriteUnlessEmpty(json, PartitionKey, cloudEvent.PartitionKey);

        // A request has one trace, its messages have many: each carries its own as CloudEvents' distributed tracing extension.
        if (!cloudEvent.Has(CloudEvents.TraceParent))
            WriteUnlessEmpty(json, TraceParent, cloudEvent.TraceParent);
        if (!cloudEvent.Has(CloudEvents.TraceState))
            WriteUnlessEmpty(json, TraceState, cloudEvent.TraceState);
        WriteData(json, cloudEvent);
        json.WriteEndObject();
    }

    private static void WriteUnlessEmpty(Utf8JsonWriter json, JsonEncodedText name, ReadOnlyMemory<byte> value)
    {
        if (!value.IsEmpty)
            json.WriteString(name, value.Span);
    }

    private static void WriteData(Utf8JsonWriter json, in CloudEvent cloudEvent)
    {
        var payload = cloudEvent.Message.Value.Span;
        if (cloudEvent.Message.IsTombstone)
        {
            json.WriteBoolean(CloudEvent.Tombstone, true);
            json.WriteNull("data"u8);
        }
        else if (JsonPayload.IsJsonType(cloudEvent.ContentType.Span) && cloudEvent.Message.IsValueJson)
        {
            json.WritePropertyName(Data);
            json.WriteRawValue(payload, skipInputValidation: true);
        }
        else
        {
            json.WriteBase64String("data_base64"u8, payload);
        }
    }
}
