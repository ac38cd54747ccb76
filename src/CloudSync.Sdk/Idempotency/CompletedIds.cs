using System.Numerics;
using System.Runtime.CompilerServices;

namespace CloudSync.Sdk;

/// <summary>
/// The delivered ids of one shard, in the order of their completion, which is that of their expiry: added at one end, dropped at the other. Not thread-safe: everything happens
/// under the shard's lock. Times are ticks since the store's start.
/// </summary>
/// <remarks>
/// <para>
/// A queue of slots in chunks. The chunk of a position, and the slot in it, are bits of the position. A bucket names the position of its newest id, and each slot how far back
/// the next older of its bucket lies. A bucket also has a filter: one of 32 bits for each id that was added since it was empty. Nearly all ids that are asked for are new, and the filter tells that
/// of nineteen in twenty: their cost is one line of memory, the bucket's, and not a second for a slot. A chain goes from young to old, and ends where it leaves what is in the queue: dropping an id is moving the queue's end, and the buckets need
/// not hear of it.
/// </para>
/// <para>
/// Positions wrap around after 2^32 ids. A bucket that nobody wrote to for so long may then name a position that another id has got meanwhile. That costs a
/// comparison and nothing else: keys are compared, and every step of a chain is a step back, so it ends.
/// </para>
/// <para>
/// 24 bytes a slot and 8 a bucket, of which there are one to two for each id. No references but one a chunk: the garbage collector has nothing to look through.
/// </para>
/// </remarks>
internal sealed class CompletedIds
{
    /// <summary>What a slot and its buckets take at most, and a tenth for what is free at the ends of small queues.</summary>
    public const int BytesAnId = 44;

    private const int MinBuckets = 16;
    private const int ArrayHeader = 24;
    private const int BucketBytes = 2 * sizeof(uint);

    private readonly long _retention;
    private readonly int _maxBuckets;
    private readonly int _chunkBits;
    private readonly uint _inChunk;
    private readonly Slot[]?[] _spare = new Slot[]?[2];
    private Slot[]?[] _chunks = [];
    private Bucket[] _buckets = [];
    private uint _oldest;
    private uint _next;
    private int _liveChunks;
    private int _spares;

    /// <param name="retention">For how long an id is remembered at least, in ticks.</param>
    /// <param name="maxCount">How many ids are to be expected at most. More find room too, in longer chains.</param>
    /// <param name="start">The first position, for tests of what happens when they wrap around.</param>
    public CompletedIds(long retention, int maxCount, uint start = 1u << 31)
    {
        _retention = retention;
        _maxBuckets = (int)BitOperations.RoundUpToPowerOf2((uint)Math.Clamp(maxCount, MinBuckets, 1 << 22));

        // Small enough that an end that is half empty doesn't weigh, 24 KiB at most: below the large object heap, which is collected rarely.
        _chunkBits = BitOperations.Log2((uint)Math.Clamp(maxCount / 16, 16, 1_024));
        _inChunk = (1u << _chunkBits) - 1;
        _oldest = _next = start & ~_inChunk;
    }

    public int Count => (int)(_next - _oldest);

    public int ChunkSize => 1 << _chunkBits;

    /// <summary>What all of it takes, spare chunks and free ends too.</summary>
    public long Bytes =>
        ((_liveChunks + _spares) * ChunkBytes) + ArrayBytes(_buckets.Length, BucketBytes) + ArrayBytes(_chunks.Length, IntPtr.Size);

    /// <summary>By how much the next <see cref="Add"/> makes it larger.</summary>
    public long Growth =>
        (NeedsChunk && _spares == 0 ? ChunkBytes : 0)
        + (NeedsChunk && _liveChunks == _chunks.Length ? (long)Math.Max(2, _chunks.Length) * IntPtr.Size : 0)
        + (NeedsBuckets ? (long)Math.Max(MinBuckets, _buckets.Length) * BucketBytes : 0);

    private long ChunkBytes => ArrayBytes(ChunkSize, Unsafe.SizeOf<Slot>());

    private bool NeedsChunk => (_next & _inChunk) == 0;

    private bool NeedsBuckets => Count >= _buckets.Length && _buckets.Length < _maxBuckets;

