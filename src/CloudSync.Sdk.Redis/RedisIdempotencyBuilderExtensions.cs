using CloudSync.Sdk.Settings;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using StackExchange.Redis;

namespace CloudSync.Sdk;

/// <summary>Remembers a consumer's ids in Redis, so that all processes of its group recognise what one of them delivered, and after a crash too.</summary>
public static class RedisIdempotencyBuilderExtensions
{
    /// <summary>
    /// Remembers ids in Redis 6.2 or later, Valkey, Garnet or Redis Cluster. Settings are checked at start; the start does not fail because Redis is down.
    /// </summary>
    /// <param name="builder">The consumer.</param>
    /// <param name="section">Where <see cref="RedisIdempotencyOptions"/> are read from. A name in it that is no setting is an error.</param>
    /// <param name="configure">Changes the options in code, after the section has been read. Default: nothing.</param>
    /// <param name="configureClient">Changes what the client is made with, last of all: Sentinel, another way to authenticate. Default: nothing.</param>
    public static CloudSyncConsumerBuilder UseRedisIdempotency(
        this CloudSyncConsumerBuilder builder,
        IConfiguration section,
        Action<RedisIdempotencyOptions>? configure = null,
        Action<ConfigurationOptions>? configureClient = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(section);
        return builder.AddOwn(section, configure, configureClient);
    }

    /// <summary>Remembers ids in Redis 6.2 or later, Valkey, Garnet or Redis Cluster; settings come from code.</summary>
    /// <param name="builder">The consumer.</param>
    /// <param name="configure">Sets the options; <see cref="RedisIdempotencyOptions.Endpoints"/> are required.</param>
    /// <param name="configureClient">Changes what the client is made with, last of all. Default: nothing.</param>
    public static CloudSyncConsumerBuilder UseRedisIdempotency(
        this CloudSyncConsumerBuilder builder, Action<RedisIdempotencyOptions> configure, Action<ConfigurationOptions>? configureClient = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(configure);
        return builder.AddOwn(null, configure, configureClient);
    }

    /// <summary>Remembers ids in Redis, over a connection of yours, which is never closed here. Let it have <c>AbortOnConnectFail=false</c>.</summary>
    /// <param name="builder">The consumer.</param>
    /// <param name="connection">Gives the connection, once, at start.</param>
    /// <param name="configure">Sets what is not the connection's: prefix, shards, calls in flight. Default: nothing.</param>
    public static CloudSyncConsumerBuilder UseRedisIdempotency(
        this CloudSyncConsumerBuilder builder, Func<IServiceProvider, IConnectionMultiplexer> connection, Action<RedisIdempotencyOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(connection);
        var options = builder.Services.AddCloudSyncOptions<RedisIdempotencyOptions>(builder.Name, null, RedisIdempotencyRules.CheckWithoutConnection);
        if (configure is not null)
            options.Configure(configure);

        return builder.UseStore((services, _, _) =>
        {
            var given = connection(services);
            return new RedisConnection(() => Task.FromResult(given), isOurs: false, Logger(services));
        });
    }

    private static CloudSyncConsumerBuilder AddOwn(
        this CloudSyncConsumerBuilder builder, IConfiguration? section, Action<RedisIdempotencyOptions>? configure, Action<ConfigurationOptions>? configureClient)
    {
        var options = builder.Services.AddCloudSyncOptions<RedisIdempotencyOptions>(builder.Name, section, RedisIdempotencyRules.Check);
        if (configure is not null)
            options.Configure(configure);

        var name = builder.Name;
        return builder.UseStore((services, redis, consumer) =>
        {
            var tls = redis.Tls ? new RedisTls(redis) : null;
            var client = RedisConfiguration.Make(redis, tls, "cloudsync-" + name, consumer.Idempotency.StoreTimeout, configureClient);
            return new RedisConnection(async () => await ConnectionMultiplexer.ConnectAsync(client).ConfigureAwait(false), isOurs: true, Logger(services), tls);
        });
    }

    private static CloudSyncConsumerBuilder UseStore(
        this CloudSyncConsumerBuilder builder, Func<IServiceProvider, RedisIdempotencyOptions, CloudSyncConsumerOptions, RedisConnection> connection)
    {
        var name = builder.Name;
        return builder.UseIdempotencyStore((services, consumer) =>
        {
            var redis = services.GetRequiredService<IOptionsMonitor<RedisIdempotencyOptions>>().Get(name);
            var settings = new RedisStoreSettings
            {
                Group = consumer.GroupId,
                KeyPrefix = redis.KeyPrefix,
                Shards = redis.Shards,
                MaxCallsInFlight = redis.MaxCallsInFlight,
                Retention = consumer.Idempotency.Retention,
                CleanupInterval = consumer.Idempotency.CleanupInterval,
            };
            return new RedisIdempotencyStore(connection(services, redis, consumer), settings, services.GetService<TimeProvider>(), Logger(services));
        });
    }

    private static ILogger? Logger(IServiceProvider services) => services.GetService<ILoggerFactory>()?.CreateLogger("CloudSync.Sdk.Redis");
}
