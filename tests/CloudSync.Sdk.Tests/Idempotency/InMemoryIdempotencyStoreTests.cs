using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace CloudSync.Sdk.Tests;

public sealed class InMemoryIdempotencyStoreTests : IDisposable
{
    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Retention = TimeSpan.FromMinutes(60);

    private readonly FakeTimeProvider _time = new();
    private readonly InMemoryIdempotencyStore _store;

    public InMemoryIdempotencyStoreTests() => _store = Store(new IdempotencyOptions());

    public void Dispose() => _store.Dispose();

    [Fact]
    public async Task An_id_is_acquired_then_held_then_a_duplicate()
    {
        var claim = await ClaimAsync(1);
        Assert.Equal(ClaimStatus.Acquired, claim.Status);

        _time.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal(ClaimResult.HeldByAnother(TimeSpan.FromSeconds(20)), await ClaimAsync(1));

        Assert.True(await CompleteAsync(1, claim.Token));
        Assert.Equal(ClaimResult.Completed, await ClaimAsync(1));
        Assert.Equal(ClaimStatus.Acquired, (await ClaimAsync(2)).Status);
    }

    [Fact]
    public async Task Ids_that_differ_in_one_half_are_two()
    {
        var results = new ClaimResult[3];
        await _store.ClaimAsync(
            new IdempotencyKey[] { new(1, 1), new(1, 2), new(2, 1) }, Lease, results, TestContext.Current.CancellationToken);

        Assert.All(results, r => Assert.Equal(ClaimStatus.Acquired, r.Status));
        Assert.Equal(3, results.Select(r => r.Token).Distinct().Count());
    }

    [Fact]
    public async Task An_id_that_stands_twice_in_one_call_is_held_by_the_first()
    {
        var results = new ClaimResult[3];
        await _store.ClaimAsync(new[] { Key(1), Key(2), Key(1) }, Lease, results, TestContext.Current.CancellationToken);

        Assert.Equal([ClaimStatus.Acquired, ClaimStatus.Acquired, ClaimStatus.Held], results.Select(r => r.Status));
        Assert.Equal(Lease, results[2].HeldFor);
    }

    [Fact]
    public async Task A_lease_that_has_run_out_is_taken_over_by_a_higher_token()
    {
        var slow = await ClaimAsync(1);
        _time.Advance(Lease - TimeSpan.FromMilliseconds(1));
        Assert.Equal(ClaimStatus.Held, (await ClaimAsync(1)).Status);
        _time.Advance(TimeSpan.FromMilliseconds(1));

        var other = await ClaimAsync(1);
        Assert.Equal(ClaimStatus.Acquired, other.Status);
        Assert.True(other.Token > slow.Token);
    }

    [Fact]
    public async Task An_owner_that_was_overtaken_can_not_complete_extend_or_release()
    {
        var slow = await ClaimAsync(1);
        _time.Advance(Lease);
        var other = await ClaimAsync(1);

        Assert.False(await CompleteAsync(1, slow.Token));
        Assert.False(await ExtendAsync(1, slow.Token));
        await ReleaseAsync(1, slow.Token);
        Assert.Equal(ClaimStatus.Held, (await ClaimAsync(1)).Status);

        Assert.True(await CompleteAsync(1, other.Token));
        Assert.False(await CompleteAsync(1, slow.Token));
        await ReleaseAsync(1, slow.Token);
        Assert.Equal(ClaimStatus.Completed, (await ClaimAsync(1)).Status);
    }

    [Fact]
    public async Task An_owner_that_was_slow_and_not_overtaken_still_completes()
    {
        var slow = await ClaimAsync(1);
        _time.Advance(Lease * 2);

        Assert.True(await CompleteAsync(1, slow.Token));
        Assert.Equal(ClaimStatus.Completed, (await ClaimAsync(1)).Status);
    }

