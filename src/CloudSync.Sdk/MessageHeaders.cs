using System.Collections;
using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using System.Text;

namespace CloudSync.Sdk;

/// <summary>One header of a record: a name and bytes, as they stand in Kafka.</summary>
/// <param name="Name">The name. Kafka allows the same name several times.</param>
/// <param name="Value">The bytes, or <see langword="null"/>: Kafka tells an empty value from none.</param>
public readonly record struct MessageHeader(string Name, ReadOnlyMemory<byte>? Value)
{
    /// <summary>The value as text. Bytes that are not UTF-8 become U+FFFD; no value becomes the empty string.</summary>
    public string ValueAsString => Value is { } value ? Encoding.UTF8.GetString(value.Span) : "";
}

/// <summary>
/// The headers of a record, in their order, with repeated names kept. They are read from the record's bytes when asked for, so a sink that does
/// not look at them pays nothing.
/// </summary>
/// <remarks>
/// Encoding of the block (internal, never on the wire): for each header its name, as twice its length and then UTF-8, or, for one of <see cref="KnownHeaders"/>, as twice its index and 1; the length
/// of the value and 1, or 0 for no value; the value. Numbers take seven bits a byte, so nearly always one byte. Names and lengths of six headers in full would be a fifth of what a small message takes in
/// memory.
/// </remarks>
public readonly struct MessageHeaders : IEnumerable<MessageHeader>, IEquatable<MessageHeaders>
{
    private readonly ReadOnlyMemory<byte> _block;

    internal MessageHeaders(ReadOnlyMemory<byte> block) => _block = block;

    /// <summary>Whether the record has no header.</summary>
    public bool IsEmpty => _block.IsEmpty;

    /// <summary>The value of the last header with this name, as Kafka's own clients read it.</summary>
    /// <param name="name">The name, compared byte for byte.</param>
    /// <param name="value">The value; empty when there is none.</param>
    /// <returns>Whether there is such a header with a value.</returns>
    public bool TryGetValue(string name, out ReadOnlyMemory<byte> value)
    {
        Span<byte> utf8 = name.Length <= 64 ? stackalloc byte[192] : new byte[Encoding.UTF8.GetMaxByteCount(name.Length)];
        return TryGetValue(utf8[..Encoding.UTF8.GetBytes(name, utf8)], out value);
    }

    /// <summary>The text of the last header with this name, or <see langword="null"/>. Bytes that are not UTF-8 become U+FFFD.</summary>
    /// <param name="name">The name, compared byte for byte.</param>
    public string? GetString(string name) => TryGetValue(name, out var value) ? Encoding.UTF8.GetString(value.Span) : null;

    internal bool TryGetValue(ReadOnlySpan<byte> utf8Name, out ReadOnlyMemory<byte> value)
    {
        var found = false;
        var known = KnownHeaders.IndexOf(utf8Name);
        value = default;
        var block = _block.Span;
        for (var at = 0; at < block.Length;)
        {
            var header = ReadAt(block, ref at);
            if (header.ValueLength >= 0 && header.Known == known && (known >= 0 || block.Slice(header.NameStart, header.NameLength).SequenceEqual(utf8Name)))
            {
                value = _block.Slice(header.ValueStart, header.ValueLength);
                found = true;
            }
        }

        return found;
    }

    /// <summary>Walks the headers in their order.</summary>
    public Enumerator GetEnumerator() => new(_block);

    IEnumerator<MessageHeader> IEnumerable<MessageHeader>.GetEnumerator() => GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <inheritdoc/>
    public bool Equals(MessageHeaders other) => _block.Span.SequenceEqual(other._block.Span);

    /// <inheritdoc/>
    public override bool Equals([NotNullWhen(true)] object? obj) => obj is MessageHeaders other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = new HashCode();
        hash.AddBytes(_block.Span);
        return hash.ToHashCode();
    }

    /// <summary>Whether two records have the same headers in the same order.</summary>
    public static bool operator ==(MessageHeaders left, MessageHeaders right) => left.Equals(right);

    /// <summary>Whether two records' headers differ.</summary>
    public static bool operator !=(MessageHeaders left, MessageHeaders right) => !left.Equals(right);

    internal static int EncodedLength(ReadOnlySpan<byte> utf8Name, int valueLength) =>
        (KnownHeaders.IndexOf(utf8Name) >= 0 ? 1 : NumberLength(utf8Name.Length << 1) + utf8Name.Length) + NumberLength(valueLength + 1) + Math.Max(0, valueLength);

    /// <summary>Writes one header at the start of <paramref name="destination"/> and returns what it took.</summary>
    internal static int Write(Span<byte> destination, ReadOnlySpan<byte> utf8Name, ReadOnlySpan<byte> value, bool isNull)
    {
        int at;
        if (KnownHeaders.IndexOf(utf8Name) is >= 0 and var known)
        {
            at = WriteNumber(destination, (known << 1) | 1);
        }
        else
        {
            at = WriteNumber(destination, utf8Name.Length << 1);
            utf8Name.CopyTo(destination[at..]);
            at += utf8Name.Length;
        }

        at += WriteNumber(destination[at..], isNull ? 0 : value.Length + 1);
        value.CopyTo(destination[at..]);
        return at + value.Length;
    }

    /// <summary>Reads where a header's parts lie, and goes on to the next.</summary>
    private static Header ReadAt(ReadOnlySpan<byte> block, ref int at)
    {
        var name = ReadNumber(block, ref at);
        var (known, nameStart, nameLength) = (name & 1) != 0 ? (name >> 1, at, 0) : (-1, at, name >> 1);
        at += nameLength;
        var valueLength = ReadNumber(block, ref at) - 1;
        var valueStart = at;
        at += Math.Max(0, valueLength);
        return new Header(known, nameStart, nameLength, valueStart, valueLength);
    }

    private static int NumberLength(int number) => number < 0x80 ? 1 : (BitOperations.Log2((uint)number) / 7) + 1;

    private static int WriteNumber(Span<byte> destination, int number)
    {
        var length = 0;
        for (; number >= 0x80; number >>= 7)
            destination[length++] = (byte)(number | 0x80);

        destination[length++] = (byte)number;
        return length;
    }

    private static int ReadNumber(ReadOnlySpan<byte> block, ref int at)
    {
        var (number, shift, next) = (0, 0, (byte)0);
        do
        {
            next = block[at++];
            number |= (next & 0x7F) << shift;
            shift += 7;
        }
        while (next >= 0x80);

        return number;
    }

    private readonly record struct Header(int Known, int NameStart, int NameLength, int ValueStart, int ValueLength);

    /// <summary>Walks the headers of a record without allocating but for the names that are not the envelope's.</summary>
    public struct Enumerator : IEnumerator<MessageHeader>
    {
        private readonly ReadOnlyMemory<byte> _block;
        private int _at;

        internal Enumerator(ReadOnlyMemory<byte> block) => _block = block;

        /// <inheritdoc/>
        public MessageHeader Current { readonly get; private set; }

        readonly object IEnumerator.Current => Current;

        /// <inheritdoc/>
        public bool MoveNext()
        {
            if (_at >= _block.Length)
                return false;

            var header = ReadAt(_block.Span, ref _at);

            // A plain null would convert to memory that is empty, and so no value to an empty one.
            Current = new MessageHeader(
                header.Known >= 0 ? KnownHeaders.Name(header.Known) : Encoding.UTF8.GetString(_block.Span.Slice(header.NameStart, header.NameLength)),
                header.ValueLength < 0 ? default(ReadOnlyMemory<byte>?) : _block.Slice(header.ValueStart, header.ValueLength));
            return true;
        }

        /// <inheritdoc/>
        public void Reset() => _at = 0;

        /// <inheritdoc/>
        public readonly void Dispose()
        {
        }
    }
}
