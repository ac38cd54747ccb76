using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;

namespace CloudSync.Sdk;

/// <summary>
/// What follows when a try has ended and it is decided what becomes of its message: complete the claim, wait for a retry, or write the dead letter → settle the offset →
/// let the next of the lane go. Outcomes gather while a batch of them is being settled, so under load every call of the store serves many.
/// </summary>
internal sealed class Settlement : IThreadPoolWorkItem, IDisposable
{
    private readonly CloudSyncConsumerOptions _options;
    private readonly Claims? _claims;
    private readonly ITimer? _lookAfter;
    private readonly KeyLanes _lanes;
    private readonly HeldWindow _window;
    private readonly RetryQueue _retries;
    private readonly Backoff _backoff;
    private readonly IDeadLetterWriter _deadLetters;
    private readonly ConsumerMetrics _metrics;
    private readonly ConsumerHealth _health;
    private readonly TimeProvider _time;
    private readonly ILogger _log;

    /// <summary>Something may have become possible.</summary>
    private readonly Action _pumpHere;
    private readonly CancellationToken _abort;

    private readonly Lock _gate = new();
    private readonly List<Delivery> _delivered = [];
    private readonly List<Delivery> _settled = [];
    private readonly List<Delivery> _done = [];
    private readonly List<Delivery> _unclaim = [];
    private readonly List<Delivery> _dropped = [];
    private readonly List<(Delivery Delivery, TimeSpan Delay)> _waiting = [];
    private readonly List<Delivery> _again = [];
    private readonly System.Collections.IList[] _lists;
    private List<Outcome> _incoming = [];
    private List<Outcome> _working = [];
    private bool _isRunning;
    private int _lookAfterClaims;

    public Settlement(
        CloudSyncConsumerOptions options,
        Claims? claims,
        KeyLanes lanes,
        HeldWindow window,
        IDeadLetterWriter deadLetters,
        ConsumerMetrics metrics,
        ConsumerHealth health,
        TimeProvider time,
        ILogger log,
        Action pump,
        Action pumpHere,
        CancellationToken abort)
    {
        _options = options;
        _claims = claims;
        _lanes = lanes;
        _window = window;
        _deadLetters = deadLetters;
        _metrics = metrics;
        _health = health;
        _time = time;
        _log = log;
        _pumpHere = pumpHere;
        _abort = abort;
        _lists = [_delivered, _settled, _done, _unclaim, _dropped, _waiting, _again];
        _backoff = Backoff.From(options.Retry) with { Mode = JitterMode.Proportional };
        if (claims is not null)
            _lookAfter = time.CreateTimer(static settlement => ((Settlement)settlement!).LookAfterClaims(), this, LookAfter(options.Idempotency.Lease), LookAfter(options.Idempotency.Lease));

        _retries = new RetryQueue(time, due =>
        {
            lanes.Unpark(CollectionsMarshal.AsSpan(due));
            pump();
        });
    }

    /// <summary>One outcome.</summary>
    /// <returns>Whether that has started a thread, which also begins a round of dispatch as soon as it has nothing to settle, or waits for the store: nobody else need be woken for it.</returns>
    public bool Add(in Outcome outcome)
    {
        lock (_gate)
        {
            _incoming.Add(outcome);
            return StartUnlocked();
        }
    }

    /// <summary>The outcomes of a batch.</summary>
    public void Add(ReadOnlySpan<Outcome> outcomes)
    {
        lock (_gate)
        {
            _incoming.AddRange(outcomes);
            StartUnlocked();
        }
    }

    /// <summary>The outcomes of a batch, settled on the calling thread, which is ours, if no other one is at it. Waking a thread costs as much as settling a hundred messages.</summary>
    public void AddAndSettle(ReadOnlySpan<Outcome> outcomes)
    {
        lock (_gate)
        {
            _incoming.AddRange(outcomes);
            if (_isRunning)
                return;

            _isRunning = true;
        }

        _ = RunAsync(once: true);
    }

    /// <summary>Messages that wait for a retry and whose partition was given up wait no longer.</summary>
    public void ReleaseRevoked() => _retries.ReleaseRevoked();

    public void Dispose()
    {
        _lookAfter?.Dispose();
        _retries.Dispose();
    }

    void IThreadPoolWorkItem.Execute()
    {
        // A call that has ended has left its place to the next, however long the store takes to answer. One that blocks the thread instead of returning a task would hold the next call up.
        if (!RunAsync(once: false).IsCompleted)
            _pumpHere();
    }