    /// <summary>It was delivered, so it must be a duplicate from now on, whatever was tidied up meanwhile.</summary>
    [Fact]
    public async Task So_does_one_whose_claim_was_cleaned_up_meanwhile()
    {
        var slow = await ClaimAsync(1);
        _time.Advance(TimeSpan.FromMinutes(66));
        Assert.Equal(0, _store.Statistics.Entries);

        Assert.True(await CompleteAsync(1, slow.Token));
        Assert.Equal(ClaimStatus.Completed, (await ClaimAsync(1)).Status);
    }

    [Fact]
    public async Task A_released_id_can_be_claimed_at_once()
    {
        var claim = await ClaimAsync(1);
        await ReleaseAsync(1, claim.Token);

        Assert.Equal(ClaimStatus.Acquired, (await ClaimAsync(1)).Status);
    }

    [Fact]
    public async Task A_delivered_id_can_not_be_released()
    {
        var claim = await ClaimAsync(1);
        await CompleteAsync(1, claim.Token);
        await ReleaseAsync(1, claim.Token);

        Assert.Equal(ClaimStatus.Completed, (await ClaimAsync(1)).Status);
    }

    [Fact]
    public async Task An_extended_lease_starts_anew()
    {
        var claim = await ClaimAsync(1);
        _time.Advance(Lease - TimeSpan.FromSeconds(1));
        Assert.True(await ExtendAsync(1, claim.Token));
        _time.Advance(Lease - TimeSpan.FromSeconds(1));

        Assert.Equal(ClaimResult.HeldByAnother(TimeSpan.FromSeconds(1)), await ClaimAsync(1));
        await CompleteAsync(1, claim.Token);
        Assert.False(await ExtendAsync(1, claim.Token));
    }

    [Fact]
    public async Task A_delivered_id_is_remembered_for_the_retention_and_no_longer()
    {
        await DeliverAsync(1);
        _time.Advance(Retention - TimeSpan.FromMilliseconds(1));
        Assert.Equal(ClaimStatus.Completed, (await ClaimAsync(1)).Status);
        _time.Advance(TimeSpan.FromMilliseconds(1));

        Assert.Equal(ClaimStatus.Acquired, (await ClaimAsync(1)).Status);
    }

    [Fact]
    public async Task What_has_run_out_is_cleaned_up_without_anybody_asking()
    {
        await DeliverAsync(1);
        await ClaimAsync(2);
        Assert.Equal(2, _store.Statistics.Entries);
        _time.Advance(TimeSpan.FromMinutes(60));
        Assert.Equal(1, _store.Statistics.Entries);
        _time.Advance(TimeSpan.FromMinutes(5));

        Assert.Equal(0, _store.Statistics.Entries);
        Assert.Equal(0, _store.Statistics.Evictions);
    }

    [Fact]
    public async Task Beyond_the_bound_the_oldest_delivered_ids_are_forgotten_first()
    {
        using var store = Store(new IdempotencyOptions { MaxEntries = 10 });
        for (var i = 1; i <= 15; i++)
            await DeliverAsync(i, store);

        Assert.Equal((10, 5), (store.Statistics.Entries, store.Statistics.Evictions));
        // The young ones first: a claim of one that is forgotten takes the place of the next.
        for (var i = 15; i >= 1; i--)
            Assert.Equal(i > 5 ? ClaimStatus.Completed : ClaimStatus.Acquired, (await ClaimAsync(i, store)).Status);
    }

    [Fact]
    public async Task Held_claims_count()
    {
        using var store = Store(new IdempotencyOptions { MaxEntries = 10 });
        for (var i = 1; i <= 10; i++)
            await DeliverAsync(i, store);

        for (var i = 11; i <= 14; i++)
            await ClaimAsync(i, store);

        Assert.Equal((10, 4), (store.Statistics.Entries, store.Statistics.Evictions));
        Assert.Equal(ClaimStatus.Completed, (await ClaimAsync(5, store)).Status);
    }

