using FsCheck.Xunit;
using Xunit;

namespace CloudSync.Sdk.Tests;

public class CompletedIdsTests
{
    private const int MaxCount = 64;
    private static readonly long Retention = TimeSpan.FromSeconds(60).Ticks;
    private static readonly long Second = TimeSpan.FromSeconds(1).Ticks;

    private static readonly IdempotencyKey[] Spread = [.. Keys().Take(32)];

    /// <summary>Whatever the number of buckets, these are all in one.</summary>
    private static readonly IdempotencyKey[] Alike = [.. Keys().Where(key => (KeyHash.Of(key) & (MaxCount - 1)) == 7).Take(32)];

    [Property(MaxTest = 500)]
    public void It_holds_what_a_queue_and_a_dictionary_would(byte[] commands, bool alike, bool wrapsAround)
    {
        var keys = alike ? Alike : Spread;
        var ids = new CompletedIds(Retention, MaxCount, start: wrapsAround ? uint.MaxValue - 40 : 0);
        var model = new Model();
        var now = 0L;

        // Over and over, so that there are some chunks of them, and the positions come around.
        foreach (var command in Enumerable.Repeat(commands, 6).SelectMany(c => c))
        {
            var key = keys[command % keys.Length];
            switch (command / keys.Length)
            {
                case <= 3:
                    if (!model.Contains(key, now))
                    {
                        ids.Add(key, KeyHash.Of(key), now);
                        model.Add(key, now);
                    }

                    break;
                case 4 or 5:
                    now += command % keys.Length * Second;
                    Assert.Equal(model.DropExpired(now, max: 3), ids.DropExpired(now, max: 3));
                    break;
                case 6:
                    for (var i = command % keys.Length; i > 0 && ids.Count > 0; i--)
                        Assert.Equal(model.DropOldest(), ids.DropOldest());

                    break;
                default:
                    ids.Trim();
                    break;
            }

            Assert.Equal(model.Count, ids.Count);
            foreach (var any in keys)
                Assert.Equal(model.Contains(any, now), ids.Contains(any, KeyHash.Of(any), now));
        }
    }

    [Property(MaxTest = 200)]
    public void It_says_beforehand_by_how_much_it_grows(byte[] commands)
    {
        var ids = new CompletedIds(Retention, MaxCount);
        foreach (var (command, i) in commands.Select((command, i) => (command, i)))
        {
            if (command < 32)
                ids.Trim();
            else if (command < 96 && ids.Count > 0)
                ids.DropOldest();

            var (before, growth) = (ids.Bytes, ids.Growth);
            var key = new IdempotencyKey((ulong)i, 1);
            ids.Add(key, KeyHash.Of(key), now: 0);

            // But for the headers of arrays that were not there at all.
            Assert.InRange(ids.Bytes - before - growth, 0, before == 0 ? 48 : 0);
        }
    }

    [Fact]
    public void Ten_thousand_ids_with_the_same_end_are_found_and_forgotten_like_any_others()
    {
        // Not the same bucket, which nobody can choose: but what a plain remainder would put into one.
        var ids = new CompletedIds(Retention, 10_000);
        var keys = Enumerable.Range(0, 10_000).Select(i => new IdempotencyKey((ulong)i << 40, 0)).ToArray();
        foreach (var key in keys)
            ids.Add(key, KeyHash.Of(key), now: 0);

        Assert.All(keys, key => Assert.True(ids.Contains(key, KeyHash.Of(key), now: 0)));
        var buckets = keys.GroupBy(key => KeyHash.Of(key) & 0x3FFF).Max(bucket => bucket.Count());
        Assert.InRange(buckets, 1, 20);
    }

