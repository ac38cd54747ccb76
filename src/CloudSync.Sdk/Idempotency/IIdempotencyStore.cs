namespace CloudSync.Sdk;

/// <summary>
/// Remembers which messages were delivered, and who is delivering one now. Every call takes many ids, so a store across the network answers a batch in
/// one round trip. Implementations are called from several threads at the same time, and must not
/// block them: whoever waits for a server does so asynchronously.
/// </summary>
/// <remarks>
/// <para>
/// The life of an id: <em>claim</em> (a lease, with a fencing token) → the sink → <em>complete</em>, or <em>release</em> when the message was not delivered.
/// Between two calls an id is in one of four states:
/// </para>
/// <list type="table">
/// <item><term>unknown</term><description>Nobody has claimed it, or all that was known of it is forgotten.</description></item>
/// <item><term>claimed</term><description>It has a token, and a lease that runs.</description></item>
/// <item><term>lapsed</term><description>It has a token, and its lease has run out. Whoever claims it takes it over; until then it is still its owner's.</description></item>
/// <item><term>completed</term><description>It was delivered: every copy of it is a duplicate.</description></item>
/// </list>
/// <para>What each call does with an id is decided by its state, and happens to each id at once: two calls for one id never overlap.</para>
/// <list type="table">
/// <listheader><term>state</term><description>claim · complete · extend · release</description></listheader>
/// <item><term>unknown</term><description>acquired · true, completed · true, claimed with that token · nothing</description></item>
/// <item><term>claimed or lapsed, the same token</term><description>(see below) · true, completed · true, the lease starts anew · unknown</description></item>
/// <item><term>claimed or lapsed, another token</term><description>(see below) · false · false · nothing</description></item>
/// <item><term>completed</term><description>completed · false · false · nothing</description></item>
/// </list>
/// <para>
/// A claim of an id that is claimed is told that it is held, and for how long; a claim of one that has lapsed acquires it and is told that it took it over. A false answer
/// changes nothing. An id is completed once: completing it again answers <see langword="false"/>, with the same token too, so a caller that lost the answer to its first
/// call and asks again can't tell its own completion from another's.
/// </para>
/// <para>
/// For how long it remembers is the store's own setting (<see cref="IdempotencyOptions.Retention"/>): a completed id for at least one retention since its completion, a lapsed
/// one for at least one retention since its lease ran out. Then it is forgotten, and unknown. Only for want of room may it be forgotten earlier, and counted in
/// <see cref="IdempotencyStatistics.Evictions"/>; an id that is claimed is never forgotten. Leases run by one clock for all owners: the server's, where there is one.
/// </para>
/// <para>
/// A store that can't answer throws, or is given up after <see cref="IdempotencyOptions.StoreTimeout"/>; then <see cref="IdempotencyOptions.WhenStoreFails"/> decides. It must not
/// guess: an answer that is not known is an exception. Whatever a failed call did is still true: claims that it made run out with their lease. The package CloudSync.Sdk.Testing
/// has a suite that checks all of this (<c>IdempotencyStoreContract</c>).
/// </para>
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
    /// <param name="results">Receives for every index whether the claim was still ours.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    ValueTask CompleteAsync(ReadOnlyMemory<IdempotencyClaim> claims, Memory<bool> results, CancellationToken cancellationToken);

    /// <summary>The messages were not delivered: whoever comes next may claim them at once. A claim that was overtaken is left alone.</summary>
    /// <param name="claims">The claims.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    ValueTask ReleaseAsync(ReadOnlyMemory<IdempotencyClaim> claims, CancellationToken cancellationToken);

    /// <summary>The deliveries take longer: their leases start anew.</summary>
    /// <param name="claims">The claims. One that is forgotten, by a server that was restarted empty for example, is made again.</param>
    /// <param name="lease">How long they hold from now on.</param>
    /// <param name="results">Receives for every index whether the claim is still ours.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    ValueTask ExtendAsync(
        ReadOnlyMemory<IdempotencyClaim> claims, TimeSpan lease, Memory<bool> results, CancellationToken cancellationToken);

    /// <summary>What the store has seen since it was made. Asking must be cheap and must not throw: a store across the network tells what it knew last.</summary>
    IdempotencyStatistics Statistics { get; }
}

