using System.Numerics;
using System.Runtime.CompilerServices;

namespace CloudSync.Sdk;

/// <summary>The ids of one shard that are claimed, or were and have lapsed. Few. Not thread-safe: everything happens under the shard's lock.</summary>
/// <remarks>A dictionary, but for one thing: it can be looked through a part at a time, while it changes.</remarks>
internal sealed class HeldIds
{
    private const int MinCapacity = 8;
    private const int ArrayHeader = 24;

    // A link is the index of a slot + 1, or 0 for none: what a new array holds. In a slot that is free it is negative.
    private int[] _buckets = [];
    private Slot[] _slots = [];
    private int _used;
    private int _free;

    public int Count { get; private set; }

    public int Capacity => _slots.Length;

    public long Bytes => BytesOf(_slots.Length);

    /// <summary>By how much <see cref="Grow"/> makes it larger.</summary>
    public long Growth => BytesOf(NextCapacity) - Bytes;

    public bool IsFull => Count == _slots.Length;

    private int NextCapacity => Math.Max(MinCapacity, _slots.Length * 2);

    /// <summary>The claim of an id, or a null reference. Valid until the table is resized.</summary>
    public ref Slot Find(in IdempotencyKey key, ulong hash)
    {
        if (Count > 0)
        {
            for (var link = BucketOf(hash); link > 0; link = _slots[link - 1].Next)
            {
                if (_slots[link - 1].Key == key)
                    return ref _slots[link - 1];
            }
        }

        return ref Unsafe.NullRef<Slot>();
    }

    public void Grow() => Resize(NextCapacity);

    /// <summary>Adds an id that is not there. There must be room.</summary>
    public void Add(in IdempotencyKey key, ulong hash, long token, long until)
    {
        var index = _free - 1;
        if (index >= 0)
            _free = ~_slots[index].Next;
        else
            index = _used++;

        ref var bucket = ref BucketOf(hash);
        _slots[index] = new Slot { Key = key, Token = token, Until = until, Next = bucket };
        bucket = index + 1;
        Count++;
    }

    /// <summary>Removes an id that is there.</summary>
    public void Remove(in IdempotencyKey key, ulong hash)
    {
        ref var link = ref BucketOf(hash);
        while (_slots[link - 1].Key != key)
            link = ref _slots[link - 1].Next;

        var index = link - 1;
        link = _slots[index].Next;
        _slots[index].Next = ~_free;
        _free = index + 1;
        Count--;
    }

    /// <summary>Looks at some slots, and removes ids whose lease ran out at a time or before it.</summary>
    /// <param name="cursor">Where to go on; 0 again when the end was reached.</param>
    /// <param name="slots">How many to look at.</param>
    /// <param name="time">The time.</param>
    /// <param name="max">How many to remove.</param>
    /// <param name="lastUntil">When the lease of the last one that was removed ran out.</param>
    /// <returns>How many were removed.</returns>
    public int RemoveLapsed(ref int cursor, int slots, long time, int max, out long lastUntil)
    {
        var removed = 0;
        lastUntil = 0;
        for (; slots > 0 && cursor < _used && removed < max; slots--, cursor++)
        {
            ref var slot = ref _slots[cursor];
            if (slot.Next < 0 || slot.Until > time)
                continue;

            lastUntil = slot.Until;
            Remove(slot.Key, KeyHash.Of(slot.Key));
            removed++;
        }

        if (cursor >= _used)
            cursor = 0;

        return removed;
    }

    /// <summary>Gives back memory that is not needed for what is left.</summary>
    public void Trim()
    {
        if (Count == 0 || Count < _slots.Length / 4)
            Resize(Count == 0 ? 0 : (int)BitOperations.RoundUpToPowerOf2((uint)Math.Max(MinCapacity, Count)));
    }

    private ref int BucketOf(ulong hash) => ref _buckets[(int)((uint)hash & (uint)(_buckets.Length - 1))];

    private void Resize(int capacity)
    {
        var (old, used) = (_slots, _used);
        var (slots, buckets) = (new Slot[capacity], new int[capacity]);
        (_slots, _buckets, _used, _free, Count) = (slots, buckets, 0, 0, 0);
        for (var i = 0; i < used; i++)
        {
            ref var slot = ref old[i];
            if (slot.Next >= 0)
                Add(slot.Key, KeyHash.Of(slot.Key), slot.Token, slot.Until);
        }
    }

    private static long BytesOf(int capacity) => capacity == 0 ? 0 : (2 * ArrayHeader) + ((long)capacity * (Unsafe.SizeOf<Slot>() + sizeof(int)));

    /// <summary>A claim.</summary>
    internal struct Slot
    {
        public IdempotencyKey Key;
        public long Token;
        public long Until;
        public int Next;
    }
}
