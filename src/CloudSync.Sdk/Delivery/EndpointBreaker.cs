using Polly;
using Polly.CircuitBreaker;

namespace CloudSync.Sdk;

/// <summary>Whether the endpoint may be called.</summary>
internal enum Admission
{
    /// <summary>The breaker is open: no call.</summary>
    Refused = 0,

    /// <summary>The breaker is closed.</summary>
    Normal,

    /// <summary>The break is over: one message, and no other until its outcome is known.</summary>
    Probe,
}

/// <summary>
/// Opens after a number of consecutive failures and lets one probe through when the break is over. The states and their transitions are Polly's; this class
/// asks before a call and reports after it, because a consumer must know that the endpoint is down <em>before</em> it takes a message.
/// </summary>
/// <remarks>
/// Polly's breaker measures a ratio within a window. It is told failures alone, and a success resets it, so the window holds nothing but consecutive
/// failures and their ratio is 1.
/// <code>
/// Closed    --- FailuresToOpen failures in a row, or one that opens at once ---&gt;  Open
/// Open      --- BreakDuration is over: TryEnter gives one Probe             ---&gt;  Open, probing
/// probing   --- the probe succeeds ---&gt;  Closed      --- it fails ---&gt;  Open      --- it comes to nothing ---&gt;  Open, next probe at once
/// </code>
/// </remarks>
internal sealed class EndpointBreaker : IDisposable
{
    private readonly Lock _gate = new();
    private readonly CircuitBreakerStateProvider _state = new();
    private readonly CircuitBreakerManualControl _control = new();
    private readonly ResiliencePipeline _polly;
    private readonly TimeProvider _time;
    private readonly TimeSpan _breakDuration;
    private readonly ITimer _timer;
    private readonly Action _changed;
    private readonly int _failuresToOpen;
    private int _failures;
    private long _successes;
    private bool _isOpen;
    private bool _probing;
    private long _openedAt;

    /// <param name="options">The settings.</param>
    /// <param name="time">The clock.</param>
    /// <param name="changed">Called, outside any lock, when a break is over: somebody may probe the endpoint.</param>
    public EndpointBreaker(BreakerOptions options, TimeProvider time, Action changed)
    {
        _time = time;
        _breakDuration = options.BreakDuration;
        _failuresToOpen = options.FailuresToOpen;
        _changed = changed;
        _timer = time.CreateTimer(_ => Fire(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _polly = new ResiliencePipelineBuilder { TimeProvider = time }
            .AddCircuitBreaker(new CircuitBreakerStrategyOptions
            {
                FailureRatio = 1,
                MinimumThroughput = Math.Max(2, options.FailuresToOpen),
                SamplingDuration = TimeSpan.FromDays(1),
                BreakDuration = options.BreakDuration,
                ShouldHandle = static outcome => ValueTask.FromResult(outcome.Outcome.Exception is EndpointFailedException),
                StateProvider = _state,
                ManualControl = _control,
            })
            .Build();
    }

    /// <summary>Messages that the endpoint has taken.</summary>
    public long Successes => Volatile.Read(ref _successes);

    /// <summary>Whether calls flow freely.</summary>
    public bool IsClosed
    {
        get
        {
            lock (_gate)
                return !_isOpen;
        }
    }

    /// <summary>Whether it would refuse a call now: open, and the break is not over or the probe is out.</summary>
    public bool IsRefusing
    {
        get
        {
            lock (_gate)
                return _isOpen && (_probing || !BreakIsOver);
        }
    }

    /// <summary>Asks for a call. A probe must be reported, or given back with <see cref="ProbeCameToNothing"/>.</summary>
    public Admission TryEnter()
    {
        lock (_gate)
        {
            if (!_isOpen)
                return Admission.Normal;

            if (_probing || !BreakIsOver)
                return Admission.Refused;

            _probing = true;
            return Admission.Probe;
        }
    }

    /// <summary>The endpoint has taken a message.</summary>
    /// <returns>Whether this has closed the breaker.</returns>
    public bool Succeeded(Admission admission)
    {
        lock (_gate)
        {
            _successes++;

            // A call that was let through before the breaker opened says nothing about the endpoint now.
            if (_isOpen && admission != Admission.Probe)
                return false;

            var closes = _isOpen;
            if (closes || _failures > 0)
                _control.CloseAsync().GetAwaiter().GetResult();

            _failures = 0;
            _isOpen = _probing = false;
            return closes;
        }
    }

    /// <summary>The endpoint has failed.</summary>
    /// <param name="admission">How the call was let in.</param>
    /// <param name="opensAtOnce">Whether this one failure is enough: every other message would fail as well.</param>
    /// <returns>Whether this has opened the breaker, for the first time or again.</returns>
    public bool Failed(Admission admission, bool opensAtOnce)
    {
        lock (_gate)
        {
            if (_isOpen && admission != Admission.Probe)
                return false;

            _failures++;

            // One failure that is enough weighs as much as it takes. Polly's smallest threshold is two: ours of one weighs double.
            var weight = _isOpen ? 1 : opensAtOnce || _failuresToOpen == 1 ? Math.Max(2, _failuresToOpen) : 1;
            while (weight-- > 0)
                Report(EndpointFailedException.Instance);

            _isOpen = _state.CircuitState != CircuitState.Closed;
            _probing = false;
            if (!_isOpen)
                return false;

            _openedAt = _time.GetTimestamp();
            _timer.Change(_breakDuration, Timeout.InfiniteTimeSpan);
            return true;
        }
    }

    /// <summary>The probe was neither a success nor a failure of the endpoint (a duplicate, a message of a revoked partition): the next may try at once.</summary>
    public void ProbeCameToNothing()
    {
        lock (_gate)
            _probing = false;
    }

    public void Dispose() => _timer.Dispose();

    private void Fire()
    {
        lock (_gate)
        {
            // A timer may fire a little before its time by another clock; nobody would ask again.
            var left = _breakDuration - _time.GetElapsedTime(_openedAt);
            if (_isOpen && left > TimeSpan.Zero)
            {
                _timer.Change(TimeSpan.FromMilliseconds(Math.Ceiling(left.TotalMilliseconds)), Timeout.InfiniteTimeSpan);
                return;
            }
        }

        _changed();
    }

    private void Report(Exception failure)
    {
        var context = ResilienceContextPool.Shared.Get();
        _polly.ExecuteOutcomeAsync(
            static (_, failure) => ValueTask.FromResult(Polly.Outcome.FromException<bool>(failure)), context, failure).AsTask().GetAwaiter().GetResult();
        ResilienceContextPool.Shared.Return(context);
    }

    private bool BreakIsOver => _time.GetElapsedTime(_openedAt) >= _breakDuration;

    /// <summary>What Polly is told. It is never thrown.</summary>
    private sealed class EndpointFailedException : Exception
    {
        public static readonly EndpointFailedException Instance = new();
    }
}
