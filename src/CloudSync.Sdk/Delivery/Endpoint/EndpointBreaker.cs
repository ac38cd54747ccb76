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

/// <summary>Whether calls flow.</summary>
public enum BreakerState
{
    /// <summary>Calls flow.</summary>
    Closed = 0,

    /// <summary>The break is over: one message probes the endpoint, or is awaited to do so.</summary>
    HalfOpen,

    /// <summary>The endpoint is down: no call until the break is over.</summary>
    Open,

    /// <summary>Somebody has isolated the endpoint by hand: no call until it is released.</summary>
    Isolated,
}

/// <summary>
/// Opens when the endpoint fails and lets one probe through when the break is over. When it is to open is Polly's decision; this class asks before a call and
/// reports after it, because a consumer must know that the endpoint is down <em>before</em> it takes a message.
/// </summary>
/// <remarks>
/// Polly's breaker measures a ratio within a window. The one for failures in a row is told failures alone, and a success resets it, so its window holds nothing but
/// consecutive failures and their ratio is 1. The one for a ratio is told everything.
/// <code>
/// Closed    --- failures enough, or one that opens at once    ---&gt;  Open
/// Open      --- BreakDuration is over                         ---&gt;  HalfOpen: TryEnter gives one Probe
/// HalfOpen  --- the probe succeeds ---&gt;  Closed      --- it fails ---&gt;  Open      --- it comes to nothing ---&gt;  HalfOpen, next probe at once
/// any       --- Isolate            ---&gt;  Isolated    --- Release  ---&gt;  HalfOpen
/// </code>
/// A call that was let through before the breaker opened says nothing about the endpoint after it.
/// </remarks>
internal sealed class EndpointBreaker : IDisposable
{
    /// <summary>How long after a stall of this process its time-outs still come in.</summary>
    private static readonly TimeSpan AfterStall = TimeSpan.FromSeconds(5);

