namespace CloudSync.Sdk;

/// <summary>
/// May the endpoint be called now, and how many times at once? Four answers in one: the breaker (is it down), the hold (did it ask us to wait), the limit (how much can it
/// take), the budget (how much of it may be retries). It is asked before a call and told after it, at once and on the thread that ended the call: what it has learnt from one
/// call must hold for the very next.
/// </summary>
internal sealed class EndpointGate : IDisposable
{
    /// <summary>What opens or closes the breaker, and why, changes together.</summary>
    private readonly Lock _gate = new();
    private readonly EndpointBreaker _breaker;
    private readonly EndpointHold _hold;
    private readonly ConcurrencyLimit _limit;
    private readonly RetryBudget _budget;
    private readonly TimeProvider _time;

    /// <summary>How many messages had been taken when the breaker opened, the last few times.</summary>
    private readonly Queue<long> _openings = new();
    private EndpointTrouble? _trouble;

    /// <param name="options">The settings.</param>
    /// <param name="time">The clock.</param>
    /// <param name="changed">Called when a call that was refused may be possible: a break or a wait is over, the budget has grown.</param>
    public EndpointGate(CloudSyncConsumerOptions options, TimeProvider time, Action changed)
    {
        _time = time;
        _breaker = new EndpointBreaker(options.Breaker, time, changed);
        _hold = new EndpointHold(time, changed);
        _limit = new ConcurrencyLimit(
            options.MaxConcurrency,
            options.AdaptiveConcurrency.Enabled ? new AdaptiveLimit(options.AdaptiveConcurrency, options.MaxConcurrency, time) : null);
        _budget = new RetryBudget(options.Retry, time, changed);
    }

    public BreakerState State => _breaker.State;

    /// <summary>Whether the breaker lets calls through freely.</summary>
    public bool IsClosed => _breaker.IsClosed;

    public bool IsHolding => _hold.IsHolding;

    /// <summary>Messages that the endpoint has taken.</summary>
    public long Successes => _breaker.Successes;

    /// <summary>Whether the breaker opened when the endpoint had taken so many messages: nobody got through between a failure at that number and the opening.</summary>
    public bool OpenedAfter(long successes)
    {
        lock (_gate)
            return _openings.Contains(successes);
    }

    /// <summary>Whether the endpoint is called more carefully than it could be: it was down, or asked us to wait, a moment ago.</summary>
    public bool IsRamping => _limit.IsRamping;

    /// <summary>How many calls may be under way at the same time.</summary>
    public int Limit => _limit.Current;

    /// <summary>Whether the durations of calls are of any use.</summary>
    public bool WantsDurations => _limit.WantsDurations;

    /// <summary>Why the breaker is open; <see langword="null"/> while it is closed.</summary>
    public EndpointTrouble? Trouble
    {
        get
        {
            lock (_gate)
                return _trouble;
        }
    }

    /// <summary>Since when the endpoint may be called, by the clock's time since its beginning: when the breaker was closed, or the last wait was over.</summary>
    public TimeSpan OpenSince
    {
        get
        {
            var closedAt = _breaker.ClosedAt is var at && at == 0 ? TimeSpan.Zero : _time.GetElapsedTime(0, at);
            return closedAt > _hold.Until ? closedAt : _hold.Until;
        }
    }

    /// <summary>Asks for a call. A probe must be reported, or given back with <see cref="ProbeCameToNothing"/>.</summary>
    public Admission TryEnter() => _hold.IsHolding ? Admission.Refused : _breaker.TryEnter();

    /// <summary>Whether a call that was let in, and has not begun, may still begin: the endpoint may have asked us to wait meanwhile, or failed for others.</summary>
    public bool Allows(Admission admission) => !_hold.IsHolding && _breaker.Allows(admission);

    /// <inheritdoc cref="RetryBudget.Take"/>
    public int TakeRetries(int wanted) => _budget.Take(wanted);

    /// <inheritdoc cref="RetryBudget.GiveBack"/>
    public void GiveBackRetries(int calls) => _budget.GiveBack(calls);

    /// <inheritdoc cref="RetryBudget.Earn"/>
    public void FirstCalls(int calls) => _budget.Earn(calls);

