using System.Diagnostics.CodeAnalysis;
using CloudSync.Sdk.Settings;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace CloudSync.Sdk;

/// <summary>Registers consumers. The producer has its own, beside it.</summary>
public static class CloudSyncConsumerServiceCollectionExtensions
{
    /// <summary>Adds a consumer that delivers the messages of a topic to a cloud, under the sink's type name.</summary>
    /// <typeparam name="TSink">The sink: an <see cref="ICloudSink"/> or an <see cref="IBatchCloudSink"/>. One that is both is given batches.</typeparam>
    /// <param name="services">The services.</param>
    /// <param name="section">Its settings, see <see cref="CloudSyncConsumerOptions"/>.</param>
    /// <exception cref="ArgumentException"><typeparamref name="TSink"/> is no sink, or there is a consumer of this name.</exception>
    public static CloudSyncConsumerBuilder AddCloudSyncConsumer<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] TSink>(
        this IServiceCollection services, IConfiguration? section = null)
        where TSink : class => services.AddCloudSyncConsumer<TSink>(typeof(TSink).Name, section);

    /// <summary>Adds a consumer that delivers the messages of a topic to a cloud.</summary>
    /// <typeparam name="TSink">The sink: an <see cref="ICloudSink"/> or an <see cref="IBatchCloudSink"/>. One that is both is given batches.</typeparam>
    /// <param name="services">The services.</param>
    /// <param name="name">Names its options, metrics and logs, and its group unless the settings name one: <c>{name}-sync-group</c>.</param>
    /// <param name="section">Its settings, see <see cref="CloudSyncConsumerOptions"/>.</param>
    /// <exception cref="ArgumentException"><typeparamref name="TSink"/> is no sink, or there is a consumer of this name.</exception>
    public static CloudSyncConsumerBuilder AddCloudSyncConsumer<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] TSink>(
        this IServiceCollection services, string name, IConfiguration? section = null)
        where TSink : class
    {
        var isBatch = typeof(TSink).IsAssignableTo(typeof(IBatchCloudSink));
        if (!isBatch && !typeof(TSink).IsAssignableTo(typeof(ICloudSink)))
            throw new ArgumentException($"{typeof(TSink)} is no sink: it must implement {nameof(ICloudSink)} or {nameof(IBatchCloudSink)}.", nameof(TSink));

        var builder = services.AddCloudSyncConsumer(name, section);
        services.TryAddKeyedSingleton<TSink>(name);
        return isBatch
            ? builder.UseBatchSink(provider => (IBatchCloudSink)provider.GetRequiredKeyedService<TSink>(name))
            : builder.UseSink(provider => (ICloudSink)provider.GetRequiredKeyedService<TSink>(name));
    }

    /// <summary>Adds a consumer whose sink the builder names: <see cref="CloudSyncConsumerBuilder.UseSink"/>, <see cref="CloudSyncConsumerBuilder.UseBatchSink"/>, or a package's extension.</summary>
    /// <remarks>With it come a health check called <c>cloudsync-{name}</c>, tagged <c>cloudsync</c>, and the keyed service <see cref="ICloudSyncConsumer"/>.</remarks>
    /// <param name="services">The services.</param>
    /// <param name="name">Names its options, metrics and logs, and its group unless the settings name one: <c>{name}-sync-group</c>.</param>
    /// <param name="section">Its settings, see <see cref="CloudSyncConsumerOptions"/>.</param>
    /// <exception cref="ArgumentException">There is a consumer of this name.</exception>
    public static CloudSyncConsumerBuilder AddCloudSyncConsumer(this IServiceCollection services, string name, IConfiguration? section = null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        if (services.Any(s => s.ServiceType == typeof(CloudSyncConsumer) && Equals(s.ServiceKey, name)))
            throw new ArgumentException($"There is a consumer '{name}' already; give this one another name.", nameof(name));

        services.AddCloudSyncConsumerOptions(name, section);
        services.AddKeyedSingleton(name, (provider, _) => new CloudSyncConsumer(name, provider));
        services.AddKeyedSingleton<ICloudSyncConsumer>(name, (provider, _) => provider.GetRequiredKeyedService<CloudSyncConsumer>(name));
        services.AddHealthChecks().Add(new HealthCheckRegistration(
            $"cloudsync-{name}",
            provider => new ConsumerHealthCheck(
                provider.GetRequiredKeyedService<ICloudSyncConsumer>(name), provider.GetRequiredService<IOptionsMonitor<CloudSyncConsumerOptions>>().Get(name).DrainTimeout),
            failureStatus: null,
            tags: ["cloudsync"]));
        services.AddSingleton<IHostedService>(provider => provider.GetRequiredKeyedService<CloudSyncConsumer>(name));
        services.AddKeyedSingleton<IIdempotencyStore>(name, (provider, _) => new InMemoryIdempotencyStore(
            provider.GetRequiredService<IOptionsMonitor<CloudSyncConsumerOptions>>().Get(name).Idempotency,
            provider.GetService<TimeProvider>() ?? TimeProvider.System));
        return new CloudSyncConsumerBuilder(name, services);
    }
}
