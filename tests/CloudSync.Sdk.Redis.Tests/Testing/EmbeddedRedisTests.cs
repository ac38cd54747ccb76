using CloudSync.Sdk.Testing;
using StackExchange.Redis;
using Xunit;

namespace CloudSync.Sdk.Redis.Tests.Testing;

public sealed class EmbeddedRedisTests
{
    private const string Count = "local n = tonumber(redis.call('HGET', KEYS[1], 'n') or '0') redis.call('HSET', KEYS[1], 'n', n + 1) return n + 1";

    [Fact]
    public async Task It_answers_a_client_of_Redis()
    {
        await using var redis = await EmbeddedRedis.StartAsync();
        await using var connection = await ConnectionMultiplexer.ConnectAsync(redis.Address);

        await connection.GetDatabase().StringSetAsync("a", "1");

        Assert.Equal("1", await connection.GetDatabase().StringGetAsync("a"));
    }

    [Fact]
    public async Task Scripts_of_many_connections_that_name_the_same_key_run_one_after_another()
    {
        await using var redis = await EmbeddedRedis.StartAsync();
        var connections = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => ConnectionMultiplexer.ConnectAsync(redis.Address)));

        await Task.WhenAll(connections.Select(c => Task.WhenAll(Enumerable.Range(0, 250).Select(_ => c.GetDatabase().ScriptEvaluateAsync(Count, ["counter"])))));

        Assert.Equal(1000, (int)await connections[0].GetDatabase().HashGetAsync("counter", "n"));
        foreach (var connection in connections)
            await connection.DisposeAsync();
    }

    [Fact]
    public async Task Bytes_of_every_value_go_through_a_script_as_they_are()
    {
        await using var redis = await EmbeddedRedis.StartAsync();
        await using var connection = await ConnectionMultiplexer.ConnectAsync(redis.Address);
        var bytes = Enumerable.Range(0, 256).Select(i => (byte)i).ToArray();

        await connection.GetDatabase().ScriptEvaluateAsync("return redis.call('SADD', KEYS[1], string.sub(ARGV[1], 1, 128), string.sub(ARGV[1], 129))", ["s"], [bytes]);

        var found = await connection.GetDatabase().SetContainsAsync("s", [bytes[..128], bytes[128..], bytes]);
        Assert.Equal([true, true, false], found);
    }

    [Fact]
    public async Task A_server_that_is_stopped_answers_nobody_and_starts_again_empty_at_the_same_address()
    {
        await using var redis = await EmbeddedRedis.StartAsync();
        await using (var before = await ConnectionMultiplexer.ConnectAsync(redis.Address))
            await before.GetDatabase().StringSetAsync("a", "1");

        await redis.StopAsync();
        await redis.StopAsync();
        await Assert.ThrowsAsync<RedisConnectionException>(() => ConnectionMultiplexer.ConnectAsync($"{redis.Address},connectRetry=0"));
        await redis.StartAgainAsync();
        await redis.StartAgainAsync();

        await using var after = await ConnectionMultiplexer.ConnectAsync(redis.Address);
        Assert.False(await after.GetDatabase().KeyExistsAsync("a"));
    }

    [Fact]
    public async Task Stopping_cuts_the_connections_that_are_open_and_they_come_back_with_the_server()
    {
        await using var redis = await EmbeddedRedis.StartAsync();
        var options = ConfigurationOptions.Parse(redis.Address);
        options.HeartbeatInterval = TimeSpan.FromMilliseconds(50);
        await using var connection = await ConnectionMultiplexer.ConnectAsync(options);
        var (lost, restored) = (new TaskCompletionSource(), new TaskCompletionSource());
        connection.ConnectionFailed += (_, _) => lost.TrySetResult();
        connection.ConnectionRestored += (_, _) => restored.TrySetResult();

        await redis.StopAsync();
        await lost.Task.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
        await redis.StartAgainAsync();

        await restored.Task.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task Servers_do_not_share_anything()
    {
        await using var one = await EmbeddedRedis.StartAsync();
        await using var other = await EmbeddedRedis.StartAsync();
        await using var toOne = await ConnectionMultiplexer.ConnectAsync(one.Address);
        await using var toOther = await ConnectionMultiplexer.ConnectAsync(other.Address);

        await toOne.GetDatabase().StringSetAsync("a", "1");

        Assert.False(await toOther.GetDatabase().KeyExistsAsync("a"));
    }

    [Fact]
    public async Task One_that_was_disposed_of_can_not_be_started_again()
    {
        var redis = await EmbeddedRedis.StartAsync();
        await redis.DisposeAsync();
        await redis.DisposeAsync();

        await Assert.ThrowsAsync<ObjectDisposedException>(redis.StartAgainAsync);
        await Assert.ThrowsAsync<ObjectDisposedException>(redis.StopAsync);
    }

    [Fact]
    public async Task A_port_that_was_taken_meanwhile_is_named()
    {
        await using var redis = await EmbeddedRedis.StartAsync();
        await redis.StopAsync();
        using var other = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, redis.Port);
        other.Start();

        var error = await Assert.ThrowsAsync<InvalidOperationException>(redis.StartAgainAsync);

        Assert.Contains(redis.Address, error.Message, StringComparison.Ordinal);
        other.Stop();
        await redis.StartAgainAsync();
    }
}
