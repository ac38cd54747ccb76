using CloudSync.Sdk.Tests;
using CloudSync.Tests;
using StackExchange.Redis;
using Xunit;

namespace CloudSync.Sdk.Redis.Tests;

/// <summary>What a real server answers when it can't, and what is made of it.</summary>
public sealed class RedisFailureTests
{
    [Fact]
    public async Task A_server_that_is_down_at_the_start_is_an_error_of_each_call_until_it_is_up()
    {
        await using var server = await RedisServer.StartAsync();
        await server.KillAsync();
        await using var store = new RegisteredStore(options => options.Endpoints = server.Address);

        var error = await Assert.ThrowsAsync<RedisStoreException>(() => store.LettersAsync(1));
        Assert.Contains(server.Address, error.Message, StringComparison.Ordinal);
        Assert.Contains("did not claim ids", error.Message, StringComparison.Ordinal);

        await server.StartAgainAsync();
        Assert.Equal("a", await store.AnswerAsync(1));
    }

    [Fact]
    public async Task A_server_that_comes_back_empty_is_used_again_and_its_outage_is_said_once()
    {
        await using var server = await RedisServer.StartAsync();
        await using var store = new RegisteredStore(options => options.Endpoints = server.Address);
        var claim = await store.AcquireAsync(1);
        await store.CompleteAsync(await store.AcquireAsync(2));

        await server.KillAsync();
        for (var i = 0; i < 3; i++)
            await Assert.ThrowsAsync<RedisStoreException>(() => store.LettersAsync(3));
        await server.StartEmptyAsync();

        Assert.Equal("a", await store.AnswerAsync(2));
        Assert.True(await store.CompleteAsync(claim));
        await Eventually.True(() => store.Logged(1302) == 1);
        Assert.Equal(1, store.Logged(1301));
    }

    [Fact]
    public async Task A_server_that_kept_its_data_remembers()
    {
        await using var server = await RedisServer.StartAsync("--appendonly", "yes", "--appendfsync", "always");
        await using var store = new RegisteredStore(options => options.Endpoints = server.Address);
        var claim = await store.AcquireAsync(1);
        await store.CompleteAsync(await store.AcquireAsync(2));

        await server.KillAsync();
        await server.StartAgainAsync();

        Assert.Equal("hc", await store.AnswerAsync(1, 2));
        Assert.True(await store.CompleteAsync(claim));
    }

    [Fact]
    public async Task A_full_server_refuses_claims_and_takes_releases()
    {
        await using var server = await RedisServer.StartAsync();
        await using var store = new RegisteredStore(options => options.Endpoints = server.Address);
        var claim = await store.AcquireAsync(1);
        await SetAsync(server, "maxmemory 1");

        var error = await Assert.ThrowsAsync<RedisStoreException>(() => store.LettersAsync(2));
        Assert.Contains("reached maxmemory", error.Message, StringComparison.Ordinal);
        await store.Store.ReleaseAsync(new[] { claim }, CancellationToken.None);

        await SetAsync(server, "maxmemory 0");
        Assert.Equal("aa", await store.LettersAsync(1, 2));
    }

    /// <summary>What was claimed together ends one by one. Were a part refused, all that was delivered would stay unsettled for as long as the server is full.</summary>
    [Fact]
    public async Task A_full_server_takes_completions_extensions_and_releases_of_parts_of_what_was_claimed_together()
    {
        await using var server = await RedisServer.StartAsync();
        await using var store = new RegisteredStore(options => options.Endpoints = server.Address);
        var keys = Enumerable.Range(1, 7).Select(i => new IdempotencyKey(7, (ulong)i)).ToArray();
        var results = new ClaimResult[keys.Length];
        await store.Store.ClaimAsync(keys, TimeSpan.FromSeconds(30), results, CancellationToken.None);
        var claims = keys.Zip(results, (key, result) => new IdempotencyClaim(key, result.Token)).ToArray();
        await SetAsync(server, "maxmemory 1");

        var ours = new bool[2];
        await store.Store.CompleteAsync(new[] { claims[4], claims[1] }, ours, CancellationToken.None);
        Assert.Equal([true, true], ours);
        await store.Store.ExtendAsync(new[] { claims[6], claims[2] }, TimeSpan.FromSeconds(60), ours, CancellationToken.None);
        Assert.Equal([true, true], ours);
        await store.Store.ReleaseAsync(new[] { claims[5], claims[0] }, CancellationToken.None);

        await SetAsync(server, "maxmemory 0");
        await store.Store.ClaimAsync(keys, TimeSpan.FromSeconds(30), results, CancellationToken.None);
        Assert.Equal(
            [ClaimStatus.Acquired, ClaimStatus.Completed, ClaimStatus.Held, ClaimStatus.Held, ClaimStatus.Completed, ClaimStatus.Acquired, ClaimStatus.Held],
            results.Select(r => r.Status));
    }

