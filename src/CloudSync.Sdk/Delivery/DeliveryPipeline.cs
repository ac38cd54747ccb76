using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;

namespace CloudSync.Sdk;

/// <summary>
/// The way of a message once it is read: lane → claim → gate → sink, and back through <see cref="FailureTriage"/> (classify → decide) and <see cref="Settlement"/>
/// (complete, retry or dead-letter → settle). Every step moves batches; nothing here ever blocks a thread.
/// </summary>
/// <remarks>
/// <see cref="Pump"/> is called whenever something may have become possible: messages were read, a call has ended, a retry is due, a break is over. One
/// thread at a time pumps: it takes what may be taken and starts its delivery.
/// </remarks>
internal sealed class DeliveryPipeline : IThreadPoolWorkItem, ISinkCalls, IDisposable
{
    private const int PumpIdle = 0;
    private const int PumpRuns = 1;
    private const int PumpAsked = 2;

    /// <summary>Not at once: what a round failed for would most likely be there still.</summary>
    private static readonly TimeSpan AfterFailedRound = TimeSpan.FromSeconds(1);

    private readonly CloudSyncConsumerOptions _options;
    private readonly SinkCaller _sink;
    private readonly Claims? _claims;
    private readonly KeyLanes _lanes;
    private readonly HeldWindow _window;
    private readonly EndpointGate _gate;
    private readonly AbandonedCalls _abandoned;
    private readonly FailureTriage _triage;
    private readonly Settlement _settlement;
    private readonly ConsumerHealth _health;
    private readonly CancellationTokenSource _abort = new();
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly Lock _pumping = new();

    /// <summary>What a round of dispatch found to be of a partition that was given up.</summary>
    private readonly List<Delivery> _dropped = [];
    private readonly string _name;
    private int _underWay;

    /// <summary>Whether a round of dispatch runs, and whether another one must follow it.</summary>
    private int _pump;
    private volatile bool _stopped;

    public DeliveryPipeline(
        string name,
        CloudSyncConsumerOptions options,
        object sink,
        IIdempotencyStore? store,
        IErrorClassifier? classifier,
        IDeadLetterWriter deadLetters,
        ConsumerMetrics metrics,
        ConsumerHealth health,
        TimeProvider time,
        ILogger log,
        Func<SyncMessage, string?>? keyOf = null)
    {
        _name = name;
        _options = options;
        _time = time;
        _log = log;
        _health = health;
        _lanes = new KeyLanes();
        _window = new HeldWindow(options.MaxHeldMessages, options.MaxHeldBytes);
        _gate = new EndpointGate(options, time, Pump);
        _abandoned = new AbandonedCalls(name, options.MaxAbandonedCalls, metrics, time, log) { RoomAgain = Pump };
        _sink = SinkCaller.For(
            sink, new CallerSettings(options.SinkTimeout, options.AbandonAfter, _abandoned, _gate.WantsDurations, time, metrics, log, _abort.Token));
        _triage = new FailureTriage(name, options, classifier, _gate, metrics, time, log);
        _claims = store is null ? null : new Claims(options, store, keyOf, metrics, time, log, _abort.Token);
        _settlement = new Settlement(options, _claims, _lanes, _window, deadLetters, metrics, health, time, log, Pump, PumpHere, _abort.Token);
    }

    public HeldWindow Window => _window;

    public KeyLanes Lanes => _lanes;

    public EndpointGate Gate => _gate;

    public AbandonedCalls Abandoned => _abandoned;

    /// <summary>The claims on the messages' ids; <see langword="null"/> when duplicates are not recognised.</summary>
    public Claims? Claims => _claims;

    /// <summary>Why nothing should be read now, whatever room there is.</summary>
    public PauseReasons PauseReasons
    {
        get
        {
            var reasons = _health.Waits;

            // With nothing in hand to ask the store with (it was revoked meanwhile), a message must be read, or nobody ever hears that it answers again.
            if (_claims is { Pauses: true } && _window.Messages > 0)
                reasons |= PauseReasons.StoreDown;

            // One message that has not failed yet is kept in hand to probe the endpoint with. With nothing in hand but what failed before, or what stands behind a
            // call that hangs, a single message would hold the breaker open, and all the others outside, for good.
            if (!_gate.IsClosed && _lanes.HasUntried)
                reasons |= PauseReasons.BreakerOpen;

            if (_abandoned.IsFull)
                reasons |= PauseReasons.CallsAbandoned;

            return reasons;
        }
    }

    /// <summary>Messages were read.</summary>
    public void Accept(ReadOnlySpan<Delivery> deliveries)
    {
        long bytes = 0;
        foreach (var delivery in deliveries)
            bytes += delivery.Size;

        _window.Add(deliveries.Length, bytes);
        _lanes.Enqueue(deliveries);
        Pump();
    }

