using Microsoft.Extensions.Logging.Testing;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace CloudSync.Sdk.Tests;

public class RetentionWatchTests
{
    private static readonly TimeSpan Hour = TimeSpan.FromHours(1);
    private readonly FakeTimeProvider _time = new();
    private readonly FakeLogger _log = new();
    private readonly ToldStore _store = new();

    private IEnumerable<string> Warnings => _log.Collector.GetSnapshot().Where(r => r.Id.Id == 1126).Select(r => r.Message);

    [Fact]
    public void The_start_says_for_how_long_ids_are_remembered_and_for_which_rate_there_is_room()
    {
        _store.Statistics = new IdempotencyStatistics { Capacity = 100_000 };
        using var watch = Watch();

        Assert.Equal(
            "Delivered ids are remembered for 01:00:00 by ToldStore: it holds 100,000 ids, enough for 28 messages a second.", _log.Collector.GetSnapshot().Single().Message);
    }

    [Fact]
    public void A_rate_that_is_too_high_for_the_room_is_warned_of_with_what_would_do()
    {
        _store.Statistics = new IdempotencyStatistics { Capacity = 100_000 };
        using var watch = Watch();

        // A thousand new ids a second, and some that are not.
        _store.Statistics = new IdempotencyStatistics { Capacity = 100_000, Claims = 13_000, Duplicates = 2_000, Contended = 1_000 };
        _time.Advance(TimeSpan.FromSeconds(10));

        Assert.StartsWith(
            "At 1000 new ids a second, ids are remembered for about 00:01:40 and not for 01:00:00 (Idempotency:Retention): a duplicate that comes later is delivered. "
            + "Set Idempotency:MaxEntries to 3600000 ",
            Assert.Single(Warnings),
            StringComparison.Ordinal);
    }

    [Fact]
    public void More_ids_than_may_be_set_are_not_advised()
    {
        _store.Statistics = new IdempotencyStatistics { Capacity = 100_000 };
        using var watch = Watch();

        _store.Statistics = new IdempotencyStatistics { Capacity = 100_000, Claims = 1_000_000 };
        _time.Advance(TimeSpan.FromSeconds(10));

        Assert.EndsWith(
            "It would take 360000000 ids, and Idempotency:MaxEntries may be 100000000 at most: use Redis (UseRedisIdempotency), or lower Idempotency:Retention.",
            Assert.Single(Warnings),
            StringComparison.Ordinal);
    }

    [Fact]
    public void It_is_said_again_only_when_it_has_become_much_worse()
    {
        _store.Statistics = new IdempotencyStatistics { Capacity = 100_000 };
        using var watch = Watch();
        _store.Statistics = _store.Statistics with { Claims = 10_000 };
        _time.Advance(TimeSpan.FromSeconds(10));
        _store.Statistics = _store.Statistics with { Claims = 10_000 + (60 * 1_999) };
        _time.Advance(TimeSpan.FromMinutes(1));
        Assert.Single(Warnings);

        _store.Statistics = _store.Statistics with { Claims = _store.Statistics.Claims + (60 * 2_001) };
        _time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(2, Warnings.Count());
    }

    [Fact]
    public void A_rate_for_which_there_is_room_is_not_warned_of()
    {
        _store.Statistics = new IdempotencyStatistics { Capacity = 3_600_000 };
        using var watch = Watch();
        _store.Statistics = _store.Statistics with { Claims = 9_990 };
        _time.Advance(TimeSpan.FromSeconds(10));
        _time.Advance(TimeSpan.FromHours(1));

        Assert.Empty(Warnings);
    }

    [Fact]
    public void Ids_that_were_forgotten_for_want_of_memory_are_warned_of_at_any_rate()
    {
        _store.Statistics = new IdempotencyStatistics { Capacity = 100_000_000 };
        using var watch = Watch();
        _store.Statistics = _store.Statistics with { Claims = 1_000, Evictions = 10, EvictedAfter = TimeSpan.FromMinutes(5) };
        _time.Advance(TimeSpan.FromSeconds(10));

        Assert.Contains("for about 00:05:00 and not", Assert.Single(Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void A_store_without_a_bound_of_its_own_is_not_guessed_at()
    {
        using var watch = Watch();
        _store.Statistics = new IdempotencyStatistics { Claims = 1_000_000_000 };
        _time.Advance(TimeSpan.FromSeconds(10));

        Assert.Empty(Warnings);
    }

    [Fact]
    public void A_store_that_can_not_tell_does_no_harm()
    {
        using var watch = Watch();
        _store.Throws = true;
        _time.Advance(TimeSpan.FromSeconds(10));

        Assert.Equal(1127, _log.LatestRecord.Id.Id);
    }

    private RetentionWatch Watch() => new(_store, Hour, _time, _log);

    private sealed class ToldStore : IIdempotencyStore
    {
        private IdempotencyStatistics _statistics;

        public bool Throws { get; set; }

        public IdempotencyStatistics Statistics
        {
            get => Throws ? throw new InvalidOperationException("No connection.") : _statistics;
            set => _statistics = value;
        }

        public ValueTask ClaimAsync(ReadOnlyMemory<IdempotencyKey> keys, TimeSpan lease, Memory<ClaimResult> results, CancellationToken cancellationToken) =>
            throw new NotSupportedException();

        public ValueTask CompleteAsync(ReadOnlyMemory<IdempotencyClaim> claims, Memory<bool> results, CancellationToken cancellationToken) => throw new NotSupportedException();

        public ValueTask ReleaseAsync(ReadOnlyMemory<IdempotencyClaim> claims, CancellationToken cancellationToken) => throw new NotSupportedException();

        public ValueTask ExtendAsync(ReadOnlyMemory<IdempotencyClaim> claims, TimeSpan lease, Memory<bool> results, CancellationToken cancellationToken) =>
            throw new NotSupportedException();
    }
}
