using CloudSync.Sdk.Settings;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace CloudSync.Sdk;

/// <summary>Registers what belongs to the host as a whole.</summary>
public static class CloudSyncHostServiceCollectionExtensions
{
    /// <summary>
    /// Makes the end of this process fit into the time that the platform gives it: <see cref="HostOptions.ShutdownTimeout"/> a little below it, and a little below that
    /// <see cref="CloudSyncConsumerOptions.DrainTimeout"/> of each consumer and <see cref="CloudSyncProducerOptions.FlushTimeout"/>, where they are not set. One that is set, and longer than that,
    /// stops the start. The times are logged at start (event 1601).
    /// </summary>
    /// <param name="services">The services.</param>
    /// <param name="section">Its settings, such as <c>CloudSync:Host</c>, see <see cref="CloudSyncHostOptions"/>; <see langword="null"/> for the defaults, or for what <c>Configure</c> sets in code.</param>
    /// <exception cref="InvalidOperationException">It was called before.</exception>
    public static IServiceCollection AddCloudSyncGraceTime(this IServiceCollection services, IConfiguration? section = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        if (services.Any(service => service.ServiceType == typeof(GraceTimeDefaults)))
            throw new InvalidOperationException("AddCloudSyncGraceTime was called before; a process has one grace time. Remove one of the calls.");

        services.AddCloudSyncOptions<CloudSyncHostOptions>(Options.DefaultName, section, _ => []);
        services.AddSingleton<GraceTimeDefaults>();
        services.AddSingleton<IConfigureOptions<HostOptions>>(provider => provider.GetRequiredService<GraceTimeDefaults>());
        services.AddSingleton<IConfigureOptions<CloudSyncConsumerOptions>>(provider => provider.GetRequiredService<GraceTimeDefaults>());
        services.AddSingleton<IConfigureOptions<CloudSyncProducerOptions>>(provider => provider.GetRequiredService<GraceTimeDefaults>());
        services.AddHostedService<GraceTimeAtStart>();
        return services;
    }
}
