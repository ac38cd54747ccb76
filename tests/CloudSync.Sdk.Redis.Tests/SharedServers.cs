using CloudSync.Sdk.Testing;
using CloudSync.Tests;
using StackExchange.Redis;

namespace CloudSync.Sdk.Redis.Tests;

/// <summary>A server of each kind for all tests of a class, started when the first asks for it. Each test has ids of its own there, by its group.</summary>
public sealed class SharedServers : IAsyncDisposable
{
    private readonly Dictionary<On, (IAsyncDisposable Server, ConnectionMultiplexer[] Connections)> _servers = [];
    private readonly SemaphoreSlim _gate = new(1, 1);

    /// <summary>A group that nobody has used, with a clock that stands until it is told to go. Skips the test where there is no such server.</summary>
    /// <param name="on">Which server.</param>
    /// <param name="retention">The retention of the store.</param>
    /// <param name="shards">Parts of the ids.</param>
    internal async Task<SharedGroup> GroupAsync(On on, TimeSpan retention, int shards = 4)
    {
        await _gate.WaitAsync();
        try
        {
            if (!_servers.TryGetValue(on, out var started))
            {
                IAsyncDisposable server = on == On.Embedded ? await EmbeddedRedis.StartAsync() : await RedisServer.StartAsync();
                var address = server is EmbeddedRedis embedded ? embedded.Address : ((RedisServer)server).Address;

                // Two connections, as of two processes.
                _servers[on] = started = (server, [await ConnectAsync(address), await ConnectAsync(address)]);
            }

            return new SharedGroup(started.Connections, retention, shards);
        }
        finally
        {
            _gate.Release();
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var (server, connections) in _servers.Values)
        {
            foreach (var connection in connections)
                await connection.DisposeAsync();

            await server.DisposeAsync();
        }

        _gate.Dispose();
    }

    private static Task<ConnectionMultiplexer> ConnectAsync(string address) => ConnectionMultiplexer.ConnectAsync($"{address},syncTimeout=60000,asyncTimeout=60000");
}

/// <summary>The ids of one group on a shared server.</summary>
internal sealed class SharedGroup(ConnectionMultiplexer[] connections, TimeSpan retention, int shards)
{
    private readonly string _name = Guid.NewGuid().ToString("N");
    private long _now = 1_800_000_000_000;
    private int _opened;

    /// <summary>Milliseconds of its clock.</summary>
    public long Now => Interlocked.Read(ref _now);

    public void Pass(TimeSpan time) => Interlocked.Add(ref _now, (long)Math.Ceiling(time.TotalMilliseconds));

    public Task PassAsync(TimeSpan time)
    {
        Pass(time);
        return Task.CompletedTask;
    }

    /// <summary>A client, on the connections in turn.</summary>
    public RedisIdempotencyStore Open() => new(
        connections[_opened++ % connections.Length],
        new RedisStoreSettings { Group = _name, Retention = retention, CleanupInterval = TimeSpan.FromDays(1), Shards = shards, Clock = () => Now });
}
