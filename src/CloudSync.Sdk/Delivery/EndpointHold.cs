namespace CloudSync.Sdk;

/// <summary>Holds every call while the endpoint has asked us to wait: Retry-After is said to one request and meant for all.</summary>
internal sealed class EndpointHold : IDisposable
{
    private readonly Lock _gate = new();
    private readonly TimeProvider _time;
    private readonly ITimer _timer;
    private readonly Action _over;
    private long _until = long.MinValue;

    /// <param name="time">The clock.</param>
    /// <param name="over">Called when the wait is over.</param>
    public EndpointHold(TimeProvider time, Action over)
    {
        _time = time;
        _over = over;
        _timer = time.CreateTimer(_ => Fire(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    public bool IsHolding
    {
        get
        {
            lock (_gate)
                return Now < _until;
        }
    }

    /// <summary>Nobody calls the endpoint for this long. A longer wait that is under way stands.</summary>
    public void HoldFor(TimeSpan wait)
    {
        lock (_gate)
        {
            var until = Now + wait.Ticks;
            if (until <= _until)
                return;

            _until = until;
            Arm();
        }
    }

    public void Dispose() => _timer.Dispose();

    private void Fire()
    {
        lock (_gate)
        {
            // A timer may fire a little before its time by another clock; nobody would ask again.
            if (Now < _until)
            {
                Arm();
                return;
            }
        }

        _over();
    }

    private void Arm() =>
        _timer.Change(TimeSpan.FromMilliseconds(Math.Ceiling(TimeSpan.FromTicks(_until - Now).TotalMilliseconds)), Timeout.InfiniteTimeSpan);

    private long Now => _time.GetElapsedTime(0).Ticks;
}
