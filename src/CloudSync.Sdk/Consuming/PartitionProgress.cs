using System.Numerics;

namespace CloudSync.Sdk;

/// <summary>
/// What of one assigned partition is settled, and how far it may be committed: up to the first message that is outstanding. A bit for each offset,
/// set while the message is outstanding; offsets that were never read (compacted away, transaction markers) have no bit and hold nothing up.
/// </summary>
/// <remarks>
/// One instance serves one assignment: when the partition is revoked it is closed, and a completion that comes later meets a closed instance and
/// changes nothing, even if the partition has meanwhile come back (with a new instance and a higher epoch).
/// </remarks>
internal sealed class PartitionProgress(string topic, int partition, int epoch) : RecordSource(topic, partition)
{
    private readonly Lock _gate = new();
    private readonly LinkedList<Segment> _segments = new();
    private Segment? _spare;
    private long _next = -1;
    private bool _closed;
    private volatile bool _revoked;

    /// <summary>Counts the assignments that this process has seen. A message of an earlier epoch is stale.</summary>
    public int Epoch => epoch;

    /// <summary>Messages taken for delivery and neither settled nor waiting for a retry. Guarded by the lock of <see cref="KeyLanes"/>.</summary>
    public int InFlight { get; set; }

    /// <summary>Set while nobody may take further messages of this partition: it is being given up.</summary>
    public bool IsRevoked => _revoked;

    /// <summary>Whether completions have ceased to count.</summary>
    public bool IsClosed
    {
        get
        {
            lock (_gate)
                return _closed;
        }
    }

    /// <summary>No further message is dispatched; completions of what is in flight still count.</summary>
    public void Revoke() => _revoked = true;

    /// <summary>No completion counts any more.</summary>
    public void Close()
    {
        lock (_gate)
        {
            _revoked = true;
            _closed = true;
        }
    }

    /// <summary>Records were read and are outstanding. Their offsets rise.</summary>
    /// <returns>
    /// How many were taken: fewer than all when an offset lies before one already read. Then the log was truncated or made anew, and these numbers mean
    /// other messages: the caller goes on with a new instance.
    /// </returns>
    public int Track(ReadOnlySpan<RawRecord> records)
    {
        lock (_gate)
        {
            for (var i = 0; i < records.Length; i++)
            {
                if (records[i].Offset < _next)
                    return i;

                SegmentAtEnd(records[i].Offset).Set(records[i].Offset);
                _next = records[i].Offset + 1;
            }

            return records.Length;
        }
    }

    /// <summary>A message is settled: delivered, a duplicate, or dead-lettered.</summary>
    /// <returns>Whether it counted: <see langword="false"/> when the partition has been given up, or the message was settled before.</returns>
    public bool Settle(long offset)
    {
        lock (_gate)
            return SettleUnlocked(offset);
    }

    /// <summary>Settles a run of messages of this partition under one lock.</summary>
    /// <returns>How many counted.</returns>
    public int Settle(ReadOnlySpan<Delivery> run)
    {
        var counted = 0;
        lock (_gate)
        {
            foreach (var delivery in run)
                counted += SettleUnlocked(delivery.Offset) ? 1 : 0;
        }

        return counted;
    }

    /// <summary>The offset to commit: that of the first outstanding message, or the one after the last that was read; -1 before the first.</summary>
    public long CommitOffset
    {
        get
        {
            lock (_gate)
                return CommitOffsetUnlocked();
        }
    }

    /// <summary>How far the partition was read past its first outstanding message, in offsets: what a crash would read again.</summary>
    public long Distance
    {
        get
        {
            lock (_gate)
                return _next < 0 ? 0 : _next - CommitOffsetUnlocked();
        }
    }

    private bool SettleUnlocked(long offset)
    {
        if (_closed)
            return false;

        // Segments with nothing outstanding are gone, so the walk is as short as what is held, however far one stuck message lies behind.
        for (var node = _segments.First; node is not null && node.Value.Base <= offset; node = node.Next)
        {
            if (offset >= node.Value.Base + Segment.Length)
                continue;

            var cleared = node.Value.Clear(offset);
            if (node.Value.Outstanding == 0 && node.Next is not null)
            {
                _segments.Remove(node);
                _spare = node.Value;
            }

            return cleared;
        }

        return false;
    }

    private long CommitOffsetUnlocked() =>
        _segments.First is { Value.Outstanding: > 0 } first ? first.Value.FirstOutstanding : _next;

    private Segment SegmentAtEnd(long offset)
    {
        var start = offset & ~(Segment.Length - 1L);
        if (_segments.Last is { } last && last.Value.Base == start)
            return last.Value;

        if (_segments.Last is { Value.Outstanding: 0 } empty)
        {
            _segments.RemoveLast();
            _spare = empty.Value;
        }

        var segment = _spare ?? new Segment();
        _spare = null;
        segment.Base = start;
        _segments.AddLast(segment);
        return segment;
    }

    /// <summary>The bits of 4,096 offsets, 512 bytes.</summary>
    private sealed class Segment
    {
        public const int Length = 4096;

        private readonly ulong[] _bits = new ulong[Length / 64];

        public long Base { get; set; }

        public int Outstanding { get; private set; }

        public long FirstOutstanding
        {
            get
            {
                var word = 0;
                while (_bits[word] == 0)
                    word++;

                return Base + (word * 64) + BitOperations.TrailingZeroCount(_bits[word]);
            }
        }

        public void Set(long offset)
        {
            _bits[(offset - Base) >> 6] |= 1UL << (int)(offset & 63);
            Outstanding++;
        }

        public bool Clear(long offset)
        {
            ref var word = ref _bits[(offset - Base) >> 6];
            var bit = 1UL << (int)(offset & 63);
            if ((word & bit) == 0)
                return false;

            word &= ~bit;
            Outstanding--;
            return true;
        }
    }
}