    [Fact]
    public async Task One_entry_is_enough_to_remember_one_id()
    {
        using var store = Store(new IdempotencyOptions { MaxEntries = 1 });
        for (var i = 1; i <= 5; i++)
        {
            await DeliverAsync(i, store);
            Assert.Equal(ClaimStatus.Completed, (await ClaimAsync(i, store)).Status);
            Assert.Equal(1, store.Statistics.Entries);
        }

        var claim = await ClaimAsync(6, store);
        Assert.Equal(ClaimStatus.Held, (await ClaimAsync(6, store)).Status);
        _time.Advance(Lease);
        Assert.True(await CompleteAsync(6, claim.Token, store));
        Assert.Equal((1, 5), (store.Statistics.Entries, store.Statistics.Evictions));
    }

    [Fact]
    public async Task The_bytes_hold_too_and_the_oldest_go_first()
    {
        const int MaxBytes = 1_000_000;
        using var store = Store(new IdempotencyOptions { MaxEntries = 10_000_000, MaxBytes = MaxBytes });
        var keys = Keys(200_000);
        foreach (var chunk in keys.Chunk(500))
        {
            await DeliverAsync(chunk, store);
            Assert.InRange(store.Statistics.Bytes, 1, MaxBytes);
        }

        var entries = store.Statistics.Entries;
        Assert.InRange(entries, MaxBytes / 44, MaxBytes / 24);
        Assert.Equal(keys.Length - entries, store.Statistics.Evictions);

        // Which of the oldest goes is up to chance a little: each shard forgets its own.
        Assert.Equal(20_000, (await ClaimAsync(keys[^20_000..], store)).Count(r => r.Status == ClaimStatus.Completed));
        Assert.DoesNotContain(await ClaimAsync(keys[..100_000], store), r => r.Status == ClaimStatus.Completed);
    }

    [Theory]
    [InlineData(65_536)]
    [InlineData(100_000)]
    public async Task The_least_bytes_that_may_be_set_are_enough_for_a_thousand(int maxBytes)
    {
        using var store = Store(new IdempotencyOptions { MaxBytes = maxBytes });
        var keys = Keys(5_000);
        foreach (var chunk in keys.Chunk(100))
            await DeliverAsync(chunk, store);

        Assert.InRange(store.Statistics.Bytes, 1, maxBytes);
        Assert.Equal(1_000, (await ClaimAsync(keys[^1_000..], store)).Count(r => r.Status == ClaimStatus.Completed));
    }

    [Fact]
    public void An_empty_store_takes_nothing_whatever_its_bounds()
    {
        using var store = Store(new IdempotencyOptions { MaxEntries = 100_000_000, MaxBytes = 1L << 40 });
        Assert.Equal(0, store.Statistics.Bytes);
    }

    [Fact]
    public async Task Memory_grows_with_the_ids_and_is_given_back_when_they_expire()
    {
        using var store = Store(new IdempotencyOptions { MaxEntries = 10_000_000 });
        var keys = Keys(500_000);
        foreach (var chunk in keys.Chunk(500))
            await DeliverAsync(chunk, store);

        Assert.InRange(store.Statistics.Bytes, keys.Length * 24, keys.Length * 45);
        _time.Advance(TimeSpan.FromMinutes(30));
        await DeliverAsync(Keys(1_000, from: keys.Length), store);
        _time.Advance(TimeSpan.FromMinutes(30));
        Assert.Equal(1_000, store.Statistics.Entries);
        Assert.InRange(store.Statistics.Bytes, 1_000 * 24, 153 * 28 * 1_024);

        _time.Advance(TimeSpan.FromMinutes(30));
        Assert.Equal((0, 0, 0), (store.Statistics.Entries, store.Statistics.Bytes, store.Statistics.Evictions));
        Assert.Equal(18, store.Statistics.CleanUps);
    }