/// <summary>What duplicates are recognised by, within one consumer group, hashed to 128 bits: by default the message id. See <see cref="IdempotencyKeyStrategy"/>.</summary>
/// <remarks>
/// The hash is XXH128, seeded by the group's name, so that groups may share a store. Among n ids, the chance that any two share a hash is about n² / 2^129: at 360 million ids (an
/// hour of 100,000 a second) one in 10^22. It is not a cryptographic hash: whoever may produce to the topic can make two ids collide on purpose, as he can send an id that is another's.
/// </remarks>
/// <param name="High">The upper half.</param>
/// <param name="Low">The lower half.</param>
public readonly record struct IdempotencyKey(ulong High, ulong Low);

/// <summary>A claim that is held.</summary>
/// <param name="Key">The id.</param>
/// <param name="Token">The fencing token: it rises with every claim of the same id, also after the id was released or forgotten. 0 is nobody's: the message was delivered without a claim.</param>
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
    private ClaimResult(ClaimStatus status, long token = 0, TimeSpan heldFor = default, bool tookOver = false)
    {
        Status = status;
        Token = token;
        HeldFor = heldFor;
        TookOver = tookOver;
    }

    /// <summary>The id was delivered before.</summary>
    public static ClaimResult Completed { get; } = new(ClaimStatus.Completed);

    /// <summary>What the claim found.</summary>
    public ClaimStatus Status { get; }

    /// <summary>The fencing token of a claim that was acquired: above 0.</summary>
    public long Token { get; }

    /// <summary>How long the other's lease still runs, when the id is held.</summary>
    public TimeSpan HeldFor { get; }

    /// <summary>Whether another held the id that was acquired, and let its lease run out: it crashed, or is slow.</summary>
    public bool TookOver { get; }

    /// <summary>The id is ours to deliver.</summary>
    /// <param name="token">The fencing token, above 0.</param>
    /// <param name="tookOver">Whether another let its lease run out.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="token"/> is 0 or less.</exception>
    public static ClaimResult Acquired(long token, bool tookOver = false)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(token);
        return new ClaimResult(ClaimStatus.Acquired, token, tookOver: tookOver);
    }

    /// <summary>Another is delivering the id now.</summary>
    /// <param name="heldFor">How long its lease still runs.</param>
    public static ClaimResult HeldByAnother(TimeSpan heldFor) => new(ClaimStatus.Held, heldFor: heldFor);
}

/// <summary>What a store has seen since it was made, by this process; and what is in it.</summary>
public readonly record struct IdempotencyStatistics
{
    /// <summary>Ids that were claimed, whatever the answer.</summary>
    public long Claims { get; init; }

    /// <summary>Claims that found the id delivered before.</summary>
    public long Duplicates { get; init; }

    /// <summary>Claims that found the id held by another.</summary>
    public long Contended { get; init; }

    /// <summary>Claims that took over an id whose owner had let its lease run out.</summary>
    public long Takeovers { get; init; }

    /// <summary>Ids in the store now, those that are claimed among them. A store across the network tells what it counted last.</summary>
    public long Entries { get; init; }

    /// <summary>Ids that it may hold; <see langword="null"/> when nothing but its server's memory bounds it.</summary>
    public long? Capacity { get; init; }

    /// <summary>Memory that the ids take, in bytes. A store across the network estimates it.</summary>
    public long Bytes { get; init; }

    /// <summary>Ids forgotten before their retention was over, for want of room.</summary>
    public long Evictions { get; init; }

    /// <summary>How long the id that was evicted last had been remembered; zero when none was.</summary>
    public TimeSpan EvictedAfter { get; init; }

    /// <summary>How often ids past their retention were cleaned up.</summary>
    public long CleanUps { get; init; }

    /// <summary>The share of claims that found a duplicate, from 0 to 1.</summary>
    public double HitRatio => Claims == 0 ? 0 : (double)Duplicates / Claims;
}
