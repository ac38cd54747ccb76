using System.Diagnostics;

namespace CloudSync.Sdk;

/// <summary>Calls a sink that takes one message at a time.</summary>
internal sealed class SingleSinkCaller(ICloudSink sink, CallerSettings settings) : SinkCaller(settings)
{
    public override bool TakesBatches => false;

    public override void Start(List<Delivery> batch, Admission admission, ISinkCalls calls) =>
        ThreadPool.UnsafeQueueUserWorkItem(new Run(this, batch, admission, calls), preferLocal: false);

    /// <summary>Calls the sink and reports, at once when the call ends at once.</summary>
    private void Call(Delivery delivery, Admission admission, ISinkCalls calls, Watch watch)
    {
        // Others of the same batch may have been called meanwhile, and told to wait.
        if (!calls.MayBegin(admission))
        {
            calls.Ended(new Outcome(OutcomeKind.Refused, delivery), new CallEnd(admission, default));
            return;
        }

        var started = Started();
        var activity = Trace(delivery);
        using var scope = MessageScope.Begin(Log, delivery);
        var token = watch.Begin(delivery);
        Exception? error = null;
        try
        {
            var call = sink.SendAsync(delivery, token.Token);
            if (!call.IsCompletedSuccessfully)
            {
                var pending = call.AsTask();
                if (watch.HandOver() is { } abandoned)
                {
                    Stop(activity);
                    abandoned.EndsWith(pending);
                }
                else
                {
                    _ = AwaitAsync(delivery, admission, calls, pending, token, started, activity);
                }

                // It goes on elsewhere with its span. The next message of this thread has a trace of its own, or none.
                Activity.Current = null;
                return;
            }

            call.GetAwaiter().GetResult();
        }
        catch (OperationCanceledException e) when (token.IsCancellationRequested && !AbortToken.IsCancellationRequested)
        {
            error = TimedOut(e);
        }
        catch (Exception e)
        {
            error = e;
        }

        var end = End(admission, started, activity);
        if (watch.End() is { } late)
            late.Ended();
        else
            calls.Ended(Ended(delivery, error), end);
    }

    private async Task AwaitAsync(
        Delivery delivery, Admission admission, ISinkCalls calls, Task call, CancellationTokenSource token, long started, Activity? activity)
    {
        Exception? error = null;
        try
        {
            await FinishAsync(call, token, delivery, messages: 1);
        }
        catch (Exception e)
        {
            error = e;
        }

        calls.Ended(Ended(delivery, error), End(admission, started, activity));
    }

    /// <summary>
    /// The calls of one batch. A sink may block its thread, even for ever, so each thread that starts on the batch first asks the pool for another: the
    /// rest is never stuck behind one call. With a sink that does not block, the second thread finds nothing left and costs next to nothing.
    /// </summary>
    private sealed class Run(SingleSinkCaller owner, List<Delivery> batch, Admission admission, ISinkCalls calls) : IThreadPoolWorkItem
    {
        private int _next;

        public void Execute()
        {
            if (Volatile.Read(ref _next) + 1 < batch.Count)
                ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);

            Watch? watch = null;
            for (int i; (i = Interlocked.Increment(ref _next) - 1) < batch.Count;)
            {
                watch ??= new Watch(owner, admission, calls);
                owner.Call(batch[i], admission, calls, watch);
            }

            watch?.Dispose();
        }
    }

    /// <summary>
    /// The time-out of a call that blocks its thread: it has not returned anything to wait for. One serves all the calls that a thread makes one after the other,
    /// so a sink that does not block pays for a lock it has to itself and no timer for each call.
    /// </summary>
    private sealed class Watch : IDisposable
    {
        private readonly SingleSinkCaller _owner;
        private readonly Admission _admission;
        private readonly ISinkCalls _calls;
        private readonly Lock _gate = new();
        private readonly ITimer _timer;
        private readonly CancellationTokenRegistration _aborted;
        private CancellationTokenSource? _token;
        private Delivery? _current;
        private AbandonedCalls.Abandoned? _abandoned;
        private long _startedAt;

        public Watch(SingleSinkCaller owner, Admission admission, ISinkCalls calls)
        {
            _owner = owner;
            _admission = admission;
            _calls = calls;
            _timer = owner.Time.CreateTimer(static watch => ((Watch)watch!).Look(), this, owner.Timeout, System.Threading.Timeout.InfiniteTimeSpan);
            _aborted = owner.AbortToken.UnsafeRegister(static watch => ((Watch)watch!).Cancel(), this);
        }

        /// <summary>A call begins. Its token may have served the calls before.</summary>
        public CancellationTokenSource Begin(Delivery delivery)
        {
            lock (_gate)
            {
                if (_token is null or { IsCancellationRequested: true })
                {
                    _token = new CancellationTokenSource();
                    if (_owner.AbortToken.IsCancellationRequested)
                        _token.Cancel();
                }

                _current = delivery;
                _startedAt = _owner.Time.GetTimestamp();
                return _token;
            }
        }

        /// <summary>The call has ended on this thread.</summary>
        /// <returns><see langword="null"/>, and its end is to be reported; or what to tell of one that was left behind, and reported, before.</returns>
        public AbandonedCalls.Abandoned? End()
        {
            lock (_gate)
            {
                var abandoned = _abandoned;
                (_current, _abandoned) = (null, null);
                return abandoned;
            }
        }

        /// <summary>The call goes on elsewhere, with its token and a time-out of its own.</summary>
        /// <inheritdoc cref="End"/>
        public AbandonedCalls.Abandoned? HandOver()
        {
            lock (_gate)
            {
                _token = null;
                return End();
            }
        }

        public void Dispose()
        {
            _timer.Dispose();

            // Not awaited: the sink's own callbacks may be running in it.
            _aborted.Unregister();
        }

        private void Look()
        {
            Delivery? leftBehind = null;
            var isTooLong = false;
            lock (_gate)
            {
                // The next look, at the next call of this thread perhaps.
                var next = _owner.Timeout;
                var elapsed = _current is null ? TimeSpan.Zero : _owner.Time.GetElapsedTime(_startedAt);
                isTooLong = elapsed >= _owner.Timeout;
                if (elapsed >= _owner.Timeout + _owner.AbandonAfter)
                {
                    (leftBehind, _current, _token) = (_current, null, null);
                    _abandoned = _owner.Abandoned.Add(leftBehind!, messages: 1);
                }
                else
                {
                    next += (isTooLong ? _owner.AbandonAfter : TimeSpan.Zero) - elapsed;
                    if (isTooLong)
                        CancelUnlocked();
                }

                // Rounded up to a whole millisecond: a timer that fires early would look again and again.
                _timer.Change(TimeSpan.FromMilliseconds(Math.Ceiling(next.TotalMilliseconds)), System.Threading.Timeout.InfiniteTimeSpan);
            }

            if (leftBehind is not null)
                _calls.Ended(_owner.Ended(leftBehind, _owner.LeftBehind(null)), new CallEnd(_admission, default));
        }

        private void Cancel()
        {
            lock (_gate)
                CancelUnlocked();
        }

        /// <summary>Not on this thread: a callback of the sink's may block it, or throw. Within the lock, or the token would already be the next call's.</summary>
        private void CancelUnlocked() => _ = _token?.CancelAsync();
    }
}
