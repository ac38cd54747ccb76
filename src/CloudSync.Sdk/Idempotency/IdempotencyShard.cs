using System.Runtime.CompilerServices;

namespace CloudSync.Sdk;

/// <summary>
/// A part of the ids of the in-memory store: what each call does with an id, and which ids go when there is no room. Everything in it happens under <see cref="Gate"/>, and
/// never takes long. Times are ticks since the store's start.
/// </summary>
internal sealed class IdempotencyShard
{
    /// <summary>Ids, or slots of claims, that are looked at under one lock at most.</summary>
    public const int Step = 1_024;

    private readonly HeldIds _held = new();
    private readonly CompletedIds _completed;
    private readonly long _retention;
    private readonly int _maxEntries;
    private readonly long _maxBytes;
    private readonly int _tokenStep;
    private readonly Func<long> _pressure;
    private long _lastToken;
    private int _cleanUpAt;
    private int _evictAt;

    /// <param name="retention">How long a completed id is remembered, in ticks.</param>
    /// <param name="maxEntries">How many ids there may be.</param>
    /// <param name="maxBytes">How many bytes they may take.</param>
    /// <param name="firstToken">The first token: the shards share them out.</param>
    /// <param name="tokenStep">How far each token is above the one before.</param>
    /// <param name="pressure">See <see cref="MemoryPressure.Collection"/>.</param>
    public IdempotencyShard(long retention, int maxEntries, long maxBytes, long firstToken, int tokenStep, Func<long> pressure)
    {
        _completed = new CompletedIds(retention, (int)Math.Min(maxEntries, maxBytes / CompletedIds.BytesAnId));
        _retention = retention;
        _maxEntries = maxEntries;
        _maxBytes = maxBytes;
        _lastToken = firstToken - tokenStep;
        _tokenStep = tokenStep;
        _pressure = pressure;
    }

    public Lock Gate { get; } = new();

    public int Entries => _held.Count + _completed.Count;

    /// <summary>How many completed ids an emergency leaves at least: with a few chunks the store is not what memory is short of.</summary>
    public int KeptInEmergency => _completed.ChunkSize * 4;

    public int Completed => _completed.Count;

    public long Bytes => _held.Bytes + _completed.Bytes;

    public long Claims { get; private set; }

    public long Duplicates { get; private set; }

    public long Contended { get; private set; }

    public long Takeovers { get; private set; }

    public long Evictions { get; private set; }

    /// <summary>When an id was evicted last.</summary>
    public long EvictedAt { get; private set; }

    /// <summary>How long it had been remembered.</summary>
    public long EvictedAfter { get; private set; }

    /// <summary>See <see cref="CompletedIds.PrefetchBucket"/>; it needs no lock.</summary>
    public void PrefetchBucket(ulong hash) => _completed.PrefetchBucket(hash);

    /// <inheritdoc cref="CompletedIds.PrefetchSlot"/>
    public void PrefetchSlot(ulong hash) => _completed.PrefetchSlot(hash);

    /// <inheritdoc cref="CompletedIds.PrefetchEnds"/>
    public void PrefetchEnds() => _completed.PrefetchEnds();

    public ClaimResult Claim(in IdempotencyKey key, ulong hash, long now, long until)
    {
        Claims++;
        ref var held = ref _held.Find(key, hash);
        if (!Unsafe.IsNullRef(ref held))
        {
            if (held.Until > now)
            {
                Contended++;
                return ClaimResult.HeldByAnother(TimeSpan.FromTicks(held.Until - now));
            }

            var tookOver = !IsForgotten(held, now);
            Takeovers += tookOver ? 1 : 0;
            held.Token = NextToken(above: held.Token);
            held.Until = until;
            return ClaimResult.Acquired(held.Token, tookOver);
        }

        if (_completed.Contains(key, hash, now))
        {
            Duplicates++;
            return ClaimResult.Completed;
        }

        var token = NextToken(above: 0);
        Hold(key, hash, token, now, until);
        return ClaimResult.Acquired(token);
    }

    public bool Complete(in IdempotencyClaim claim, ulong hash, long now)
    {
        ref var held = ref _held.Find(claim.Key, hash);
        var isHeld = !Unsafe.IsNullRef(ref held);
        if (isHeld ? held.Token != claim.Token && !IsForgotten(held, now) : _completed.Contains(claim.Key, hash, now))
            return false;

        _completed.DropExpired(now, max: 2);
        if (_completed.Growth > 0)
            MakeRoomToRemember(now);

        _completed.Add(claim.Key, hash, now);
        if (isHeld)
            _held.Remove(claim.Key, hash);

        KeepToMaxEntries(now);
        return true;
    }