    private readonly Lock _gate = new();
    private readonly Circuit _inARow;
    private readonly Circuit? _ratio;
    private readonly TimeProvider _time;
    private readonly TimeSpan _breakDuration;
    private readonly ITimer _timer;
    private readonly Action _changed;
    private readonly int _failuresToOpen;
    private long _successes;
    private volatile bool _isOpen;
    private volatile bool _hasFailures;
    private bool _probing;
    private bool _isIsolated;
    private long _openedAt;
    private TimeSpan _break;
    private long _stalledAt;
    private long _closedAt;

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
        _inARow = new Circuit(1, Math.Max(2, options.FailuresToOpen), TimeSpan.FromDays(1), options.BreakDuration, StandingClock.Instance);
        if (options.FailureRatio is { } ratio)
            _ratio = new Circuit(ratio, options.MinimumThroughput, options.SamplingDuration, options.BreakDuration, time);
    }

    /// <summary>Messages that the endpoint has taken.</summary>
    public long Successes => Volatile.Read(ref _successes);

    /// <summary>Whether calls flow freely.</summary>
    public bool IsClosed => !_isOpen;

    /// <summary>When it was closed last, by the clock of <see cref="TimeProvider.GetTimestamp"/>; 0 when it has never been open.</summary>
    public long ClosedAt => Volatile.Read(ref _closedAt);

    public BreakerState State
    {
        get
        {
            lock (_gate)
            {
                return !_isOpen ? BreakerState.Closed
                    : _isIsolated ? BreakerState.Isolated
                    : _probing || BreakIsOver ? BreakerState.HalfOpen
                    : BreakerState.Open;
            }
        }
    }

    /// <summary>Asks for a call. A probe must be reported, or given back with <see cref="ProbeCameToNothing"/>.</summary>
    public Admission TryEnter()
    {
        if (!_isOpen)
            return Admission.Normal;

        lock (_gate)
        {
            if (!_isOpen)
                return Admission.Normal;

            if (_probing || _isIsolated || !BreakIsOver)
                return Admission.Refused;

            _probing = true;
            return Admission.Probe;
        }
    }

    /// <summary>Whether a call that was let in, and has not begun, may still begin.</summary>
    public bool Allows(Admission admission)
    {
        if (!_isOpen)
            return true;

        lock (_gate)
            return !_isOpen || (admission == Admission.Probe && !_isIsolated);
    }

    /// <summary>A call has brought messages to the endpoint.</summary>
    /// <returns>Whether this has closed the breaker.</returns>
    public bool Succeeded(Admission admission, int messages)
    {
        Interlocked.Add(ref _successes, messages);

        // Nearly every call ends here, with nothing to do and no lock taken.
        if (!_isOpen && !_hasFailures && _ratio is null)
            return false;

        lock (_gate)
        {
            if (_isOpen && (admission != Admission.Probe || _isIsolated))
            {
                _probing &= admission != Admission.Probe;
                return false;
            }

            var closes = _isOpen;
            if (closes || _hasFailures)
                _inARow.Close();

            if (closes)
                _ratio?.Close();
            else
                _ratio?.Report(null);

            _hasFailures = false;
            _isOpen = _probing = false;
            if (closes)
                Volatile.Write(ref _closedAt, _time.GetTimestamp());

            return closes;
        }
    }

    /// <summary>The endpoint has failed.</summary>
    /// <param name="admission">How the call was let in.</param>
    /// <param name="opensAtOnce">Whether this one failure is enough: every other message would fail as well.</param>
    /// <param name="othersGotThrough">
    /// Whether the endpoint has taken others since the message failed before. Such failures are no row, however close they come: messages that always fail are tried again at
    /// the same time, after an outage above all, and would hold the breaker open for as long as they have attempts. Their share of the calls counts all the same.
    /// </param>
    /// <returns>Whether this has opened the breaker, for the first time or again.</returns>
    public bool Failed(Admission admission, bool opensAtOnce, bool othersGotThrough = false)
    {
        lock (_gate)
        {
            if (_isOpen)
            {
                if (admission != Admission.Probe)
                    return false;

                _probing = false;
                if (_isIsolated)
                    return false;

                StartBreak(_breakDuration);
                return true;
            }

            // Polly's smallest threshold is two failures, and it has none for one that is enough: both are said by hand.
            if (opensAtOnce || (_failuresToOpen == 1 && !othersGotThrough))
                _inARow.Isolate();

            if (opensAtOnce || !othersGotThrough)
            {
                _inARow.Report(EndpointFailedException.Instance);
                _hasFailures = true;
            }

            _ratio?.Report(EndpointFailedException.Instance);
            _isOpen = !_inARow.IsClosed || _ratio is { IsClosed: false };
            if (_isOpen)
                StartBreak(_stalledAt != 0 && _time.GetElapsedTime(_stalledAt) < AfterStall ? TimeSpan.Zero : _breakDuration);

            return _isOpen;
        }
    }

    /// <summary>The probe was neither a success nor a failure of the endpoint (a duplicate, a message of a revoked partition): the next may try at once.</summary>
    public void ProbeCameToNothing()
    {
        lock (_gate)
            _probing = false;
    }

    /// <summary>No call until <see cref="Release"/>, whatever the endpoint does.</summary>
    public void Isolate()
    {
        lock (_gate)
        {
            _isIsolated = _isOpen = true;
        }
    }

    /// <summary>Ends an isolation: the next message probes the endpoint.</summary>
    /// <returns>Whether it was isolated.</returns>
    public bool Release()
    {
        lock (_gate)
        {
            if (!_isIsolated)
                return false;

            _isIsolated = false;
            _openedAt = _time.GetTimestamp();
            _break = TimeSpan.Zero;
        }

        _changed();
        return true;
    }

    /// <summary>
    /// This process stood still until now, and the calls that were under way have timed out in a row: that says nothing of the endpoint. A break that has begun, or begins because of
    /// them, is over at once, and a probe asks the endpoint itself.
    /// </summary>
    public void Stalled()
    {
        lock (_gate)
        {
            _stalledAt = _time.GetTimestamp();
            if (!_isOpen || _isIsolated)
                return;

            _break = TimeSpan.Zero;
        }

        _changed();
    }

    public void Dispose() => _timer.Dispose();

    private void StartBreak(TimeSpan length)
    {
        _openedAt = _time.GetTimestamp();
        _break = length;
        _timer.Change(length, Timeout.InfiniteTimeSpan);
    }

    private void Fire()
    {
        lock (_gate)
        {
            // A timer may fire a little before its time by another clock; nobody would ask again.
            var left = _break - _time.GetElapsedTime(_openedAt);
            if (_isOpen && !_isIsolated && left > TimeSpan.Zero)
            {
                _timer.Change(TimeSpan.FromMilliseconds(Math.Ceiling(left.TotalMilliseconds)), Timeout.InfiniteTimeSpan);
                return;
            }
        }

        _changed();
    }

    private bool BreakIsOver => _time.GetElapsedTime(_openedAt) >= _break;

    /// <summary>One of Polly's breakers. It is told what happened, and asked whether it has opened; when it may be tried again is not its business.</summary>
    private sealed class Circuit
    {
        private readonly CircuitBreakerStateProvider _state = new();
        private readonly CircuitBreakerManualControl _control = new();
        private readonly ResiliencePipeline _pipeline;

        public Circuit(double ratio, int calls, TimeSpan window, TimeSpan breakDuration, TimeProvider time) =>
            _pipeline = new ResiliencePipelineBuilder { TimeProvider = time }
                .AddCircuitBreaker(new CircuitBreakerStrategyOptions
                {
                    FailureRatio = ratio,
                    MinimumThroughput = calls,
                    SamplingDuration = window,
                    BreakDuration = breakDuration,
                    ShouldHandle = static outcome => ValueTask.FromResult(outcome.Outcome.Exception is EndpointFailedException),
                    StateProvider = _state,
                    ManualControl = _control,
                })
                .Build();

        public bool IsClosed => _state.CircuitState == CircuitState.Closed;

        /// <summary>A call has ended.</summary>
        /// <param name="failure">What it failed with; <see langword="null"/> for a success.</param>
        public void Report(Exception? failure)
        {
            var context = ResilienceContextPool.Shared.Get();
            _pipeline.ExecuteOutcomeAsync(
                static (_, failure) => ValueTask.FromResult(failure is null ? Polly.Outcome.FromResult(true) : Polly.Outcome.FromException<bool>(failure)),
                context,
                failure).AsTask().GetAwaiter().GetResult();
            ResilienceContextPool.Shared.Return(context);
        }

        public void Isolate() => _control.IsolateAsync().GetAwaiter().GetResult();

        public void Close() => _control.CloseAsync().GetAwaiter().GetResult();
    }

    /// <summary>Failures in a row are a row however long it takes: between two of them may lie a Retry-After of a day.</summary>
    private sealed class StandingClock : TimeProvider
    {
        public static readonly StandingClock Instance = new();

        public override DateTimeOffset GetUtcNow() => DateTimeOffset.UnixEpoch;

        public override long GetTimestamp() => 0;
    }

    /// <summary>What Polly is told. It is never thrown.</summary>
    private sealed class EndpointFailedException : Exception
    {
        public static readonly EndpointFailedException Instance = new();
    }
}
