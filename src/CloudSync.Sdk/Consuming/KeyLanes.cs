using System.IO.Hashing;
using System.Runtime.InteropServices;

namespace CloudSync.Sdk;

/// <summary>
/// Keeps the order: a lane is the queue of one key, and only its first message may be in a sink. Lanes exist while they have a message, so what is not
/// in memory costs nothing, and a message that fails holds up its own lane alone.
/// </summary>
/// <remarks>
/// A lane is a linked list through the messages themselves; the table knows its last one. Messages enter and leave in batches, with one lock for each batch.
/// A lane's key is a 64-bit hash: two keys that share one share an order, which harms nobody.
/// </remarks>
internal sealed class KeyLanes
{
    private readonly Lock _gate = new();
    private readonly Dictionary<ulong, Delivery> _tails = [];

    /// <summary>What may be taken now, by its turn.</summary>
    private readonly Queue<Delivery>[] _ready = [new(), new(), new()];
    private int _inFlight;

    /// <summary>How many messages may be taken now, by their turn.</summary>
    public ReadyCounts Ready
    {
        get
        {
            lock (_gate)
                return new ReadyCounts(_ready[(int)Turn.Fresh].Count, _ready[(int)Turn.Part].Count, _ready[(int)Turn.Retry].Count);
        }
    }

    /// <summary>Whether a message may be taken now that has not failed yet.</summary>
    public bool HasUntried => Ready.Fresh > 0;

    /// <summary>Messages taken and not yet given back.</summary>
    public int InFlight
    {
        get
        {
            lock (_gate)
                return _inFlight;
        }
    }

    /// <summary>Lanes that exist now: those with a message that waits, is in a sink, or backs off.</summary>
    public int LaneCount
    {
        get
        {
            lock (_gate)
                return _tails.Count;
        }
    }

    /// <summary>The lane of a message: by key within its partition, by partition, or none.</summary>
    public static ulong LaneOf(MessageOrdering ordering, in RawRecord record) => ordering switch
    {
        MessageOrdering.Partition => (ulong)record.Partition + 1,
        MessageOrdering.Key when record.KeyLength >= 0 =>
            Math.Max(1UL, XxHash3.HashToUInt64(record.Buffer.AsSpan(record.Start, record.KeyLength), record.Partition)),
        _ => 0,
    };

    /// <summary>Messages were read; each joins the end of its lane.</summary>
    public void Enqueue(ReadOnlySpan<Delivery> deliveries)
    {
        lock (_gate)
        {
            foreach (var delivery in deliveries)
            {
                if (delivery.Lane == 0)
                {
                    MakeReady(delivery);
                    continue;
                }

                ref var tail = ref CollectionsMarshal.GetValueRefOrAddDefault(_tails, delivery.Lane, out var occupied);
                if (occupied)
                    tail!.Next = delivery;
                else
                    MakeReady(delivery);

                tail = delivery;
            }
        }
    }

    /// <summary>Takes messages for delivery: no two of them share a lane.</summary>
    /// <param name="turn">Whose turn it is.</param>
    /// <param name="into">Receives the messages.</param>
    /// <param name="max">How many at most; fewer when one of them must not be among so many.</param>
    /// <param name="maxBytes">How many bytes at most; the first message is taken whatever its size.</param>
    /// <param name="dropped">Receives the messages of partitions that were given up: nobody delivers them here.</param>
    public void Take(Turn turn, List<Delivery> into, int max, long maxBytes, List<Delivery> dropped)
    {
        lock (_gate)
        {
            long bytes = 0;
            var ready = _ready[(int)turn];
            while (into.Count < max && ready.TryPeek(out var delivery))
            {
                if (delivery.Progress.IsRevoked)
                {
                    ready.Dequeue();
                    dropped.Add(delivery);
                    Advance(delivery, dropped);
                    continue;
                }

                bytes += delivery.Size;
                var room = delivery.Failures is { MaxBatch: > 0 and var most } ? Math.Min(max, most) : max;
                if (into.Count > 0 && (bytes > maxBytes || into.Count >= room))
                    break;

                max = room;
                ready.Dequeue();
                _inFlight++;
                delivery.Progress.InFlight++;
                into.Add(delivery);
            }
        }
    }

