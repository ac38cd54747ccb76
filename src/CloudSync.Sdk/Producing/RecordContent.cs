using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Text;
using Confluent.Kafka;

namespace CloudSync.Sdk;

/// <summary>
/// Key, value and headers of a record, for as long as it takes the client to copy them. Then the same objects carry the thread's next record; only a record that must wait for room keeps its own.
/// </summary>
internal sealed class RecordContent
{
    /// <summary>A longer key, id or envelope is not worth keeping its memory for.</summary>
    private const int MaxKept = 16 * 1024;

    /// <summary>Half a character would be written as U+FFFD, and two ids as one: then a message would be taken for a duplicate of the other.</summary>
    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    [ThreadStatic]
    private static RecordContent? _free;

    private byte[]? _key;
    private byte[]? _value;
    private ArrayBufferWriter<byte>? _json;

    /// <summary>What the client copies.</summary>
    public Message<byte[]?, byte[]> Message { get; } = new() { Value = [] };

    /// <summary>The headers of the binary form, without any further ones.</summary>
    public BinaryHeaders Binary { get; } = new();

    /// <summary>Room to write a structured record's value in. Empty.</summary>
    public ArrayBufferWriter<byte> Json
    {
        get
        {
            _json ??= new ArrayBufferWriter<byte>(1_024);
            _json.ResetWrittenCount();
            return _json;
        }
    }

    /// <summary>The calling thread's own, or a new one: it may be in the middle of a record, if what it called produces another.</summary>
    public static RecordContent Take()
    {
        var content = _free ?? new RecordContent();
        _free = null;
        return content;
    }

    /// <summary>The client has copied it. The caller's payload is let go of.</summary>
    public void Give()
    {
        Message.Value = [];
        if (_key?.Length > MaxKept)
            _key = null;
        if (_value?.Length > MaxKept)
            _value = null;
        if (_json?.Capacity > MaxKept)
            _json = null;
        _free = this;
    }

    /// <summary>The record waits for room: it keeps what is sent, and not the room that it was written in, which is as large again or twice that.</summary>
    public void Keep() => _json = null;

    public void SetKey(string? key) => Message.Key = key is null ? null : Encode(key, "key", ref _key);

    /// <summary>Room for a value of this length, to be written over whole. The client takes arrays only, and only whole ones.</summary>
    public byte[] Value(int length) => Message.Value = Room(length, ref _value);

    /// <summary>Text as UTF-8, in the array given where it has the right length.</summary>
    /// <exception cref="ArgumentException">It can't be written as UTF-8.</exception>
    public static byte[] Encode(string text, string what, [NotNull] ref byte[]? kept)
    {
        try
        {
            var bytes = Room(Utf8.GetByteCount(text), ref kept);
            Utf8.GetBytes(text, bytes);
            return bytes;
        }
        catch (EncoderFallbackException e)
        {
            throw HalfACharacter(what, e);
        }
    }

    /// <summary>Text as UTF-8, where the next of <paramref name="destination"/> comes; it is not moved on. Returns the length.</summary>
    /// <exception cref="ArgumentException">It can't be written as UTF-8.</exception>
    public static int Encode(string text, string what, IBufferWriter<byte> destination)
    {
        try
        {
            return Utf8.GetBytes(text, destination.GetSpan(Utf8.GetMaxByteCount(text.Length)));
        }
        catch (EncoderFallbackException e)
        {
            throw HalfACharacter(what, e);
        }
    }

    private static ArgumentException HalfACharacter(string what, Exception e) =>
        new($"The {what} holds half a character (a lone surrogate), which UTF-8 can't hold.", e);

    private static byte[] Room(int length, [NotNull] ref byte[]? kept) => kept?.Length == length ? kept : kept = GC.AllocateUninitializedArray<byte>(length);
}

/// <summary>The six headers that every record of the binary form has, in their order, their values written over for each record.</summary>
internal sealed class BinaryHeaders
{
    private static readonly byte[] Version = Encoding.ASCII.GetBytes(CloudEvents.SpecVersionValue);

    public BinaryHeaders()
    {
        var version = new EnvelopeHeader(CloudEvents.SpecVersion);
        version.Set(Version);
        All = new Headers();
        foreach (var header in (ReadOnlySpan<EnvelopeHeader>)[version, Id, Source, Type, Time, ContentType])
            All.Add((IHeader)header);
    }

    public EnvelopeHeader Id { get; } = new(CloudEvents.Id);

    public EnvelopeHeader Source { get; } = new(CloudEvents.Source);

    public EnvelopeHeader Type { get; } = new(CloudEvents.Type);

    public EnvelopeHeader Time { get; } = new(CloudEvents.Time);

    public EnvelopeHeader ContentType { get; } = new(CloudEvents.ContentType);

    public Headers All { get; }
}

/// <summary>A header whose value changes with each record.</summary>
internal sealed class EnvelopeHeader(string name) : IHeader
{
    private byte[] _value = [];
    private byte[]? _own;

    public string Key => name;

    public byte[] GetValueBytes() => _value;

    /// <summary>A value that many records share.</summary>
    public void Set(byte[] shared) => _value = shared;

    public void Set(string text, string what) => _value = RecordContent.Encode(text, what, ref _own);

    public void Set(ReadOnlySpan<byte> bytes)
    {
        if (_own?.Length != bytes.Length)
            _own = new byte[bytes.Length];
        bytes.CopyTo(_own);
        _value = _own;
    }
}
