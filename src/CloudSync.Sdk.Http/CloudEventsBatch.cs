using System.Buffers;
using System.Buffers.Binary;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace CloudSync.Sdk;

/// <summary>Many messages in one body: a JSON array of CloudEvents (JSON event format 1.0.2, section 4).</summary>
internal static class CloudEventsBatch
{
    public const string MediaType = "application/cloudevents-batch+json";

    /// <summary>
    /// How deep a payload may be nested to be written as JSON. Many readers, the platform's among them, stop at 64 levels, and the array and the event are
    /// two: one deep payload would make the whole batch unreadable.
    /// </summary>
    private const int MaxDepth = 62;

    private static readonly MediaTypeHeaderValue ContentType = new(MediaType);

    /// <summary>The request's body. Dispose it to give its buffer back.</summary>
    public static HttpContent Content(ReadOnlySpan<SyncMessage> messages, string defaultContentType)
    {
        var buffer = new PooledBuffer(Math.Min(1024 * 1024, messages.Length * 512));
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
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Span<byte> length = stackalloc byte[4];
        foreach (var message in messages)
        {
            var id = Encoding.UTF8.GetBytes(message.Id);
            BinaryPrimitives.WriteInt32BigEndian(length, id.Length);
            hash.AppendData(length);
            hash.AppendData(id);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    internal static void Write(ReadOnlySpan<SyncMessage> messages, string defaultContentType, IBufferWriter<byte> destination)
    {
        using var json = new Utf8JsonWriter(destination);
        json.WriteStartArray();
        foreach (var message in messages)
            Write(json, CloudEvent.Of(message, defaultContentType));
        json.WriteEndArray();
    }

    private static void Write(Utf8JsonWriter json, in CloudEvent cloudEvent)
    {
        json.WriteStartObject();
        json.WriteString("specversion"u8, CloudEvents.SpecVersionValue);
        json.WriteString("id"u8, cloudEvent.Id);
        json.WriteString("source"u8, cloudEvent.Source);
        json.WriteString("type"u8, cloudEvent.Type);
        if (cloudEvent.Time is { } time)
            json.WriteString("time"u8, time);
        if (cloudEvent.ContentType is { } contentType)
            json.WriteString("datacontenttype"u8, contentType);
        foreach (var (name, value) in cloudEvent.Extensions)
            json.WriteString(name, value);
        WriteTrace(json, cloudEvent);
        WriteData(json, cloudEvent);
        json.WriteEndObject();
    }

    /// <summary>A request has one trace, its messages have many: each carries its own as CloudEvents' distributed tracing extension.</summary>
    private static void WriteTrace(Utf8JsonWriter json, in CloudEvent cloudEvent)
    {
        foreach (var name in (ReadOnlySpan<string>)[CloudEvents.TraceParent, CloudEvents.TraceState])
        {
            if (cloudEvent.Message.Headers.GetString(name) is { Length: > 0 } value && cloudEvent.Extensions.All(e => e.Key != name))
                json.WriteString(name, value);
        }
    }

    private static void WriteData(Utf8JsonWriter json, in CloudEvent cloudEvent)
    {
        var payload = cloudEvent.Message.Value.Span;
        if (cloudEvent.Message.IsTombstone)
        {
            json.WriteBoolean(CloudEvent.Tombstone, true);
            json.WriteNull("data"u8);
        }
        else if (JsonPayload.IsJsonType(cloudEvent.ContentType) && JsonPayload.IsJson(payload))
        {
            json.WritePropertyName("data"u8);
            json.WriteRawValue(payload, skipInputValidation: true);
        }
        else
        {
            json.WriteBase64String("data_base64"u8, payload);
        }
    }
}