    public bool Contains(in IdempotencyKey key, ulong hash, long now)
    {
        if (_buckets.Length == 0)
            return false;

        ref var bucket = ref BucketOf(hash);
        if ((bucket.Filter & FilterOf(hash)) == 0)
            return false;

        var position = bucket.Newest;
        while (IsLive(position))
        {
            ref var slot = ref At(position);
            if (slot.High == key.High && slot.Low == key.Low)
                return !IsExpired(slot, now);

            if (slot.Back == 0)
                return false;

            position -= slot.Back;
        }

        return false;
    }

    /// <summary>
    /// Has the bucket of an id brought into the processor's caches. Called for all ids of a batch, and without the lock: with ten million ids nothing of them is there, and the processor waits for many
    /// at the same time as long as for one. It may be another's array by then, which costs that wait and nothing else.
    /// </summary>
    public void PrefetchBucket(ulong hash)
    {
        var buckets = _buckets;
        if (buckets.Length > 0)
            Prefetch.Read(ref buckets[(int)((uint)hash & (uint)(buckets.Length - 1))]);
    }

    /// <summary>The same for the newest id of a bucket, where the filter does not tell that the one that is asked for is new. After <see cref="PrefetchBucket"/>.</summary>
    public void PrefetchSlot(ulong hash)
    {
        var (buckets, chunks) = (_buckets, _chunks);
        if (buckets.Length == 0 || chunks.Length == 0)
            return;

        ref var bucket = ref buckets[(int)((uint)hash & (uint)(buckets.Length - 1))];
        var position = bucket.Newest;
        if ((bucket.Filter & FilterOf(hash)) == 0 || !IsLive(position) || chunks[(int)((position >> _chunkBits) & (uint)(chunks.Length - 1))] is not { } chunk)
            return;

        ref var slot = ref chunk[(int)(position & _inChunk)];
        Prefetch.Read(ref slot);
        Prefetch.Read(ref Unsafe.Add(ref Unsafe.As<Slot, ulong>(ref slot), 2));
    }

    /// <summary>The same for both ends of the queue, where a batch drops and adds a few ids of each shard.</summary>
    public void PrefetchEnds()
    {
        var chunks = _chunks;
        if (chunks.Length == 0)
            return;

        PrefetchFew(chunks, _oldest);
        PrefetchFew(chunks, _next);
    }

    private void PrefetchFew(Slot[]?[] chunks, uint position)
    {
        if (chunks[(int)((position >> _chunkBits) & (uint)(chunks.Length - 1))] is not { } chunk)
            return;

        Prefetch.Read(ref chunk[(int)(position & _inChunk)]);
        Prefetch.Read(ref chunk[(int)Math.Min((position & _inChunk) + 3, _inChunk)]);
    }

    /// <summary>Adds an id that is not there, or is expired.</summary>
    public void Add(in IdempotencyKey key, ulong hash, long now)
    {
        if (NeedsBuckets)
            Rehash(Math.Max(MinBuckets, _buckets.Length * 2));

        if (NeedsChunk)
            AddChunk();

        // Rounded up: remembered for at least the retention. Callers read the clock before they have the lock, so of two the later may come first. Then the other waits for it to be
        // dropped, but isn't found any longer than it should be.
        var ms = Math.Min(Slot.MaxMs, (now + TimeSpan.TicksPerMillisecond - 1) / TimeSpan.TicksPerMillisecond);
        ref var bucket = ref BucketOf(hash);
        var hasOlder = IsLive(bucket.Newest) && bucket.Filter != 0;
        At(_next) = new Slot(key, ms, hasOlder ? _next - bucket.Newest : 0);
        bucket = new Bucket(_next++, FilterOf(hash) | (hasOlder ? bucket.Filter : 0));
    }

    /// <summary>Drops ids past their retention.</summary>
    /// <returns>Whether there are more than <paramref name="max"/> of them.</returns>
    public bool DropExpired(long now, int max)
    {
        while (Count > 0 && IsExpired(At(_oldest), now))
        {
            if (max-- == 0)
                return true;

            Drop();
        }

        return false;
    }

    /// <summary>Drops the oldest id, which must be there.</summary>
    /// <returns>When it was completed.</returns>
    public long DropOldest()
    {
        var completed = At(_oldest).Ms * TimeSpan.TicksPerMillisecond;
        Drop();
        return completed;
    }

    /// <summary>Gives back chunks that are kept for the next ids.</summary>
    public void DropSpares()
    {
        Array.Clear(_spare);
        _spares = 0;
    }

