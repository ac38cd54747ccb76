using CloudSync.Tests;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace CloudSync.Sdk.Tests;

/// <summary>32 owners race for 10,000 ids, and stall for longer than their lease.</summary>
public class IdempotencyRaceTests
{
    [Fact]
    public async Task In_memory_every_id_is_completed_once_by_the_last_who_acquired_it()
    {
        var time = new FakeTimeProvider();
        using var store = new InMemoryIdempotencyStore(new IdempotencyOptions { Retention = TimeSpan.FromDays(365) }, time);
        await Race(store, time, Random.Shared.Next()).RunAsync(10_000);
    }

    [Theory]
    [InlineData(Break.ClaimsAcquireWhatIsCompleted)]
    [InlineData(Break.ClaimsCanOverlap)]
    [InlineData(Break.CompletionsTakeAnyToken)]
    [InlineData(Break.CompletionsTakeAnOldTokenOnceTheLeaseHasRunOut)]
    [InlineData(Break.CompletionsSucceedAgain)]
    [InlineData(Break.CompletionsCanOverlap)]
    [InlineData(Break.ExtensionsTakeAnyToken)]
    [InlineData(Break.ExtensionsReopenWhatIsCompleted)]
    [InlineData(Break.ReleasesForgetWhatIsCompleted)]
    [InlineData(Break.TokensAreTheSameWhenTakenOver)]
    public async Task A_store_that_breaks_a_rule_is_found_out(Break broken)
    {
        var time = new FakeTimeProvider();
        var store = new BreakableStore(time, TimeSpan.FromDays(365), broken);
        await Assert.ThrowsAsync<InvalidOperationException>(() => Race(store, time, seed: 1).RunAsync(10_000));
    }

    private static IdempotencyRace Race(IIdempotencyStore store, FakeTimeProvider time, int seed)
    {
        var start = time.GetUtcNow();
        return new IdempotencyRace([.. Enumerable.Repeat(store, 32)], () => time.GetUtcNow() - start, time.Advance, seed);
    }
}
