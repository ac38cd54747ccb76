namespace CloudSync.Sdk;

/// <summary>
/// Remembers ids in this process: enough while one process owns the whole group, and gone with it. Sharded by the id's hash, bounded by entries and bytes: the oldest delivered ids go
/// first, and a held claim never.
/// </summary>
/// <remarks>
/// <para>
/// 32 to 40 bytes an id. Nothing is reserved: memory grows with the ids, a shard of at most 65,536 of them at a time, and is given back when they expire. No call ever waits for more than
/// a step of the clean-up, or for a shard to grow.
/// </para>
/// <para>
/// Each shard has its share of the bounds. Ids are not spread quite evenly, so the fullest shard begins to forget a little before all are full: at 98 % of 100,000, at 99 % of ten million.
/// </para>
/// <para>
/// When memory is short (the garbage collector's own line, 90 % of what the machine or the container has), the clean-up forgets the oldest quarter of the delivered ids, once for each
/// collection that found it so, and shards use the memory of their oldest ids again rather than grow. Such ids count as evicted. The last few thousand of a shard stay.
/// </para>
/// </remarks>
internal sealed class InMemoryIdempotencyStore : IIdempotencyStore, IDisposable
{
    private readonly IdempotencyShards _shards;
    private readonly long _capacity;
    private readonly TimeProvider _time;
    private readonly long _start;
    private readonly Func<long> _pressure;
    private readonly Lock _cleaning = new();
    private readonly ITimer _cleanup;
    private long _lastShortage;
    private long _cleanUps;

    /// <param name="options">The bounds.</param>
    /// <param name="time">The clock.</param>
    /// <param name="pressure">Whether memory is short: <see cref="MemoryPressure.Collection"/> but in tests.</param>
    public InMemoryIdempotencyStore(IdempotencyOptions options, TimeProvider time, Func<long>? pressure = null)
    {
        _time = time;
        _start = time.GetTimestamp();
        _pressure = pressure ?? MemoryPressure.Collection;

        _shards = new IdempotencyShards(options, _pressure);
        _capacity = Math.Min(options.MaxEntries, (options.MaxBytes ?? long.MaxValue) / CompletedIds.BytesAnId);
        _cleanup = time.CreateTimer(static state => ((InMemoryIdempotencyStore)state!).CleanUp(), this, options.CleanupInterval, options.CleanupInterval);
    }

    public IdempotencyStatistics Statistics
    {
        get
        {
            long claims = 0, duplicates = 0, contended = 0, takeovers = 0, entries = 0, bytes = 0, evictions = 0, evictedAt = 0, evictedAfter = 0;
            foreach (var shard in _shards.All)
            {
                lock (shard.Gate)
                {
                    claims += shard.Claims;
                    duplicates += shard.Duplicates;
                    contended += shard.Contended;
                    takeovers += shard.Takeovers;
                    entries += shard.Entries;
                    bytes += shard.Bytes;
                    evictions += shard.Evictions;
                    if (shard.Evictions > 0 && shard.EvictedAt >= evictedAt)
                        (evictedAt, evictedAfter) = (shard.EvictedAt, shard.EvictedAfter);
                }
            }

            return new IdempotencyStatistics
            {
                Claims = claims,
                Duplicates = duplicates,
                Contended = contended,
                Takeovers = takeovers,
                Entries = entries,
                Capacity = _capacity,
                Bytes = bytes,
                Evictions = evictions,
                EvictedAfter = TimeSpan.FromTicks(evictedAfter),
                CleanUps = Volatile.Read(ref _cleanUps),
            };
        }
    }

    public ValueTask ClaimAsync(
        ReadOnlyMemory<IdempotencyKey> keys, TimeSpan lease, Memory<ClaimResult> results, CancellationToken cancellationToken)
    {
        var now = Now;
        _shards.Run(new ClaimCall(keys.Span, now, Until(now, lease), results.Span), keys.Length);
        return default;
    }

    public ValueTask CompleteAsync(ReadOnlyMemory<IdempotencyClaim> claims, Memory<bool> results, CancellationToken cancellationToken)
    {
        _shards.Run(new CompleteCall(claims.Span, Now, results.Span), claims.Length);
        return default;
    }

