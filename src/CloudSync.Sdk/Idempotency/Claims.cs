using System.Buffers;
using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;

namespace CloudSync.Sdk;

/// <summary>
/// The claims of one consumer on the ids of its messages: acquired before a call, held and extended while it runs, completed or released after it. What happens while the store
/// does not answer is decided here.
/// </summary>
/// <remarks>
/// <see cref="AcquireAsync"/> is called for many batches at the same time. The others belong to the loop that settles, one call after the other, so a claim that is being completed
/// is never extended at the same time.
/// </remarks>
internal sealed class Claims(
    CloudSyncConsumerOptions options,
    IIdempotencyStore store,
    Func<SyncMessage, string?>? keyOf,
    ConsumerMetrics metrics,
    TimeProvider time,
    ILogger log,
    CancellationToken abort)
{
    private readonly BoundedStore _store = new(store, options.Idempotency.StoreTimeout, time);
    private readonly MessageFingerprint _fingerprint = new(options.GroupId, options.Idempotency.KeyStrategy, keyOf);
    private readonly StoreOutage _outage = new(options.Idempotency.WhenStoreFails, time);
    private readonly HeldClaims _held = new(time);
    private readonly List<IdempotencyClaim> _working = [];

    /// <summary>Claims whose release has failed: until it succeeds, or their leases have run out, their own messages would find them held.</summary>
    private readonly List<IdempotencyClaim> _unreleased = [];
    private long _unreleasedSince;

    /// <summary>Delivered messages could not be completed yet.</summary>
    private volatile bool _mustCompleteFirst;

    /// <summary>How often claims are looked at that have been held for as long.</summary>
    public TimeSpan ExtendAfter => options.Idempotency.Lease / 3;

    public bool IsStoreDown => _outage.IsDown;

    /// <summary>Whether nothing should be read for want of the store.</summary>
    public bool Pauses => _outage.Pauses;

    /// <summary>Whether a release has failed and is to be tried again.</summary>
    public bool OwesReleases => _unreleased.Count > 0;

    public int Held => _held.Count;

    /// <summary>Claims the ids of a batch. What is not ours to deliver is taken out of it.</summary>
    /// <returns>What became of those that were taken out; <see langword="null"/> when there are none.</returns>
    public async ValueTask<List<Outcome>?> AcquireAsync(List<Delivery> batch)
    {
        List<Outcome>? others = null;
        var keys = KeysOf(batch, ref others);
        var count = batch.Count;
        var results = NoAnswers(count);
        if (count > 0 && MayAsk() && !await AskAsync(keys.AsMemory(0, count), results.AsMemory(0, count)))
        {
            // A store that was given up may still write its answers. What it acquires late is released, and must not be taken for ours here, nor for another batch's.
            keys = Copy(keys.AsSpan(0, count));
            results = NoAnswers(count);
        }

        Sort(batch, keys, results, ref others);
        ArrayPool<IdempotencyKey>.Shared.Return(keys);
        ArrayPool<ClaimResult>.Shared.Return(results);
        return others;
    }

    /// <summary>
    /// Delivered messages become known as such before their offsets are settled: the other way round a crash between the two could repeat them. While the store does not answer
    /// they stay unsettled and reading pauses, unless they are to be delivered anyway.
    /// </summary>
    public async ValueTask CompleteAsync(List<Delivery> delivered)
    {
        _working.Clear();
        _held.Of(delivered, _working);
        var claims = Rent(_working);
        var wasOurs = ArrayPool<bool>.Shared.Rent(delivered.Count);
        var isFirst = true;
        while (true)
        {
            if (_outage.GoesPast())
            {
                metrics.PastStore("complete", delivered.Count);
                Array.Fill(wasOurs, true, 0, delivered.Count);
                break;
            }

            try
            {
                await _store.CompleteAsync(claims.AsMemory(0, delivered.Count), wasOurs.AsMemory(0, delivered.Count), abort);
                _mustCompleteFirst = false;
                Answered();
                break;
            }
            catch (Exception e)
            {
                // What a store that was given up still writes must not be another call's.
                (claims, wasOurs) = (Rent(_working), ArrayPool<bool>.Shared.Rent(delivered.Count));
                isFirst = false;
                Failed(e, "complete");
            }

            if (abort.IsCancellationRequested)
            {
                // Delivered and not remembered: better settled than repeated.
                Array.Fill(wasOurs, true, 0, delivered.Count);
                break;
            }

            if (!_outage.DeliversAnyway)
            {
                _mustCompleteFirst = true;
                await DelayAsync(StoreOutage.ProbeInterval);
            }
        }

        for (var i = 0; i < delivered.Count; i++)
        {
            // After a call whose answer was lost nobody can say whose completion it was: most likely our own.
            if (!wasOurs[i] && isFirst && claims[i].Token > 0)
                Overtaken(delivered[i]);
        }

        _held.Remove(delivered);
        ArrayPool<IdempotencyClaim>.Shared.Return(claims);
        ArrayPool<bool>.Shared.Return(wasOurs);
    }

    /// <summary>These messages were not delivered: whoever comes next may claim them at once.</summary>
    public async ValueTask ReleaseAsync(List<Delivery> deliveries)
    {
        _working.Clear();
        _held.Of(deliveries, _working);
        _held.Remove(deliveries);
        _working.RemoveAll(claim => claim.Token <= 0);
        if (_unreleased.Count > 0 && time.GetElapsedTime(_unreleasedSince) < options.Idempotency.Lease)
            _working.AddRange(_unreleased);

        _unreleased.Clear();
        if (_working.Count == 0)
            return;

        // Whoever waits for the store asks it already. Asked here as well, a store that hangs would hold up all that is settled meanwhile.
        if (_outage.IsDown)
        {
            Owe();
            return;
        }

        var claims = Rent(_working);
        try
        {
            await _store.ReleaseAsync(claims.AsMemory(0, _working.Count), CancellationToken.None);
            ArrayPool<IdempotencyClaim>.Shared.Return(claims);
        }
        catch (Exception e)
        {
            Owe();
            Failed(e, "release");
        }

        void Owe()
        {
            _unreleased.AddRange(_working);
            _unreleasedSince = time.GetTimestamp();
        }
    }

    /// <summary>Calls that take long keep their claims: those that are a third of a lease old begin anew.</summary>
    public async ValueTask ExtendAsync()
    {
        _working.Clear();
        _held.OlderThan(ExtendAfter, _working);
        if (_working.Count == 0 || _outage.GoesPast())
            return;

        var stillOurs = new bool[_working.Count];
        try
        {
            await _store.ExtendAsync(_working.ToArray(), options.Idempotency.Lease, stillOurs, abort);
            Answered();
        }
        catch (Exception e)
        {
            Failed(e, "extend");
            return;
        }

        if (_held.Extended(_working, stillOurs) is > 0 and var lost)
        {
            metrics.Overtaken(lost);
            log.ClaimsLost(lost);
        }
    }

    private IdempotencyKey[] KeysOf(List<Delivery> batch, ref List<Outcome>? others)
    {
        var keys = ArrayPool<IdempotencyKey>.Shared.Rent(batch.Count);
        var kept = 0;
        for (var i = 0; i < batch.Count; i++)
        {
            var delivery = batch[i];
            try
            {
                keys[kept] = _fingerprint.Of(delivery);
                batch[kept++] = delivery;
            }
            catch (Exception e)
            {
                // The user's delegate can't tell what this message is. It throws again at the next try, so it is as good as undeliverable.
                (others ??= []).Add(Unreadable(delivery, e));
            }
        }

        batch.RemoveRange(kept, batch.Count - kept);
        return keys;
    }

    private static ClaimResult[] NoAnswers(int count)
    {
        var results = ArrayPool<ClaimResult>.Shared.Rent(count);
        Array.Clear(results, 0, count);
        return results;
    }

    // After an outage the leases of what was delivered before it may have run out: whoever claims before those are completed would deliver a copy.
    private bool MayAsk() => !_mustCompleteFirst && !_outage.GoesPast();

    /// <returns>Whether there are answers.</returns>
    private async ValueTask<bool> AskAsync(ReadOnlyMemory<IdempotencyKey> keys, Memory<ClaimResult> results)
    {
        try
        {
            await _store.ClaimAsync(keys, options.Idempotency.Lease, results, abort);
        }
        catch (Exception e)
        {
            Failed(e, "claim");
            return false;
        }

        // Whoever leaves a claim unanswered has failed, whatever else it answered.
        var unanswered = results.Span.Count(default(ClaimResult));
        if (unanswered > 0)
            Failed(new InvalidOperationException($"The store left {unanswered} of {results.Length} claims unanswered."), "claim");
        else
            Answered();

        return true;
    }

    private void Sort(List<Delivery> batch, IdempotencyKey[] keys, ClaimResult[] results, ref List<Outcome>? others)
    {
        var claims = ArrayPool<IdempotencyClaim>.Shared.Rent(batch.Count);
        var (kept, past, tookOver) = (0, 0, 0);
        for (var i = 0; i < batch.Count; i++)
        {
            var (delivery, result) = (batch[i], results[i]);
            var goesPast = result.Status == 0 && _outage.DeliversAnyway && !abort.IsCancellationRequested;
            if (result.Status == ClaimStatus.Acquired || goesPast)
            {
                past += goesPast ? 1 : 0;
                tookOver += result.TookOver ? 1 : 0;
                delivery.HeldChecks = 0;
                claims[kept] = new IdempotencyClaim(keys[i], result.Token);
                batch[kept++] = delivery;
                continue;
            }

            (others ??= []).Add(result.Status switch
            {
                ClaimStatus.Completed => new Outcome(OutcomeKind.Duplicate, delivery),
                ClaimStatus.Held => new Outcome(OutcomeKind.HeldByAnother, delivery, Wait: result.HeldFor),
                _ when abort.IsCancellationRequested => new Outcome(OutcomeKind.Interrupted, delivery),
                _ => new Outcome(OutcomeKind.StoreFailed, delivery),
            });
        }

        batch.RemoveRange(kept, batch.Count - kept);
        _held.Add(CollectionsMarshal.AsSpan(batch), claims.AsSpan(0, kept));
        ArrayPool<IdempotencyClaim>.Shared.Return(claims);
        if (past > 0)
            metrics.PastStore("claim", past);

        if (tookOver > 0)
        {
            metrics.TookOver(tookOver);
            log.TookOver(tookOver);
        }
    }

    private Outcome Unreadable(Delivery delivery, Exception error)
    {
        var now = time.GetUtcNow();
        delivery.Failures ??= new FailureHistory { FirstFailure = now };
        delivery.Failures.LastFailure = now;
        delivery.Failures.ErrorType = ErrorType.ValidationError;
        delivery.Failures.Exception = new InvalidOperationException(
            "The consumer's own idempotency key (UseIdempotencyKey) threw for this message, so its copies could not be recognised.", error);
        return new Outcome(OutcomeKind.Failed, delivery, error, Plan: new RetryPlan(FailureAction.DeadLetter, default, CountsAsAttempt: false));
    }

    private void Answered()
    {
        if (_outage.Answered() is { } after)
            log.StoreAnswers(after);
    }

    private void Failed(Exception error, string operation)
    {
        if (abort.IsCancellationRequested || !_outage.Failed())
            return;

        if (_outage.DeliversAnyway)
            log.StoreFailedDeliversAnyway(error, operation);
        else
            log.StoreFailed(error, operation);
    }

    private void Overtaken(Delivery delivery)
    {
        metrics.Overtaken(1);
        log.ClaimOvertaken(delivery.ShownId, delivery.ToString());
    }

    private async Task DelayAsync(TimeSpan delay)
    {
        try
        {
            await Task.Delay(delay, time, abort);
        }
        catch (OperationCanceledException)
        {
            // The caller looks at the token itself.
        }
    }

    private static IdempotencyKey[] Copy(ReadOnlySpan<IdempotencyKey> keys)
    {
        var rented = ArrayPool<IdempotencyKey>.Shared.Rent(keys.Length);
        keys.CopyTo(rented);
        return rented;
    }

    private static IdempotencyClaim[] Rent(List<IdempotencyClaim> claims)
    {
        var rented = ArrayPool<IdempotencyClaim>.Shared.Rent(claims.Count);
        claims.CopyTo(rented);
        return rented;
    }
}
