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

    /// <summary>Adds all offsets of a range, both ends included, whole words at once.</summary>
    public void Add(long first, long last)
    {
        for (var left = last - first; left >= 0;)
        {
            var words = Segment(first);
            var end = first + Math.Min(left, SegmentLength - 1 - (first % SegmentLength));
            var (from, to) = (WordOf(first), WordOf(end));
            var (head, tail) = (ulong.MaxValue << (int)(first & 63), ulong.MaxValue >> (63 - (int)(end & 63)));
            if (from == to)
            {
                words[from] |= head & tail;
            }
            else
            {
                words[from] |= head;
                words.AsSpan(from + 1, to - from - 1).Fill(ulong.MaxValue);
                words[to] |= tail;
            }

            left -= end - first + 1;
            first = end + 1;
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
