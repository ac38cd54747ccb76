using System.Runtime.InteropServices;

namespace CloudSync.Sdk;

/// <summary>
/// Remembers ids in this process: enough while one process owns the whole group, and gone with it. Sharded by the id's hash; bounded by entries, of which
/// the oldest delivered ones go first and a held claim never.
/// </summary>
internal sealed class InMemoryIdempotencyStore : IIdempotencyStore, IDisposable
{
    private readonly Shard[] _shards;
    private readonly TimeProvider _time;
    private readonly long _retention;
    private readonly long _capacity;
    private readonly ITimer _cleanup;
    private long _lastToken;

    public InMemoryIdempotencyStore(IdempotencyOptions options, TimeProvider time)
    {
        // A bound below a few thousand is split into fewer shards, or each would hold next to nothing.
        var shards = Math.Clamp(options.MaxEntries / 1024, 1, 16);
        _shards = new Shard[shards];
        for (var i = 0; i < shards; i++)
            _shards[i] = new Shard(Math.Max(1, options.MaxEntries / shards));

        _time = time;
        _retention = options.Retention.Ticks;
        _capacity = options.MaxEntries;
        _cleanup = time.CreateTimer(static state => ((InMemoryIdempotencyStore)state!).CleanUp(), this, options.CleanupInterval, options.CleanupInterval);
    }

    public IdempotencyStatistics Statistics
    {
        get
        {
            long claims = 0, duplicates = 0, contended = 0, takeovers = 0, entries = 0, evictions = 0;
            foreach (var shard in _shards)
            {
                lock (shard.Gate)
                {
                    claims += shard.Claims;
                    duplicates += shard.Duplicates;
                    contended += shard.Contended;
                    takeovers += shard.Takeovers;
                    entries += shard.Entries.Count;
                    evictions += shard.Evictions;
                }
            }

            return new IdempotencyStatistics
            {
                Claims = claims, Duplicates = duplicates, Contended = contended, Takeovers = takeovers, Entries = entries, Capacity = _capacity, Evictions = evictions,
            };
        }
    }

    public ValueTask ClaimAsync(
        ReadOnlyMemory<IdempotencyKey> keys, TimeSpan lease, Memory<ClaimResult> results, CancellationToken cancellationToken)
    {
        var now = Now;
        var until = now + lease.Ticks;
        var token = Interlocked.Add(ref _lastToken, keys.Length) - keys.Length;
        for (var i = 0; i < keys.Length; i++)
        {
            var key = keys.Span[i];
            var shard = ShardOf(key);
            lock (shard.Gate)
                results.Span[i] = shard.Claim(key, ++token, now, until, _retention);
        }

        return default;
    }

    public ValueTask CompleteAsync(ReadOnlyMemory<IdempotencyClaim> claims, Memory<bool> results, CancellationToken cancellationToken)
    {
        var now = Now;
        for (var i = 0; i < claims.Length; i++)
        {
            var claim = claims.Span[i];
            var shard = ShardOf(claim.Key);
            lock (shard.Gate)
                results.Span[i] = shard.Complete(claim, now, _retention);
        }

        return default;
    }

    public ValueTask ReleaseAsync(ReadOnlyMemory<IdempotencyClaim> claims, CancellationToken cancellationToken)
    {
        foreach (var claim in claims.Span)
        {
            var shard = ShardOf(claim.Key);
            lock (shard.Gate)
                shard.Release(claim);
        }

        return default;
    }

    public ValueTask ExtendAsync(
        ReadOnlyMemory<IdempotencyClaim> claims, TimeSpan lease, Memory<bool> results, CancellationToken cancellationToken)
    {
        var now = Now;
        var until = now + lease.Ticks;
        for (var i = 0; i < claims.Length; i++)
        {
            var claim = claims.Span[i];
            var shard = ShardOf(claim.Key);
            lock (shard.Gate)
                results.Span[i] = shard.Extend(claim, now, until, _retention);
        }

        return default;
    }