    [Fact]
    public void An_id_of_an_earlier_call_that_got_the_lock_later_is_remembered_long_enough()
    {
        var ids = new CompletedIds(Retention, MaxCount);
        ids.Add(Spread[0], KeyHash.Of(Spread[0]), now: 2 * Second);
        ids.Add(Spread[1], KeyHash.Of(Spread[1]), now: 1 * Second);

        Assert.True(ids.Contains(Spread[1], KeyHash.Of(Spread[1]), now: (61 * Second) - 1));
        Assert.False(ids.Contains(Spread[1], KeyHash.Of(Spread[1]), now: 61 * Second));
        Assert.False(ids.DropExpired((62 * Second) - 1, max: 10));
        Assert.Equal(2, ids.Count);
        Assert.False(ids.DropExpired(62 * Second, max: 10));
        Assert.Equal(0, ids.Count);
    }

    [Fact]
    public void A_part_of_a_millisecond_is_in_favour_of_the_id()
    {
        var ids = new CompletedIds(Retention, MaxCount);
        ids.Add(Spread[0], KeyHash.Of(Spread[0]), now: 1);

        Assert.True(ids.Contains(Spread[0], KeyHash.Of(Spread[0]), now: Retention));
        Assert.False(ids.Contains(Spread[0], KeyHash.Of(Spread[0]), now: Retention + TimeSpan.TicksPerMillisecond));
    }

    [Fact]
    public void A_hundred_years_are_no_matter()
    {
        var year = TimeSpan.FromDays(365).Ticks;
        var ids = new CompletedIds(year, MaxCount);
        for (var at = 0; at < 100; at++)
        {
            var key = Spread[at % Spread.Length];
            Assert.False(ids.Contains(key, KeyHash.Of(key), at * year));
            ids.Add(key, KeyHash.Of(key), at * year);
            Assert.True(ids.Contains(key, KeyHash.Of(key), ((at + 1) * year) - TimeSpan.TicksPerMillisecond));
            Assert.False(ids.DropExpired((at + 1) * year, max: 1));
            Assert.Equal(0, ids.Count);
        }
    }

    [Fact]
    public void What_is_left_of_many_takes_no_more_memory_than_if_they_had_never_been()
    {
        var ids = new CompletedIds(Retention, 100_000);
        for (var i = 0; i < 50_000; i++)
            ids.Add(new IdempotencyKey((ulong)i, 0), KeyHash.Of(new IdempotencyKey((ulong)i, 0)), now: i * Second / 1_000);

        Assert.InRange(ids.Bytes, 50_000 * 24, 50_000 * 40);
        Assert.True(ids.DropExpired(Retention + (10 * Second), max: 1_000));
        while (ids.DropExpired(Retention + (40 * Second), max: 1_000))
        {
        }

        ids.Trim();
        Assert.Equal(9_999, ids.Count);
        Assert.InRange(ids.Bytes, 9_999 * 24, 9_999 * 40);

        ids.DropExpired(Retention * 2, max: 10_000);
        ids.Trim();
        Assert.Equal((0, 0), (ids.Count, ids.Bytes));
    }

    private static IEnumerable<IdempotencyKey> Keys() => Enumerable.Range(1, int.MaxValue - 1).Select(i => new IdempotencyKey((ulong)i, 0));

    private sealed class Model
    {
        private readonly Queue<(IdempotencyKey Key, long Time)> _queue = new();
        private readonly Dictionary<IdempotencyKey, long> _times = [];

        public int Count => _queue.Count;

        public bool Contains(IdempotencyKey key, long now) => _times.TryGetValue(key, out var time) && now - time < Retention;

        public void Add(IdempotencyKey key, long now)
        {
            _queue.Enqueue((key, now));
            _times[key] = now;
        }

        public bool DropExpired(long now, int max)
        {
            while (_queue.TryPeek(out var oldest) && now - oldest.Time >= Retention)
            {
                if (max-- == 0)
                    return true;

                DropOldest();
            }

            return false;
        }

        public long DropOldest()
        {
            // It may have been completed again after it expired: then the younger is still there.
            var (key, time) = _queue.Dequeue();
            if (_times[key] == time && _queue.All(other => other.Key != key))
                _times.Remove(key);

            return time;
        }
    }
}