    [Fact]
    public void Neither_a_claim_nor_a_completion_nor_a_duplicate_allocates()
    {
        // One shard: of several, chance may have one grow late.
        using var store = Store(new IdempotencyOptions { MaxEntries = 4_000 });
        var keys = Keys(50_000);
        var (results, claims, held) = (new ClaimResult[100], new IdempotencyClaim[100], new bool[100]);
        Deliver(0, 30_000);
        var before = GC.GetAllocatedBytesForCurrentThread();
        Deliver(30_000, 50_000);

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.Equal(46_000, store.Statistics.Evictions);

        void Deliver(int from, int to)
        {
            for (; from < to; from += 100)
            {
                Assert.True(store.ClaimAsync(keys.AsMemory(from, 100), Lease, results, CancellationToken.None).AsTask().IsCompleted);
                for (var i = 0; i < 100; i++)
                    claims[i] = new IdempotencyClaim(keys[from + i], results[i].Token);

                Assert.True(store.ExtendAsync(claims, Lease, held, CancellationToken.None).AsTask().IsCompleted);
                Assert.True(store.CompleteAsync(claims, held, CancellationToken.None).AsTask().IsCompleted);
                Assert.True(store.ClaimAsync(keys.AsMemory(from, 100), Lease, results, CancellationToken.None).AsTask().IsCompleted);
                Assert.True(store.ReleaseAsync(claims, CancellationToken.None).AsTask().IsCompleted);
            }
        }
    }

    [Fact]
    public async Task When_memory_is_short_the_oldest_quarter_is_forgotten_once_for_each_collection_that_says_so()
    {
        var shortage = 0L;
        using var store = new InMemoryIdempotencyStore(new IdempotencyOptions { MaxEntries = 100_000 }, _time, () => shortage);
        var keys = Keys(90_000);
        foreach (var chunk in keys.Chunk(500))
            await DeliverAsync(chunk, store);

        var before = store.Statistics;
        _time.Advance(TimeSpan.FromMinutes(5));
        Assert.Equal(0, store.Statistics.Evictions);

        shortage = 7;
        _time.Advance(TimeSpan.FromMinutes(5));
        Assert.InRange(store.Statistics.Evictions, 90_000 / 4, (90_000 / 4) + 64);
        Assert.InRange(store.Statistics.Bytes, 1, before.Bytes * 85 / 100);
        Assert.Equal(TimeSpan.FromMinutes(10), store.Statistics.EvictedAfter);
        Assert.Equal(60_000, (await ClaimAsync(keys[30_000..], store)).Count(r => r.Status == ClaimStatus.Completed));

        _time.Advance(TimeSpan.FromMinutes(5));
        Assert.InRange(store.Statistics.Evictions, 90_000 / 4, (90_000 / 4) + 64);

        shortage = 8;
        _time.Advance(TimeSpan.FromMinutes(5));
        Assert.InRange(store.Statistics.Evictions, 90_000 * 7 / 16, (90_000 * 7 / 16) + 128);

        // It never forgets all.
        for (shortage = 9; shortage < 15; shortage++)
            _time.Advance(TimeSpan.FromMinutes(5));

        Assert.Equal(16 * 4 * 256, store.Statistics.Entries);
    }

    [Fact]
    public async Task Ids_that_are_all_of_one_shard_are_bounded_and_found()
    {
        using var store = Store(new IdempotencyOptions { MaxEntries = 100_000 });
        var keys = Keys(300_000);
        var results = await ClaimAsync(keys, store);
        var claims = keys.Zip(results, (key, result) => new IdempotencyClaim(key, result.Token)).ToArray();
        await store.ReleaseAsync(claims, TestContext.Current.CancellationToken);

        // The tokens say which.
        var ofOne = keys.Where((_, i) => results[i].Token % 16 == 5).ToArray();
        foreach (var chunk in ofOne.Chunk(500))
            await DeliverAsync(chunk, store);

        Assert.Equal(100_000 / 16, store.Statistics.Entries);
        Assert.All(await ClaimAsync(ofOne[^(100_000 / 16)..], store), r => Assert.Equal(ClaimStatus.Completed, r.Status));
    }

