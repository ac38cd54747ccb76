namespace CloudSync.Sdk;

/// <summary>
/// How many calls may be under way at the same time. After an outage it begins with one and rises with every call that succeeds, doubling each round trip, so that an endpoint
/// that has just come back is not knocked over by all that waited. Above that ramp lies the configured maximum, or the limit that <see cref="AdaptiveLimit"/> finds.
/// </summary>
internal sealed class ConcurrencyLimit(int max, AdaptiveLimit? adaptive)
{
    private readonly Lock _gate = new();
    private volatile int _current = adaptive?.Current ?? max;
    private volatile bool _isRamping;

    public int Current => _current;

    /// <summary>Whether it is still below what it was before it began anew.</summary>
    public bool IsRamping => _isRamping;

    /// <summary>Whether the durations of calls are of any use.</summary>
    public bool WantsDurations => adaptive is not null;

    /// <summary>The endpoint may be called again after it could not be: begin with one.</summary>
    public void Restart()
    {
        lock (_gate)
        {
            _current = 1;
            _isRamping = true;
        }
    }

    /// <summary>A call has succeeded.</summary>
    /// <param name="duration">How long it took.</param>
    /// <param name="underWay">How many were under way when it ended, itself included.</param>
    /// <returns>Whether more may be under way than before.</returns>
    public bool Succeeded(TimeSpan duration, int underWay)
    {
        if (adaptive is null && !_isRamping)
            return false;

        lock (_gate)
        {
            var before = _current;

            // During the ramp the limit above it is not reached and learns only the times.
            adaptive?.Succeeded(duration, underWay);
            Apply(_isRamping ? before + 1 : int.MaxValue);
            return _current > before;
        }
    }

    /// <summary>The endpoint has pushed back: too slow, too busy, too much.</summary>
    public void PushedBack()
    {
        if (adaptive is null && !_isRamping)
            return;

        lock (_gate)
        {
            adaptive?.PushedBack();
            Apply(_isRamping ? Math.Max(1, _current / 2) : int.MaxValue);
        }
    }

    private void Apply(int ramp)
    {
        var ceiling = adaptive?.Current ?? max;
        _current = Math.Min(ramp, ceiling);
        _isRamping &= _current < ceiling;
    }
}

/// <summary>Finds the limit. A state machine that is told what happens, and when; not thread-safe.</summary>
/// <remarks>It decides once for each average round trip, so that the effect of one change is seen before the next.</remarks>
internal sealed class AdaptiveLimit(AdaptiveConcurrencyOptions options, int max, TimeProvider time)
{
    private const double Backoff = 0.9;

    private double _limit = 1;
    private double _mean = double.NaN;
    private double _variance;
    private long _ticks;
    private int _count;
    private bool _wasReached;
    private bool _pushedBack;
    private long _decidedAt = time.GetTimestamp();

    public int Current => (int)_limit;

    public void Succeeded(TimeSpan duration, int underWay)
    {
        _ticks += duration.Ticks;
        _count++;
        _wasReached |= underWay >= Current;
        Decide();
    }

    public void PushedBack()
    {
        _pushedBack = true;
        Decide();
    }

    private void Decide()
    {
        if (!double.IsNaN(_mean) && time.GetElapsedTime(_decidedAt).TotalSeconds < _mean)
            return;

        // A sum of whole ticks: where all calls take the same time, their average is no hair's breadth more than it was. Without any it is not a number.
        var now = (double)_ticks / _count / TimeSpan.TicksPerSecond;
        if (_pushedBack || (now > _mean && now >= _mean + (options.Tolerance * Math.Sqrt(_variance))))
            _limit = Math.Max(1, Math.Floor(_limit * Backoff));
        else if (_wasReached && now <= _mean)
            _limit = Math.Min(max, _limit + 1);

        Learn(now);
        (_ticks, _count, _wasReached, _pushedBack) = (0, 0, false, false);
        _decidedAt = time.GetTimestamp();
    }

    /// <summary>Exponentially weighted mean and variance. What was never measured says nothing.</summary>
    private void Learn(double seconds)
    {
        if (double.IsNaN(seconds))
            return;

        if (double.IsNaN(_mean))
        {
            _mean = seconds;
            return;
        }

        var difference = seconds - _mean;
        var step = options.Smoothing * difference;
        _mean += step;
        _variance = (1 - options.Smoothing) * (_variance + (difference * step));
    }
}
