namespace CloudSync.Sdk;

/// <summary>The shards of the in-memory store, each with its share of the bounds; and how a call for many ids goes to them: in groups, so that it takes each lock once.</summary>
internal sealed class IdempotencyShards
{
    /// <summary>Ids that are grouped at a time: some kilobytes of stack.</summary>
    internal const int MaxGrouped = 512;

    private const int MaxEntriesOfShard = 65_536;
    private const int MinEntriesOfShard = 4_096;
    private const int FewShards = 16;

    private readonly IdempotencyShard[] _shards;

    public IdempotencyShards(IdempotencyOptions options, Func<long> pressure)
    {
        var maxBytes = options.MaxBytes ?? long.MaxValue;
        var count = CountFor((int)Math.Clamp(maxBytes / CompletedIds.BytesAnId, 1, options.MaxEntries));
        _shards = new IdempotencyShard[count];
        for (var i = 0; i < count; i++)
        {
            // The remainder is spread, so that the shares are the whole.
            var entries = (options.MaxEntries / count) + (i < options.MaxEntries % count ? 1 : 0);
            _shards[i] = new IdempotencyShard(options.Retention.Ticks, entries, maxBytes / count, firstToken: i + 1, tokenStep: count, pressure);
        }
    }

    /// <summary>What a call does with one of its ids.</summary>
    internal interface ICall
    {
        /// <summary>The id.</summary>
        IdempotencyKey KeyOf(int index);

        /// <summary>Whether it looks for the id among those that were completed.</summary>
        bool LooksUp { get; }

        /// <summary>Does it, under the lock of the shard.</summary>
        void Run(IdempotencyShard shard, int index, ulong hash);
    }

    public ReadOnlySpan<IdempotencyShard> All => _shards;

    /// <summary>Runs a call for each of its ids. The same id twice is taken in the order in which it stands there.</summary>
    public void Run<TCall>(in TCall call, int count)
        where TCall : struct, ICall, allows ref struct
    {
        for (var first = 0; first < count; first += MaxGrouped)
            RunGrouped(call, first, Math.Min(MaxGrouped, count - first));
    }

    private void RunGrouped<TCall>(in TCall call, int offset, int count)
        where TCall : struct, ICall, allows ref struct
    {
        // A list for each shard that has any, through the ids themselves. A link is an index + 1; 0 is the end, and of a shard's last that there is none yet.
        Span<ulong> hashes = stackalloc ulong[count];
        Span<ushort> next = stackalloc ushort[count];
        Span<ushort> firsts = stackalloc ushort[count];
        Span<ushort> lasts = stackalloc ushort[_shards.Length];
        next.Clear();
        lasts.Clear();
        var groups = 0;
        for (var i = 0; i < count; i++)
        {
            hashes[i] = KeyHash.Of(call.KeyOf(offset + i));
            var shard = ShardOf(hashes[i]);
            _shards[shard].PrefetchBucket(hashes[i]);
            ref var last = ref lasts[shard];
            if (last == 0)
                firsts[groups++] = (ushort)i;
            else
                next[last - 1] = (ushort)(i + 1);

            last = (ushort)(i + 1);
        }

        if (call.LooksUp)
        {
            foreach (var hash in hashes)
                _shards[ShardOf(hash)].PrefetchSlot(hash);
        }

        foreach (var first in firsts[..groups])
            _shards[ShardOf(hashes[first])].PrefetchEnds();

        foreach (var first in firsts[..groups])
        {
            var shard = _shards[ShardOf(hashes[first])];
            lock (shard.Gate)
            {
                for (var i = (int)first; i >= 0; i = next[i] - 1)
                    call.Run(shard, offset + i, hashes[i]);
            }
        }
    }

    /// <summary>
    /// A shard is small enough that it grows in a moment, and large enough that chance spreads the ids evenly. There are some where they pay, so that threads seldom meet.
    /// </summary>
    private static int CountFor(int entries) => Math.Max(Math.Clamp(entries / MinEntriesOfShard, 1, FewShards), (entries + MaxEntriesOfShard - 1) / MaxEntriesOfShard);

    private int ShardOf(ulong hash) => (int)(((hash >> 32) * (ulong)_shards.Length) >> 32);
}
