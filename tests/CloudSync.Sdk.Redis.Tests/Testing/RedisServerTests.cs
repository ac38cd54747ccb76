using CloudSync.Tests;
using StackExchange.Redis;
using Xunit;

namespace CloudSync.Sdk.Redis.Tests.Testing;

public sealed class RedisServerTests
{
    [Fact]
    public async Task A_server_that_was_killed_starts_again_with_its_data_or_without()
    {
        await using var server = await RedisServer.StartAsync("--appendonly", "yes");
        await SetAsync(server.Address, "a");

        await server.KillAsync();
        await Assert.ThrowsAsync<RedisConnectionException>(() => ConnectionMultiplexer.ConnectAsync($"{server.Address},connectRetry=0"));
        await server.StartAgainAsync();
        Assert.True(await HasAsync(server.Address, "a"));

        await server.KillAsync();
        await server.StartEmptyAsync();
        Assert.False(await HasAsync(server.Address, "a"));
    }

    [Fact]
    public async Task Without_a_setting_nothing_outlives_a_kill()
    {
        await using var server = await RedisServer.StartAsync();
        await SetAsync(server.Address, "a");

        await server.KillAsync();
        await server.StartAgainAsync();

        Assert.False(await HasAsync(server.Address, "a"));
    }

    [Fact]
    public async Task A_server_that_is_paused_answers_when_it_goes_on()
    {
        await using var server = await RedisServer.StartAsync();
        await using var connection = await ConnectionMultiplexer.ConnectAsync($"{server.Address},asyncTimeout=60000");

        await server.PauseAsync();
        var answer = connection.GetDatabase().StringSetAsync("a", "1");
        await server.ResumeAsync();

        Assert.True(await answer);
    }

    [Fact]
    public async Task A_server_that_is_paused_can_be_killed()
    {
        await using var server = await RedisServer.StartAsync();
        await server.PauseAsync();
    }

    [Fact]
    public async Task A_server_with_TLS_shows_the_certificate_that_was_made_for_it()
    {
        await using var server = await RedisServer.StartWithTlsAsync();
        var options = ConfigurationOptions.Parse(server.Address);
        options.Ssl = true;
        options.CertificateValidation += (_, shown, _, _) => server.Certificate!.IsThatOf(shown);

        await using var connection = await ConnectionMultiplexer.ConnectAsync(options);

        Assert.True(await connection.GetDatabase().StringSetAsync("a", "1"));
        await Assert.ThrowsAsync<RedisConnectionException>(() => ConnectionMultiplexer.ConnectAsync($"{server.Address},connectRetry=0,connectTimeout=500"));
    }

    [Fact]
    public async Task A_cluster_serves_keys_of_all_slots()
    {
        await using var cluster = await RedisCluster.StartAsync();
        await using var connection = await ConnectionMultiplexer.ConnectAsync(cluster.Address);

        await Task.WhenAll(Enumerable.Range(0, 100).Select(i => connection.GetDatabase().StringSetAsync($"key-{i}", i)));

        foreach (var node in cluster.Nodes)
            Assert.NotEqual(0, await connection.GetServer("127.0.0.1", node.Port).DatabaseSizeAsync());
    }

    private static async Task SetAsync(string address, string key)
    {
        await using var connection = await ConnectionMultiplexer.ConnectAsync(address);
        await connection.GetDatabase().StringSetAsync(key, "1");
    }

    private static async Task<bool> HasAsync(string address, string key)
    {
        await using var connection = await ConnectionMultiplexer.ConnectAsync(address);
        return await connection.GetDatabase().KeyExistsAsync(key);
    }
}
