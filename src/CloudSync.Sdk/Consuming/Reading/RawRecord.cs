using System.Text;

namespace CloudSync.Sdk;

/// <summary>A record as it was read: its place, and where its bytes lie. Key, value and encoded headers stand in one buffer, in this order.</summary>
/// <param name="Buffer">The buffer, shared with the records read before and after it and never written again where this record lies.</param>
/// <param name="Start">Where the key begins.</param>
/// <param name="KeyLength">-1 for no key.</param>
/// <param name="ValueLength">-1 for no value.</param>
/// <param name="HeadersLength">0 for no headers.</param>
/// <param name="Partition">The partition.</param>
/// <param name="Offset">The offset.</param>
/// <param name="TimestampMs">Milliseconds since the Unix epoch.</param>
/// <param name="IsForAnotherGroup">It was redriven for a group that is not the consumer's (<see cref="RedriveHeaders.Group"/>): nobody here shall see it.</param>
/// <param name="IsStructured">Its content type says that its value is a CloudEvent: <see cref="StructuredEvent"/>.</param>
internal readonly record struct RawRecord(
    byte[] Buffer, int Start, int KeyLength, int ValueLength, int HeadersLength, int Partition, long Offset, long TimestampMs, bool IsForAnotherGroup = false,
    bool IsStructured = false)
{
    /// <summary>A record with a buffer of its own.</summary>
    public static RawRecord Create(
        ReadOnlyMemory<byte>? key,
        ReadOnlyMemory<byte>? value,
        IEnumerable<MessageHeader> headers,
        int partition,
        long offset,
        long timestampMs)
    {
        var encoded = headers.Select(h => (Name: Encoding.UTF8.GetBytes(h.Name), h.Value)).ToList();
        var keyLength = key?.Length ?? 0;
        var valueLength = value?.Length ?? 0;
        var headersLength = encoded.Sum(h => MessageHeaders.EncodedLength(h.Name, h.Value?.Length ?? -1));
        var buffer = new byte[keyLength + valueLength + headersLength];
        key?.Span.CopyTo(buffer);
        value?.Span.CopyTo(buffer.AsSpan(keyLength));
        var at = keyLength + valueLength;
        foreach (var (name, headerValue) in encoded)
            at += MessageHeaders.Write(buffer.AsSpan(at), name, headerValue is { } v ? v.Span : default, headerValue is null);

        var contentType = encoded.LastOrDefault(h => h.Name.AsSpan().SequenceEqual("content-type"u8) && h.Value is not null).Value;
        return new RawRecord(
            buffer, 0, key is null ? -1 : keyLength, value is null ? -1 : valueLength, headersLength, partition, offset, timestampMs,
            IsStructured: value is not null && contentType is { } type && StructuredEvent.IsContentType(type.Span));
    }
}