    /// <summary>
    /// Claims of long calls are extended, and what is owed to the store is tried again. Among what is settled, and not beside it: a claim that is being completed must not be extended at the
    /// same time, or it would seem to be lost.
    /// </summary>
    private void LookAfterClaims()
    {
        _claims!.Probe();
        Volatile.Write(ref _lookAfterClaims, 1);
        lock (_gate)
            StartUnlocked();
    }

    private bool StartUnlocked()
    {
        if (_isRunning)
            return false;

        _isRunning = true;
        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        return true;
    }

    /// <param name="once">Whether to leave what gathers meanwhile to another thread: this one belongs to whoever ended a call.</param>
    private async Task RunAsync(bool once)
    {
        for (var rounds = 0; ; rounds++)
        {
            lock (_gate)
            {
                if (_incoming.Count == 0 && Volatile.Read(ref _lookAfterClaims) == 0)
                {
                    _isRunning = false;
                    return;
                }

                if (once && rounds > 0)
                {
                    ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
                    return;
                }

                (_incoming, _working) = (_working, _incoming);
            }

            try
            {
                await SettleAsync(_working);
            }
            catch (Exception e)
            {
                // Nothing here throws that we know of. If it does, its messages stay unsettled, and the others must go on.
                _log.SettlementFailed(e, _working.Count);
            }

            foreach (var list in _lists)
                list.Clear();

            _working.Clear();
            _pumpHere();
        }
    }

    private async ValueTask SettleAsync(List<Outcome> outcomes)
    {
        foreach (var outcome in outcomes)
        {
            try
            {
                Sort(outcome);
            }
            catch (Exception e)
            {
                // Nothing here throws that we know of, but for a logger. Its message stays unsettled; the others must go on.
                _log.SettlementFailed(e, 1);
            }
        }

        if (_claims is not null)
            await TellStoreAsync(_claims);

        _settled.AddRange(_delivered);
        SettleOffsets();
        _done.AddRange(_settled);
        _lanes.Release(CollectionsMarshal.AsSpan(_done), _dropped);
        _window.Remove(CollectionsMarshal.AsSpan(_done));
        foreach (var (delivery, delay) in _waiting)
        {
            _lanes.Park(delivery);
            _retries.Add(delivery, delay);
        }

        foreach (var delivery in _again)
            _lanes.Park(delivery);

        _lanes.Unpark(CollectionsMarshal.AsSpan(_again));
        _window.Remove(CollectionsMarshal.AsSpan(_dropped));
    }

    /// <summary>Before an offset is settled and before a message can be taken again.</summary>
    private async ValueTask TellStoreAsync(Claims claims)
    {
        if (_delivered.Count > 0)
            await claims.CompleteAsync(_delivered);

        if (Interlocked.Exchange(ref _lookAfterClaims, 0) != 0)
            await claims.ExtendAsync();

        if (_unclaim.Count > 0 || claims.OwesReleases)
            await claims.ReleaseAsync(_unclaim);
    }

    /// <summary>Decides what each outcome means for its message.</summary>
    private void Sort(in Outcome outcome)
    {
        var delivery = outcome.Delivery;
        switch (outcome.Kind)
        {
            case OutcomeKind.Delivered:
                _delivered.Add(delivery);
                break;
            case OutcomeKind.Duplicate:
                _metrics.Duplicates(1);
                _settled.Add(delivery);
                break;
            case OutcomeKind.DeadLettered:
                _unclaim.Add(delivery);
                _settled.Add(delivery);
                break;
            case OutcomeKind.Failed:
                Follow(delivery, outcome.Plan);
                break;
            case OutcomeKind.HeldByAnother:
                _waiting.Add((delivery, HeldRecheck(outcome.Wait, delivery.HeldChecks++)));
                break;
            case OutcomeKind.StoreFailed:
                _waiting.Add((delivery, StoreOutage.ProbeInterval));
                break;
            case OutcomeKind.Refused:
                _unclaim.Add(delivery);
                _again.Add(delivery);
                break;
            case OutcomeKind.Interrupted:
                // Unsettled, and done with here: whoever reads it next finds its id free.
                LetGo(delivery);
                break;
            default:
                throw new InvalidOperationException($"An outcome of kind {outcome.Kind} can't be settled.");
        }
    }

