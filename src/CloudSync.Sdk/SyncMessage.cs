using System.Globalization;
using System.Text;

namespace CloudSync.Sdk;

/// <summary>
/// One message on its way to a cloud: a Kafka record, and the CloudEvents envelope in its headers, or around its payload (both content modes are read, and look the same from here). A sink may keep it as long as it likes: its bytes
/// are its own and are never reused.
/// </summary>
public class SyncMessage
{
    private readonly byte[] _buffer;
    private readonly int _start;
    private readonly int _keyLength;
    private readonly int _valueLength;
    private readonly int _headersLength;
    private readonly long _timestampMs;

    /// <summary>
    /// What was found out: the id as text, or, of a structured record, the event; <see langword="null"/> or <see cref="StructuredEvent.Unread"/> before anybody has looked. One field, because every
    /// message has it.
    /// </summary>
    private object? _found;

    private protected SyncMessage(RecordSource source, in RawRecord record)
    {
        RecordSource = source;
        Offset = record.Offset;
        _buffer = record.Buffer;
        _start = record.Start;
        _keyLength = record.KeyLength;
        _valueLength = record.ValueLength;
        _headersLength = record.HeadersLength;
        _timestampMs = record.TimestampMs;
        _found = record.IsStructured ? StructuredEvent.Unread : null;
    }

    /// <summary>
    /// The message id, by which duplicates are recognised and which an endpoint gets as <c>Idempotency-Key</c>: the header <c>ce_id</c>, or
    /// <c>{topic}-{partition}-{offset}</c> for a record without one. Bytes that are not UTF-8 become U+FFFD.
    /// </summary>
    public string Id
    {
        get
        {
            if (_found is string found)
                return found;

            var id = TryGetIdBytes(out var bytes) ? Encoding.UTF8.GetString(bytes) : string.Create(CultureInfo.InvariantCulture, $"{Topic}-{Partition}-{Offset}");
            if (_found is null)
                _found = id;

            return id;
        }
    }

    /// <summary>The topic that the record was read from.</summary>
    public string Topic => RecordSource.Topic;

    /// <summary>The partition that the record was read from.</summary>
    public int Partition => RecordSource.Partition;

    /// <summary>The record's offset in its partition.</summary>
    public long Offset { get; }

    /// <summary>
    /// The record's time: when it was created, or appended where the topic says so. UTC, to the millisecond. Kafka takes any number from a producer; one that
    /// is beyond the calendar is its end.
    /// </summary>
    public DateTimeOffset Timestamp => DateTimeOffset.FromUnixTimeMilliseconds(
        Math.Clamp(_timestampMs, DateTimeOffset.MinValue.ToUnixTimeMilliseconds(), DateTimeOffset.MaxValue.ToUnixTimeMilliseconds()));

    // A plain null would convert to memory that is empty, and so no key to an empty one.
    /// <summary>The record's key, or <see langword="null"/>. Messages with one key are delivered in the order of their offsets.</summary>
    public ReadOnlyMemory<byte>? Key => _keyLength < 0 ? default(ReadOnlyMemory<byte>?) : _buffer.AsMemory(_start, _keyLength);

    /// <summary>The payload, untouched; empty when the record has none.</summary>
    public ReadOnlyMemory<byte> Value => Event?.Value ?? RecordValue;

    /// <summary>Whether the record's value is null, which a compacted topic reads as 'delete this key'.</summary>
    public bool IsTombstone => _valueLength < 0;

    /// <summary>All headers of the record, ours and others'. The attributes of a structured CloudEvent are among them as the binary mode writes them.</summary>
    public MessageHeaders Headers => Event?.Headers ?? RecordHeaders;

    /// <summary>CloudEvents <c>source</c>: who produced the message; <see langword="null"/> when the record does not say.</summary>
    public string? Source => Headers.GetString(CloudEvents.Source);

    /// <summary>CloudEvents <c>type</c>: what kind of event this is; <see langword="null"/> when the record does not say.</summary>
    public string? Type => Headers.GetString(CloudEvents.Type);

    /// <summary>CloudEvents <c>time</c>: when the event happened; <see langword="null"/> when the record does not say, or says it unreadably.</summary>
    public DateTimeOffset? Time =>
        DateTimeOffset.TryParse(
            Headers.GetString(CloudEvents.Time), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time) ? time : null;

