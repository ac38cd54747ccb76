using FsCheck;
using FsCheck.Xunit;
using Xunit;

namespace CloudSync.Sdk.Tests;

public class CallSizeTests
{
    [Fact]
    public void As_long_as_nothing_is_known_it_is_one() => Assert.Equal(1, default(CallSize).For(long.MaxValue));

    /// <summary>Whatever came before, records that are no larger than those fit into the room, or it is one alone.</summary>
    [Property]
    public void Records_no_larger_than_the_last_ones_fit(PositiveInt[] before, PositiveInt last, PositiveInt room)
    {
        var size = Of([.. before.Select(b => (long)b.Get), last.Get]);

        Assert.True(size.For(room.Get) == 1 || (long)size.For(room.Get) * last.Get <= room.Get);
        Assert.InRange(size.For(room.Get), 1, CallSize.Most);
    }

    [Property]
    public void More_room_is_never_fewer_records(PositiveInt[] before, PositiveInt room, PositiveInt more)
    {
        var size = Of([.. before.Select(b => (long)b.Get)]);
        Assert.True(size.For(room.Get) <= size.For((long)room.Get + more.Get));
    }

    [Fact]
    public void A_large_record_is_forgotten_after_some_calls()
    {
        var size = Of([1_000_000]);
        Assert.Equal(2, size.For(2_000_000));
        var calls = 0;
        for (; size.For(2_000_000) < CallSize.Most; calls++)
            size.Seen(500);

        Assert.InRange(calls, 5, 20);
    }

    [Fact]
    public void No_room_is_one_record_and_empty_records_are_many()
    {
        Assert.Equal(1, Of([100]).For(0));
        Assert.Equal(1, Of([100]).For(-5));
        Assert.Equal(CallSize.Most, Of([0]).For(1_000));
    }

    private static CallSize Of(long[] seen)
    {
        var size = default(CallSize);
        foreach (var largest in seen)
            size.Seen(largest);

        return size;
    }
}
