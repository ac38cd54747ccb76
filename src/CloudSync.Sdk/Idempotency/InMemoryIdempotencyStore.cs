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
        _cleanup = time.CreateTimer(static state => ((InMemoryIdempotencyStore)state!).CleanUp(), this, options.CleanupInterval, options.CleanupInterval);
    }

    public IdempotencyStatistics Statistics
    {
        get
        {
            long claims = 0, duplicates = 0, contended = 0, entries = 0, evictions = 0;
            foreach (var shard in _shards)
            {
                lock (shard.Gate)
                {
                    claims += shard.Claims;
                    duplicates += shard.Duplicates;
                    contended += shard.Contended;
                    entries += shard.Entries.Count;
                    evictions += shard.Evictions;
                }
            }

            return new IdempotencyStatistics(claims, duplicates, contended, entries, evictions);
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
                results.Span[i] = shard.Claim(key, ++token, now, until);
        }

        return default;
    }

    public ValueTask CompleteAsync(
        ReadOnlyMemory<IdempotencyClaim> claims, TimeSpan retention, Memory<bool> results, CancellationToken cancellationToken)
    {
        var now = Now;
        var until = now + retention.Ticks;
        for (var i = 0; i < claims.Length; i++)
        {
            var claim = claims.Span[i];
            var shard = ShardOf(claim.Key);
            lock (shard.Gate)
                results.Span[i] = shard.Complete(claim, now, until);
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
        var until = Now + lease.Ticks;
        for (var i = 0; i < claims.Length; i++)
        {
            var claim = claims.Span[i];
            var shard = ShardOf(claim.Key);
            lock (shard.Gate)
                results.Span[i] = shard.Extend(claim, until);
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
                shard.Forget(now);
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

        public ClaimResult Claim(IdempotencyKey key, long token, long now, long until)
        {
            Claims++;
            ref var entry = ref CollectionsMarshal.GetValueRefOrAddDefault(Entries, key, out var known);
            if (known && entry.Until > now)
            {
                if (entry.IsCompleted)
                {
                    Duplicates++;
                    return ClaimResult.Completed;
                }

                Contended++;
                return ClaimResult.HeldByAnother(TimeSpan.FromTicks(entry.Until - now));
            }

            entry = new Entry(token, until, IsCompleted: false);
            return ClaimResult.Acquired(token);
        }

        public bool Complete(IdempotencyClaim claim, long now, long until)
        {
            // A claim that ran out and was cleaned up is nobody else's: its message was delivered, and is a duplicate from now on.
            ref var entry = ref CollectionsMarshal.GetValueRefOrAddDefault(Entries, claim.Key, out var known);
            if (known && entry.Token != claim.Token)
                return false;

            entry = new Entry(claim.Token, until, IsCompleted: true);
            _completed.Enqueue(claim);
            MakeRoom(now);
            return true;
        }

        public void Release(IdempotencyClaim claim)
        {
            if (Entries.TryGetValue(claim.Key, out var entry) && entry.Token == claim.Token && !entry.IsCompleted)
                Entries.Remove(claim.Key);
        }

        public bool Extend(IdempotencyClaim claim, long until)
        {
            ref var entry = ref CollectionsMarshal.GetValueRefOrNullRef(Entries, claim.Key);
            if (System.Runtime.CompilerServices.Unsafe.IsNullRef(ref entry) || entry.Token != claim.Token || entry.IsCompleted)
                return false;

            entry = entry with { Until = until };
            return true;
        }

        /// <summary>Forgets what has run out: delivered ids past their retention, and claims whose owner never came back.</summary>
        public void Forget(long now)
        {
            foreach (var (key, entry) in Entries)
            {
                if (entry.Until <= now)
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

        public readonly record struct Entry(long Token, long Until, bool IsCompleted);
    }
}
