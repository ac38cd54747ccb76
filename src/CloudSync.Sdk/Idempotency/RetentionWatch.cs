using Microsoft.Extensions.Logging;

namespace CloudSync.Sdk;

/// <summary>
/// Does the store remember ids for as long as it should? Whether it has the room is a matter of how fast they come, which no setting says: so it is observed, soon after the start and
/// from then on, and a shortfall is said before it is felt.
/// </summary>
internal sealed class RetentionWatch : IDisposable
{
    private static readonly TimeSpan First = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(1);

    private readonly IIdempotencyStore _store;
    private readonly TimeSpan _retention;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly ITimer _timer;
    private IdempotencyStatistics _before;
    private long _at;
    private TimeSpan _said = TimeSpan.MaxValue;

    public RetentionWatch(IIdempotencyStore store, TimeSpan retention, TimeProvider time, ILogger log)
    {
        (_store, _retention, _time, _log) = (store, retention, time, log);
        (_before, _at) = (Told() ?? default, time.GetTimestamp());
        log.Remembers(retention, store.GetType().Name, _before.Capacity is { } capacity ? Enough(capacity, retention) : "its server's memory is the limit");
        _timer = time.CreateTimer(static watch => ((RetentionWatch)watch!).Look(), this, First, Interval);
    }

    public void Dispose() => _timer.Dispose();

    /// <summary>For how long ids are remembered at the rate at which they came, and that rate a second.</summary>
    internal static (TimeSpan Remembered, double Rate) Observe(in IdempotencyStatistics before, in IdempotencyStatistics now, TimeSpan elapsed)
    {
        var rate = (NewIds(now) - NewIds(before)) / elapsed.TotalSeconds;
        var remembered = now.Capacity is { } capacity && capacity < rate * TimeSpan.MaxValue.TotalSeconds ? TimeSpan.FromSeconds(capacity / rate) : TimeSpan.MaxValue;

        // It may have had less room than it should: the memory of the machine was short.
        return (now.Evictions > before.Evictions && now.EvictedAfter < remembered ? now.EvictedAfter : remembered, rate);
    }

    private static long NewIds(in IdempotencyStatistics statistics) => statistics.Claims - statistics.Duplicates - statistics.Contended;

    private static string Enough(long capacity, TimeSpan retention) =>
        FormattableString.Invariant($"it holds {capacity:N0} ids, enough for {capacity / retention.TotalSeconds:N0} messages a second");

    private static string Advice(double needed) => needed <= IdempotencyOptions.MostEntries
        ? FormattableString.Invariant($"Set Idempotency:MaxEntries to {needed:0} (32 to 40 bytes each; MaxBytes, and the machine's memory, must allow it), use Redis (UseRedisIdempotency), or lower Idempotency:Retention.")
        : FormattableString.Invariant($"It would take {needed:0} ids, and Idempotency:MaxEntries may be {IdempotencyOptions.MostEntries} at most: use Redis (UseRedisIdempotency), or lower Idempotency:Retention.");

    private void Look()
    {
        if (Told() is not { } now)
            return;

        var at = _time.GetTimestamp();
        var (remembered, rate) = Observe(_before, now, _time.GetElapsedTime(_at, at));
        (_before, _at) = (now, at);

        // Said again when it has become much worse, or comes back.
        if (remembered >= _retention)
            _said = TimeSpan.MaxValue;

        if (remembered >= _retention || remembered >= _said / 2)
            return;

        _said = remembered;
        _log.RemembersTooShort(remembered, (long)rate, _retention, Advice(Math.Ceiling(rate * _retention.TotalSeconds)));
    }

    /// <summary>The store is the user's, perhaps, and an exception of a timer would end the process.</summary>
    private IdempotencyStatistics? Told()
    {
        try
        {
            return _store.Statistics;
        }
        catch (Exception e)
        {
            _log.StatisticsFailed(e);
            return null;
        }
    }
}
