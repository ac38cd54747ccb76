using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using StackExchange.Redis;

namespace CloudSync.Sdk;

/// <summary>Remembers ids in Redis, for all processes of a group: one script for a batch and a shard, all of them sent at once. docs/redis.md shows the keys.</summary>
internal sealed class RedisIdempotencyStore : IIdempotencyStore, IAsyncDisposable
{
    /// <summary>Bytes that an id takes in Redis, measured (see docs/redis.md), and what it takes besides while it is claimed.</summary>
    private const int BytesOfId = 75, BytesOfClaim = 20;

    /// <summary>Longer than any lease, and than a test may stand still: by this alone nothing is ever forgotten.</summary>
    private static readonly TimeSpan Backstop = TimeSpan.FromHours(2);

    private const long NoLease = 0;

    private readonly RedisConnection _connection;
    private readonly RedisCalls _calls;
    private readonly RedisShard[] _shards;
    private readonly Func<long>? _clock;
    private readonly RedisValue _width;
    private readonly RedisValue _retention;
    private readonly RedisValue _timeToLive;
    private readonly ILogger _log;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _sweeps;

    private long _claims;
    private long _duplicates;
    private long _contended;
    private long _takeovers;
    private long _entries;
    private long _bytes;
    private long _cleanUps;
    private int _disposed;

    public RedisIdempotencyStore(IConnectionMultiplexer connection, RedisStoreSettings settings, TimeProvider? time = null, ILogger? logger = null)
        : this(new RedisConnection(() => Task.FromResult(connection), isOurs: false, logger), settings, time, logger)
    {
    }

    public RedisIdempotencyStore(RedisConnection connection, RedisStoreSettings settings, TimeProvider? time = null, ILogger? logger = null)
    {
        _connection = connection;
        _calls = new RedisCalls(connection, settings.MaxCallsInFlight);
        _shards = [.. Enumerable.Range(0, settings.Shards).Select(i => new RedisShard(settings.KeyPrefix, settings.Group, i))];
        _clock = settings.Clock;
        var retention = Milliseconds(settings.Retention);
        _retention = retention;
        _width = (retention + StoreScripts.Buckets - 1) / StoreScripts.Buckets;
        _timeToLive = (2 * retention) + Milliseconds(Backstop);
        _log = logger ?? NullLogger.Instance;
        _sweeps = SweepForeverAsync(settings.CleanupInterval, time ?? TimeProvider.System);
    }

    public IdempotencyStatistics Statistics => new()
    {
        Claims = Interlocked.Read(ref _claims),
        Duplicates = Interlocked.Read(ref _duplicates),
        Contended = Interlocked.Read(ref _contended),
        Takeovers = Interlocked.Read(ref _takeovers),
        Entries = Interlocked.Read(ref _entries),
        Bytes = Interlocked.Read(ref _bytes),
        CleanUps = Interlocked.Read(ref _cleanUps),
    };

    public async ValueTask ClaimAsync(
        ReadOnlyMemory<IdempotencyKey> keys, TimeSpan lease, Memory<ClaimResult> results, CancellationToken cancellationToken)
    {
        var batches = IdBatch.Split(_shards, keys.Span);
        var calls = Start("claim", StoreScripts.Claim, batches, Milliseconds(lease), cancellationToken);
        try
        {
            await EndedAsync(calls, cancellationToken).ConfigureAwait(false);
            for (var i = 0; i < batches.Count; i++)
                ClaimAnswer.Read(StoreAnswer.Text(calls[i].Result, "claim"), batches[i].Places, results.Span);
        }
        catch
        {
            GiveBack(batches, calls);
            throw;
        }

        foreach (var batch in batches)
            batch.Return();

        Count(results.Span[..keys.Length]);
    }

    public async ValueTask CompleteAsync(ReadOnlyMemory<IdempotencyClaim> claims, Memory<bool> results, CancellationToken cancellationToken) =>
        await ChangeAsync("complete", StoreScripts.Complete, claims, NoLease, results, cancellationToken).ConfigureAwait(false);

    public async ValueTask ExtendAsync(
        ReadOnlyMemory<IdempotencyClaim> claims, TimeSpan lease, Memory<bool> results, CancellationToken cancellationToken) =>
        await ChangeAsync("extend", StoreScripts.Extend, claims, Milliseconds(lease), results, cancellationToken).ConfigureAwait(false);

    public async ValueTask ReleaseAsync(ReadOnlyMemory<IdempotencyClaim> claims, CancellationToken cancellationToken)
    {
        var batches = IdBatch.Split(_shards, claims.Span);
        await EndedAsync(Start("release", StoreScripts.Release, batches, NoLease, cancellationToken), cancellationToken).ConfigureAwait(false);
        foreach (var batch in batches)
            batch.Return();
    }

    /// <summary>Goes once through all claims, takes out those that have lapsed for a whole retention, and counts what is there.</summary>
    internal async Task SweepAsync(CancellationToken cancellationToken)
    {
        long claims = 0, ids = 0;
        foreach (var shard in _shards)
        {
            RedisValue cursor = "0";
            long gone, there;
            do
            {
                var answer = (RedisValue[])(await _calls.RunAsync(
                    "clean up", StoreScripts.Sweep, shard.Keys, [Now(), _width, _retention, _timeToLive, cursor], cancellationToken).ConfigureAwait(false))!;
                cursor = answer[0];
                (gone, there) = ((long)answer[1], (long)answer[3]);
                claims += gone > 0 ? 0 : (long)answer[2];
            }
            while (gone > 0 || cursor != "0");

            ids += there;
        }

        Interlocked.Exchange(ref _entries, ids);
        Interlocked.Exchange(ref _bytes, (claims * BytesOfClaim) + (ids * BytesOfId));
        Interlocked.Increment(ref _cleanUps);
    }

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
            return;

