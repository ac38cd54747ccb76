using CloudSync.Sdk;

namespace CloudSync.Tests;

/// <summary>
/// The contract of <see cref="IIdempotencyStore"/> as plainly as it can be said: one id and one call at a time. It does not answer; it says whether an answer was right. Where the contract leaves
/// room (an id past its retention may be forgotten or not) either answer is right, and tells the model which it is.
/// </summary>
/// <param name="retention">How long ids are remembered at least.</param>
/// <param name="mayEvict">Whether what is not claimed may be forgotten at any time, for want of room.</param>
internal sealed class IdempotencyModel(TimeSpan retention, bool mayEvict = false)
{
    private readonly Dictionary<IdempotencyKey, Known> _known = [];
    private readonly Dictionary<IdempotencyKey, long> _lastTokens = [];
    private long _evictedUpTo;
    private long _completions;
    private long _claims;
    private long _duplicates;
    private long _contended;
    private long _takeovers;

    /// <summary>The store's clock.</summary>
    public TimeSpan Now { get; set; }

    /// <summary>How many ids turned out to be forgotten before their time.</summary>
    public int Evictions { get; private set; }

    /// <summary>What the statistics of all clients together must be.</summary>
    public (long Claims, long Duplicates, long Contended, long Takeovers) Counts => (_claims, _duplicates, _contended, _takeovers);

    /// <returns>Whether the answer is right.</returns>
    public bool Claim(IdempotencyKey key, TimeSpan lease, ClaimResult answer)
    {
        _claims++;
        foreach (var state in Possible(key))
        {
            switch (state)
            {
                case { IsCompleted: true } when answer.Status == ClaimStatus.Completed:
                    _duplicates++;
                    return Remembers(state);

                case { IsCompleted: false } when state.Until > Now && answer.Status == ClaimStatus.Held:
                    _contended++;
                    return answer.HeldFor == state.Until - Now;

                case { IsCompleted: false } when state.Until <= Now && answer is { Status: ClaimStatus.Acquired, TookOver: true }:
                    _takeovers++;
                    return Acquire(key, lease, answer.Token);

                case null when answer is { Status: ClaimStatus.Acquired, TookOver: false }:
                    return Forgets(key) && Acquire(key, lease, answer.Token);
            }
        }

        return false;
    }

    /// <returns>Whether the answer is right.</returns>
    public bool Complete(IdempotencyClaim claim, bool answer)
    {
        foreach (var state in Possible(claim.Key))
        {
            var expected = state is null || (!state.IsCompleted && state.Token == claim.Token);
            if (answer != expected)
                continue;

            if (expected)
                _known[claim.Key] = new Known(claim.Token, Now, IsCompleted: true, ++_completions);

            return true;
        }

        return false;
    }

    /// <returns>Whether the answer is right.</returns>
    public bool Extend(IdempotencyClaim claim, TimeSpan lease, bool answer)
    {
        foreach (var state in Possible(claim.Key))
        {
            var expected = state is null || (!state.IsCompleted && state.Token == claim.Token);
            if (answer != expected)
                continue;

            if (expected)
                _known[claim.Key] = new Known(claim.Token, Now + lease, IsCompleted: false);

            return true;
        }

        return false;
    }

    public void Release(IdempotencyClaim claim)
    {
        if (_known.TryGetValue(claim.Key, out var known) && !known.IsCompleted && known.Token == claim.Token)
            _known.Remove(claim.Key);
    }

    /// <summary>What the store may know of an id: what it was told, or nothing any more.</summary>
    private IEnumerable<Known?> Possible(IdempotencyKey key)
    {
        var known = _known.GetValueOrDefault(key);
        if (known is not null)
            yield return known;

        if (known is null || Now >= known.Until + retention || (mayEvict && (known.IsCompleted || known.Until <= Now)))
            yield return null;
    }

    private bool Acquire(IdempotencyKey key, TimeSpan lease, long token)
    {
        var rises = token > _lastTokens.GetValueOrDefault(key);
        _lastTokens[key] = token;
        _known[key] = new Known(token, Now + lease, IsCompleted: false);
        return rises;
    }

    /// <summary>The oldest completed go first: whatever was completed before one that was evicted is gone too.</summary>
    private bool Remembers(Known state) => state.Completion > _evictedUpTo || Now >= state.Until + retention;

    private bool Forgets(IdempotencyKey key)
    {
        if (_known.GetValueOrDefault(key) is { } known && Now < known.Until + retention)
        {
            Evictions++;
            _evictedUpTo = Math.Max(_evictedUpTo, known.Completion);
        }

        return true;
    }

    /// <param name="Token">Of who holds it, or completed it.</param>
    /// <param name="Until">When the lease runs out; when it was completed.</param>
    /// <param name="IsCompleted">Whether it was delivered.</param>
    /// <param name="Completion">Its place in the order of completions.</param>
    private sealed record Known(long Token, TimeSpan Until, bool IsCompleted, long Completion = 0);
}
