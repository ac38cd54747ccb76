using System.Net;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using StackExchange.Redis;

namespace CloudSync.Sdk;

/// <summary>
/// The connection of one store. It is made with the first call and then mended by the client itself, for as long as it takes; a host starts while Redis is down. An outage is said
/// once.
/// </summary>
internal sealed class RedisConnection(Func<Task<IConnectionMultiplexer>> connect, bool isOurs, ILogger? logger, RedisTls? tls = null) : IAsyncDisposable
{
    private const string PolicyField = "maxmemory_policy:";

    private readonly Lock _gate = new();
    private readonly HashSet<EndPoint> _down = [];
    private readonly ILogger _log = logger ?? NullLogger.Instance;
    private Task<IDatabase>? _database;
    private Task _lookForPrimary = Task.CompletedTask;
    private bool _policyKnown;
    private bool _disposed;

    /// <summary>Whether the store was disposed of, and not the user's connection alone.</summary>
    public bool IsDisposed => Volatile.Read(ref _disposed);

    /// <summary>The database, connected or about to be.</summary>
    public ValueTask<IDatabase> DatabaseAsync()
    {
        var database = Volatile.Read(ref _database);
        return database is { IsCompletedSuccessfully: true } ? new(database.Result) : new(ConnectedAsync());
    }

    /// <summary>Why the certificate that the server showed last was not accepted; <see langword="null"/> when it was.</summary>
    public string? RefusedCertificate => tls?.Refused;

    /// <summary>Who is in charge of a key, for an error.</summary>
    public string EndpointOf(RedisKey key)
    {
        if (Volatile.Read(ref _database) is not { IsCompletedSuccessfully: true } database)
            return "its endpoints";

        try
        {
            return Text(database.Result.Multiplexer.GetServer(key, flags: CommandFlags.DemandMaster).EndPoint);
        }
        catch (Exception)
        {
            return string.Join(", ", database.Result.Multiplexer.GetEndPoints(configuredOnly: true).Select(Text));
        }
    }

    /// <summary>A primary that became a replica is told apart from its successor only when the client looks again.</summary>
    public void Failed(Exception exception)
    {
        if (exception is not RedisServerException { Kind: RedisErrorKind.ReadOnly } || Volatile.Read(ref _database) is not { IsCompletedSuccessfully: true } database)
            return;

        lock (_gate)
        {
            if (_lookForPrimary.IsCompleted)
                _lookForPrimary = Task.Run(() => database.Result.Multiplexer.ConfigureAsync());
        }
    }

    public async ValueTask DisposeAsync()
    {
        Task<IDatabase>? database;
        lock (_gate)
        {
            _disposed = true;
            database = _database;
        }

        if (database is null)
            return;

        try
        {
            var multiplexer = (await database.ConfigureAwait(false)).Multiplexer;
            multiplexer.ConnectionFailed -= OnFailed;
            multiplexer.ConnectionRestored -= OnRestored;
            if (isOurs)
                await multiplexer.DisposeAsync().ConfigureAwait(false);
        }
        catch (Exception)
        {
            // It was never connected.
        }
    }

    private static string Text(EndPoint? endpoint) => endpoint switch
    {
        DnsEndPoint dns => $"{dns.Host}:{dns.Port}",
        null => "an unknown endpoint",
        _ => endpoint.ToString()!,
    };

    private Task<IDatabase> ConnectedAsync()
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, typeof(IIdempotencyStore));
            if (_database is null or { IsFaulted: true } or { IsCanceled: true })
                _database = ConnectAsync();
            return _database;
        }
    }

    private async Task<IDatabase> ConnectAsync()
    {
        await Task.Yield(); // Out of the lock.
        var multiplexer = await connect().ConfigureAwait(false);
        multiplexer.ConnectionFailed += OnFailed;
        multiplexer.ConnectionRestored += OnRestored;
        _ = LookAtPolicyAsync(multiplexer);
        return multiplexer.GetDatabase();
    }

    private void OnFailed(object? sender, ConnectionFailedEventArgs e)
    {
        if (e.ConnectionType != ConnectionType.Interactive || e.EndPoint is null)
            return;

        lock (_gate)
        {
            if (_disposed || !_down.Add(e.EndPoint))
                return;
        }

        RedisStoreLog.ConnectionLost(_log, Text(e.EndPoint), e.FailureType.ToString());
    }

    private void OnRestored(object? sender, ConnectionFailedEventArgs e)
    {
        if (e.ConnectionType != ConnectionType.Interactive || e.EndPoint is null)
            return;

        bool wasDown;
        lock (_gate)
            wasDown = _down.Remove(e.EndPoint);

        if (wasDown)
            RedisStoreLog.ConnectionRestored(_log, Text(e.EndPoint));
        if (sender is IConnectionMultiplexer multiplexer)
            _ = LookAtPolicyAsync(multiplexer);
    }

    /// <summary>
    /// A server that makes room by throwing keys away forgets ids; one that frees a set where it expires stands still meanwhile. Said once; where the server may not be asked, nothing
    /// is.
    /// </summary>
    private async Task LookAtPolicyAsync(IConnectionMultiplexer multiplexer)
    {
        lock (_gate)
        {
            if (_policyKnown)
                return;
        }

        try
        {
            // By a script: the client's own INFO wants to be allowed everything.
            var memory = (string?)await multiplexer.GetDatabase().ScriptEvaluateAsync("return redis.call('INFO', 'memory')", null, null, CommandFlags.DemandMaster).ConfigureAwait(false);
            var policy = memory?.Split('\n').FirstOrDefault(line => line.StartsWith(PolicyField, StringComparison.Ordinal))?[PolicyField.Length..].Trim();
            lock (_gate)
            {
                if (_policyKnown)
                    return;

                _policyKnown = true;
            }

            if (policy is not null and not "noeviction")
                RedisStoreLog.KeysMayBeEvicted(_log, policy);

            var lazy = (string?[]?)await multiplexer.GetDatabase().ScriptEvaluateAsync(
                "return redis.call('CONFIG', 'GET', 'lazyfree-lazy-expire')", null, null, CommandFlags.DemandMaster).ConfigureAwait(false);
            if (lazy is [_, "no"])
                RedisStoreLog.ExpiryBlocks(_log);
        }
        catch (Exception)
        {
            // It may not be asked, or went away: the next connection asks again.
        }
    }
}
