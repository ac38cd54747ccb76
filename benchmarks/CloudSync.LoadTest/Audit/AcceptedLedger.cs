namespace CloudSync.LoadTest.Audit;

/// <summary>Which messages were acknowledged, and where Kafka has put them: eight bytes a message. One thread gives numbers out; any may tell what became of them.</summary>
internal sealed class AcceptedLedger
{
    private const int PartitionShift = 44;

    private readonly Pages<long> _places = new();
    private long _next;
    private long _accepted;

    /// <summary>Messages that have a number.</summary>
    public long Sent => Volatile.Read(ref _next);

    /// <summary>Messages that were acknowledged.</summary>
    public long Accepted => Volatile.Read(ref _accepted);

    /// <summary>Gives out numbers.</summary>
    /// <returns>The first of them.</returns>
    public long Reserve(int count)
    {
        var first = _next;
        Volatile.Write(ref _next, first + count);
        return first;
    }

    /// <summary>A message was acknowledged.</summary>
    public void Add(long number, int partition, long offset)
    {
        _places[number] = ((long)(partition + 1) << PartitionShift) | offset;
        Interlocked.Increment(ref _accepted);
    }

    /// <summary>Where a message stands; <see langword="null"/> for one that was not acknowledged.</summary>
    public Place? PlaceOf(long number) => _places[number] is var place and not 0
        ? new Place((int)(place >> PartitionShift) - 1, place & ((1L << PartitionShift) - 1)) : null;
}

/// <summary>Where Kafka has a message.</summary>
internal readonly record struct Place(int Partition, long Offset);
