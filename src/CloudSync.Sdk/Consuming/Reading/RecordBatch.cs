using System.Text;
using Confluent.Kafka;

namespace CloudSync.Sdk;

/// <summary>
/// Records as they are read, and the writer of their bytes. Key, value and headers of a record are copied once, behind those of the record before, into
/// a buffer that is never used again: a sink that keeps a message keeps 16 KiB at most beside it, and never sees another message's bytes.
/// </summary>
/// <param name="capacity">Records at most.</param>
/// <param name="group">The consumer's group: it knows by it the records that were redriven for another one.</param>
internal sealed class RecordBatch(int capacity, string group = "") : IDeserializer<int>
{
    /// <summary>
    /// Far below the large-object threshold of 85,000 bytes, and small: one message that is held for long keeps its whole buffer alive.
    /// </summary>
    public const int BufferSize = 16 * 1024;

    private static ReadOnlySpan<byte> GroupHeader => "cloudsync-redrive-group"u8;

    private const int ShortName = 256;

    private readonly RawRecord[] _records = new RawRecord[capacity];
    private readonly List<Error> _errors = [];
    private readonly byte[] _group = Encoding.UTF8.GetBytes(group);
    private byte[] _buffer = [];
    private int _start;
    private int _end;
    private int _keyLength;
    private int _valueLength;
    private int _headersLength;
    private bool _isForAnotherGroup;
    private bool _isStructured;

    public int Capacity => capacity;

    public int Count { get; private set; }

    /// <summary>Bytes of keys, values and headers that were read since the last <see cref="Clear"/>.</summary>
    public long Bytes { get; private set; }

    public ReadOnlySpan<RawRecord> Records => _records.AsSpan(0, Count);

    /// <summary>What the client reported in place of records, in its order.</summary>
    public IReadOnlyList<Error> Errors => _errors;

    public void Clear()
    {
        Array.Clear(_records, 0, Count);
        Count = 0;
        Bytes = 0;
        _errors.Clear();
    }

    /// <summary>The client reported an error in place of a record.</summary>
    public void Fail(Error error) => _errors.Add(error);

    /// <summary>Starts a record: its key.</summary>
    /// <param name="key">The key.</param>
    /// <param name="isNull">Whether it has none.</param>
    /// <param name="following">Bytes that come behind it, where they are known: a record that is larger than a buffer would else begin in one that it leaves at once.</param>
    public void BeginRecord(ReadOnlySpan<byte> key, bool isNull, int following = 0)
    {
        _start = _end;
        _keyLength = isNull ? -1 : key.Length;
        Append(key, key.Length + following);
    }

    /// <summary>Goes on with the record's value. The size of the headers is known here, so a large record moves at most its key.</summary>
    public void AddValue(ReadOnlySpan<byte> value, bool isNull, int headersLength)
    {
        _valueLength = isNull ? -1 : value.Length;
        _headersLength = headersLength;
        _isForAnotherGroup = false;
        _isStructured = false;
        Append(value, value.Length + headersLength);
    }

    /// <summary>Goes on with one of the record's headers.</summary>
    public void AddHeader(ReadOnlySpan<byte> utf8Name, ReadOnlySpan<byte> value, bool isNull)
    {
        _end += MessageHeaders.Write(_buffer.AsSpan(_end), utf8Name, value, isNull);

        // Compares the lengths before anything else, so it costs next to nothing for all other headers. The last one counts, as everywhere, and one without a value,
        // or with an empty one, names nobody.
        if (utf8Name.SequenceEqual(GroupHeader) && !value.IsEmpty)
            _isForAnotherGroup = !value.SequenceEqual(_group);
        NoteContentType(utf8Name, value, isNull);
    }

    /// <summary>The value and all the headers, as the client's own objects hold them.</summary>
    public void AddBody(ReadOnlySpan<byte> value, bool isNull, Headers? headers)
    {
        Span<byte> shortName = stackalloc byte[ShortName];
        var length = 0;
        var count = headers?.Count ?? 0;
        for (var i = 0; i < count; i++)
            length += MessageHeaders.EncodedLength(Utf8(headers![i].Key, shortName), headers[i].GetValueBytes()?.Length ?? -1);

        AddValue(value, isNull, length);
        for (var i = 0; i < count; i++)
        {
            var headerValue = headers![i].GetValueBytes();
            AddHeader(Utf8(headers[i].Key, shortName), headerValue, headerValue is null);
        }
    }

    /// <summary>Looks at one header: a comparison of lengths for nearly all. The last one counts, as everywhere.</summary>
    private void NoteContentType(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, bool isNull)
    {
        if (!isNull && name.SequenceEqual("content-type"u8))
            _isStructured = StructuredEvent.IsContentType(value);
    }

    /// <summary>Ends the record: its place.</summary>
    public void EndRecord(int partition, long offset, long timestampMs)
    {
        _records[Count++] = new RawRecord(_buffer, _start, _keyLength, _valueLength, _headersLength, partition, offset, timestampMs, _isForAnotherGroup, _isStructured && _valueLength >= 0);
        Bytes += _end - _start;
    }

    /// <summary>Takes a partition's records out again: it was revoked while the batch was being read, and its next owner will read them.</summary>
    public void Remove(int partition)
    {
        var kept = 0;
        for (var i = 0; i < Count; i++)
        {
            if (_records[i].Partition != partition)
                _records[kept++] = _records[i];
        }

        Array.Clear(_records, kept, Count - kept);
        Count = kept;
    }

    /// <summary>
    /// The client hands its native memory to its deserialisers before anybody has copied it, so this is where the one copy is made. The value
    /// returned says nothing.
    /// </summary>
    int IDeserializer<int>.Deserialize(ReadOnlySpan<byte> data, bool isNull, SerializationContext context)
    {
        if (context.Component == MessageComponentType.Key)
            BeginRecord(data, isNull);
        else
            AddBody(data, isNull, context.Headers);

        return 0;
    }

    private static ReadOnlySpan<byte> Utf8(string name, Span<byte> buffer) =>
        Encoding.UTF8.TryGetBytes(name, buffer, out var written) ? buffer[..written] : Encoding.UTF8.GetBytes(name);

    private void Append(ReadOnlySpan<byte> bytes, int room)
    {
        if (_end + room > _buffer.Length)
        {
            var begun = _buffer.AsSpan(_start, _end - _start);
            var fresh = GC.AllocateUninitializedArray<byte>(Math.Max(BufferSize, begun.Length + room));
            begun.CopyTo(fresh);
            _buffer = fresh;
            _start = 0;
            _end = begun.Length;
        }

        bytes.CopyTo(_buffer.AsSpan(_end));
        _end += bytes.Length;
    }
}
