namespace CloudSync.Sdk;

/// <summary>Messages that wait for another try, in the order in which they are due. They hold no thread, and one timer serves them all.</summary>
internal sealed class RetryQueue : IDisposable
{
    private readonly Lock _gate = new();
    private readonly PriorityQueue<Delivery, long> _waiting = new();
    private readonly TimeProvider _time;
    private readonly ITimer _timer;
    private readonly Action<List<Delivery>> _due;
    private readonly long _start;
    private long _armedFor = long.MaxValue;

    /// <param name="time">The clock.</param>
    /// <param name="due">Gets the messages that have waited long enough.</param>
    public RetryQueue(TimeProvider time, Action<List<Delivery>> due)
    {
        _time = time;
        _start = time.GetTimestamp();
        _due = due;
        _timer = time.CreateTimer(static state => ((RetryQueue)state!).Fire(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    public int Count
    {
        get
        {
            lock (_gate)
                return _waiting.Count;
        }
    }

    public void Add(Delivery delivery, TimeSpan delay)
    {
        lock (_gate)
        {
            // One that was on its way here while its partition was given up would be missed by ReleaseRevoked, and hold up its key if the partition comes back.
            _waiting.Enqueue(delivery, Now + (delivery.Progress.IsRevoked ? 0 : delay.Ticks));
            Arm();
        }
    }

    /// <summary>Hands out what waits for partitions that were given up: nobody needs to wait for it here any longer.</summary>
    public void ReleaseRevoked()
    {
        List<Delivery> released;
        lock (_gate)
        {
            released = [.. _waiting.UnorderedItems.Where(w => w.Element.Progress.IsRevoked).Select(w => w.Element)];
            if (released.Count == 0)
                return;

            var kept = _waiting.UnorderedItems.Where(w => !w.Element.Progress.IsRevoked).ToArray();
            _waiting.Clear();
            _waiting.EnqueueRange(kept);
        }

        _due(released);
    }

    public void Dispose() => _timer.Dispose();

    /// <summary>Since the queue was made: since the clock's beginning it may be more than a double holds exactly, and a message come some microseconds early.</summary>
    private long Now => _time.GetElapsedTime(_start).Ticks;

    private void Fire()
    {
        var due = new List<Delivery>();
        lock (_gate)
        {
            _armedFor = long.MaxValue;
            var now = Now;
            while (_waiting.TryPeek(out _, out var at) && at <= now)
                due.Add(_waiting.Dequeue());

            Arm();
        }

        if (due.Count > 0)
            _due(due);
    }

    private void Arm()
    {
        if (!_waiting.TryPeek(out _, out var at) || at >= _armedFor)
            return;

        _armedFor = at;

        // Rounded up to a whole millisecond: a timer that fires early would find nothing due and spin until there is.
        var wait = TimeSpan.FromMilliseconds(Math.Ceiling(Math.Max(0, TimeSpan.FromTicks(at - Now).TotalMilliseconds)));
        _timer.Change(wait, Timeout.InfiniteTimeSpan);
    }
}
