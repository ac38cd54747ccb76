using FsCheck;
using FsCheck.Xunit;
using Xunit;

namespace CloudSync.Sdk.Tests;

public class OffsetRangesTests
{
    [Property]
    public void What_is_written_is_read_and_nothing_else(NonNegativeInt[] steps, bool shuffled)
    {
        var offsets = Offsets(steps);
        var written = OffsetRanges.Format(shuffled ? [.. offsets.Reverse(), .. offsets] : offsets);

        Assert.Equal(offsets.Length > 0, OffsetRanges.TryParse(written, out var ranges));
        if (offsets.Length == 0)
            return;

        Assert.Equal(offsets, ranges.SelectMany(r => Enumerable.Range(0, (int)(r.Last - r.First + 1)).Select(i => r.First + i)));

        // As short as it can be: no two ranges touch.
        Assert.All(ranges.Zip(ranges.Skip(1)), pair => Assert.True(pair.First.Last + 1 < pair.Second.First));
    }

    [Property]
    public void A_set_holds_what_was_added_by_range_or_one_by_one(NonNegativeInt[] steps, NonNegativeInt[] others)
    {
        var (offsets, more) = (Offsets(steps), Offsets(others));
        var (set, other) = (new OffsetSet(), new OffsetSet());
        if (OffsetRanges.TryParse(OffsetRanges.Format(offsets), out var ranges))
        {
            foreach (var (first, last) in ranges)
                set.Add(first, last);
        }

        foreach (var offset in more)
            other.Add(offset);

        Assert.Equal(offsets.Length == 0, set.IsEmpty);
        Assert.Equal(offsets.Except(more).Count(), set.CountWithout(other));
        Assert.All(offsets, offset => Assert.True(set.Contains(offset)));
        Assert.All(more.Except(offsets), offset => Assert.False(set.Contains(offset)));
        if (offsets.Length > 0)
            Assert.Equal((offsets[0], offsets[^1]), (set.First, set.Last));
    }

    [Fact]
    public void A_range_across_many_segments_is_whole()
    {
        var set = new OffsetSet();
        set.Add(4_095, 1_000_000);
        set.Add(5, 4);

        Assert.Equal(1_000_000 - 4_094, set.CountWithout(new OffsetSet()));
        Assert.Equal((4_095, 1_000_000), (set.First, set.Last));
        Assert.False(set.Contains(4_094));
        Assert.False(set.Contains(1_000_001));
    }

    [Property]
    public void Words_that_are_set_whole_hold_the_range_and_not_an_offset_more(NonNegativeInt start, NonNegativeInt length)
    {
        var (first, last) = (start.Get % 10_000L, (start.Get % 10_000L) + (length.Get % 9_000));
        var set = new OffsetSet();
        set.Add(first, last);

        Assert.Equal(last - first + 1, set.CountWithout(new OffsetSet()));
        Assert.Equal((first, last), (set.First, set.Last));
    }

    [Fact]
    public void A_range_to_the_last_offset_there_is_ends()
    {
        var set = new OffsetSet();
        set.Add(long.MaxValue - 70, long.MaxValue);

        Assert.Equal(71, set.CountWithout(new OffsetSet()));
    }

    [Theory]
    [InlineData("5-120,130")]
    [InlineData("0,2,4-5")]
    [InlineData("0")]
    [InlineData("9223372036854775807")]
    public void A_marker_that_is_right_is_read(string text) => Assert.True(OffsetRanges.TryParse(text, out _));

    [Theory]
    [InlineData("")]
    [InlineData(",")]
    [InlineData("5-")]
    [InlineData("-5")]
    [InlineData("7-5")]
    [InlineData("5 - 7")]
    [InlineData("5,x")]
    [InlineData("9223372036854775808")]
    [InlineData("0-5,0-5")]
    [InlineData("5,3")]
    [InlineData("0-9,4-12")]
    [InlineData("0-9,9")]
    [InlineData("0-9,10")]
    [InlineData("0-9223372036854775807,0")]
    public void A_marker_that_is_wrong_is_refused_whole(string text) => Assert.False(OffsetRanges.TryParse(text, out _));

    /// <summary>Ascending offsets: a step of 0 is a neighbour, others leave a gap, now and then a large one.</summary>
    private static long[] Offsets(NonNegativeInt[] steps)
    {
        var offset = 0L;
        return [.. steps.Select(step => offset += step.Get % 7 == 6 ? 5_000 + step.Get : 1 + (step.Get % 3))];
    }
}
