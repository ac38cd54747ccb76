using System.Runtime.CompilerServices;
using FsCheck.Xunit;
using Xunit;

namespace CloudSync.Sdk.Tests;

public class HeldIdsTests
{
    [Property(MaxTest = 300)]
    public void It_holds_what_a_dictionary_would(byte[] commands)
    {
        var ids = new HeldIds();
        var model = new Dictionary<IdempotencyKey, (long Token, long Until)>();
        var cursor = 0;
        foreach (var (command, i) in Enumerable.Repeat(commands, 4).SelectMany(c => c).Select((command, i) => (command, i)))
        {
            var key = new IdempotencyKey((ulong)command % 32, 3);
            switch (command / 32)
            {
                case <= 4 when !model.ContainsKey(key):
                    if (ids.IsFull)
                        ids.Grow();

                    ids.Add(key, KeyHash.Of(key), token: i, until: command);
                    model[key] = (i, command);
                    break;
                case <= 5 when model.ContainsKey(key):
                    ids.Remove(key, KeyHash.Of(key));
                    model.Remove(key);
                    break;
                case 6:
                    var (before, all) = (ids.Count, cursor == 0);
                    var removed = ids.RemoveLapsed(ref cursor, slots: command % 16, time: command % 100, max: 3, out var lastUntil);
                    Assert.Equal(before - removed, ids.Count);
                    Assert.InRange(removed, 0, 3);
                    Assert.True(removed == 0 || lastUntil <= command % 100);
                    foreach (var gone in model.Keys.Where(k => !IsThere(k)).ToArray())
                    {
                        Assert.True(model[gone].Until <= command % 100);
                        model.Remove(gone);
                    }

                    break;
                case 7:
                    ids.Trim();
                    break;
            }

            Assert.Equal(model.Count, ids.Count);
            foreach (var (k, claim) in model)
            {
                ref var slot = ref ids.Find(k, KeyHash.Of(k));
                Assert.Equal(claim, (slot.Token, slot.Until));
            }
        }

        bool IsThere(IdempotencyKey key) => !Unsafe.IsNullRef(ref ids.Find(key, KeyHash.Of(key)));
    }

    [Fact]
    public void Looking_through_it_step_by_step_finds_all_that_lapsed()
    {
        var ids = new HeldIds();
        for (var i = 0; i < 1_000; i++)
        {
            if (ids.IsFull)
                ids.Grow();

            var key = new IdempotencyKey((ulong)i, 0);
            ids.Add(key, KeyHash.Of(key), token: 1, until: i % 2);
        }

        int cursor = 0, steps = 0, removed = 0;
        do
        {
            removed += ids.RemoveLapsed(ref cursor, slots: 100, time: 0, max: 100, out _);
            steps++;
        }
        while (cursor > 0);

        Assert.Equal((500, 10), (removed, steps));
    }

    [Fact]
    public void Nothing_takes_no_memory()
    {
        var ids = new HeldIds();
        Assert.Equal(0, ids.Bytes);
        ids.Grow();
        var key = new IdempotencyKey(1, 1);
        ids.Add(key, KeyHash.Of(key), token: 1, until: 1);
        ids.Trim();
        Assert.InRange(ids.Bytes, 8 * 44, 8 * 60);

        ids.Remove(key, KeyHash.Of(key));
        ids.Trim();
        Assert.Equal(0, ids.Bytes);
        Assert.True(Unsafe.IsNullRef(ref ids.Find(key, KeyHash.Of(key))));
    }
}
