using CloudSync.Sdk.Testing;
using CloudSync.Tests;
using StackExchange.Redis;
using Xunit;

namespace CloudSync.Sdk.Redis.Tests;

/// <summary>Which server a test runs on.</summary>
public enum On
{
    /// <summary>Garnet, in the process.</summary>
    Embedded,

    /// <summary>redis-server, where there is one.</summary>
    Real,
}

/// <summary>A store on a server of its own, by a clock that stands until it is told to go.</summary>
internal sealed class StoreUnderTest : IAsyncDisposable
{
    public static readonly TimeSpan Lease = TimeSpan.FromSeconds(10);

    public static readonly TimeSpan Retention = TimeSpan.FromSeconds(100);

    private readonly IAsyncDisposable _server;
    private readonly ConnectionMultiplexer _connection;

    private StoreUnderTest(IAsyncDisposable server, ConnectionMultiplexer connection, RedisStoreSettings settings)
    {
        _server = server;
        _connection = connection;
        Settings = settings with { Clock = () => Volatile.Read(ref _now) };
        Store = new RedisIdempotencyStore(connection, Settings);
    }

    private long _now = 1_800_000_000_000;

    public RedisIdempotencyStore Store { get; }

    public RedisStoreSettings Settings { get; }

    public IDatabase Database => _connection.GetDatabase();

    public IConnectionMultiplexer Connection => _connection;

    public static async Task<StoreUnderTest> StartAsync(On on, int shards = 1, int maxCallsInFlight = 64)
    {
        IAsyncDisposable server = on == On.Embedded ? await EmbeddedRedis.StartAsync() : await RedisServer.StartAsync();
        var address = server is EmbeddedRedis embedded ? embedded.Address : ((RedisServer)server).Address;
        var connection = await ConnectionMultiplexer.ConnectAsync(address + ",allowAdmin=true");
        var settings = new RedisStoreSettings
        {
            Group = "group", Retention = Retention, CleanupInterval = TimeSpan.FromDays(1), Shards = shards, MaxCallsInFlight = maxCallsInFlight,
        };
        return new StoreUnderTest(server, connection, settings);
    }

    /// <summary>The id with this number. Numbers are spread over shards.</summary>
    public static IdempotencyKey Id(int number) => new((ulong)number, ~(ulong)number);

    public void Wait(TimeSpan time) => Interlocked.Add(ref _now, (long)time.TotalMilliseconds);

    public async Task<ClaimResult[]> ClaimAsync(params int[] ids)
    {
        var results = new ClaimResult[ids.Length];
        await Store.ClaimAsync(ids.Select(Id).ToArray(), Lease, results, CancellationToken.None);
        return results;
    }

    public async Task<IdempotencyClaim> AcquireAsync(int id)
    {
        var result = (await ClaimAsync(id))[0];
        Assert.Equal(ClaimStatus.Acquired, result.Status);
        return new IdempotencyClaim(Id(id), result.Token);
    }

    /// <summary>What became of each: 'a'cquired, 't'aken over, 'c'ompleted, 'h'eld.</summary>
    public async Task<string> LettersAsync(params int[] ids) => Letters(await ClaimAsync(ids));

    public static string Letters(IEnumerable<ClaimResult> results) => string.Concat(results.Select(result => result.Status switch
    {
        ClaimStatus.Acquired => result.TookOver ? 't' : 'a',
        ClaimStatus.Completed => 'c',
        ClaimStatus.Held => 'h',
        _ => '?',
    }));

    /// <summary>For each claim '1' or '0'.</summary>
    public async Task<string> CompleteAsync(params IdempotencyClaim[] claims)
    {
        var results = new bool[claims.Length];
        await Store.CompleteAsync(claims, results, CancellationToken.None);
        return Bits(results);
    }

    /// <inheritdoc cref="CompleteAsync"/>
    public async Task<string> ExtendAsync(params IdempotencyClaim[] claims)
    {
        var results = new bool[claims.Length];
        await Store.ExtendAsync(claims, Lease, results, CancellationToken.None);
        return Bits(results);
    }

    public Task ReleaseAsync(params IdempotencyClaim[] claims) => Store.ReleaseAsync(claims, CancellationToken.None).AsTask();

    /// <summary>Ids that are in Redis, due or not.</summary>
    public async Task<long> IdsInRedisAsync()
    {
        var sets = Enumerable.Range(0, Settings.Shards).SelectMany(i => new RedisShard(Settings.KeyPrefix, Settings.Group, i).Keys[1..]);
        return (await Task.WhenAll(sets.Select(async key => await Database.SetLengthAsync(key) - (await Database.SetContainsAsync(key, ".") ? 1 : 0)))).Sum();
    }

    private static string Bits(IEnumerable<bool> results) => string.Concat(results.Select(result => result ? '1' : '0'));

    public async ValueTask DisposeAsync()
    {
        await Store.DisposeAsync();
        await _connection.DisposeAsync();
        await _server.DisposeAsync();
    }
}
