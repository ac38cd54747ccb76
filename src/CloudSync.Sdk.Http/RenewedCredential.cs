namespace CloudSync.Sdk;

/// <summary>A token, or keys, with the time that they are good for.</summary>
/// <param name="Value">The credential.</param>
/// <param name="ExpiresOn">From when on it is refused.</param>
/// <param name="RenewOn">From when on a new one is fetched in the background.</param>
internal sealed record Credential<T>(T Value, DateTimeOffset ExpiresOn, DateTimeOffset RenewOn)
    where T : class
{
    /// <summary>How long before its end a credential is renewed that does not say when it wants to be.</summary>
    public static readonly TimeSpan Ahead = TimeSpan.FromMinutes(5);

    /// <summary>One that does not say when it is to be renewed: 5 min before its end, or after half of its time when that is short.</summary>
    public static Credential<T> Until(DateTimeOffset expiresOn, T value, DateTimeOffset now)
    {
        var half = (expiresOn - now) / 2;
        return new Credential<T>(value, expiresOn, expiresOn - (half < Ahead ? half : Ahead));
    }
}

/// <summary>
/// Keeps a credential for as long as it is valid, and renews it before. Nobody waits for that: a call waits only when there is no valid one, and then all wait for the same attempt.
/// </summary>
/// <typeparam name="T">The credential. Two are the same when they are one object.</typeparam>
internal sealed class RenewedCredential<T> : IDisposable
    where T : class
{
    /// <summary>Between two attempts, whatever came of the first: a client library may give what it has kept, and an issuer that is down is not to be asked for every message.</summary>
    public static readonly TimeSpan Pause = TimeSpan.FromSeconds(10);

    /// <summary>An attempt that takes longer has failed.</summary>
    public static readonly TimeSpan Within = TimeSpan.FromMinutes(1);

    /// <summary>How long an issuer that asks to wait is left alone at most: what it says may be a mistake, and without a credential nothing is delivered.</summary>
    public static readonly TimeSpan LongestWait = TimeSpan.FromMinutes(5);

    /// <summary>How long no other credential is dropped after one that was refused.</summary>
    public static readonly TimeSpan BetweenRefusals = TimeSpan.FromMinutes(5);

    private readonly Func<bool, CancellationToken, Task<Credential<T>>> _fetch;
    private readonly Func<Exception, SinkException> _describe;
    private readonly Action<SinkException, DateTimeOffset> _stillOld;
    private readonly TimeProvider _time;
    private readonly Lock _lock = new();
    private readonly CancellationTokenSource _stop = new();
    private Credential<T>? _held;
    private Task<Credential<T>>? _attempt;
    private DateTimeOffset _attemptAgainOn = DateTimeOffset.MinValue;
    private DateTimeOffset _refuseAgainOn = DateTimeOffset.MinValue;
    private bool _wasRefused;

    /// <param name="fetch">Fetches a credential; it is told whether the last one was refused, so that nothing that is kept anywhere will do.</param>
    /// <param name="describe">What a failed attempt means.</param>
    /// <param name="stillOld">Told of an attempt that failed while the old credential is valid, and until when it is: nobody else would hear of it.</param>
    /// <param name="time">The clock.</param>
    public RenewedCredential(
        Func<bool, CancellationToken, Task<Credential<T>>> fetch, Func<Exception, SinkException> describe, Action<SinkException, DateTimeOffset> stillOld, TimeProvider time)
    {
        _fetch = fetch;
        _describe = describe;
        _stillOld = stillOld;
        _time = time;
    }

    /// <summary>A valid credential: at once, or when there is none, that of the next attempt.</summary>
    /// <param name="cancellationToken">Ends the wait, and not the attempt, for which others may wait too.</param>
    /// <exception cref="SinkException">There is none, and it could not be fetched.</exception>
    /// <exception cref="OperationCanceledException">The token fired.</exception>
    public ValueTask<T> GetAsync(CancellationToken cancellationToken)
    {
        var now = _time.GetUtcNow();
        if (Volatile.Read(ref _held) is { } held && now < held.ExpiresOn)
        {
            if (now >= held.RenewOn)
                Attempt(now);
            return new ValueTask<T>(held.Value);
        }

        return WaitAsync(Attempt(now), cancellationToken);
    }

    /// <summary>
    /// The endpoint has refused a credential before its time: the next call gets a new one. Another one that is refused within <see cref="BetweenRefusals"/> stays: it is not the credential, then.
    /// </summary>
    /// <param name="value">What was refused. When there is a newer one by now, nothing happens.</param>
    public void Refuse(T value)
    {
        lock (_lock)
        {
            var now = _time.GetUtcNow();
            if (!ReferenceEquals(_held?.Value, value) || now < _refuseAgainOn)
                return;

            _held = null;
            _wasRefused = true;
            _refuseAgainOn = now + BetweenRefusals;
            if (_attempt is { IsCompleted: true })
                _attempt = null;
        }
    }

    /// <summary>Ends an attempt that is under way.</summary>
    public void Dispose()
    {
        _stop.Cancel();
        _stop.Dispose();
    }

    private static async ValueTask<T> WaitAsync(Task<Credential<T>> attempt, CancellationToken cancellationToken) =>
        (await attempt.WaitAsync(cancellationToken).ConfigureAwait(false)).Value;

    /// <summary>The attempt that is under way, or that was made a moment ago, or a new one.</summary>
    private Task<Credential<T>> Attempt(DateTimeOffset now)
    {
        lock (_lock)
        {
            if (_attempt is { } last && (!last.IsCompleted || now < _attemptAgainOn))
                return last;

            // On a thread of its own, since client libraries read files and start programs, and in nobody's trace.
            using (ExecutionContext.SuppressFlow())
                _attempt = Task.Run(AttemptAsync);

            // One that nobody waits for may fail all the same.
            _ = _attempt.ContinueWith(
                static attempt => attempt.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted | TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
            return _attempt;
        }
    }

    private async Task<Credential<T>> AttemptAsync()
    {
        bool wasRefused;
        lock (_lock)
            wasRefused = _wasRefused;

        try
        {
            using var patience = new CancellationTokenSource(Within, _time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token, patience.Token);
            var fetched = await _fetch(wasRefused, either.Token).WaitAsync(either.Token).ConfigureAwait(false);
            lock (_lock)
            {
                var now = _time.GetUtcNow();
                _attemptAgainOn = now + Pause;
                _wasRefused &= !wasRefused;

                // One that is over already, by a clock that is wrong perhaps, would be fetched for every message.
                var held = fetched with { ExpiresOn = Later(fetched.ExpiresOn, _attemptAgainOn), RenewOn = Later(fetched.RenewOn, _attemptAgainOn) };

                // Refused since this attempt began: it may have brought what a client library has kept, which is what was refused.
                if (_wasRefused)
                {
                    _attemptAgainOn = now;
                    held = held with { RenewOn = now };
                }

                Volatile.Write(ref _held, held);
                return held;
            }
        }
        catch (Exception e)
        {
            throw Failed(e is OperationCanceledException ? new TimeoutException($"There was no answer within {Within:c}.", e) : e);
        }
    }

    private SinkException Failed(Exception e)
    {
        var error = _describe(e);
        Credential<T>? old;
        lock (_lock)
        {
            var now = _time.GetUtcNow();
            var wait = error.RetryAfter ?? TimeSpan.Zero;
            _attemptAgainOn = Later(now + Pause, now + (wait < LongestWait ? wait : LongestWait));
            old = _held is { } held && now < held.ExpiresOn ? held : null;
        }

        if (old is not null)
            _stillOld(error, old.ExpiresOn);
        return error;
    }

    private static DateTimeOffset Later(DateTimeOffset one, DateTimeOffset other) => one > other ? one : other;
}
