namespace CloudSync.Sdk;

/// <summary>A store whose calls all end: one that has not answered in time has failed, whatever it still does.</summary>
/// <remarks>After an exception the store may still use the memory that it was given: it must not be used for anything else.</remarks>
internal sealed class BoundedStore(IIdempotencyStore store, TimeSpan timeout, TimeProvider time) : IIdempotencyStore
{
    public IdempotencyStatistics Statistics => store.Statistics;

    public ValueTask ClaimAsync(ReadOnlyMemory<IdempotencyKey> keys, TimeSpan lease, Memory<ClaimResult> results, CancellationToken cancellationToken)
    {
        var call = store.ClaimAsync(keys, lease, results, cancellationToken);
        return call.IsCompletedSuccessfully ? call : new ValueTask(ClaimInTimeAsync(call.AsTask(), keys, results, cancellationToken));
    }

    public ValueTask CompleteAsync(ReadOnlyMemory<IdempotencyClaim> claims, Memory<bool> results, CancellationToken cancellationToken) =>
        InTime(store.CompleteAsync(claims, results, cancellationToken), cancellationToken);

    public ValueTask ReleaseAsync(ReadOnlyMemory<IdempotencyClaim> claims, CancellationToken cancellationToken) =>
        InTime(store.ReleaseAsync(claims, cancellationToken), cancellationToken);

    /// <summary>An extension that was given up is called off: made after all, behind a release, it would claim the id again, and its next owner would wait for a whole lease.</summary>
    public async ValueTask ExtendAsync(ReadOnlyMemory<IdempotencyClaim> claims, TimeSpan lease, Memory<bool> results, CancellationToken cancellationToken)
    {
        var giveUp = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        try
        {
            await InTime(store.ExtendAsync(claims, lease, results, giveUp.Token), cancellationToken);
        }
        finally
        {
            _ = EndAsync(giveUp);
        }
    }

    /// <summary>The store's own callbacks run elsewhere, and may do what they like.</summary>
    private static async Task EndAsync(CancellationTokenSource call)
    {
        try
        {
            await call.CancelAsync();
        }
        catch (Exception)
        {
            // A callback of the store's threw: the caller was told what became of the call.
        }
        finally
        {
            call.Dispose();
        }
    }

    /// <summary>The store of the process' own memory has always answered already, and costs nothing here.</summary>
    private ValueTask InTime(ValueTask call, CancellationToken cancellationToken) =>
        call.IsCompletedSuccessfully ? call : new ValueTask(InTimeAsync(call.AsTask(), cancellationToken));

    private async Task InTimeAsync(Task call, CancellationToken cancellationToken)
    {
        try
        {
            await call.WaitAsync(timeout, time, cancellationToken);
        }
        catch (Exception e) when (!call.IsCompleted)
        {
            // Nobody waits for it any more, and its failure must not come back as an unobserved one.
            _ = call.ContinueWith(
                static late => late.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted | TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
            if (e is TimeoutException)
                throw new TimeoutException($"The idempotency store did not answer within Idempotency:StoreTimeout ({timeout}).");

            throw;
        }
    }

    private async Task ClaimInTimeAsync(
        Task call, ReadOnlyMemory<IdempotencyKey> keys, Memory<ClaimResult> results, CancellationToken cancellationToken)
    {
        try
        {
            await InTimeAsync(call, cancellationToken);
        }
        catch (Exception) when (!call.IsCompleted)
        {
            _ = ReleaseLateAsync(call, keys, results);
            throw;
        }
    }

    /// <summary>Claims that are made after all are nobody's: unless they are given back, their messages wait for the whole lease.</summary>
    private async Task ReleaseLateAsync(Task call, ReadOnlyMemory<IdempotencyKey> keys, Memory<ClaimResult> results)
    {
        try
        {
            await call;
            var claims = new List<IdempotencyClaim>();
            for (var i = 0; i < keys.Length; i++)
            {
                if (results.Span[i] is { Status: ClaimStatus.Acquired, Token: var token })
                    claims.Add(new IdempotencyClaim(keys.Span[i], token));
            }

            if (claims.Count > 0)
                await store.ReleaseAsync(claims.ToArray(), CancellationToken.None);
        }
        catch (Exception)
        {
            // They run out with their lease. The caller was told of the failure.
        }
    }
}
