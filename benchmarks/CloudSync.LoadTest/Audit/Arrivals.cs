namespace CloudSync.LoadTest.Audit;

/// <summary>What an endpoint says has come to it.</summary>
/// <param name="Order">The place of each message in the order of arrivals, from 1 on; 0 for one that has not arrived.</param>
/// <param name="Duplicates">Arrivals of a message that was there already.</param>
/// <param name="Invented">Arrivals of what is no message of the run.</param>
internal sealed record Arrivals(int[] Order, long Duplicates, long Invented)
{
    /// <summary>Reads what <see cref="ArrivalLedger.Write"/> has written.</summary>
    public static int[] ReadOrder(Stream stream)
    {
        var order = new int[stream.Length / sizeof(int)];
        stream.ReadExactly(System.Runtime.InteropServices.MemoryMarshal.AsBytes(order.AsSpan()));
        return order;
    }
}
