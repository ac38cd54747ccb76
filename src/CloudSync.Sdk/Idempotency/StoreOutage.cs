namespace CloudSync.Sdk;

/// <summary>Whether the idempotency store answers, and what that means for messages meanwhile.</summary>
internal sealed class StoreOutage(StoreOutagePolicy policy, TimeProvider time)
{
    /// <summary>How often the store is asked whether it answers again, while it is down.</summary>
    public static readonly TimeSpan ProbeInterval = TimeSpan.FromSeconds(1);

    /// <summary>When an outage is said for the second time; then after twice as long, and so on.</summary>
    private static readonly TimeSpan FirstReminder = TimeSpan.FromSeconds(10);

    private readonly Lock _gate = new();
    private volatile bool _isDown;
    private long _downSince;
    private long _saidAt;
    private TimeSpan _sayAgainAfter;
    private long _askedAt;

    public bool IsDown => _isDown;

    /// <summary>Whether nothing should be read.</summary>
    public bool Pauses => _isDown && policy == StoreOutagePolicy.Pause;

    public bool DeliversAnyway => policy == StoreOutagePolicy.DeliverAnyway;

    /// <summary>Whether calls go past the store, in an outage that nobody waits for.</summary>
    public bool IsPassed => _isDown && DeliversAnyway;

    /// <summary>Whether the store should not be asked: it is down, and somebody else is finding out whether it answers again. One call an interval does.</summary>
    public bool IsLeftAlone()
    {
        if (!_isDown)
            return false;

        lock (_gate)
        {
            if (time.GetElapsedTime(_askedAt) < ProbeInterval)
                return true;

            _askedAt = time.GetTimestamp();
            return false;
        }
    }

    /// <returns>Whether to say it: at first, and then less and less often, for the first failure may not be the one that says why.</returns>
    public bool Failed()
    {
        lock (_gate)
        {
            _askedAt = time.GetTimestamp();
            if (_isDown && time.GetElapsedTime(_saidAt) < _sayAgainAfter)
                return false;

            _downSince = _isDown ? _downSince : _askedAt;
            _sayAgainAfter = _isDown ? _sayAgainAfter * 2 : FirstReminder;
            _saidAt = _askedAt;
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
