namespace CloudSync.Sdk;

/// <summary>
/// How many calls may be retries: a share of the calls that send messages the first time, and a reserve by time so that a quiet consumer tries again too. An endpoint
/// that struggles is then not buried under what it failed before.
/// </summary>
/// <remarks>
/// A bucket of tokens: a first call puts in <c>share</c>, time puts in <c>reserve</c> a second, a retry takes one out, and it never holds more than ten seconds of the
/// reserve. So retries ≤ 10 × reserve + share × first calls + reserve × seconds, over any time.
/// </remarks>
internal sealed class RetryBudget : IDisposable
{
    private const double BurstSeconds = 10;

    private readonly Lock _gate = new();
    private readonly double _share;
    private readonly double _reserve;
    private readonly double _most;
    private readonly TimeProvider _time;
    private readonly ITimer _timer;
    private double _tokens;
    private long _filledAt;

    /// <param name="options">The settings.</param>
    /// <param name="time">The clock.</param>
    /// <param name="available">Called when somebody was refused and a retry may be made again.</param>
    public RetryBudget(RetryOptions options, TimeProvider time, Action available)
    {
        _share = options.Budget;
        _reserve = options.BudgetReserve;
        _most = _tokens = Math.Max(1, BurstSeconds * _reserve);
        _time = time;
        _filledAt = time.GetTimestamp();
        _timer = time.CreateTimer(static available => ((Action)available!)(), available, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Asks for calls that are retries.</summary>
    /// <returns>How many may be made. When it is none, somebody is told as soon as there is one.</returns>
    public int Take(int wanted)
    {
        lock (_gate)
        {
            Fill();
            var granted = Math.Min(wanted, (int)Math.Min(_tokens, int.MaxValue));
            _tokens -= granted;
            if (granted == 0 && wanted > 0)
                _timer.Change(TimeSpan.FromMilliseconds(Math.Ceiling(1_000 * (1 - _tokens) / _reserve)), Timeout.InfiniteTimeSpan);

            return granted;
        }
    }

    /// <summary>Retries that were granted were not made.</summary>
    public void GiveBack(int calls) => Add(calls);

    /// <summary>Calls were made that send messages the first time.</summary>
    public void Earn(int calls) => Add(calls * _share);

    public void Dispose() => _timer.Dispose();

    private void Add(double tokens)
    {
        // What time has put in meanwhile comes with the next Take: the order makes no difference.
        lock (_gate)
            _tokens = Math.Min(_most, _tokens + tokens);
    }

    private void Fill()
    {
        var now = _time.GetTimestamp();
        _tokens = Math.Min(_most, _tokens + (_reserve * _time.GetElapsedTime(_filledAt, now).TotalSeconds));
        _filledAt = now;
    }
}
