using System.Buffers;
using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;

namespace CloudSync.Sdk;

/// <summary>
/// The way of a message once it is read: lane → claim → breaker → sink, and back through <see cref="Settlement"/>: classify → retry → settle. Every step moves
/// batches; nothing here ever blocks a thread.
/// </summary>
/// <remarks>
/// <see cref="Pump"/> is called whenever something may have become possible: messages were read, a call has ended, a retry is due, a break is over. One
/// thread at a time pumps: it takes what may be taken and starts its delivery.
/// </remarks>
internal sealed class DeliveryPipeline : IThreadPoolWorkItem, IOutcomes, IDisposable
{
    private readonly CloudSyncConsumerOptions _options;
    private readonly SinkCaller _sink;
    private readonly IIdempotencyStore? _store;
    private readonly MessageFingerprint _fingerprint;
    private readonly KeyLanes _lanes;
    private readonly HeldWindow _window;
    private readonly EndpointBreaker _breaker;
    private readonly EndpointHold _hold;
    private readonly Settlement _settlement;
    private readonly ConsumerHealth _health;
    private readonly CancellationTokenSource _abort = new();
    private readonly ILogger _log;
    private readonly Lock _pumping = new();
    private int _free;
    private int _pumpAsked;
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
        ILogger log)
    {
        _options = options;
        _store = store;
        _log = log;
        _health = health;
        _free = options.MaxConcurrency;
        _fingerprint = new MessageFingerprint(options.GroupId);
        _lanes = new KeyLanes();
        _window = new HeldWindow(options.MaxHeldMessages, options.MaxHeldBytes);
        _breaker = new EndpointBreaker(options.Breaker, time, Pump);
        _hold = new EndpointHold(time, Pump);
        _sink = SinkCaller.For(sink, options.SinkTimeout, time, metrics, _abort.Token);
        _settlement = new Settlement(
            name, options, classifier, _store, _fingerprint, _lanes, _window, _breaker, _hold, deadLetters, metrics, health, time, log, GiveBack, _abort.Token);
    }

    public HeldWindow Window => _window;

    public KeyLanes Lanes => _lanes;

    public EndpointBreaker Breaker => _breaker;

    /// <summary>Why nothing should be read now, whatever room there is.</summary>
    public PauseReasons PauseReasons
    {
        get
        {
            var reasons = _health.Waits;

            // With nothing in hand to ask the store with (it was revoked meanwhile), a message must be read, or nobody ever hears that it answers again.
            if (_window.Messages == 0)
                reasons &= ~PauseReasons.StoreDown;

            // One message that has not failed yet is kept in hand to probe the endpoint with. With nothing in hand but what failed before, or what stands behind a
            // call that hangs, a single message would hold the breaker open, and all the others outside, for good.
            if (!_breaker.IsClosed && _lanes.HasUntried)
                reasons |= PauseReasons.BreakerOpen;

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
        if (Interlocked.Exchange(ref _pumpAsked, 1) == 0)
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }

    void IThreadPoolWorkItem.Execute()
    {
        lock (_pumping)
        {
            // Asked again from here on, another round runs after this one.
            Interlocked.Exchange(ref _pumpAsked, 0);
            while (StartNext())
            {
            }
        }
    }

    /// <summary>These partitions are being given up: nothing more of them is dispatched, and what only waits is let go.</summary>
    public void DropRevoked()
    {
        _settlement.ReleaseRevoked();
        var dropped = new List<Delivery>();
        _lanes.DropRevoked(dropped);
        _window.Remove(CollectionsMarshal.AsSpan(dropped));
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

    /// <remarks>
    /// A call that failed keeps its place until the breaker has heard of it. Otherwise a sink that fails fast is called for all that is held, before the
    /// settlement has come to the first failure.
    /// </remarks>
    public void Report(in Outcome outcome)
    {
        if (outcome.Kind != OutcomeKind.Delivered)
        {
            _settlement.Add(outcome with { EndsCall = true });
            return;
        }

        Interlocked.Increment(ref _free);
        _settlement.Add(outcome);
        Pump();
    }

    /// <inheritdoc cref="Report(in Outcome)"/>
    public void Report(Span<Outcome> outcomes)
    {
        foreach (ref readonly var outcome in outcomes)
        {
            if (outcome.Kind != OutcomeKind.Delivered)
            {
                outcomes[^1] = outcomes[^1] with { EndsCall = true };
                _settlement.Add(outcomes);
                return;
            }
        }

        Interlocked.Increment(ref _free);
        _settlement.Add(outcomes);
        Pump();
    }

    private void GiveBack(int places)
    {
        Interlocked.Add(ref _free, places);
        Pump();
    }

    public void Dispose()
    {
        _settlement.Dispose();
        _hold.Dispose();
        _breaker.Dispose();
        _window.Dispose();
        _abort.Dispose();
    }

    /// <summary>Takes one batch, if anything may be taken, and starts its delivery.</summary>
    private bool StartNext()
    {
        var free = Volatile.Read(ref _free);
        if (_stopped || free <= 0 || _hold.IsHolding || _lanes.ReadyCount == 0)
            return false;

        var admission = _breaker.TryEnter();
        if (admission == Admission.Refused)
            return false;

        var batch = new List<Delivery>();
        var dropped = new List<Delivery>();
        var (max, maxBytes) = admission == Admission.Probe ? (1, long.MaxValue)
            : _sink.TakesBatches ? (_options.MaxBatchSize, _options.MaxBatchBytes)
            : (free, long.MaxValue);
        _lanes.Take(batch, max, maxBytes, dropped);
        _window.Remove(CollectionsMarshal.AsSpan(dropped));
        if (batch.Count == 0)
        {
            if (admission == Admission.Probe)
                _breaker.ProbeCameToNothing();

            return dropped.Count > 0;
        }

        Interlocked.Add(ref _free, _sink.TakesBatches ? -1 : -batch.Count);
        _ = DeliverAsync(batch, admission);
        return true;
    }

    private async Task DeliverAsync(List<Delivery> batch, Admission admission)
    {
        var taken = batch.Count;
        if (_store is not null)
            batch = await ClaimAsync(batch, admission);

        // The claim took its time, and the breaker may have opened meanwhile.
        if (admission == Admission.Normal && !_breaker.IsClosed)
        {
            foreach (var delivery in batch)
                _settlement.Add(new Outcome(OutcomeKind.Refused, delivery, admission));

            batch = [];
        }

        if (batch.Count == 0 && admission == Admission.Probe)
            _breaker.ProbeCameToNothing();

        // A message that did not get as far as the sink gives its place back here; one that did, when its call ends.
        var back = !_sink.TakesBatches ? taken - batch.Count : batch.Count == 0 ? 1 : 0;
        if (back > 0)
            GiveBack(back);

        if (batch.Count > 0)
            _sink.Start(batch, admission, this);
    }

    /// <summary>Claims the ids of a batch. What is not ours to deliver goes to the settlement; the rest is returned.</summary>
    private async ValueTask<List<Delivery>> ClaimAsync(List<Delivery> batch, Admission admission)
    {
        var keys = ArrayPool<IdempotencyKey>.Shared.Rent(batch.Count);
        var results = ArrayPool<ClaimResult>.Shared.Rent(batch.Count);
        try
        {
            for (var i = 0; i < batch.Count; i++)
                keys[i] = _fingerprint.Of(batch[i]);

            Array.Clear(results, 0, batch.Count);
            await _store!.ClaimAsync(keys.AsMemory(0, batch.Count), _options.Idempotency.Lease, results.AsMemory(0, batch.Count), _abort.Token);
            Answered(results.AsSpan(0, batch.Count));

            var kept = 0;
            for (var i = 0; i < batch.Count; i++)
            {
                var delivery = batch[i];
                switch (results[i].Status)
                {
                    case ClaimStatus.Acquired:
                        delivery.ClaimToken = results[i].Token;
                        batch[kept++] = delivery;
                        break;
                    case ClaimStatus.Completed:
                        _settlement.Add(new Outcome(OutcomeKind.Duplicate, delivery, admission));
                        break;
                    case ClaimStatus.Held:
                        _settlement.Add(new Outcome(OutcomeKind.HeldByAnother, delivery, admission, Wait: results[i].HeldFor));
                        break;
                    default:
                        _settlement.Add(new Outcome(OutcomeKind.StoreFailed, delivery, admission));
                        break;
                }
            }

            batch.RemoveRange(kept, batch.Count - kept);

            // Not after an exception: a store that was cancelled may still write its answers, and they would be another batch's.
            ArrayPool<IdempotencyKey>.Shared.Return(keys);
            ArrayPool<ClaimResult>.Shared.Return(results);
            return batch;
        }
        catch (Exception e)
        {
            var kind = _abort.IsCancellationRequested ? OutcomeKind.Interrupted : OutcomeKind.StoreFailed;
            if (kind == OutcomeKind.StoreFailed && _health.StoreFailed())
                _log.StoreFailed(e, "claim");

            foreach (var delivery in batch)
                _settlement.Add(new Outcome(kind, delivery, admission, e));

            return [];
        }
    }

    /// <summary>Whoever leaves a claim unanswered has failed, whatever else it answered.</summary>
    private void Answered(ReadOnlySpan<ClaimResult> results)
    {
        var unanswered = results.Count(default(ClaimResult));
        if (unanswered == 0)
            _health.StoreAnswered();
        else if (_health.StoreFailed())
            _log.StoreFailed(new InvalidOperationException($"The store left {unanswered} of {results.Length} claims unanswered."), "claim");
    }
}
