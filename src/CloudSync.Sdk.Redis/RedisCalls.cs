using System.Diagnostics.CodeAnalysis;
using StackExchange.Redis;

namespace CloudSync.Sdk;

/// <summary>Runs scripts on the server, so many at a time, and makes of what fails an error that can be acted on. It never runs one twice: what became of it may not be known.</summary>
[SuppressMessage("Design", "CA1001", Justification = "The semaphore has no handle to close, and a call that ends late must still find it.")]
internal sealed class RedisCalls(RedisConnection connection, int maxInFlight)
{
    private const CommandFlags Flags = CommandFlags.DemandMaster | CommandFlags.CommandRetryNever;

    private readonly SemaphoreSlim _places = new(maxInFlight, maxInFlight);

    /// <summary>Runs a script.</summary>
    /// <param name="what">What it does, for the error: <c>claim</c>.</param>
    /// <param name="script">The script.</param>
    /// <param name="keys">All keys that it touches.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="cancellationToken">Ends the wait for a place and for the connection. A call that was sent goes on to its end, and keeps its place until then: giving up is the caller's.</param>
    public async Task<RedisResult> RunAsync(string what, string script, RedisKey[] keys, RedisValue[] arguments, CancellationToken cancellationToken)
    {
        await _places.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            var database = await connection.DatabaseAsync().ConfigureAwait(false);

            // The connection may have been long in coming. What was given up meanwhile is not done after all: nobody would know of it.
            cancellationToken.ThrowIfCancellationRequested();
            return await database.ScriptEvaluateAsync(script, keys, arguments, Flags).ConfigureAwait(false);
        }
        catch (Exception e) when ((e is not ObjectDisposedException || !connection.IsDisposed) && (e is not OperationCanceledException || !cancellationToken.IsCancellationRequested))
        {
            connection.Failed(e);
            throw new RedisStoreException(RedisFailure.Describe(e, what, connection.EndpointOf(keys[0]), connection.RefusedCertificate), e);
        }
        finally
        {
            _places.Release();
        }
    }
}