    /// <summary>Messages are done with: the next of each lane may be taken.</summary>
    public void Release(ReadOnlySpan<Delivery> deliveries, List<Delivery> dropped)
    {
        lock (_gate)
        {
            foreach (var delivery in deliveries)
            {
                Landed(delivery);
                Advance(delivery, dropped);
            }
        }
    }

    /// <summary>A message that was taken waits for another try. Its lane waits with it; nobody else does.</summary>
    public void Park(Delivery delivery)
    {
        lock (_gate)
            Landed(delivery);
    }

    /// <summary>Messages have waited long enough and may be taken again.</summary>
    public void Unpark(ReadOnlySpan<Delivery> deliveries)
    {
        lock (_gate)
        {
            foreach (var delivery in deliveries)
                MakeReady(delivery);
        }
    }

    /// <summary>Lets go of what waits for partitions that were given up.</summary>
    public void DropRevoked(List<Delivery> dropped)
    {
        lock (_gate)
        {
            // Whole queues at once: what comes after a message that is dropped joins them, and is looked at as well.
            foreach (var ready in _ready)
            {
                for (var left = ready.Count; left > 0; left--)
                {
                    var delivery = ready.Dequeue();
                    if (delivery.Progress.IsRevoked)
                    {
                        dropped.Add(delivery);
                        Advance(delivery, dropped);
                    }
                    else
                    {
                        ready.Enqueue(delivery);
                    }
                }
            }
        }
    }

    /// <summary>Whether nothing of this partition is in flight.</summary>
    public bool IsIdle(PartitionProgress progress)
    {
        lock (_gate)
            return progress.InFlight == 0;
    }

    private void MakeReady(Delivery delivery) => _ready[(int)TurnOf(delivery)].Enqueue(delivery);

    private static Turn TurnOf(Delivery delivery) => delivery.Failures switch
    {
        null => Turn.Fresh,
        { IsPart: true } => Turn.Part,
        _ => Turn.Retry,
    };

    private void Landed(Delivery delivery)
    {
        _inFlight--;
        delivery.Progress.InFlight--;
    }

    /// <summary>Moves the lane on by one. What lies behind a message of a revoked partition is of that partition too, unless it has come back meanwhile.</summary>
    private void Advance(Delivery delivery, List<Delivery> dropped)
    {
        if (delivery.Lane == 0)
            return;

        var next = Unlink(delivery);
        while (next is not null && next.Progress.IsRevoked)
        {
            dropped.Add(next);
            next = Unlink(next);
        }

        if (next is not null)
            MakeReady(next);
        else
            _tails.Remove(delivery.Lane);
    }

    /// <summary>A sink may keep a message for ever, which must not keep all the later ones of its lane alive.</summary>
    private static Delivery? Unlink(Delivery delivery)
    {
        var next = delivery.Next;
        delivery.Next = null;
        return next;
    }
}

/// <summary>What kind of call a message waits for. Messages of different kinds are never in one call: each kind has rules of its own.</summary>
internal enum Turn
{
    /// <summary>It has not failed yet.</summary>
    Fresh = 0,

    /// <summary>It failed as one of a batch that said nothing of its messages, which is now taken apart to find the one at fault.</summary>
    Part,

    /// <summary>It failed, and is tried again.</summary>
    Retry,
}

/// <summary>How many messages may be taken now.</summary>
internal readonly record struct ReadyCounts(int Fresh, int Part, int Retry)
{
    public int Count => Fresh + Part + Retry;

    public int Of(Turn turn) => turn switch
    {
        Turn.Fresh => Fresh,
        Turn.Part => Part,
        _ => Retry,
    };
}
