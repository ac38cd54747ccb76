using System.Numerics;

namespace CloudSync.Sdk;

/// <summary>Offsets of one partition, a bit each, in segments that exist where there is a bit: what is remembered of a million letters is 125 KB.</summary>
internal sealed class OffsetSet
{
    private const int SegmentLength = 4096;

    private readonly Dictionary<long, ulong[]> _segments = [];

    public bool IsEmpty => _segments.Count == 0;

    /// <summary>The lowest; there must be one.</summary>
    public long First
    {
        get
        {
            var (start, words) = _segments.MinBy(s => s.Key);
            var word = Array.FindIndex(words, w => w != 0);
            return (start * SegmentLength) + (word * 64) + BitOperations.TrailingZeroCount(words[word]);
        }
    }

    /// <summary>The highest; there must be one.</summary>
    public long Last
    {
        get
        {
            var (start, words) = _segments.MaxBy(s => s.Key);
            var word = Array.FindLastIndex(words, w => w != 0);
            return (start * SegmentLength) + (word * 64) + 63 - BitOperations.LeadingZeroCount(words[word]);
        }
    }

    public void Add(long offset) => Segment(offset)[WordOf(offset)] |= 1UL << (int)(offset & 63);

    /// <summary>Adds all offsets of a range, both ends included.</summary>
    public void Add(long first, long last)
    {
        for (var offset = first; offset <= last;)
        {
            var words = Segment(offset);
            var end = Math.Min(last, offset | (SegmentLength - 1));
            for (; offset <= end; offset++)
                words[WordOf(offset)] |= 1UL << (int)(offset & 63);
        }
    }

    public bool Contains(long offset) =>
        _segments.TryGetValue(offset / SegmentLength, out var words) && (words[WordOf(offset)] & (1UL << (int)(offset & 63))) != 0;

    /// <summary>How many there are that the other does not have.</summary>
    public long CountWithout(OffsetSet other)
    {
        long count = 0;
        foreach (var (start, words) in _segments)
        {
            var others = other._segments.GetValueOrDefault(start);
            for (var i = 0; i < words.Length; i++)
                count += BitOperations.PopCount(others is null ? words[i] : words[i] & ~others[i]);
        }

        return count;
    }

    private static int WordOf(long offset) => (int)(offset % SegmentLength) >> 6;

    private ulong[] Segment(long offset)
    {
        var start = offset / SegmentLength;
        if (!_segments.TryGetValue(start, out var words))
            _segments[start] = words = new ulong[SegmentLength / 64];

        return words;
    }
}
