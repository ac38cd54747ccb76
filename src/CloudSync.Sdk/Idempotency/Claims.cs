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
    private static readonly IdempotencyKey[] Nobody = [default];

    private readonly BoundedStore _store = new(store, options.Idempotency.StoreTimeout, time);
    private readonly MessageFingerprint _fingerprint = new(options.GroupId, options.Idempotency.KeyStrategy, keyOf);
    private readonly StoreOutage _outage = new(options.Idempotency.WhenStoreFails, time);
    private readonly HeldClaims _held = new(time);
    private readonly List<IdempotencyClaim> _working = [];
    private int _isProbing;

    /// <summary>Claims whose release has failed: until it succeeds, or their leases have run out, their own messages would find them held.</summary>
    private readonly List<IdempotencyClaim> _unreleased = [];

    /// <summary>When it was seen last that no claim of ours is older than <see cref="ExtendAfter"/>.</summary>
    private long _keptAt = time.GetTimestamp();

    /// <summary>How old a claim becomes before it is extended.</summary>
    private TimeSpan ExtendAfter => options.Idempotency.Lease / 3;

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
        var mustWait = MayHaveLapsed();
        var asked = time.GetTimestamp();
        if (count > 0 && !mustWait && !_outage.IsPassed && !await AskAsync(keys.AsMemory(0, count), results.AsMemory(0, count)))
        {
            // A store that was given up may still write its answers. What it acquires late is released, and must not be taken for ours here, nor for another batch's.
            keys = Copy(keys.AsSpan(0, count));
            results = NoAnswers(count);
        }

        Sort(batch, keys, results, mayGoPast: _outage.DeliversAnyway && !mustWait, asked, ref others);
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
        var wasOurs = NotOurs(delivered.Count);
        var (isFirst, isPast) = (true, false);
        while (true)
        {
            // Found out here whether it answers again, it would hold up all that is settled.
            if (isPast = _outage.IsPassed)
                break;

            try
            {
                // To its end, at the end of a drain too: what was delivered and is not remembered would be delivered again.
                await _store.CompleteAsync(claims.AsMemory(0, delivered.Count), wasOurs.AsMemory(0, delivered.Count), CancellationToken.None);
                Answered();
                break;
            }
            catch (Exception e)
            {
                // What a store that was given up still writes must not be another call's.
                (claims, wasOurs) = (Rent(_working), NotOurs(delivered.Count));
                isFirst = false;
                Failed(e, "complete");
            }

            // Delivered and not remembered: better settled than repeated.
            if (isPast = abort.IsCancellationRequested)
                break;

            if (!_outage.DeliversAnyway)
                await DelayAsync(StoreOutage.ProbeInterval);
        }

        _held.Remove(delivered);
        if (isPast)
            metrics.PastStore("complete", delivered.Count);

        for (var i = 0; i < delivered.Count; i++)
        {
            // After a call whose answer was lost nobody can say whose completion it was: most likely our own.
            if (!wasOurs[i] && isFirst && !isPast && claims[i].Token > 0)
                Overtaken(delivered[i]);
        }

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
        _working.AddRange(_unreleased);
        _unreleased.Clear();
        if (_working.Count == 0)
            return;

        if (_outage.IsPassed || _outage.IsLeftAlone())
        {
            _unreleased.AddRange(_working);
            return;
        }

        var claims = Rent(_working);
        try
        {
            await _store.ReleaseAsync(claims.AsMemory(0, _working.Count), CancellationToken.None);
            ArrayPool<IdempotencyClaim>.Shared.Return(claims);
            Answered();
        }
        catch (Exception e)
        {
            _unreleased.AddRange(_working);
            Failed(e, "release");
        }
    }

    /// <summary>Calls that take long keep their claims: those that are a third of a lease old begin anew.</summary>
    public async ValueTask ExtendAsync()
    {
        var now = time.GetTimestamp();
        _working.Clear();
        _held.OlderThan(ExtendAfter, _working);
        if (_working.Count == 0)
        {
            Volatile.Write(ref _keptAt, now);
            return;
        }

        if (_outage.IsPassed || _outage.IsLeftAlone())
            return;

        var stillOurs = new bool[_working.Count];
        try
        {
            await _store.ExtendAsync(_working.ToArray(), options.Idempotency.Lease, stillOurs, abort);
        }
        catch (Exception e)
        {
            Failed(e, "extend");
            return;
        }

        Volatile.Write(ref _keptAt, now);
        Answered();
        if (_held.Extended(_working, stillOurs, now) is > 0 and var lost)
        {
            metrics.Overtaken(lost);
            log.ClaimsLost(lost);
        }
    }

    /// <summary>
    /// Whether a claim of ours may have run out, during an outage of the store or because the process stood still. Before anything is claimed then, those that are held must be completed or
    /// extended: what was delivered is not completed yet, and a copy that claims its id would be delivered too. Whoever delivers anyway does not wait for a store that is down.
    /// </summary>
    private bool MayHaveLapsed() =>
        time.GetElapsedTime(Volatile.Read(ref _keptAt)) > options.Idempotency.Lease / 2 && _held.Count > 0 && !_outage.IsPassed;

    /// <summary>
    /// Finds out whether a store that messages go past answers again: none of them should wait for that, and there may be none. By claiming an id of nobody's, for a server without room
    /// still takes releases.
    /// </summary>
    public void Probe()
    {
        if (_outage.IsPassed && Interlocked.Exchange(ref _isProbing, 1) == 0)
            _ = ProbeAsync();
    }

    private async Task ProbeAsync()
    {
        try
        {
            var results = new ClaimResult[1];
            await _store.ClaimAsync(Nobody, TimeSpan.FromMilliseconds(1), results, abort);
            if (results[0].Status == ClaimStatus.Acquired)
                await _store.ReleaseAsync(new[] { new IdempotencyClaim(Nobody[0], results[0].Token) }, abort);

            if (results[0].Status != 0)
                Answered();
        }
        catch (Exception e)
        {
            Failed(e, "claim");
        }
        finally
        {
            Volatile.Write(ref _isProbing, 0);
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

    private static bool[] NotOurs(int count)
    {
        var ours = ArrayPool<bool>.Shared.Rent(count);
        Array.Clear(ours, 0, count);
        return ours;
    }

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

    private void Sort(List<Delivery> batch, IdempotencyKey[] keys, ClaimResult[] results, bool mayGoPast, long asked, ref List<Outcome>? others)
    {
        var claims = ArrayPool<IdempotencyClaim>.Shared.Rent(batch.Count);
        var (kept, past, tookOver) = (0, 0, 0);
        for (var i = 0; i < batch.Count; i++)
        {
            var (delivery, result) = (batch[i], results[i]);
            var goesPast = result.Status == 0 && mayGoPast && !abort.IsCancellationRequested;
            if (result.Status == ClaimStatus.Acquired || goesPast)
            {
                past += goesPast ? 1 : 0;
                tookOver += result.TookOver ? 1 : 0;
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
        _held.Add(CollectionsMarshal.AsSpan(batch), claims.AsSpan(0, kept), asked);
        ArrayPool<IdempotencyClaim>.Shared.Return(claims);
        if (past > 0)
            metrics.PastStore("claim", past);

        if (tookOver > 0)
            CountTakenOver(tookOver);
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
        using var scope = MessageScope.Begin(log, delivery);
        log.ClaimOvertaken(delivery.ShownId, delivery.ToString());
    }

    private void CountTakenOver(int messages)
    {
        metrics.TookOver(messages);
        log.TookOver(messages);
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