    /// <summary>Something may have become possible. Callable from any thread; never waits and never runs a sink.</summary>
    public void Pump()
    {
        if (MayBeginRound())
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }

    /// <summary>One round on the calling thread where it is one of the pool's: waking another one costs more than the round.</summary>
    private void PumpHere()
    {
        if (!MayBeginRound())
            return;

        if (Thread.CurrentThread.IsThreadPoolThread && RunRound())
            return;

        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }

    /// <summary>While a round runs, it is enough to let it know: a second thread would only wait for the first.</summary>
    private bool MayBeginRound() =>
        Interlocked.CompareExchange(ref _pump, PumpAsked, PumpRuns) == PumpIdle && Interlocked.CompareExchange(ref _pump, PumpRuns, PumpIdle) == PumpIdle;

    void IThreadPoolWorkItem.Execute()
    {
        while (!RunRound())
        {
        }
    }

    /// <returns>Whether nobody has asked for another one meanwhile.</returns>
    private bool RunRound()
    {
        // With a fence: whoever still sees an earlier ask, and so leaves it at that, must have changed what this round looks at.
        Interlocked.Exchange(ref _pump, PumpRuns);
        lock (_pumping)
        {
            try
            {
                while (StartNext())
                {
                }
            }
            catch (Exception e)
            {
                // Nothing here throws that we know of. If it does, it must end neither the process, on a thread of the pool, nor all rounds, by leaving this one as if it still ran.
                _log.DispatchFailed(e, _name, AfterFailedRound);
                _ = PumpLaterAsync();
            }
        }

        return Interlocked.CompareExchange(ref _pump, PumpIdle, PumpRuns) == PumpRuns;
    }

