using CloudSync.Sdk.Testing;
using CloudSync.Tests;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using StackExchange.Redis;
using Xunit;

namespace CloudSync.Sdk.Redis.Tests;

public sealed class RedisIdempotencyOptionsTests
{
    [Fact]
    public void The_defaults_need_only_the_addresses() => Assert.Null(Problems(("Endpoints", "redis-1:6379, 10.0.0.7:6380,[::1]:6379")));

    [Fact]
    public void All_problems_come_in_one_message_that_names_key_value_and_remedy_and_shows_no_secret()
    {
        var message = Problems(
            ("Endpoint", "redis:6379"), ("Endpoints", "redis,redis:6379,password=SECRET,user:SECRET@redis:6379"), ("User", "sync"), ("Password", ""), ("TlsCaFile", "ca.pem"),
            ("Database", "-1"), ("KeyPrefix", "{x}"), ("Shards", "0"), ("MaxCallsInFlight", "many"), ("ConnectTimeout", "5"));

        Assert.Equal(
            [
                "10 settings are wrong:",
                "CloudSync:AwsStore:ConnectTimeout is '5'; it must be a time from 00:00:00.1 to 00:05:00, written like 00:00:30 or 30s (ms, s, m, h, d).",
                "CloudSync:AwsStore:Database is -1; it must be from 0 to 1,000.",
                "CloudSync:AwsStore:Endpoint is not a setting; did you mean Endpoints?",
                "CloudSync:AwsStore:Endpoints holds 'redis'; each address must be host:port, such as redis-1:6379, separated by commas. User, Password and Tls are settings of their own.",
                "CloudSync:AwsStore:Endpoints holds (hidden); each address must be host:port, such as redis-1:6379, separated by commas. User, Password and Tls are settings of their own.",
                "CloudSync:AwsStore:KeyPrefix is '{x}'; it must have 1 to 100 of the characters a-z, A-Z, 0-9, '.', '_', '-' and ':'.",
                "CloudSync:AwsStore:MaxCallsInFlight is 'many'; it must be a whole number from 1 to 10,000.",
                "CloudSync:AwsStore:Password is empty while User is set; give the user's password, or leave both out.",
                "CloudSync:AwsStore:Shards is 0; it must be from 1 to 1,024.",
                "CloudSync:AwsStore:TlsCaFile is set while Tls is false; set Tls, or leave it out.",
            ],
            message!.Split(Environment.NewLine).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Files_that_can_not_be_used_are_found_at_start()
    {
        var folder = Directory.CreateTempSubdirectory("cloudsync-tls-").FullName;
        var (certificate, key) = await TestCertificate.Make().WriteAsync(folder);
        (string, string?)[] tls = [("Endpoints", "redis:6379"), ("Tls", "true")];

        Assert.Null(Problems([.. tls, ("TlsCaFile", certificate), ("TlsCertificateFile", certificate), ("TlsKeyFile", key)]));
        Assert.Contains("TlsCaFile is '/nowhere/ca.pem', and there is no such file.", Problems([.. tls, ("TlsCaFile", "/nowhere/ca.pem")]), StringComparison.Ordinal);
        Assert.Contains("which holds no certificate in PEM", Problems([.. tls, ("TlsCaFile", key)]), StringComparison.Ordinal);
        Assert.Contains("TlsCertificateFile can't be read", Problems([.. tls, ("TlsCertificateFile", certificate)]), StringComparison.Ordinal);
        Assert.Contains("TlsCertificateFile is empty while TlsKeyFile is set", Problems([.. tls, ("TlsKeyFile", key)]), StringComparison.Ordinal);
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task A_connection_of_ones_own_is_used_and_left_open_and_its_settings_are_refused_here()
    {
        await using var server = await EmbeddedRedis.StartAsync();
        await using var connection = await ConnectionMultiplexer.ConnectAsync(server.Address);
        var services = Consumer(builder => builder.UseRedisIdempotency(_ => connection, options => options.KeyPrefix = "mine")).BuildServiceProvider();
        var results = new ClaimResult[1];
        await services.GetRequiredKeyedService<IIdempotencyStore>("aws").ClaimAsync(new[] { StoreUnderTest.Id(1) }, StoreUnderTest.Lease, results, CancellationToken.None);
        await services.DisposeAsync();

        Assert.Equal(ClaimStatus.Acquired, results[0].Status);
        Assert.True(await connection.GetDatabase().KeyExistsAsync("{mine:aws-sync-group:0}:2:claims"));

        await using var refused = Consumer(builder => builder.UseRedisIdempotency(_ => connection, options => options.Password = "SECRET")).BuildServiceProvider();
        var error = Assert.Throws<OptionsValidationException>(() => refused.GetRequiredKeyedService<IIdempotencyStore>("aws"));
        Assert.Equal("RedisIdempotencyOptions.Password is set, and the connection is made in code; set it there.", error.Message);
    }

    [Fact]
    public void What_is_set_reaches_the_client_and_the_hook_comes_last()
    {
        var options = new RedisIdempotencyOptions
        {
            Endpoints = "redis-1:6379,redis-2:6380", User = "sync", Password = "SECRET", Database = 3, ConnectTimeout = TimeSpan.FromSeconds(7),
        };

        var client = RedisConfiguration.Make(options, null, "cloudsync-aws", TimeSpan.FromSeconds(2), made => made.KeepAlive = 5);

        Assert.Equal((2, "sync", "SECRET", 3, 7_000, 1_600, 5), (client.EndPoints.Count, client.User, client.Password, client.DefaultDatabase, client.ConnectTimeout, client.AsyncTimeout, client.KeepAlive));
        Assert.False(client.AbortOnConnectFail);
        Assert.DoesNotContain("SECRET", options.ToString(), StringComparison.Ordinal);
    }

    private static ServiceCollection Consumer(Action<CloudSyncConsumerBuilder> use)
    {
        var services = new ServiceCollection();
        use(services.AddCloudSyncConsumer("aws").UseSink(_ => new RecordingSink()).Configure(options => options.BootstrapServers = "nowhere:9092"));
        return services;
    }

    private static string? Problems(params (string Key, string? Value)[] settings)
    {
        var configuration = new ConfigurationBuilder()
            .AddInMemoryCollection(settings.Select(setting => KeyValuePair.Create("CloudSync:AwsStore:" + setting.Key, setting.Value)))
            .Build();
        using var services = Consumer(builder => builder.UseRedisIdempotency(configuration.GetSection("CloudSync:AwsStore"))).BuildServiceProvider();
        try
        {
            services.GetRequiredService<IOptionsMonitor<RedisIdempotencyOptions>>().Get("aws");
            return null;
        }
        catch (OptionsValidationException e)
        {
            return e.Message;
        }
    }
}