    public void Dispose() => _cleanup.Dispose();

    /// <summary>Ticks of a clock that never goes back.</summary>
    private long Now => _time.GetElapsedTime(0).Ticks;

    private Shard ShardOf(IdempotencyKey key) => _shards[key.High % (ulong)_shards.Length];

    private void CleanUp()
    {
        var now = Now;
        foreach (var shard in _shards)
        {
            lock (shard.Gate)
                shard.Forget(now, _retention);
        }
    }

    /// <summary>A part of the ids. Everything in it happens under <see cref="Gate"/>.</summary>
    private sealed class Shard(int maxEntries)
    {
        private readonly Queue<IdempotencyClaim> _completed = new();

        public Lock Gate { get; } = new();

        public Dictionary<IdempotencyKey, Entry> Entries { get; } = [];

        public long Claims { get; private set; }

        public long Duplicates { get; private set; }

        public long Contended { get; private set; }

        public long Evictions { get; private set; }

        public long Takeovers { get; private set; }

        public ClaimResult Claim(IdempotencyKey key, long token, long now, long until, long retention)
        {
            Claims++;
            ref var entry = ref CollectionsMarshal.GetValueRefOrAddDefault(Entries, key, out var known);
            known = known && !entry.IsForgotten(now, retention);
            if (known && entry.IsCompleted)
            {
                Duplicates++;
                return ClaimResult.Completed;
            }

            if (known && entry.Until > now)
            {
                Contended++;
                return ClaimResult.HeldByAnother(TimeSpan.FromTicks(entry.Until - now));
            }

            entry = new Entry(token, until, IsCompleted: false);
            Takeovers += known ? 1 : 0;
            return ClaimResult.Acquired(token, tookOver: known);
        }

        public bool Complete(IdempotencyClaim claim, long now, long retention)
        {
            // A claim that ran out and was cleaned up is nobody else's: its message was delivered, and is a duplicate from now on.
            ref var entry = ref CollectionsMarshal.GetValueRefOrAddDefault(Entries, claim.Key, out var known);
            if (known && !entry.IsForgotten(now, retention) && (entry.IsCompleted || entry.Token != claim.Token))
                return false;

            entry = new Entry(claim.Token, now + retention, IsCompleted: true);
            _completed.Enqueue(claim);
            MakeRoom(now);
            return true;
        }

        public void Release(IdempotencyClaim claim)
        {
            if (Entries.TryGetValue(claim.Key, out var entry) && entry.Token == claim.Token && !entry.IsCompleted)
                Entries.Remove(claim.Key);
        }

        public bool Extend(IdempotencyClaim claim, long now, long until, long retention)
        {
            ref var entry = ref CollectionsMarshal.GetValueRefOrAddDefault(Entries, claim.Key, out var known);
            if (known && !entry.IsForgotten(now, retention) && (entry.IsCompleted || entry.Token != claim.Token))
                return false;

            entry = new Entry(claim.Token, until, IsCompleted: false);
            return true;
        }

        /// <summary>Forgets delivered ids past their retention, and claims whose owner never came back.</summary>
        public void Forget(long now, long retention)
        {
            foreach (var (key, entry) in Entries)
            {
                if (entry.IsForgotten(now, retention))
                    Entries.Remove(key);
            }

            MakeRoom(now);
        }

        private void MakeRoom(long now)
        {
            while (_completed.TryPeek(out var oldest))
            {
                var present = Entries.TryGetValue(oldest.Key, out var entry) && entry.Token == oldest.Token;
                if (present && entry.Until > now)
                {
                    if (Entries.Count <= maxEntries)
                        return;

                    Evictions++;
                }

                if (present)
                    Entries.Remove(oldest.Key);

                _completed.Dequeue();
            }
        }

        public readonly record struct Entry(long Token, long Until, bool IsCompleted)
        {
            public bool IsForgotten(long now, long retention) => now >= (IsCompleted ? Until : Until + retention);
        }
    }
}
