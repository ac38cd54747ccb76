namespace CloudSync.LoadTest.Audit;

/// <summary>In which order messages came to one endpoint, and which of them more than once: four bytes a message. May be told by any thread.</summary>
internal sealed class ArrivalLedger
{
    private readonly Pages<int> _order = new();
    private int _arrivals;
    private long _duplicates;
    private long _invented;
    private long _highest = -1;

    /// <summary>Different messages that have arrived.</summary>
    public long Arrived => Volatile.Read(ref _arrivals) - Duplicates;

    public long Duplicates => Volatile.Read(ref _duplicates);

    /// <summary>Arrivals of what is no message of the run.</summary>
    public long Invented => Volatile.Read(ref _invented);

    /// <summary>The highest number that has arrived; -1 before.</summary>
    public long Highest => Volatile.Read(ref _highest);

    /// <summary>A message has arrived. The next one of its key arrives only after this returns, so they stand in order.</summary>
    public void Add(long number)
    {
        if (number is < 0 or >= Pages<int>.Length)
        {
            AddInvented(1);
            return;
        }

        var order = Interlocked.Increment(ref _arrivals);
        if (Interlocked.CompareExchange(ref _order.Of(number), order, 0) != 0)
        {
            // It has a place already; the one that was taken for it stays empty.
            Interlocked.Increment(ref _duplicates);
            return;
        }

        for (var highest = Highest; number > highest; highest = Highest)
            Interlocked.CompareExchange(ref _highest, number, highest);
    }

    public void AddInvented(int count) => Interlocked.Add(ref _invented, count);

    /// <summary>The place of a message in the order of arrivals, from 1 on; 0 for one that has not arrived.</summary>
    public int OrderOf(long number) => _order[number];

    /// <summary>Writes the places of all messages.</summary>
    public void Write(Stream stream)
    {
        using var writer = new BinaryWriter(stream);
        for (var number = 0L; number <= Highest; number++)
            writer.Write(OrderOf(number));
    }
}