    /// <summary>There may be no call whose end would pump.</summary>
    private async Task PumpLaterAsync()
    {
        await Task.Delay(AfterFailedRound, _time, _abort.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        Pump();
    }

    /// <summary>These partitions are being given up: nothing more of them is dispatched, and what only waits is let go.</summary>
    public void DropRevoked()
    {
        _settlement.ReleaseRevoked();
        var dropped = new List<Delivery>();
        _lanes.DropRevoked(dropped);
        _window.Remove(CollectionsMarshal.AsSpan(dropped));

        // A round of dispatch may have chosen one of these, found nothing, and left what else is ready.
        Pump();
    }

    /// <summary>Nothing further is dispatched; what is in flight goes on.</summary>
    public void StopDispatch()
    {
        _stopped = true;

        // A round that is under way takes what it takes: whoever finds the lanes idle after this may commit, and nothing is delivered behind his back. It is a matter of
        // microseconds, unless a store blocks its caller.
        if (_pumping.TryEnter(TimeSpan.FromSeconds(1)))
            _pumping.Exit();
    }

    /// <summary>The drain time is over: calls under way are cancelled, and their messages stay unsettled.</summary>
    /// <remarks>Callbacks of the sink run elsewhere: one that throws or blocks must not keep the poll thread from its last commit.</remarks>
    public void Abort() => _ = _abort.CancelAsync();

    bool ISinkCalls.MayBegin(Admission admission) => _gate.Allows(admission);

    void ISinkCalls.Ended(in Outcome outcome, in CallEnd call)
    {
        var ended = outcome;
        TellGate(new Span<Outcome>(ref ended), call);
        if (!_settlement.Add(ended))
            Pump();
    }

    void ISinkCalls.Ended(Span<Outcome> outcomes, in CallEnd call, bool isOurThread)
    {
        TellGate(outcomes, call);

        // The next call is started by another thread; this one, where it is ours, settles.
        Pump();
        if (isOurThread)
            _settlement.AddAndSettle(outcomes);
        else
            _settlement.Add(outcomes);
    }

    /// <summary>The gate hears of a call before its place is free: the next call must not be made in ignorance of this one.</summary>
    private void TellGate(Span<Outcome> outcomes, in CallEnd call)
    {
        var (delivered, failed) = (0, 0);
        foreach (ref readonly var outcome in outcomes)
        {
            delivered += outcome.Kind == OutcomeKind.Delivered ? 1 : 0;
            failed += outcome.Kind == OutcomeKind.Failed ? 1 : 0;
        }

        try
        {
            if (delivered > 0 && _gate.Succeeded(call.Admission, delivered, call.Duration, Volatile.Read(ref _underWay)))
                _log.BreakerClosed(_name);

            if (failed > 0)
                _triage.Judge(outcomes, call);
            else if (delivered == 0 && call.Admission == Admission.Probe)
                _gate.ProbeCameToNothing();
        }
        catch (Exception e)
        {
            // Nothing here throws that we know of, but for a logger. If it does, nobody has decided: these messages wait, and are tried again.
            foreach (ref var outcome in outcomes)
            {
                if (outcome.Kind == OutcomeKind.Failed)
                    outcome = outcome with { Plan = new RetryPlan(FailureAction.Retry, _options.Retry.MaxDelay, CountsAsAttempt: true) };
            }

            _log.SettlementFailed(e, outcomes.Length);
        }
        finally
        {
            Interlocked.Decrement(ref _underWay);
        }
    }

    public void Dispose()
    {
        _settlement.Dispose();
        _gate.Dispose();
        _window.Dispose();
        _abort.Dispose();
    }

    /// <summary>Takes one batch, if anything may be taken, and starts its delivery.</summary>
    private bool StartNext()
    {
        var room = _gate.Limit - Volatile.Read(ref _underWay);
        if (_stopped || room <= 0 || _abandoned.IsFull)
            return false;

        var ready = _lanes.Ready;
        if (ready.Count == 0)
            return false;

        var admission = _gate.TryEnter();
        if (admission == Admission.Refused)
            return false;

        var (turn, calls) = NextTurn(admission, room, ready);
        var max = admission == Admission.Probe ? 1 : _sink.TakesBatches ? _options.MaxBatchSize : calls;
        var batch = new List<Delivery>(Math.Min(max, ready.Of(turn)));
        _dropped.Clear();
        if (calls > 0)
            _lanes.Take(turn, batch, max, _sink.TakesBatches ? _options.MaxBatchBytes : long.MaxValue, _dropped);

        _window.Remove(CollectionsMarshal.AsSpan(_dropped));
        if (batch.Count == 0)
        {
            CallsNotMade(turn, admission, calls);
            return _dropped.Count > 0;
        }

        var begun = CallsFor(batch);
        CallsNotMade(turn, admission, calls - begun);
        Interlocked.Add(ref _underWay, begun);
        _ = DeliverAsync(batch, turn, admission);
        return true;
    }

    /// <summary>
    /// Whose turn it is, and how many calls may be made. Retries come first, as far as the budget goes: they hold up their keys and the commit. A probe, and the calls of the
    /// ramp after it, are best made with messages that have not failed yet: one that always fails would open the breaker again, or have the endpoint ask us to wait again,
    /// before anybody else got through.
    /// </summary>
    private (Turn Turn, int Calls) NextTurn(Admission admission, int room, ReadyCounts ready)
    {
        if (admission == Admission.Probe)
            return (ready.Fresh > 0 ? Turn.Fresh : ready.Part > 0 ? Turn.Part : Turn.Retry, 1);

        var freshFirst = _gate.IsRamping && ready.Part + ready.Fresh > 0;
        if (ready.Retry > 0 && !freshFirst && _gate.TakeRetries(_sink.TakesBatches ? 1 : Math.Min(room, ready.Retry)) is > 0 and var granted)
            return (Turn.Retry, granted);

        var turn = ready.Part > 0 ? Turn.Part : Turn.Fresh;
        return (turn, ready.Part + ready.Fresh == 0 ? 0 : _sink.TakesBatches ? 1 : room);
    }

    private int CallsFor(List<Delivery> batch) => _sink.TakesBatches ? Math.Min(1, batch.Count) : batch.Count;

    private void CallsNotMade(Turn turn, Admission admission, int calls)
    {
        if (calls <= 0)
            return;

        if (admission == Admission.Probe)
            _gate.ProbeCameToNothing();
        else if (turn == Turn.Retry)
            _gate.GiveBackRetries(calls);
    }

    private async Task DeliverAsync(List<Delivery> batch, Turn turn, Admission admission)
    {
        var begun = CallsFor(batch);
        if (_claims is not null)
            await ClaimAsync(_claims, batch);

        // The claim took its time, and the breaker may have opened meanwhile.
        if (!_gate.Allows(admission))
        {
            foreach (var delivery in batch)
                _settlement.Add(new Outcome(OutcomeKind.Refused, delivery));

            batch = [];
        }

        // A message that did not get as far as the sink gives its place back here; one that did, when its call ends.
        var made = CallsFor(batch);
        CallsNotMade(turn, admission, begun - made);
        if (turn == Turn.Fresh && made > 0)
            _gate.FirstCalls(made);

        if (begun > made)
        {
            Interlocked.Add(ref _underWay, made - begun);
            Pump();
        }

        if (made > 0)
            _sink.Start(batch, admission, this);
    }

    /// <summary>Takes out of the batch what is not ours to deliver.</summary>
    private async ValueTask ClaimAsync(Claims claims, List<Delivery> batch)
    {
        try
        {
            if (await claims.AcquireAsync(batch) is { } others)
                _settlement.Add(CollectionsMarshal.AsSpan(others));
        }
        catch (Exception e)
        {
            // Nothing here throws that we know of. What was not claimed is not delivered, and stays unsettled.
            _log.SettlementFailed(e, batch.Count);
            batch.Clear();
        }
    }
}
