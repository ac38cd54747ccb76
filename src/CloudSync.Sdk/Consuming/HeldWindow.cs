namespace CloudSync.Sdk;

/// <summary>
/// Counts what is held in memory, so that reading stops before it is too much. A full window is first given a moment to open, since a pause throws away
/// what the client has fetched ahead; then the partitions are paused, until half of it is free.
/// </summary>
internal sealed class HeldWindow(int maxMessages, long maxBytes) : IDisposable
{
    private readonly ManualResetEventSlim _room = new();
    private readonly int _someRoom = Math.Min(64, Math.Max(1, maxMessages / 16));
    private int _messages;
    private long _bytes;
    private volatile bool _waiting;

    public int Messages => Volatile.Read(ref _messages);

    public long Bytes => Volatile.Read(ref _bytes);

    /// <summary>How many messages may still be read.</summary>
    public int Room => Bytes >= maxBytes ? 0 : Math.Max(0, maxMessages - Messages);

    /// <summary>How many bytes may still be read; one message is read whatever its size.</summary>
    public long RoomBytes => Math.Max(0, maxBytes - Bytes);

    /// <summary>Whether a paused consumer should read again: half of the window is free.</summary>
    public bool IsHalfEmpty => Messages <= maxMessages / 2 && Bytes <= maxBytes / 2;

    public void Add(int messages, long bytes)
    {
        Interlocked.Add(ref _messages, messages);
        Interlocked.Add(ref _bytes, bytes);
    }

    public void Remove(ReadOnlySpan<Delivery> deliveries)
    {
        if (deliveries.IsEmpty)
            return;

        long bytes = 0;
        foreach (var delivery in deliveries)
            bytes += delivery.Size;

        Interlocked.Add(ref _bytes, -bytes);
        Interlocked.Add(ref _messages, -deliveries.Length);
        if (_waiting && HasSomeRoom)
            _room.Set();
    }

    /// <summary>Waits for some room. Only the poll thread calls it, and never for long.</summary>
    public bool WaitForRoom(TimeSpan timeout, CancellationToken cancellationToken)
    {
        _room.Reset();
        _waiting = true;
        try
        {
            // Looked at after the flag is up: whoever makes room from here on sets the event.
            Interlocked.MemoryBarrier();
            return HasSomeRoom || _room.Wait(timeout, cancellationToken);
        }
        catch (OperationCanceledException)
        {
            return false;
        }
        finally
        {
            _waiting = false;
        }
    }

    public void Dispose() => _room.Dispose();

    private bool HasSomeRoom => Room >= _someRoom;
}