    [Fact]
    public async Task A_call_for_thousands_of_ids_answers_each_in_its_place()
    {
        var keys = Keys(3_001);
        await DeliverAsync(keys.Where((_, i) => i % 3 == 0).ToArray(), _store);
        await ClaimAsync(keys.Where((_, i) => i % 3 == 1).ToArray(), _store);
        var results = await ClaimAsync([.. keys, keys[2]], _store);

        for (var i = 0; i < keys.Length; i++)
            Assert.Equal((i % 3) switch { 0 => ClaimStatus.Completed, 1 => ClaimStatus.Held, _ => ClaimStatus.Acquired }, results[i].Status);

        Assert.Equal(ClaimStatus.Held, results[^1].Status);
    }

    [Fact]
    public async Task The_longest_lease_holds()
    {
        _time.Advance(TimeSpan.FromDays(1));
        var result = new ClaimResult[1];
        await _store.ClaimAsync(new[] { Key(1) }, TimeSpan.MaxValue, result, TestContext.Current.CancellationToken);
        _time.Advance(TimeSpan.FromDays(1_000));

        Assert.Equal(ClaimStatus.Held, (await ClaimAsync(1)).Status);
        Assert.True(await ExtendAsync(1, result[0].Token));
        Assert.Equal(ClaimResult.HeldByAnother(Lease), await ClaimAsync(1));
    }

    [Fact]
    public async Task A_year_of_retention_is_a_year()
    {
        using var store = Store(new IdempotencyOptions { Retention = TimeSpan.FromDays(365), CleanupInterval = TimeSpan.FromDays(1) });
        for (var year = 0; year < 3; year++)
        {
            await DeliverAsync(1, store);
            _time.Advance(TimeSpan.FromDays(365) - TimeSpan.FromMilliseconds(1));
            Assert.Equal(ClaimStatus.Completed, (await ClaimAsync(1, store)).Status);
            _time.Advance(TimeSpan.FromMilliseconds(1));
        }
    }

    [Fact]
    public async Task Not_even_beyond_the_bound_is_a_held_claim_forgotten()
    {
        using var store = Store(new IdempotencyOptions { MaxEntries = 3 });
        for (var i = 1; i <= 6; i++)
            await ClaimAsync(i, store);

        await DeliverAsync(7, store);
        await DeliverAsync(8, store);

        for (var i = 1; i <= 6; i++)
            Assert.Equal(ClaimStatus.Held, (await ClaimAsync(i, store)).Status);
    }

    [Fact]
    public async Task An_id_that_was_forgotten_and_delivered_again_is_young_again()
    {
        using var store = Store(new IdempotencyOptions { MaxEntries = 3 });
        foreach (var id in (int[])[1, 2, 3, 4])
            await DeliverAsync(id, store);

        await DeliverAsync(1, store);
        await DeliverAsync(5, store);

        Assert.Equal(ClaimStatus.Completed, (await ClaimAsync(1, store)).Status);
        Assert.Equal(ClaimStatus.Completed, (await ClaimAsync(5, store)).Status);
        Assert.Equal(ClaimStatus.Completed, (await ClaimAsync(4, store)).Status);
        Assert.Equal(ClaimStatus.Acquired, (await ClaimAsync(3, store)).Status);
    }