    [Fact]
    public async Task After_a_failover_the_new_primary_is_found()
    {
        await using var first = await RedisServer.StartAsync();
        await using var second = await RedisServer.StartAsync("--replicaof", "127.0.0.1 " + first.Port.ToString(System.Globalization.CultureInfo.InvariantCulture));
        await second.UntilAsync("INFO replication", line => line == "master_link_status:up");
        await using var store = new RegisteredStore(options => options.Endpoints = $"{first.Address},{second.Address}");
        var claim = await store.AcquireAsync(1);
        await second.UntilAsync("EXISTS {cloudsync:aws-sync-group:0}:2:claims", line => line == ":1");

        await second.SendAsync("REPLICAOF NO ONE", line => line == "+OK");
        await first.SendAsync($"REPLICAOF 127.0.0.1 {second.Port}", line => line == "+OK");

        // What is held or completed a replica may say too; to acquire, it must be the primary.
        Assert.Equal("ha", await store.AnswerAsync(1, 2));
        Assert.True(await store.CompleteAsync(claim));
    }

    [Fact]
    public async Task A_replica_says_that_it_is_one()
    {
        await using var server = await RedisServer.StartAsync();
        await using var store = new RegisteredStore(options => options.Endpoints = server.Address);
        await store.AcquireAsync(1);
        await server.SendAsync("REPLICAOF 127.0.0.1 1", line => line == "+OK");

        var error = await Assert.ThrowsAsync<RedisStoreException>(() => store.LettersAsync(2));

        Assert.Contains("replica", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_user_of_an_ACL_needs_the_rights_that_the_documentation_names_and_nothing_more()
    {
        const string Rights = "+eval +evalsha +script|load +time +hmget +hget +hset +hdel +hgetall +hscan +hlen +sadd +srem +smismember +scard +exists +unlink +pexpire +ping +echo +info +client|setname +hello +cluster|nodes";
        await using var server = await RedisServer.StartAsync();
        await server.SendAsync($"ACL SETUSER sync on >SECRET ~{{cloudsync:* resetchannels -@all {Rights}", line => line == "+OK");
        await server.SendAsync($"ACL SETUSER other on >SECRET ~other:* resetchannels -@all {Rights}", line => line == "+OK");
        await server.SendAsync("ACL SETUSER default off", line => line == "+OK");
        await using var store = new RegisteredStore(options => (options.Endpoints, options.User, options.Password) = (server.Address, "sync", "SECRET"));
        await using var other = new RegisteredStore(options => (options.Endpoints, options.User, options.Password) = (server.Address, "other", "SECRET"));
        await using var wrong = new RegisteredStore(options => (options.Endpoints, options.User, options.Password) = (server.Address, "sync", "SECRET+"));
        await using var none = new RegisteredStore(options => options.Endpoints = server.Address);

        Assert.True(await store.CompleteAsync(await store.AcquireAsync(1)));
        Assert.Equal("c", await store.LettersAsync(1));
        await ((RedisIdempotencyStore)store.Store).SweepAsync(CancellationToken.None);

        var errors = new List<Exception>
        {
            await other.ErrorAsync("The user may not do that"),
            await wrong.ErrorAsync("User and Password were refused"),
            await none.ErrorAsync("User and Password were refused"),
        };
        Assert.All(errors, error => Assert.DoesNotContain("SECRET", error.ToString(), StringComparison.Ordinal));
        Assert.All(new[] { store, other, wrong, none }, each => Assert.DoesNotContain("SECRET", each.LogText, StringComparison.Ordinal));
    }

    [Fact]
    public async Task An_encrypted_connection_is_made_to_whom_is_trusted_and_to_nobody_else()
    {
        await using var server = await RedisServer.StartWithTlsAsync("--requirepass", "SECRET");
        var folder = Directory.CreateTempSubdirectory("cloudsync-ca-");
        var (another, _) = await TestCertificate.Make().WriteAsync(folder.FullName);
        await using var store = new RegisteredStore(options => Set(options, server, server.CertificateFile));
        await using var stranger = new RegisteredStore(options => Set(options, server, another));
        await using var machines = new RegisteredStore(options => Set(options, server, null));
        await using var misnamed = new RegisteredStore(options => Set(options, server, server.CertificateFile), client => client.SslHost = "redis.example.com");

        Assert.Equal("a", await store.LettersAsync(1));
        foreach (var refused in new[] { stranger, machines, misnamed })
        {
            var error = await refused.ErrorAsync("certificate is not accepted");
            Assert.DoesNotContain("SECRET", error.ToString(), StringComparison.Ordinal);
        }

        folder.Delete(recursive: true);

        static void Set(RedisIdempotencyOptions options, RedisServer server, string? authority) =>
            (options.Endpoints, options.Password, options.Tls, options.TlsCaFile) = (server.Address, "SECRET", true, authority);
    }

    [Theory]
    [InlineData("allkeys-lru", 1)]
    [InlineData("noeviction", 0)]
    public async Task A_server_that_may_throw_keys_away_is_warned_of_once(string policy, int warnings)
    {
        await using var server = await RedisServer.StartAsync("--maxmemory-policy", policy);
        await using var store = new RegisteredStore(options => options.Endpoints = server.Address);
        await store.LettersAsync(1);
        await Eventually.True(() => warnings == 0 || store.Logged(1303) == warnings);

        await server.KillAsync();
        await server.StartAgainAsync();
        await store.AnswerAsync(2);

        Assert.Equal(warnings, store.Logged(1303));
    }

    [Fact]
    public async Task Claims_of_a_call_that_was_given_up_are_given_back_when_they_are_answered()
    {
        await using var server = await RedisServer.StartAsync();
        await using var store = new RegisteredStore(options => options.Endpoints = server.Address, client => client.AsyncTimeout = client.SyncTimeout = 60_000);
        await store.LettersAsync(0);
        await server.PauseAsync();
        using var giveUp = new CancellationTokenSource();
        var call = store.Store.ClaimAsync(new[] { StoreUnderTest.Id(1) }, RegisteredStore.Lease, new ClaimResult[1], giveUp.Token).AsTask();
        await giveUp.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);

        await server.ResumeAsync();

        await store.UntilAsync("a", 1);
    }

    [Fact]
    public async Task No_more_calls_are_under_way_than_may_be_and_none_that_was_given_up_keeps_its_place()
    {
        await using var server = await RedisServer.StartAsync();
        await using var store = new RegisteredStore(options => (options.Endpoints, options.MaxCallsInFlight) = (server.Address, 1), client => client.AsyncTimeout = client.SyncTimeout = 60_000);
        await store.LettersAsync(0);
        await server.PauseAsync();
        using var giveUp = new CancellationTokenSource();
        var running = store.Store.ClaimAsync(new[] { StoreUnderTest.Id(1) }, RegisteredStore.Lease, new ClaimResult[1], giveUp.Token).AsTask();
        var waiting = store.Store.ClaimAsync(new[] { StoreUnderTest.Id(2) }, RegisteredStore.Lease, new ClaimResult[1], giveUp.Token).AsTask();
        await giveUp.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);

        var next = store.LettersAsync(3);
        await server.ResumeAsync();

        Assert.Equal("a", await next.WaitAsync(Eventually.Deadline, TestContext.Current.CancellationToken));
        await store.UntilAsync("a", 2);
        await store.UntilAsync("a", 1);
    }