    /// <summary>The media type of the payload; <see langword="null"/> when the record does not say.</summary>
    public string? ContentType => Headers.GetString(CloudEvents.ContentType);

    /// <summary>What the message belongs to; <see langword="null"/> when the record does not say.</summary>
    public string? CorrelationId => Headers.GetString(CloudEvents.CorrelationId);

    /// <summary>Makes a message that was never in Kafka: for the tests of a sink or a classifier.</summary>
    /// <param name="value">The payload; <see langword="null"/> makes a tombstone.</param>
    /// <param name="key">The key, as UTF-8; <see langword="null"/> for none.</param>
    /// <param name="id">The message id (header <c>ce_id</c>); <see langword="null"/> for none.</param>
    /// <param name="headers">Further headers, in their order.</param>
    /// <param name="topic">The topic.</param>
    /// <param name="partition">The partition.</param>
    /// <param name="offset">The offset.</param>
    /// <param name="timestamp">The record's time; the Unix epoch when it is not given.</param>
    public static SyncMessage Create(
        ReadOnlyMemory<byte>? value,
        string? key = null,
        string? id = null,
        IEnumerable<MessageHeader>? headers = null,
        string topic = "data-topic",
        int partition = 0,
        long offset = 0,
        DateTimeOffset timestamp = default)
    {
        var all = headers ?? [];
        if (id is not null)
            all = all.Prepend(new MessageHeader(CloudEvents.Id, Encoding.UTF8.GetBytes(id)));

        return new SyncMessage(new RecordSource(topic, partition), RawRecord.Create(
            key is null ? default(ReadOnlyMemory<byte>?) : Encoding.UTF8.GetBytes(key),
            value,
            all,
            partition,
            offset,
            timestamp == default ? 0 : timestamp.ToUnixTimeMilliseconds()));
    }

    /// <summary>Where the record stands, and never what it holds: a log may show this.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Topic} [{Partition}] @{Offset}");

    /// <summary>The record's value as it stands in Kafka, whatever its content mode: what a dead letter keeps.</summary>
    internal ReadOnlyMemory<byte> RecordValue => _buffer.AsMemory(_start + Math.Max(0, _keyLength), Math.Max(0, _valueLength));

    /// <summary>The record's headers as they stand in Kafka.</summary>
    internal MessageHeaders RecordHeaders => new(_buffer.AsMemory(_start + Math.Max(0, _keyLength) + Math.Max(0, _valueLength), _headersLength));

    /// <summary>Read when somebody looks, and not by the thread that polls. Two who look at the same time both read it, and find the same.</summary>
    private StructuredEvent? Event
    {
        get
        {
            var found = _found as StructuredEvent;
            if (found == StructuredEvent.Unread)
                _found = found = StructuredEvent.Read(RecordValue, RecordHeaders);

            return found;
        }
    }

    /// <summary>Where it comes from; of a message that is being delivered, the partition's progress.</summary>
    private protected RecordSource RecordSource { get; }

    /// <summary>Whether the payload can stand as JSON within an event.</summary>
    internal bool IsValueJson => Event?.IsValueJson ?? JsonPayload.IsJson(RecordValue.Span);

    internal ReadOnlySpan<byte> KeySpan => _buffer.AsSpan(_start, Math.Max(0, _keyLength));

    internal bool HasKey => _keyLength >= 0;

    internal long TimestampMs => _timestampMs;

    internal int Size => Math.Max(0, _keyLength) + Math.Max(0, _valueLength) + _headersLength;

    /// <summary>The bytes of <c>ce_id</c>. An empty id would make every such record a duplicate of the first, so it counts as none.</summary>
    internal bool TryGetIdBytes(out ReadOnlySpan<byte> id)
    {
        var found = Headers.TryGetValue("ce_id"u8, out var bytes);
        id = bytes.Span;
        return found && !id.IsEmpty;
    }
}

/// <summary>A partition of a topic. Its messages share it: a topic and a number in each would be an eighth of what a message takes beside its bytes.</summary>
internal class RecordSource(string topic, int partition)
{
    /// <summary>The topic.</summary>
    public string Topic => topic;

    /// <summary>The partition.</summary>
    public int Partition => partition;
}