    /// <summary>A call has brought messages to the endpoint.</summary>
    /// <param name="admission">How it was let in.</param>
    /// <param name="messages">How many of its messages the endpoint took.</param>
    /// <param name="duration">How long it took.</param>
    /// <param name="underWay">How many calls were under way when it ended, itself included.</param>
    /// <returns>Whether this has closed the breaker.</returns>
    public bool Succeeded(Admission admission, int messages, TimeSpan duration, int underWay)
    {
        // Only a probe can close it.
        if (admission == Admission.Probe)
            return ProbeSucceeded(messages);

        _breaker.Succeeded(admission, messages);

        if (_breaker.IsClosed && !_hold.IsHolding)
            _limit.Succeeded(duration, underWay);

        return false;
    }

    /// <summary>A call has failed for all of its messages.</summary>
    /// <param name="admission">How it was let in.</param>
    /// <param name="effect">What the failure means for the breaker.</param>
    /// <param name="type">The kind of the failure.</param>
    /// <param name="reason">What the sink said.</param>
    /// <param name="othersGotThrough">Whether the endpoint has taken others since the message failed before.</param>
    /// <returns>Whether this has opened the breaker, for the first time or again.</returns>
    public bool Failed(Admission admission, BreakerEffect effect, ErrorType type, string reason, bool othersGotThrough = false)
    {
        if (effect == BreakerEffect.None)
        {
            if (admission == Admission.Probe)
                _breaker.ProbeCameToNothing();

            return false;
        }

        if (!othersGotThrough)
            _limit.PushedBack();

        lock (_gate)
        {
            var wasClosed = _breaker.IsClosed;
            if (!_breaker.Failed(admission, effect == BreakerEffect.OpensAtOnce, othersGotThrough))
                return false;

            if (wasClosed)
                Remember(_breaker.Successes);

            _trouble = new EndpointTrouble(type, reason, _trouble?.Since ?? _time.GetUtcNow(), type == ErrorType.Authentication);
            return true;
        }
    }

    /// <summary>The endpoint asks us to wait, and means every message.</summary>
    /// <returns>Whether nobody was waiting before.</returns>
    public bool HoldFor(TimeSpan wait)
    {
        _limit.PushedBack();
        if (!_hold.HoldFor(wait))
            return false;

        _limit.Restart();
        return true;
    }

    /// <inheritdoc cref="EndpointBreaker.ProbeCameToNothing"/>
    public void ProbeCameToNothing() => _breaker.ProbeCameToNothing();

    /// <inheritdoc cref="EndpointBreaker.Stalled"/>
    public void Stalled() => _breaker.Stalled();

    /// <inheritdoc cref="EndpointBreaker.Isolate"/>
    public void Isolate(string reason)
    {
        lock (_gate)
        {
            _breaker.Isolate();
            _trouble = new EndpointTrouble(null, reason, _time.GetUtcNow(), IsUnhealthy: false);
        }
    }

    /// <summary>Ends an isolation, and a wait that the endpoint asked for.</summary>
    /// <returns>Whether there was one of them.</returns>
    public bool Release() => _hold.End() | _breaker.Release();

    private void Remember(long successes)
    {
        if (_openings.Count == 16)
            _openings.Dequeue();

        _openings.Enqueue(successes);
    }

    private bool ProbeSucceeded(int messages)
    {
        // Before it closes: whoever sees it closed must find one call allowed, and not as many as before the outage.
        _limit.Restart();
        lock (_gate)
        {
            if (!_breaker.Succeeded(Admission.Probe, messages))
                return false;

            _trouble = null;
            return true;
        }
    }

    public void Dispose()
    {
        _breaker.Dispose();
        _hold.Dispose();
        _budget.Dispose();
    }
}

/// <summary>Why the endpoint is not called.</summary>
/// <param name="ErrorType">What it failed as; <see langword="null"/> when somebody has isolated it.</param>
/// <param name="Reason">What the sink said of the last failure, or why it was isolated.</param>
/// <param name="Since">When it began.</param>
/// <param name="IsUnhealthy">Whether waiting will not help: somebody must do something.</param>
internal sealed record EndpointTrouble(ErrorType? ErrorType, string Reason, DateTimeOffset Since, bool IsUnhealthy);
