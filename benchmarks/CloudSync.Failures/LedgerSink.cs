using System.Diagnostics;
using CloudSync.Sdk;

namespace CloudSync.Failures;

/// <summary>Takes messages, fails those that are to fail, and keeps account: what came, in which order, and when.</summary>
internal sealed class LedgerSink(int messages, bool isSlow, bool withFailures) : ICloudSink
{
    private readonly byte[] _came = new byte[messages];
    private readonly int[] _last = [.. Enumerable.Repeat(-1, Load.Keys)];
    private readonly long[] _at = new long[messages];
    private int _count;
    private long _outOfOrder;
    private long _repeated;

    /// <summary>Messages that came, each counted once.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <summary>Messages that came after a later one of their key.</summary>
    public long OutOfOrder => Volatile.Read(ref _outOfOrder);

    /// <summary>Messages that came again.</summary>
    public long Repeated => Volatile.Read(ref _repeated);

    public bool Has(int message) => Volatile.Read(ref _came[message]) != 0;

    /// <summary>When the messages came, in the order of the times.</summary>
    public long[] Times() => [.. _at.Where(at => at != 0).Order()];

    public async ValueTask SendAsync(SyncMessage message, CancellationToken cancellationToken)
    {
        var number = Load.NumberOf(message);
        if (withFailures && Load.Throws(number, messages))
            throw new InvalidOperationException("This message always fails.");

        if (withFailures && Load.Hangs(number, messages))
            await Task.Delay(Timeout.Infinite, CancellationToken.None);

        if (isSlow)
            await Task.Delay(1, cancellationToken);

        Take(number);
    }

    /// <summary>Calls of one key never overlap, so what belongs to a key or a message needs no lock.</summary>
    private void Take(int number)
    {
        var key = number % Load.Keys;
        if (_came[number] != 0)
        {
            Interlocked.Increment(ref _repeated);
            return;
        }

        if (number < _last[key])
            Interlocked.Increment(ref _outOfOrder);

        _last[key] = number;
        _at[number] = Stopwatch.GetTimestamp();
        Volatile.Write(ref _came[number], 1);
        Interlocked.Increment(ref _count);
    }
}
