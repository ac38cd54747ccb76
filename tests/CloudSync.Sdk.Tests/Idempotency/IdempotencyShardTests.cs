using Xunit;

namespace CloudSync.Sdk.Tests;

/// <summary>What is done under one lock, and what goes when there is no room.</summary>
public class IdempotencyShardTests
{
    private static readonly long Second = TimeSpan.FromSeconds(1).Ticks;
    private static readonly long Lease = 30 * Second;
    private static readonly long Retention = 60 * Second;

    private long _shortage;

    [Fact]
    public void A_clean_up_goes_by_steps()
    {
        var shard = Shard(maxEntries: 10_000);
        Deliver(shard, 0, 5_000, now: 0);
        for (var i = 5_000; i < 8_000; i++)
            Claim(shard, i, now: 0);

        var (steps, left) = (1, shard.Entries);
        while (shard.CleanUp(Lease + Retention, keep: int.MaxValue))
        {
            Assert.InRange(left - shard.Entries, 0, 2 * IdempotencyShard.Step);
            (steps, left) = (steps + 1, shard.Entries);
        }

        Assert.Equal((0, 0L, 0L), (shard.Entries, shard.Bytes, shard.Evictions));
        Assert.InRange(steps, 5, 10);
    }

    [Fact]
    public void Between_two_steps_it_answers_as_ever()
    {
        var shard = Shard(maxEntries: 10_000);
        Deliver(shard, 0, 5_000, now: 0);
        Deliver(shard, 5_000, 5_010, now: 30 * Second);

        Assert.True(shard.CleanUp(Retention, keep: int.MaxValue));
        Assert.Equal(ClaimStatus.Acquired, Claim(shard, 4_999, now: Retention).Status);
        Assert.Equal(ClaimStatus.Completed, Claim(shard, 5_000, now: Retention).Status);
    }

    [Fact]
    public void Each_completion_forgets_up_to_two_that_are_past_their_retention()
    {
        var shard = Shard(maxEntries: 10_000);
        Deliver(shard, 0, 100, now: 0);
        Deliver(shard, 100, 140, now: Retention);

        Assert.Equal(100 - 80 + 40, shard.Entries);
        Assert.Equal(0, shard.Evictions);
    }

    [Fact]
    public void What_lapsed_makes_room_when_more_are_held_than_completed_but_no_claim_that_runs()
    {
        var shard = Shard(maxEntries: 100);
        for (var i = 0; i < 90; i++)
            Claim(shard, i, now: 0);

        for (var i = 90; i < 100; i++)
            Claim(shard, i, now: Lease);

        // Ten run and ninety have lapsed: those go, one for each that is delivered.
        Deliver(shard, 100, 150, now: Lease);
        Assert.Equal((100, 50L), (shard.Entries, shard.Evictions));
        for (var i = 100; i < 150; i++)
            Assert.Equal(ClaimStatus.Completed, Claim(shard, i, now: Lease).Status);

        for (var i = 90; i < 100; i++)
            Assert.Equal(ClaimStatus.Held, Claim(shard, i, now: Lease).Status);
    }

    [Fact]
    public void While_fewer_are_held_than_completed_the_oldest_completed_go()
    {
        var shard = Shard(maxEntries: 100);
        var lapsed = Claim(shard, 0, now: 0);
        Deliver(shard, 1, 100, now: Lease);
        Deliver(shard, 100, 110, now: Lease);

        Assert.Equal((100, 10L), (shard.Entries, shard.Evictions));
        Assert.True(Claim(shard, 0, now: Lease).TookOver);
        Assert.True(lapsed.Token > 0);
    }

    [Fact]
    public void What_is_past_its_retention_makes_room_and_is_not_evicted()
    {
        var shard = Shard(maxEntries: 10);
        Deliver(shard, 0, 10, now: 0);
        Claim(shard, 10, now: Retention);

        Assert.Equal((10, 0L), (shard.Entries, shard.Evictions));
    }

    [Fact]
    public void A_claim_past_its_retention_is_unknown_even_before_anybody_cleaned_up()
    {
        var shard = Shard(maxEntries: 10);
        var tokens = Enumerable.Range(0, 6).Select(i => Claim(shard, i, now: 0).Token).ToArray();

        var before = Lease + Retention - 1;
        Assert.True(Claim(shard, 0, before).TookOver);
        Assert.False(shard.Complete(Other(1), KeyHash.Of(Key(1)), before));
        Assert.False(shard.Extend(Other(2), KeyHash.Of(Key(2)), before, before + Lease));

        var now = Lease + Retention;
        Assert.False(Claim(shard, 3, now).TookOver);
        Assert.True(shard.Complete(Other(4), KeyHash.Of(Key(4)), now));
        Assert.True(shard.Extend(Other(5), KeyHash.Of(Key(5)), now, now + Lease));
        Assert.Equal(ClaimStatus.Completed, Claim(shard, 4, now).Status);
        Assert.True(shard.Complete(Other(5), KeyHash.Of(Key(5)), now));

        IdempotencyClaim Other(int id) => new(Key(id), tokens[id] + 1_000);
    }

