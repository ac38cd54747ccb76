using CloudSync.Sdk.Settings;
using Confluent.Kafka;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace CloudSync.Sdk;

/// <summary>Registers <see cref="ICloudSyncProducer"/>.</summary>
public static class CloudSyncProducerServiceCollectionExtensions
{
    /// <summary>Adds the producer, its options read from a section. They are checked when the host starts; when it stops, the producer is flushed.</summary>
    /// <param name="services">The services.</param>
    /// <param name="section">The section, such as <c>CloudSync:Producer</c>. Names of settings in it that don't exist are an error.</param>
    /// <exception cref="InvalidOperationException">There is a producer already; one serves the whole process.</exception>
    public static CloudSyncProducerBuilder AddCloudSyncProducer(this IServiceCollection services, IConfiguration section)
    {
        ArgumentNullException.ThrowIfNull(section);
        return AddProducer(services, section);
    }

    /// <summary>Adds the producer, its options set in code. They are checked when the host starts; when it stops, the producer is flushed.</summary>
    /// <param name="services">The services.</param>
    /// <param name="configure">Sets the options; <see cref="CloudSyncProducerOptions.BootstrapServers"/> at least.</param>
    /// <exception cref="InvalidOperationException">There is a producer already; one serves the whole process.</exception>
    public static CloudSyncProducerBuilder AddCloudSyncProducer(this IServiceCollection services, Action<CloudSyncProducerOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(configure);
        return AddProducer(services, null).Configure(configure);
    }

    private static CloudSyncProducerBuilder AddProducer(IServiceCollection services, IConfiguration? section)
    {
        ArgumentNullException.ThrowIfNull(services);
        if (services.Any(service => service.ServiceType == typeof(CloudSyncProducer)))
            throw new InvalidOperationException("AddCloudSyncProducer was called before; one producer serves the whole process. Remove one of the calls.");

        services.AddCloudSyncOptions<CloudSyncProducerOptions>(Options.DefaultName, section, ProducerRules.Check);
        services.AddSingleton(provider => new CloudSyncProducer(
            provider.GetRequiredService<IOptions<CloudSyncProducerOptions>>(),
            provider.GetServices<ProducerKafkaChange>(),
            provider.GetService<ILogger<CloudSyncProducer>>() ?? NullLogger<CloudSyncProducer>.Instance,
            provider.GetService<TimeProvider>()));
        services.AddSingleton<ICloudSyncProducer>(provider => provider.GetRequiredService<CloudSyncProducer>());
        services.AddSingleton<IHostedService>(provider => new ProducerLifetime(provider));
        services.AddSingleton(provider => new ProducerHealthCheck(provider, provider.GetService<TimeProvider>()));
        services.AddHealthChecks().Add(new HealthCheckRegistration(
            ProducerHealthCheck.Name, provider => provider.GetRequiredService<ProducerHealthCheck>(), failureStatus: null, tags: ["cloudsync"]));
        return new CloudSyncProducerBuilder(services);
    }
}

/// <summary>Completes the registration of the producer.</summary>
public sealed class CloudSyncProducerBuilder
{
    internal CloudSyncProducerBuilder(IServiceCollection services) => Services = services;

    /// <summary>The services that the producer is registered with, for extensions of this builder.</summary>
    public IServiceCollection Services { get; }

    /// <summary>Changes options in code, after the configuration has been read.</summary>
    /// <param name="configure">The change.</param>
    public CloudSyncProducerBuilder Configure(Action<CloudSyncProducerOptions> configure)
    {
        Services.Configure(configure);
        return this;
    }

    /// <summary>
    /// Changes settings of the Kafka client, last of all. Merges, never replaces. What a guarantee rests on (acks, idempotence, the order of retries, delivery
    /// reports, the bounds of memory, the addresses) is set back afterwards, with a warning in the log.
    /// </summary>
    /// <param name="configure">The change.</param>
    public CloudSyncProducerBuilder ConfigureKafka(Action<ProducerConfig> configure)
    {
        ArgumentNullException.ThrowIfNull(configure);
        Services.AddSingleton(new ProducerKafkaChange(configure));
        return this;
    }
}

/// <summary>A user's change of the producer's Kafka settings, in a type of its own among all services.</summary>
internal sealed record ProducerKafkaChange(Action<ProducerConfig> Apply);

/// <summary>Starts and stops the producer with its host.</summary>
/// <remarks>
/// The host makes its services before it checks options. So the producer is not made with them: its options would throw alone, and what is wrong with the
/// consumers' would be told only at the next start.
/// </remarks>
internal sealed class ProducerLifetime(IServiceProvider services) : IHostedLifecycleService
{
    private CloudSyncProducer? _producer;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        _producer = services.GetRequiredService<CloudSyncProducer>();
        _producer.Start();
        return Task.CompletedTask;
    }

    /// <summary>Others, such as a web server with its last requests, may take most of the grace time before it is the producer's turn. It then has what they left.</summary>
    public Task StoppingAsync(CancellationToken cancellationToken)
    {
        if (services.GetService<GraceTimeDefaults>() is not null)
            _producer?.EndBegins(services.GetService<DrainsLater>()?.Left() ?? TimeSpan.Zero);

        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => _producer?.Drain(cancellationToken) ?? Task.CompletedTask;

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