    public ValueTask ReleaseAsync(ReadOnlyMemory<IdempotencyClaim> claims, CancellationToken cancellationToken)
    {
        _shards.Run(new ReleaseCall(claims.Span), claims.Length);
        return default;
    }

    public ValueTask ExtendAsync(
        ReadOnlyMemory<IdempotencyClaim> claims, TimeSpan lease, Memory<bool> results, CancellationToken cancellationToken)
    {
        var now = Now;
        _shards.Run(new ExtendCall(claims.Span, now, Until(now, lease), results.Span), claims.Length);
        return default;
    }

    public void Dispose() => _cleanup.Dispose();

    /// <summary>Ticks since the start, by a clock that never goes back.</summary>
    private long Now => _time.GetElapsedTime(_start).Ticks;

    private static long Until(long now, TimeSpan lease) => lease.Ticks > long.MaxValue - now ? long.MaxValue : now + lease.Ticks;

    /// <summary>Shard by shard, and in each step by step, each under a lock of its own: calls get in between.</summary>
    private void CleanUp()
    {
        // The timer does not wait for the one before.
        if (!_cleaning.TryEnter())
            return;

        try
        {
            var now = Now;
            var shortage = _pressure();
            var isEmergency = shortage != 0 && shortage != _lastShortage;
            _lastShortage = shortage;
            foreach (var shard in _shards.All)
                CleanUp(shard, now, isEmergency);

            Interlocked.Increment(ref _cleanUps);
        }
        catch (OutOfMemoryException)
        {
            // To give memory back takes some for a moment. The next clean-up tries again; out of a timer it would end the process.
        }
        finally
        {
            _cleaning.Exit();
        }
    }

    private static void CleanUp(IdempotencyShard shard, long now, bool isEmergency)
    {
        int keep;
        lock (shard.Gate)
            keep = isEmergency ? Math.Max(shard.Completed / 4 * 3, shard.KeptInEmergency) : int.MaxValue;

        bool more;
        do
        {
            lock (shard.Gate)
                more = shard.CleanUp(now, keep);
        }
        while (more);
    }

    private readonly ref struct ClaimCall(ReadOnlySpan<IdempotencyKey> keys, long now, long until, Span<ClaimResult> results) : IdempotencyShards.ICall
    {
        private readonly ReadOnlySpan<IdempotencyKey> _keys = keys;
        private readonly Span<ClaimResult> _results = results;

        public bool LooksUp => true;

        public IdempotencyKey KeyOf(int index) => _keys[index];

        public void Run(IdempotencyShard shard, int index, ulong hash) => _results[index] = shard.Claim(_keys[index], hash, now, until);
    }

    private readonly ref struct CompleteCall(ReadOnlySpan<IdempotencyClaim> claims, long now, Span<bool> results) : IdempotencyShards.ICall
    {
        private readonly ReadOnlySpan<IdempotencyClaim> _claims = claims;
        private readonly Span<bool> _results = results;

        public bool LooksUp => false;

        public IdempotencyKey KeyOf(int index) => _claims[index].Key;

        public void Run(IdempotencyShard shard, int index, ulong hash) => _results[index] = shard.Complete(_claims[index], hash, now);
    }

    private readonly ref struct ReleaseCall(ReadOnlySpan<IdempotencyClaim> claims) : IdempotencyShards.ICall
    {
        private readonly ReadOnlySpan<IdempotencyClaim> _claims = claims;

        public bool LooksUp => false;

        public IdempotencyKey KeyOf(int index) => _claims[index].Key;

        public void Run(IdempotencyShard shard, int index, ulong hash) => shard.Release(_claims[index], hash);
    }

    private readonly ref struct ExtendCall(ReadOnlySpan<IdempotencyClaim> claims, long now, long until, Span<bool> results) : IdempotencyShards.ICall
    {
        private readonly ReadOnlySpan<IdempotencyClaim> _claims = claims;
        private readonly Span<bool> _results = results;

        public bool LooksUp => false;

        public IdempotencyKey KeyOf(int index) => _claims[index].Key;

        public void Run(IdempotencyShard shard, int index, ulong hash) => _results[index] = shard.Extend(_claims[index], hash, now, until);
    }
}