    public bool Extend(in IdempotencyClaim claim, ulong hash, long now, long until)
    {
        ref var held = ref _held.Find(claim.Key, hash);
        if (!Unsafe.IsNullRef(ref held))
        {
            if (held.Token != claim.Token && !IsForgotten(held, now))
                return false;

            held.Token = claim.Token;
            held.Until = until;
            return true;
        }

        if (_completed.Contains(claim.Key, hash, now))
            return false;

        Hold(claim.Key, hash, claim.Token, now, until);
        return true;
    }

    public void Release(in IdempotencyClaim claim, ulong hash)
    {
        ref var held = ref _held.Find(claim.Key, hash);
        if (!Unsafe.IsNullRef(ref held) && held.Token == claim.Token)
            _held.Remove(claim.Key, hash);
    }

    /// <summary>Forgets some of the ids past their retention, and the oldest of those completed beyond <paramref name="keep"/>. At the end, memory is given back.</summary>
    /// <returns>Whether there is more to do.</returns>
    public bool CleanUp(long now, int keep)
    {
        var more = _completed.DropExpired(now, Step);
        for (var i = 0; i < Step && !more && _completed.Count > keep; i++)
            EvictOldest(now);

        _held.RemoveLapsed(ref _cleanUpAt, Step, now - _retention, Step, out _);
        if (more || _completed.Count > keep || _cleanUpAt > 0)
            return true;

        _completed.Trim();
        _held.Trim();
        return false;
    }

    private bool IsForgotten(in HeldIds.Slot held, long now) => now - _retention >= held.Until;

    /// <summary>Tokens of an id rise, even above one that another store gave out.</summary>
    private long NextToken(long above)
    {
        if (above > _lastToken)
            _lastToken += (above - _lastToken) / _tokenStep * _tokenStep;

        return _lastToken += _tokenStep;
    }

    private void Hold(in IdempotencyKey key, ulong hash, long token, long now, long until)
    {
        if (_held.IsFull)
            MakeRoomToHold(now);

        _held.Add(key, hash, token, until);
        KeepToMaxEntries(now);
    }

    /// <summary>Rather than take more memory than it may, or any where memory is short, the store forgets the oldest ids, a chunk of them at a time, and uses theirs.</summary>
    private void MakeRoomToRemember(long now)
    {
        if (_completed.Count > KeptInEmergency && _pressure() != 0)
            EvictChunk(now);

        while (Bytes + _completed.Growth > _maxBytes && _completed.Count > 0)
            EvictChunk(now);
    }

    /// <summary>
    /// Claims that run must find room. What lapsed so long ago that it is forgotten is taken out first, so that the table grows by what is needed; unless it makes a quarter of it free, it
    /// grows all the same, or it would soon be looked through again.
    /// </summary>
    private void MakeRoomToHold(long now)
    {
        var all = 0;
        _held.RemoveLapsed(ref all, int.MaxValue, now - _retention, int.MaxValue, out _);
        if (_held.Count <= _held.Capacity / 4 * 3 && _held.Capacity > 0)
            return;

        while (Bytes + _held.Growth > _maxBytes && _completed.Count > 0)
        {
            EvictChunk(now);
            _completed.DropSpares();
        }

        _held.Grow();
    }

    /// <summary>
    /// The oldest of those completed go first. Only when more are held than completed, most of which must have lapsed then, it is their turn: they would else leave no room for what
    /// is completed, until their retention is over. A claim whose lease runs stays, whatever the bound.
    /// </summary>
    private void KeepToMaxEntries(long now)
    {
        while (Entries > _maxEntries)
        {
            if (_held.Count > _completed.Count && TryEvictLapsed(now))
                continue;

            if (_completed.Count == 0)
                return;

            EvictOldest(now);
        }
    }

    private bool TryEvictLapsed(long now)
    {
        if (_held.RemoveLapsed(ref _evictAt, slots: 16, now, max: 1, out var until) == 0)
            return false;

        Evicted(now, until);
        return true;
    }

    private void EvictChunk(long now)
    {
        for (var i = 0; i < _completed.ChunkSize && _completed.Count > 0; i++)
            EvictOldest(now);
    }

    private void EvictOldest(long now) => Evicted(now, _completed.DropOldest());

    private void Evicted(long now, long since)
    {
        // What was past its retention was not evicted.
        if (now - since >= _retention)
            return;

        Evictions++;
        EvictedAt = now;
        EvictedAfter = Math.Max(0, now - since);
    }
}
