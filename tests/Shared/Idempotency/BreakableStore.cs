using CloudSync.Sdk;

namespace CloudSync.Tests;

/// <summary>What is wrong with a <see cref="BreakableStore"/>: each breaks one rule of the contract, as a store that somebody writes might.</summary>
public enum Break
{
    Nothing,
    ClaimsAcquireWhatIsCompleted,
    ClaimsAcquireWhatIsHeld,
    ClaimsDoNotTellThatTheyTookOver,
    ClaimsAlwaysTellThatTheyTookOver,
    ClaimsMakeAHeldLeaseLonger,
    ClaimsOfWhatIsHeldTellTheWholeLease,
    ClaimsAreAllFoundBeforeAnyIsMade,
    ClaimsAnswerInAnyOrder,
    ClaimsTakeAThousandIds,
    ClaimsCanOverlap,
    CompletionsTakeAnyToken,
    CompletionsTakeAnOldTokenOnceTheLeaseHasRunOut,
    CompletionsNeedALeaseThatRuns,
    CompletionsNeedAnEntry,
    CompletionsSucceedAgain,
    CompletionsCanOverlap,
    ExtensionsTakeAnyToken,
    ExtensionsNeedALeaseThatRuns,
    ExtensionsNeedAnEntry,
    ExtensionsNeverShorten,
    ExtensionsReopenWhatIsCompleted,
    ReleasesTakeAnyToken,
    ReleasesForgetWhatIsCompleted,
    ReleasesLeaveALapsedClaim,
    TokensBeginAnewWhenReleased,
    TokensBeginAnewWhenForgotten,
    TokensAreTheSameWhenTakenOver,
    LapsedClaimsAreForgottenAtOnce,
    RetentionCountsFromTheClaim,
    NothingIsForgotten,
    RunningClaimsAreForgotten,
    KeysAreTheirUpperHalf,
    TakeoversAreNotCounted,
    DuplicatesAreNotCounted,
}

/// <summary>A store as simple as it can be, which can be broken on purpose: for the tests of what tests stores.</summary>
public sealed class BreakableStore(TimeProvider time, TimeSpan retention, Break broken = Break.Nothing) : IIdempotencyStore
{
    private readonly Lock _gate = new();
    private readonly Dictionary<IdempotencyKey, Entry> _entries = [];
    private long _lastToken;
    private IdempotencyStatistics _statistics;

    public IdempotencyStatistics Statistics
    {
        get
        {
            lock (_gate)
                return _statistics with { Entries = _entries.Count };
        }
    }

    private DateTimeOffset Now => time.GetUtcNow();

    public async ValueTask ClaimAsync(ReadOnlyMemory<IdempotencyKey> keys, TimeSpan lease, Memory<ClaimResult> results, CancellationToken cancellationToken)
    {
        if (broken == Break.ClaimsTakeAThousandIds && keys.Length > 1000)
            keys = keys[..1000];

        if (broken is Break.ClaimsAreAllFoundBeforeAnyIsMade or Break.ClaimsCanOverlap)
        {
            var found = keys.ToArray().Select(key => Find(Key(key))).ToArray();
            if (broken == Break.ClaimsCanOverlap)
                await Task.Yield();

            for (var i = 0; i < keys.Length; i++)
                results.Span[i] = Claim(keys.Span[i], found[i], lease);
        }
        else
        {
            lock (_gate)
            {
                for (var i = 0; i < keys.Length; i++)
                    results.Span[i] = Claim(keys.Span[i], Find(Key(keys.Span[i])), lease);
            }
        }

        if (broken == Break.ClaimsAnswerInAnyOrder)
            results.Span.Reverse();
    }

    public async ValueTask CompleteAsync(ReadOnlyMemory<IdempotencyClaim> claims, Memory<bool> results, CancellationToken cancellationToken)
    {
        if (broken == Break.CompletionsCanOverlap)
        {
            var found = claims.ToArray().Select(claim => Find(Key(claim.Key))).ToArray();
            await Task.Yield();
            for (var i = 0; i < claims.Length; i++)
                results.Span[i] = Complete(claims.Span[i], found[i]);

            return;
        }

        lock (_gate)
        {
            for (var i = 0; i < claims.Length; i++)
                results.Span[i] = Complete(claims.Span[i], Find(Key(claims.Span[i].Key)));
        }
    }

    public ValueTask ReleaseAsync(ReadOnlyMemory<IdempotencyClaim> claims, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            foreach (var claim in claims.Span)
                Release(claim);
        }

