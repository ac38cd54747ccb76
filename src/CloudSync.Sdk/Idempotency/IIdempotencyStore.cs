namespace CloudSync.Sdk;

/// <summary>
/// Remembers which messages were delivered, and who is delivering one now. Every call takes many ids, so a store across the network answers a batch in
/// one round trip. Implementations are called from several threads at the same time.
/// </summary>
/// <remarks>
/// The life of an id: <em>claim</em> (a lease, with a fencing token) → the sink → <em>complete</em>, or <em>release</em> when the message was not delivered.
/// A token is overtaken when its lease has run out and another has claimed the id: completing or extending with it then answers
/// <see langword="false"/> and changes nothing. A store that can't answer throws: consumption pauses and the call is made again; nothing is lost.
/// </remarks>
public interface IIdempotencyStore
{
    /// <summary>Claims ids for delivery.</summary>
    /// <param name="keys">The ids. One may stand there twice: the second is then held by the first.</param>
    /// <param name="lease">How long the claim holds, by the store's clock.</param>
    /// <param name="results">Receives an answer for every index of <paramref name="keys"/>.</param>
    /// <param name="cancellationToken">Ends the call; claims that were made run out with their lease.</param>
    ValueTask ClaimAsync(
        ReadOnlyMemory<IdempotencyKey> keys, TimeSpan lease, Memory<ClaimResult> results, CancellationToken cancellationToken);

    /// <summary>The messages were delivered: their ids are duplicates from now on.</summary>
    /// <param name="claims">The claims. One whose lease has run out still completes, unless another has taken it over.</param>
    /// <param name="retention">How long the ids are remembered.</param>
    /// <param name="results">Receives for every index whether the claim was still ours.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    ValueTask CompleteAsync(
        ReadOnlyMemory<IdempotencyClaim> claims, TimeSpan retention, Memory<bool> results, CancellationToken cancellationToken);

    /// <summary>The messages were not delivered: whoever comes next may claim them at once. A claim that was overtaken is left alone.</summary>
    /// <param name="claims">The claims.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    ValueTask ReleaseAsync(ReadOnlyMemory<IdempotencyClaim> claims, CancellationToken cancellationToken);

    /// <summary>The deliveries take longer: their leases start anew.</summary>
    /// <param name="claims">The claims.</param>
    /// <param name="lease">How long they hold from now on.</param>
    /// <param name="results">Receives for every index whether the claim was still ours.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    ValueTask ExtendAsync(
        ReadOnlyMemory<IdempotencyClaim> claims, TimeSpan lease, Memory<bool> results, CancellationToken cancellationToken);

    /// <summary>What the store has seen since it was made.</summary>
    IdempotencyStatistics Statistics { get; }
}

/// <summary>A message id within one consumer group, hashed to 128 bits.</summary>
/// <param name="High">The upper half.</param>
/// <param name="Low">The lower half.</param>
public readonly record struct IdempotencyKey(ulong High, ulong Low);

/// <summary>A claim that is held.</summary>
/// <param name="Key">The id.</param>
/// <param name="Token">The fencing token: it rises with every claim of the same id.</param>
public readonly record struct IdempotencyClaim(IdempotencyKey Key, long Token);

/// <summary>What a claim found.</summary>
public enum ClaimStatus
{
    /// <summary>The id is ours to deliver.</summary>
    Acquired = 1,

    /// <summary>The id was delivered before: the message is a duplicate.</summary>
    Completed,

    /// <summary>Another is delivering the id now.</summary>
    Held,
}

/// <summary>The answer to one claim. The default value is no answer at all, and is treated as a store that failed.</summary>
public readonly record struct ClaimResult
{
    private ClaimResult(ClaimStatus status, long token, TimeSpan heldFor)
    {
        Status = status;
        Token = token;
        HeldFor = heldFor;
    }

    /// <summary>The id was delivered before.</summary>
    public static ClaimResult Completed { get; } = new(ClaimStatus.Completed, 0, default);

    /// <summary>What the claim found.</summary>
    public ClaimStatus Status { get; }

    /// <summary>The fencing token of a claim that was acquired.</summary>
    public long Token { get; }

    /// <summary>How long the other's lease still runs, when the id is held.</summary>
    public TimeSpan HeldFor { get; }

    /// <summary>The id is ours to deliver.</summary>
    /// <param name="token">The fencing token.</param>
    public static ClaimResult Acquired(long token) => new(ClaimStatus.Acquired, token, default);

    /// <summary>Another is delivering the id now.</summary>
    /// <param name="heldFor">How long its lease still runs.</param>
    public static ClaimResult HeldByAnother(TimeSpan heldFor) => new(ClaimStatus.Held, 0, heldFor);
}

/// <summary>What a store has seen since it was made.</summary>
/// <param name="Claims">Ids that were claimed, whatever the answer.</param>
/// <param name="Duplicates">Claims that found the id delivered before.</param>
/// <param name="Contended">Claims that found the id held by another.</param>
/// <param name="Entries">Ids remembered now, claims that are held among them.</param>
/// <param name="Evictions">Ids forgotten before their retention was over, for want of room.</param>
public readonly record struct IdempotencyStatistics(long Claims, long Duplicates, long Contended, long Entries, long Evictions)
{
    /// <summary>The share of claims that found a duplicate, from 0 to 1.</summary>
    public double HitRatio => Claims == 0 ? 0 : (double)Duplicates / Claims;
}