    [Fact]
    public async Task An_id_is_completed_once()
    {
        using var store = Store(new IdempotencyOptions { MaxEntries = 2 });
        var claim = await ClaimAsync(1, store);
        Assert.True(await CompleteAsync(1, claim.Token, store));
        Assert.False(await CompleteAsync(1, claim.Token, store));
        await DeliverAsync(2, store);
        Assert.Equal((2, 0), (store.Statistics.Entries, store.Statistics.Evictions));

        await DeliverAsync(3, store);
        Assert.Equal((2, 1), (store.Statistics.Entries, store.Statistics.Evictions));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(1_023)]
    [InlineData(5_000)]
    [InlineData(100_000)]
    public async Task The_bound_holds_for_any_number_of_shards(int maxEntries)
    {
        using var store = Store(new IdempotencyOptions { MaxEntries = maxEntries });
        var keys = Enumerable.Range(0, (maxEntries * 2) + 10).Select(i => new IdempotencyKey((ulong)i * 7_919, (ulong)i)).ToArray();
        foreach (var chunk in keys.Chunk(500))
        {
            var results = new ClaimResult[chunk.Length];
            await store.ClaimAsync(chunk, Lease, results, TestContext.Current.CancellationToken);
            await store.CompleteAsync(
                chunk.Zip(results, (key, result) => new IdempotencyClaim(key, result.Token)).ToArray(),
                new bool[chunk.Length],
                TestContext.Current.CancellationToken);
        }

        Assert.InRange(store.Statistics.Entries, 1, maxEntries);
        Assert.Equal(keys.Length - store.Statistics.Entries, store.Statistics.Evictions);
    }

    [Fact]
    public async Task The_statistics_count_what_was_seen()
    {
        Assert.Equal(0, _store.Statistics.HitRatio);
        await DeliverAsync(1);
        await ClaimAsync(1);
        await ClaimAsync(2);
        await ClaimAsync(2);

        var bytes = _store.Statistics.Bytes;
        Assert.Equal(new IdempotencyStatistics { Claims = 4, Duplicates = 1, Contended = 1, Entries = 2, Capacity = 100_000, Bytes = bytes }, _store.Statistics);
        Assert.InRange(bytes, 1, 20_000);
        Assert.Equal(0.25, _store.Statistics.HitRatio);

        _time.Advance(TimeSpan.FromMinutes(6));
        await ClaimAsync(2);
        Assert.Equal((1, 1), (_store.Statistics.Takeovers, _store.Statistics.CleanUps));
    }

    [Fact]
    public async Task They_say_how_long_the_last_one_that_was_evicted_had_been_remembered()
    {
        using var store = Store(new IdempotencyOptions { MaxEntries = 2 });
        await DeliverAsync(1, store);
        _time.Advance(TimeSpan.FromMinutes(3));
        await DeliverAsync(2, store);
        Assert.Equal(TimeSpan.Zero, store.Statistics.EvictedAfter);

        _time.Advance(TimeSpan.FromMinutes(4));
        await DeliverAsync(3, store);
        Assert.Equal((1, TimeSpan.FromMinutes(7)), (store.Statistics.Evictions, store.Statistics.EvictedAfter));

        // What is past its retention makes room without being evicted.
        _time.Advance(TimeSpan.FromMinutes(59));
        await DeliverAsync(4, store);
        Assert.Equal(1, store.Statistics.Evictions);
    }

    [Fact]
    public async Task While_it_is_cleaned_up_without_end_each_id_is_still_delivered_once()
    {
        using var store = new InMemoryIdempotencyStore(new IdempotencyOptions { CleanupInterval = TimeSpan.FromMilliseconds(10) }, TimeProvider.System);
        var keys = Keys(30_000);
        var delivered = await Task.WhenAll(Enumerable.Range(0, 4).Select(seed => Task.Run(async () =>
        {
            var (mine, random) = (0, new Random(seed));
            while (store.Statistics.CleanUps < 5)
            {
                foreach (var chunk in keys.Chunk(random.Next(1, 700)))
                    mine += await DeliverNewAsync(chunk);
            }

            return mine;
        })));

        Assert.Equal(keys.Length, delivered.Sum());
        Assert.Equal((keys.Length, 0), (store.Statistics.Entries, store.Statistics.Evictions));

        async Task<int> DeliverNewAsync(IdempotencyKey[] some)
        {
            var results = await ClaimAsync(some, store);
            var claims = some.Zip(results).Where(r => r.Second.Status == ClaimStatus.Acquired).Select(r => new IdempotencyClaim(r.First, r.Second.Token)).ToArray();
            var held = new bool[claims.Length];
            await store.CompleteAsync(claims, held, CancellationToken.None);
            Assert.DoesNotContain(false, held);
            return claims.Length;
        }
    }