        return default;
    }

    public ValueTask ExtendAsync(ReadOnlyMemory<IdempotencyClaim> claims, TimeSpan lease, Memory<bool> results, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            for (var i = 0; i < claims.Length; i++)
                results.Span[i] = Extend(claims.Span[i], lease);
        }

        return default;
    }

    private ClaimResult Claim(IdempotencyKey key, Entry? found, TimeSpan lease)
    {
        _statistics = _statistics with { Claims = _statistics.Claims + 1 };
        if (found is { IsCompleted: true } && broken != Break.ClaimsAcquireWhatIsCompleted)
        {
            if (broken != Break.DuplicatesAreNotCounted)
                _statistics = _statistics with { Duplicates = _statistics.Duplicates + 1 };

            return ClaimResult.Completed;
        }

        if (found is { IsCompleted: false } && found.Until > Now && broken != Break.ClaimsAcquireWhatIsHeld)
        {
            if (broken == Break.ClaimsMakeAHeldLeaseLonger)
                Put(key, found with { Until = Now + lease });

            _statistics = _statistics with { Contended = _statistics.Contended + 1 };
            return ClaimResult.HeldByAnother(broken == Break.ClaimsOfWhatIsHeldTellTheWholeLease ? TimeSpan.FromMinutes(10) : found.Until - Now);
        }

        var tookOver = found is not null;
        if (tookOver && broken != Break.TakeoversAreNotCounted)
            _statistics = _statistics with { Takeovers = _statistics.Takeovers + 1 };

        var token = broken switch
        {
            Break.TokensAreTheSameWhenTakenOver when tookOver => found!.Token,
            Break.TokensBeginAnewWhenReleased => (found?.Token ?? 0) + 1,
            Break.TokensBeginAnewWhenForgotten => (found?.Token ?? Released(key)) + 1,
            _ => Interlocked.Increment(ref _lastToken),
        };
        Put(key, new Entry(token, Now + lease, Now, IsCompleted: false));
        return ClaimResult.Acquired(token, tookOver ? broken != Break.ClaimsDoNotTellThatTheyTookOver : broken == Break.ClaimsAlwaysTellThatTheyTookOver);
    }

    private bool Complete(IdempotencyClaim claim, Entry? found)
    {
        var refused = found switch
        {
            null => broken == Break.CompletionsNeedAnEntry,
            { IsCompleted: true } => broken != Break.CompletionsSucceedAgain,
            _ when found.Token == claim.Token => broken == Break.CompletionsNeedALeaseThatRuns && found.Until <= Now,
            _ when broken == Break.CompletionsTakeAnOldTokenOnceTheLeaseHasRunOut => found.Until > Now,
            _ => broken != Break.CompletionsTakeAnyToken,
        };
        if (!refused)
            Put(claim.Key, new Entry(claim.Token, Now, found?.ClaimedAt ?? Now, IsCompleted: true));

        return !refused;
    }

    private void Release(IdempotencyClaim claim)
    {
        var found = Find(Key(claim.Key));
        var released = found switch
        {
            null => false,
            { IsCompleted: true } => broken == Break.ReleasesForgetWhatIsCompleted,
            _ when found.Token == claim.Token => broken != Break.ReleasesLeaveALapsedClaim || found.Until > Now,
            _ => broken == Break.ReleasesTakeAnyToken,
        };
        if (!released)
            return;

        // A store that begins anew only when it forgets keeps the number of what was released.
        if (broken == Break.TokensBeginAnewWhenForgotten)
            Put(claim.Key, found! with { IsReleased = true });
        else
            _entries.Remove(Key(claim.Key));
    }

    private bool Extend(IdempotencyClaim claim, TimeSpan lease)
    {
        var found = Find(Key(claim.Key));
        var refused = found switch
        {
            null => broken == Break.ExtensionsNeedAnEntry,
            { IsCompleted: true } => broken != Break.ExtensionsReopenWhatIsCompleted,
            _ when found.Token == claim.Token => broken == Break.ExtensionsNeedALeaseThatRuns && found.Until <= Now,
            _ => broken != Break.ExtensionsTakeAnyToken,
        };
        if (refused)
            return false;

        var until = Now + lease;
        if (broken == Break.ExtensionsNeverShorten && found is not null && found.Until > until)
            until = found.Until;

        Put(claim.Key, new Entry(claim.Token, until, found?.ClaimedAt ?? Now, IsCompleted: false));
        return true;
    }

    private long Released(IdempotencyKey key) => _entries.TryGetValue(Key(key), out var entry) && entry.IsReleased ? entry.Token : 0;

    private void Put(IdempotencyKey key, Entry entry)
    {
        lock (_gate)
            _entries[Key(key)] = entry;
    }

    private IdempotencyKey Key(IdempotencyKey key) => broken == Break.KeysAreTheirUpperHalf ? key with { Low = 0 } : key;

    private Entry? Find(IdempotencyKey key)
    {
        lock (_gate)
        {
            if (!_entries.TryGetValue(key, out var entry) || entry.IsReleased)
                return null;

            var since = broken == Break.RetentionCountsFromTheClaim && entry.IsCompleted || broken == Break.RunningClaimsAreForgotten && !entry.IsCompleted ? entry.ClaimedAt : entry.Until;
            var kept = broken == Break.LapsedClaimsAreForgottenAtOnce && !entry.IsCompleted ? TimeSpan.Zero : retention;
            return Now >= since + kept && broken != Break.NothingIsForgotten ? null : entry;
        }
    }

    /// <param name="Token">Of who holds it, or completed it.</param>
    /// <param name="Until">When the lease runs out; when it was completed.</param>
    /// <param name="ClaimedAt">When it was claimed.</param>
    /// <param name="IsCompleted">Whether it was delivered.</param>
    /// <param name="IsReleased">Whether it is unknown, but for its token.</param>
    private sealed record Entry(long Token, DateTimeOffset Until, DateTimeOffset ClaimedAt, bool IsCompleted, bool IsReleased = false);
}