    [Fact]
    public async Task A_server_that_does_not_answer_in_time_is_an_error_that_says_what_is_not_known()
    {
        await using var server = await RedisServer.StartAsync();
        await using var store = new RegisteredStore(options => options.Endpoints = server.Address, client => client.AsyncTimeout = 50);
        await store.AnswerAsync(1);
        await server.PauseAsync();

        var error = await Assert.ThrowsAsync<RedisStoreException>(() => store.LettersAsync(2));

        Assert.Contains("is not known", error.Message, StringComparison.Ordinal);
        Assert.Contains(server.Address, error.Message, StringComparison.Ordinal);
        await server.ResumeAsync();
    }

    [Theory]
    [InlineData(RedisErrorKind.Loading, "LOADING Redis is loading the dataset in memory", "wait")]
    [InlineData(RedisErrorKind.Misconfigured, "MISCONF Redis is configured to save RDB snapshots", "disk")]
    [InlineData(RedisErrorKind.CrossSlot, "CROSSSLOT Keys in request don't hash to the same slot", "one slot")]
    [InlineData(RedisErrorKind.ClusterDown, "CLUSTERDOWN Hash slot not served", "CLUSTER INFO")]
    [InlineData(RedisErrorKind.MaxClients, "ERR max number of clients reached", "maxclients")]
    [InlineData(RedisErrorKind.UnknownError, "ERR Lua encountered an error: WRONGTYPE Operation against a key", "KeyPrefix")]
    [InlineData(RedisErrorKind.UnknownError, "ERR Unknown Redis command called from script", "6.2")]
    public void What_a_server_refuses_comes_with_what_to_do(RedisErrorKind kind, string said, string advice)
    {
        var text = RedisFailure.Describe(new RedisServerException(kind, CommandFlags.None, said), "claim", "redis-1:6379");

        Assert.StartsWith($"Redis at redis-1:6379 did not claim ids: it answered '{said}'. ", text, StringComparison.Ordinal);
        Assert.Contains(advice, text, StringComparison.Ordinal);
    }

    private static async Task SetAsync(RedisServer server, string setting) => Assert.NotNull(await server.SendAsync("CONFIG SET " + setting, line => line == "+OK"));
}