        await _stop.CancelAsync().ConfigureAwait(false);
        await _sweeps.ConfigureAwait(false);
        await _connection.DisposeAsync().ConfigureAwait(false);
        _stop.Dispose();
    }

    /// <summary>Up, so that a lease, or a retention, is never shorter than it was asked to be.</summary>
    private static long Milliseconds(TimeSpan time) => (time.Ticks + TimeSpan.TicksPerMillisecond - 1) / TimeSpan.TicksPerMillisecond;

    /// <summary>Waits for all, and throws for the first that failed. Who gives up leaves them running.</summary>
    private static async ValueTask EndedAsync(Task<RedisResult>[] calls, CancellationToken cancellationToken)
    {
        var all = calls.Length == 1 ? calls[0] : (Task)Task.WhenAll(calls);
        try
        {
            await all.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            if (!all.IsCompleted)
                _ = all.ContinueWith(static ended => ended.Exception, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default); // Nobody waits for it any more.
        }
    }

    private async ValueTask ChangeAsync(
        string what, string script, ReadOnlyMemory<IdempotencyClaim> claims, RedisValue lease, Memory<bool> results, CancellationToken cancellationToken)
    {
        var batches = IdBatch.Split(_shards, claims.Span);
        var calls = Start(what, script, batches, lease, cancellationToken);
        await EndedAsync(calls, cancellationToken).ConfigureAwait(false);
        for (var i = 0; i < batches.Count; i++)
        {
            StoreAnswer.ReadBits(StoreAnswer.Text(calls[i].Result, what), what, batches[i].Places, results.Span);
            batches[i].Return();
        }
    }

    private Task<RedisResult>[] Start(string what, string script, List<IdBatch> batches, RedisValue lease, CancellationToken cancellationToken)
    {
        var now = Now();
        var calls = new Task<RedisResult>[batches.Count];
        for (var i = 0; i < calls.Length; i++)
        {
            var batch = batches[i];
            RedisValue[] arguments = batch.HasTokens
                ? [now, _width, _retention, _timeToLive, batch.Ids, batch.Runs, lease]
                : [now, _width, _retention, _timeToLive, batch.Ids, lease];

            // An id may stand twice in a batch, and the first of two is the first. Within one script it is; those of one shard wait for each other.
            var before = i - 1;
            while (before >= 0 && batches[before].Shard != batch.Shard)
                before--;

            calls[i] = before < 0 ? RunAsync(batch.Shard, arguments) : AfterAsync(calls[before], batch.Shard, arguments);
        }

        return calls;

        Task<RedisResult> RunAsync(RedisShard shard, RedisValue[] arguments) => _calls.RunAsync(what, script, shard.Keys, arguments, cancellationToken);

        async Task<RedisResult> AfterAsync(Task<RedisResult> before, RedisShard shard, RedisValue[] arguments)
        {
            await before.ConfigureAwait(false);
            return await RunAsync(shard, arguments).ConfigureAwait(false);
        }
    }

    /// <summary>
    /// Claims of a batch that failed, or was given up, belong to nobody: whoever asks again would find them held by himself until their lease runs out. So they are given back as soon as
    /// it is known that they were made. Where that is never known, or this fails too, the lease does it.
    /// </summary>
    private void GiveBack(List<IdBatch> batches, Task<RedisResult>[] calls)
    {
        for (var i = 0; i < calls.Length; i++)
            _ = GiveBackAsync(batches[i], calls[i]);
    }

    private async Task GiveBackAsync(IdBatch batch, Task<RedisResult> call)
    {
        try
        {
            var answer = StoreAnswer.Text(await call.ConfigureAwait(false), "claim");
            var results = new ClaimResult[batch.Places[^1] + 1];
            ClaimAnswer.Read(answer, batch.Places, results);
            var claims = new List<IdempotencyClaim>();
            for (var i = 0; i < batch.Count; i++)
            {
                if (results[batch.Places[i]] is { Status: ClaimStatus.Acquired } made)
                    claims.Add(new IdempotencyClaim(batch.Key(i), made.Token));
            }

            if (claims.Count > 0)
                await ReleaseAsync(claims.ToArray(), CancellationToken.None).ConfigureAwait(false);
        }
        catch (Exception)
        {
            // The lease does it.
        }
    }

    private void Count(ReadOnlySpan<ClaimResult> results)
    {
        long duplicates = 0, contended = 0, takeovers = 0;
        foreach (var result in results)
        {
            duplicates += result.Status == ClaimStatus.Completed ? 1 : 0;
            contended += result.Status == ClaimStatus.Held ? 1 : 0;
            takeovers += result.TookOver ? 1 : 0;
        }

        Interlocked.Add(ref _claims, results.Length);
        if (duplicates > 0)
            Interlocked.Add(ref _duplicates, duplicates);
        if (contended > 0)
            Interlocked.Add(ref _contended, contended);
        if (takeovers > 0)
            Interlocked.Add(ref _takeovers, takeovers);
    }

    private RedisValue Now() => _clock is null ? "" : _clock();

    private async Task SweepForeverAsync(TimeSpan interval, TimeProvider time)
    {
        using var timer = new PeriodicTimer(interval, time);
        try
        {
            while (await timer.WaitForNextTickAsync(_stop.Token).ConfigureAwait(false))
            {
                try
                {
                    await SweepAsync(_stop.Token).ConfigureAwait(false);
                }
                catch (Exception e) when (e is not OperationCanceledException)
                {
                    RedisStoreLog.SweepFailed(_log, e);
                }
            }
        }
        catch (OperationCanceledException)
        {
        }
    }
}
