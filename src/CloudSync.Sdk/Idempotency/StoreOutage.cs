namespace CloudSync.Sdk;

/// <summary>Whether the idempotency store answers, and what that means for messages meanwhile.</summary>
internal sealed class StoreOutage(StoreOutagePolicy policy, TimeProvider time)
{
    /// <summary>How often the store is asked whether it answers again, while messages go past it.</summary>
    public static readonly TimeSpan ProbeInterval = TimeSpan.FromSeconds(1);

    private readonly Lock _gate = new();
    private volatile bool _isDown;
    private long _downSince;
    private long _askedAt;

    public bool IsDown => _isDown;

    /// <summary>Whether nothing should be read.</summary>
    public bool Pauses => _isDown && policy == StoreOutagePolicy.Pause;

    public bool DeliversAnyway => policy == StoreOutagePolicy.DeliverAnyway;

    /// <summary>Whether a call goes past the store. While it is down, one call an interval does not, and finds out.</summary>
    public bool GoesPast()
    {
        if (!_isDown || !DeliversAnyway)
            return false;

        lock (_gate)
        {
            if (time.GetElapsedTime(_askedAt) < ProbeInterval)
                return true;

            _askedAt = time.GetTimestamp();
            return false;
        }
    }

    /// <returns>Whether this is news.</returns>
    public bool Failed()
    {
        lock (_gate)
        {
            _askedAt = time.GetTimestamp();
            if (_isDown)
                return false;

            _downSince = _askedAt;
            return _isDown = true;
        }
    }

    /// <returns>How long it had not answered; <see langword="null"/> when it had.</returns>
    public TimeSpan? Answered()
    {
        if (!_isDown)
            return null;

        lock (_gate)
        {
            if (!_isDown)
                return null;

            _isDown = false;
            return time.GetElapsedTime(_downSince);
        }
    }
}