    /// <summary>Does with a message that failed what was decided.</summary>
    private void Follow(Delivery delivery, in RetryPlan plan)
    {
        var failures = delivery.Failures!;
        if (delivery.Progress.IsClosed)
        {
            // Its partition has another owner, who delivers it or writes its dead letter.
            LetGo(delivery);
            return;
        }

        if (plan.Next == FailureAction.DeadLetter)
        {
            _ = DeadLetterAsync(delivery, failures);
            return;
        }

        _metrics.Retried(failures.ErrorType);
        if (!plan.IsSplit)
        {
            using var scope = MessageScope.Begin(_log, delivery);
            _log.WillRetry(delivery.ShownId, delivery.ToString(), failures.ErrorType, failures.Reason!, failures.Attempts, plan.Delay);
        }

        _unclaim.Add(delivery);
        if (plan.Delay > TimeSpan.Zero)
            _waiting.Add((delivery, plan.Delay));
        else
            _again.Add(delivery);
    }

    /// <summary>Ends a message here without settling it.</summary>
    private void LetGo(Delivery delivery)
    {
        _unclaim.Add(delivery);
        _done.Add(delivery);
    }

    private void SettleOffsets()
    {
        var settled = CollectionsMarshal.AsSpan(_settled);
        for (int start = 0, end; start < settled.Length; start = end)
        {
            var progress = settled[start].Progress;
            for (end = start + 1; end < settled.Length && settled[end].Progress == progress;)
                end++;

            var stale = end - start - progress.Settle(settled[start..end]);
            if (stale > 0)
                _metrics.Stale(stale);
        }

        if (_delivered.Count > 0)
            _metrics.Delivered(_delivered.Count);
    }

    /// <summary>Keeps the message as a dead letter. Until the brokers have it, the message is neither settled nor forgotten, and reading pauses.</summary>
    private async Task DeadLetterAsync(Delivery delivery, FailureHistory failures)
    {
        using var scope = MessageScope.Begin(_log, delivery);
        var isWaiting = false;
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                // Given up during the backoff, its partition has another owner, who writes the letter.
                ObjectDisposedException.ThrowIf(attempt > 1 && delivery.Progress.IsClosed, delivery.Progress);
                await _deadLetters.WriteAsync(delivery, _abort).WaitAsync(_options.DeadLetters.AcknowledgementTimeout, _time, _abort);
                break;
            }
            catch (Exception e) when (!_abort.IsCancellationRequested && !delivery.Progress.IsClosed)
            {
                if (!isWaiting)
                    _health.DeadLetterWaits();

                isWaiting = true;
                var delay = DelayOf(attempt);
                _log.DeadLetterFailed(e, delivery.ShownId, delivery.ToString(), _options.DeadLetters.Topic, delay);
                await DelayAsync(delay);
            }
            catch (Exception)
            {
                if (isWaiting)
                    _health.DeadLetterWritten();

                Add(new Outcome(OutcomeKind.Interrupted, delivery));
                return;
            }
        }

        // Not among what is tried above: whatever failed here would be taken for a failed write, and the letter written again.
        if (isWaiting)
            _health.DeadLetterWritten();

        _metrics.DeadLettered(failures.ErrorType);
        _log.DeadLettered(failures.Exception!, delivery.ShownId, delivery.ToString(), _options.DeadLetters.Topic, failures.ErrorType, failures.Attempts);
        Add(new Outcome(OutcomeKind.DeadLettered, delivery));
    }

    private async Task DelayAsync(TimeSpan delay)
    {
        try
        {
            await Task.Delay(delay, _time, _abort);
        }
        catch (OperationCanceledException)
        {
            // The caller looks at the token itself.
        }
    }

    /// <summary>
    /// When to look again whether another is still delivering the id. Mostly it is done in no time, and seldom needs its whole lease, unless it has crashed: so soon at first, and
    /// less and less often, for each look costs a claim.
    /// </summary>
    internal static TimeSpan HeldRecheck(TimeSpan heldFor, int checks)
    {
        var wait = 100 * TimeSpan.TicksPerMillisecond << Math.Min(checks, 4);
        return TimeSpan.FromTicks(Math.Clamp(heldFor.Ticks, TimeSpan.TicksPerMillisecond, wait));
    }

    /// <summary>Often enough for a short lease, and for a store that is down.</summary>
    private static TimeSpan LookAfter(TimeSpan lease) => lease / 6 < StoreOutage.ProbeInterval ? lease / 6 : StoreOutage.ProbeInterval;

    private TimeSpan DelayOf(int attempt) => _backoff.Delay(attempt, previous: default, Random.Shared.NextDouble());
}