    /// <summary>Gives back memory that is not needed for what is left.</summary>
    public void Trim()
    {
        DropSpares();
        if (Count == 0)
        {
            _oldest = _next = (_next + _inChunk) & ~_inChunk;
            _liveChunks = 0;
            _chunks = [];
            _buckets = [];
        }
        else if (Count < _buckets.Length / 4 && _buckets.Length > MinBuckets)
        {
            Rehash((int)BitOperations.RoundUpToPowerOf2((uint)Math.Max(MinBuckets, Count)));
        }
    }

    private bool IsLive(uint position) => position - _oldest < _next - _oldest;

    private static uint FilterOf(ulong hash) => 1u << (int)((uint)hash >> 27);

    private ref Bucket BucketOf(ulong hash) => ref _buckets[(int)((uint)hash & (uint)(_buckets.Length - 1))];

    private bool IsExpired(in Slot slot, long now) => now - (slot.Ms * TimeSpan.TicksPerMillisecond) >= _retention;

    private ref Slot At(uint position) => ref _chunks[(int)((position >> _chunkBits) & (uint)(_chunks.Length - 1))]![(int)(position & _inChunk)];

    private void Drop()
    {
        var chunk = (int)((_oldest >> _chunkBits) & (uint)(_chunks.Length - 1));
        _oldest++;
        if ((_oldest & _inChunk) != 0)
            return;

        // Two are kept: in a queue that is as long as ever the next is needed soon, and sometimes, as it goes up and down with the claims, two are free before one is needed.
        if (_spares < _spare.Length)
            _spare[_spares++] = _chunks[chunk];

        _chunks[chunk] = null;
        _liveChunks--;
    }

    private void AddChunk()
    {
        var number = _next >> _chunkBits;
        if (_liveChunks == _chunks.Length)
        {
            var chunks = new Slot[]?[Math.Max(2, _chunks.Length * 2)];
            for (var i = 1u; i <= _liveChunks; i++)
                chunks[(int)((number - i) & (uint)(chunks.Length - 1))] = _chunks[(int)((number - i) & (uint)(_chunks.Length - 1))];

            _chunks = chunks;
        }

        _chunks[(int)(number & (uint)(_chunks.Length - 1))] = _spares > 0 ? TakeSpare() : GC.AllocateUninitializedArray<Slot>(ChunkSize);
        _liveChunks++;
    }

    private Slot[] TakeSpare()
    {
        ref var spare = ref _spare[--_spares];
        var chunk = spare!;
        spare = null;
        return chunk;
    }

    private void Rehash(int buckets)
    {
        _buckets = new Bucket[buckets];
        for (var position = _oldest; position != _next; position++)
        {
            ref var slot = ref At(position);
            var hash = KeyHash.Of(new IdempotencyKey(slot.High, slot.Low));
            ref var bucket = ref BucketOf(hash);
            slot = new Slot(new IdempotencyKey(slot.High, slot.Low), slot.Ms, bucket.Filter != 0 ? position - bucket.Newest : 0);
            bucket = new Bucket(position, FilterOf(hash) | bucket.Filter);
        }
    }

    private static long ArrayBytes(int length, int size) => length == 0 ? 0 : ArrayHeader + ((long)length * size);

    /// <summary>The position of a bucket's newest id, and a bit for each that was added since the bucket was empty; none: nothing ever was.</summary>
    private readonly struct Bucket(uint newest, uint filter)
    {
        public uint Newest { get; } = newest;

        public uint Filter { get; } = filter;
    }

    /// <summary>An id, when it was completed, and how far back the next older id of its bucket lies (0: there is none).</summary>
    private readonly struct Slot(in IdempotencyKey key, long ms, uint back)
    {
        /// <summary>139 years after the store's start.</summary>
        public const long MaxMs = (1L << (64 - BackBits)) - 1;

        /// <summary>Four million ids, more than a shard holds.</summary>
        private const int BackBits = 22;

        private readonly ulong _msAndBack = ((ulong)ms << BackBits) | back;

        public ulong High { get; } = key.High;

        public ulong Low { get; } = key.Low;

        public long Ms => (long)(_msAndBack >> BackBits);

        public uint Back => (uint)_msAndBack & ((1u << BackBits) - 1);
    }
}