    [Fact]
    public async Task Of_twenty_that_race_for_an_id_one_wins()
    {
        var cancellation = TestContext.Current.CancellationToken;
        for (var round = 0; round < 20; round++)
        {
            var key = Key(1_000 + round);
            using var barrier = new Barrier(20);
            var results = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => Task.Factory.StartNew(
                () =>
                {
                    var result = new ClaimResult[1];
                    barrier.SignalAndWait(cancellation);
                    _store.ClaimAsync(new[] { key }, Lease, result, cancellation).AsTask().Wait(cancellation);
                    return result[0];
                },
                cancellation,
                TaskCreationOptions.LongRunning,
                TaskScheduler.Default)));

            Assert.Single(results, r => r.Status == ClaimStatus.Acquired);
            Assert.Equal(19, results.Count(r => r.Status == ClaimStatus.Held));
        }
    }

    private static IdempotencyKey[] Keys(int count, int from = 0) => [.. Enumerable.Range(from, count).Select(Key)];

    private static async Task<ClaimResult[]> ClaimAsync(IdempotencyKey[] keys, InMemoryIdempotencyStore store)
    {
        var results = new ClaimResult[keys.Length];
        await store.ClaimAsync(keys, Lease, results, CancellationToken.None);
        return results;
    }

    private static async Task DeliverAsync(IdempotencyKey[] keys, InMemoryIdempotencyStore store)
    {
        var results = await ClaimAsync(keys, store);
        var held = new bool[keys.Length];
        await store.CompleteAsync(keys.Zip(results, (key, result) => new IdempotencyClaim(key, result.Token)).ToArray(), held, CancellationToken.None);
        Assert.DoesNotContain(false, held);
    }

    private static IdempotencyKey Key(int id) => new((ulong)id * 0x9E3779B97F4A7C15, (ulong)id);

    private InMemoryIdempotencyStore Store(IdempotencyOptions options) => new(options, _time);

    private async Task<ClaimResult> ClaimAsync(int id, InMemoryIdempotencyStore? store = null)
    {
        var result = new ClaimResult[1];
        await (store ?? _store).ClaimAsync(new[] { Key(id) }, Lease, result, CancellationToken.None);
        return result[0];
    }

    private async Task<bool> CompleteAsync(int id, long token, InMemoryIdempotencyStore? store = null)
    {
        var result = new bool[1];
        await (store ?? _store).CompleteAsync(new IdempotencyClaim[] { new(Key(id), token) }, result, CancellationToken.None);
        return result[0];
    }

    private async Task<bool> ExtendAsync(int id, long token, InMemoryIdempotencyStore? store = null)
    {
        var result = new bool[1];
        await (store ?? _store).ExtendAsync(new IdempotencyClaim[] { new(Key(id), token) }, Lease, result, CancellationToken.None);
        return result[0];
    }

    private async Task<bool> ReleaseAsync(int id, long token, InMemoryIdempotencyStore? store = null)
    {
        await (store ?? _store).ReleaseAsync(new IdempotencyClaim[] { new(Key(id), token) }, CancellationToken.None);
        return true;
    }

    private async Task DeliverAsync(int id, InMemoryIdempotencyStore? store = null)
    {
        var claim = await ClaimAsync(id, store);
        Assert.Equal(ClaimStatus.Acquired, claim.Status);
        Assert.True(await CompleteAsync(id, claim.Token, store));
    }
}