    [Fact]
    public void Claims_that_run_are_held_beyond_any_bound()
    {
        var shard = Shard(maxEntries: 10, maxBytes: 4_096);
        Deliver(shard, 0, 10, now: 0);
        for (var i = 10; i < 1_010; i++)
            Claim(shard, i, now: 0);

        Assert.Equal((1_000, 10L), (shard.Entries, shard.Evictions));
        for (var i = 10; i < 1_010; i++)
            Assert.Equal(ClaimStatus.Held, Claim(shard, i, now: 0).Status);
    }

    [Fact]
    public void Bytes_bound_it_as_well()
    {
        const int MaxBytes = 100_000;
        var shard = Shard(maxEntries: 1_000_000, maxBytes: MaxBytes);
        var most = 0L;
        for (var i = 0; i < 20_000; i++)
        {
            Deliver(shard, i, i + 1, now: i);
            most = Math.Max(most, shard.Bytes);
        }

        Assert.InRange(most, MaxBytes * 9 / 10, MaxBytes);
        Assert.InRange(shard.Entries, MaxBytes / 40, MaxBytes / 24);
        Assert.Equal(20_000, shard.Entries + shard.Evictions);
        for (var i = 20_000 - shard.Entries; i < 20_000; i++)
            Assert.Equal(ClaimStatus.Completed, Claim(shard, i, now: 20_000).Status);
    }

    [Fact]
    public void Claims_take_the_room_of_the_oldest_when_bytes_are_short()
    {
        const int MaxBytes = 100_000;
        var shard = Shard(maxEntries: 1_000_000, maxBytes: MaxBytes);
        Deliver(shard, 0, 10_000, now: 0);
        var before = shard.Entries;
        for (var i = 10_000; i < 11_000; i++)
        {
            Claim(shard, i, now: 0);
            Assert.InRange(shard.Bytes, MaxBytes * 9 / 10, MaxBytes);
        }

        Assert.InRange(shard.Entries - 1_000, 1, before - 1);
        Assert.Equal(ClaimStatus.Completed, Claim(shard, 9_999, now: 0).Status);
    }

    [Fact]
    public void The_table_of_claims_does_not_grow_for_those_that_are_forgotten()
    {
        var shard = Shard(maxEntries: 100_000);
        for (var round = 0; round < 20; round++)
        {
            for (var i = 0; i < 100; i++)
                Claim(shard, (round * 100) + i, now: round * (Lease + Retention));
        }

        Assert.InRange(shard.Bytes, 1, 256 * 60);
        Assert.Equal(0, shard.Evictions);
    }

    [Fact]
    public void Where_memory_is_short_it_uses_that_of_its_oldest_ids_rather_than_grow()
    {
        var shard = Shard(maxEntries: 65_536);
        Deliver(shard, 0, 10_000, now: 0);
        var bytes = shard.Bytes;
        _shortage = 1;
        Deliver(shard, 10_000, 30_000, now: Second);

        Assert.InRange(shard.Bytes, 1, bytes + (24 * 1_024) + 64);
        Assert.Equal(30_000, shard.Entries + shard.Evictions);
        Assert.Equal(ClaimStatus.Completed, Claim(shard, 29_999, now: Second).Status);
        Assert.Equal(ClaimStatus.Completed, Claim(shard, 21_000, now: Second).Status);
        Assert.Equal(ClaimStatus.Acquired, Claim(shard, 9_999, now: Second).Status);
    }

    [Fact]
    public void Even_then_it_may_have_some()
    {
        _shortage = 1;
        var shard = Shard(maxEntries: 65_536);
        Deliver(shard, 0, shard.KeptInEmergency, now: 0);

        Assert.Equal(4_096, shard.Entries);
        Assert.Equal(0, shard.Evictions);
    }

    [Fact]
    public void Tokens_rise_even_above_one_that_came_from_elsewhere()
    {
        var shard = new IdempotencyShard(Retention, maxEntries: 10, long.MaxValue, firstToken: 3, tokenStep: 16, () => 0);
        Assert.Equal(3, Claim(shard, 1, now: 0).Token);
        Assert.Equal(19, Claim(shard, 2, now: 0).Token);

        var key = Key(3);
        Assert.True(shard.Extend(new IdempotencyClaim(key, 1_000_000_000_000_000), KeyHash.Of(key), now: 0, until: Lease));
        var token = Claim(shard, 3, now: Lease).Token;
        Assert.InRange(token, 1_000_000_000_000_001, 1_000_000_000_000_016);
        Assert.Equal(3, token % 16);
    }

    private static IdempotencyKey Key(int id) => new((ulong)id * 0x9E3779B97F4A7C15, (ulong)id);

    private static ClaimResult Claim(IdempotencyShard shard, int id, long now) => shard.Claim(Key(id), KeyHash.Of(Key(id)), now, now + Lease);

    private static void Deliver(IdempotencyShard shard, int from, int to, long now)
    {
        for (var id = from; id < to; id++)
        {
            var claim = Claim(shard, id, now);
            Assert.Equal(ClaimStatus.Acquired, claim.Status);
            Assert.True(shard.Complete(new IdempotencyClaim(Key(id), claim.Token), KeyHash.Of(Key(id)), now));
        }
    }

    private IdempotencyShard Shard(int maxEntries, long maxBytes = long.MaxValue) =>
        new(Retention, maxEntries, maxBytes, firstToken: 1, tokenStep: 1, () => _shortage);
}
