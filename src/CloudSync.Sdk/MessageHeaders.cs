using System.Buffers.Binary;
using System.Collections;
using System.Diagnostics.CodeAnalysis;
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
/// Encoding of the block (internal, never on the wire): for each header a 32-bit length of the name, the name in UTF-8, a 32-bit length of the
/// value (-1 for none), the value.
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
        value = default;
        var block = _block.Span;
        for (var at = 0; at < block.Length;)
        {
            var next = ReadAt(block, at, out var nameStart, out var nameLength, out var valueStart, out var valueLength);
            if (valueLength >= 0 && block.Slice(nameStart, nameLength).SequenceEqual(utf8Name))
            {
                value = _block.Slice(valueStart, valueLength);
                found = true;
            }

            at = next;
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

    internal static int EncodedLength(int nameLength, int valueLength) => 8 + nameLength + Math.Max(0, valueLength);

    /// <summary>Writes one header at the start of <paramref name="destination"/> and returns what it took.</summary>
    internal static int Write(Span<byte> destination, ReadOnlySpan<byte> utf8Name, ReadOnlySpan<byte> value, bool isNull)
    {
        BinaryPrimitives.WriteInt32LittleEndian(destination, utf8Name.Length);
        utf8Name.CopyTo(destination[4..]);
        var at = 4 + utf8Name.Length;
        BinaryPrimitives.WriteInt32LittleEndian(destination[at..], isNull ? -1 : value.Length);
        value.CopyTo(destination[(at + 4)..]);
        return at + 4 + value.Length;
    }

    private static int ReadAt(
        ReadOnlySpan<byte> block, int at, out int nameStart, out int nameLength, out int valueStart, out int valueLength)
    {
        nameLength = BinaryPrimitives.ReadInt32LittleEndian(block[at..]);
        nameStart = at + 4;
        valueLength = BinaryPrimitives.ReadInt32LittleEndian(block[(nameStart + nameLength)..]);
        valueStart = nameStart + nameLength + 4;
        return valueStart + Math.Max(0, valueLength);
    }

    /// <summary>Walks the headers of a record without allocating but for each name.</summary>
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

            var next = ReadAt(_block.Span, _at, out var nameStart, out var nameLength, out var valueStart, out var valueLength);

            // A plain null would convert to memory that is empty, and so no value to an empty one.
            Current = new MessageHeader(
                Encoding.UTF8.GetString(_block.Span.Slice(nameStart, nameLength)),
                valueLength < 0 ? default(ReadOnlyMemory<byte>?) : _block.Slice(valueStart, valueLength));
            _at = next;
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
