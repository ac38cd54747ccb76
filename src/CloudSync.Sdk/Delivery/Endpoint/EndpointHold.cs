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

    /// <summary>Whether nobody may call. Asked before every call, so it takes no lock, and no time while nobody was asked to wait.</summary>
    public bool IsHolding => Volatile.Read(ref _until) is var until && until != long.MinValue && Now < until;

    /// <summary>Until when the last wait is or was, since the clock's beginning; <see cref="TimeSpan.Zero"/> when there was none.</summary>
    public TimeSpan Until => Volatile.Read(ref _until) is var until && until == long.MinValue ? TimeSpan.Zero : TimeSpan.FromTicks(until);

    /// <summary>Nobody calls the endpoint for this long. A longer wait that is under way stands.</summary>
    /// <returns>Whether nobody was held before.</returns>
    public bool HoldFor(TimeSpan wait)
    {
        lock (_gate)
        {
            var now = Now;
            var until = now + wait.Ticks;
            var begins = _until <= now && until > now;
            if (until > _until)
            {
                Volatile.Write(ref _until, until);
                Arm();
            }

            return begins;
        }
    }

    /// <summary>The wait is over now, whatever the endpoint asked for.</summary>
    /// <returns>Whether there was one.</returns>
    public bool End()
    {
        lock (_gate)
        {
            if (_until <= Now)
                return false;

            Volatile.Write(ref _until, Now);
        }

        _over();
        return true;
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
