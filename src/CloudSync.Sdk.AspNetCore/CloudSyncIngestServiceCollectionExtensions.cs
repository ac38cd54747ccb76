using CloudSync.Sdk.Ingest;
using CloudSync.Sdk.Settings;
using Microsoft.AspNetCore.Authentication.JwtBearer;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace CloudSync.Sdk;

/// <summary>Registers the HTTP front door.</summary>
public static class CloudSyncIngestServiceCollectionExtensions
{
    /// <summary>
    /// Adds the HTTP front door, its options read from a section: how it checks tokens, its rate limit, its health checks, its answers to errors, and Kestrel's limits. The producer is
    /// registered beside it, before or after, with <c>AddCloudSyncProducer</c>.
    /// </summary>
    /// <param name="services">The services.</param>
    /// <param name="section">The section, such as <c>Ingest</c>. Names of settings in it that don't exist are an error.</param>
    /// <exception cref="InvalidOperationException">It was called before; a process has one front door.</exception>
    public static IServiceCollection AddCloudSyncIngest(this IServiceCollection services, IConfiguration section)
    {
        ArgumentNullException.ThrowIfNull(section);
        return AddIngest(services, section, null);
    }

    /// <summary>Adds the HTTP front door, its options set in code.</summary>
    /// <param name="services">The services.</param>
    /// <param name="configure">Sets the options.</param>
    /// <exception cref="InvalidOperationException">It was called before; a process has one front door.</exception>
    public static IServiceCollection AddCloudSyncIngest(this IServiceCollection services, Action<CloudSyncIngestOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(configure);
        return AddIngest(services, null, configure);
    }

    private static IServiceCollection AddIngest(IServiceCollection services, IConfiguration? section, Action<CloudSyncIngestOptions>? configure)
    {
        ArgumentNullException.ThrowIfNull(services);
        if (services.Any(service => service.ServiceType == typeof(IngestEndpoints)))
            throw new InvalidOperationException("AddCloudSyncIngest was called before; a process has one front door. Remove one of the calls.");

        var options = services.AddCloudSyncOptions<CloudSyncIngestOptions>(Options.DefaultName, section, IngestRules.Check);
        if (configure is not null)
            options.Configure(configure);
        services.AddSingleton<IConfigureOptions<CloudSyncIngestOptions>>(provider => new ConfigureNamedOptions<CloudSyncIngestOptions>(Options.DefaultName, ingest =>
        {
            ingest.Grace = provider.GetService<GraceTimeDefaults>()?.Given;
            ingest.Environment = provider.GetRequiredService<IHostEnvironment>();
        }));
        services.AddSingleton(provider => new DrainsLater(() => provider.GetRequiredService<IOptions<CloudSyncIngestOptions>>().Value.DrainDelay));

        services.AddSingleton(provider => new IngestEndpoints(
            provider.GetRequiredService<ICloudSyncProducer>(),
            provider.GetRequiredService<IOptions<CloudSyncIngestOptions>>(),
            provider.GetService<ILogger<IngestEndpoints>>() ?? NullLogger<IngestEndpoints>.Instance,
            provider.GetService<TimeProvider>(),
            provider.GetService<ProducerHealthCheck>()));
        services.AddProblemDetails();
        services.ConfigureHttpJsonOptions(json => json.SerializerOptions.TypeInfoResolverChain.Insert(0, IngestJson.Default));
        services.AddOptions<KestrelServerOptions>().Configure<IOptions<CloudSyncIngestOptions>>(Limit);
        AddSecurity(services);
        AddHealth(services);
        return services;
    }

    private static void AddSecurity(IServiceCollection services)
    {
        services.AddAuthentication().AddJwtBearer(TokenChecks.Scheme);
        services.AddSingleton(provider => new TokenChecks(
            provider.GetRequiredService<IOptions<CloudSyncIngestOptions>>(),
            provider.GetRequiredService<IHostEnvironment>(),
            provider.GetService<ILogger<TokenChecks>>() ?? NullLogger<TokenChecks>.Instance,
            provider.GetService<TimeProvider>()));
        services.AddSingleton<IConfigureOptions<JwtBearerOptions>>(provider => provider.GetRequiredService<TokenChecks>());
        services.AddSingleton<IPostConfigureOptions<JwtBearerOptions>>(provider => provider.GetRequiredService<TokenChecks>());
        services.AddSingleton<IHostedService>(provider => new OpenDoorAtStart(
            provider.GetRequiredService<IOptions<CloudSyncIngestOptions>>(),
            provider.GetRequiredService<IHostEnvironment>(),
            provider.GetService<ILogger<TokenChecks>>() ?? NullLogger<TokenChecks>.Instance));
        services.AddAuthorization();
        services.AddOptions<AuthorizationOptions>().Configure<IOptions<CloudSyncIngestOptions>>((authorization, ingest) =>
        {
            foreach (var scope in (string[])[TokenChecks.Write, TokenChecks.Admin])
                authorization.AddPolicy(PolicyOf(scope), policy => Need(policy, scope, ingest.Value.Authentication.ChecksTokens));
        });
        services.AddRateLimiter(limiter => limiter.AddPolicy<string, ClientRateLimit>(ClientRateLimit.Name));
    }

    private static void AddHealth(IServiceCollection services)
    {
        services.AddSingleton(provider => new Draining(
            provider.GetRequiredService<IOptions<CloudSyncIngestOptions>>(),
            provider.GetRequiredService<DrainsLater>(),
            provider.GetRequiredService<IHostApplicationLifetime>(),
            provider.GetService<TimeProvider>()));
        services.AddSingleton<IHostedService>(provider => provider.GetRequiredService<Draining>());
        services.AddHealthChecks()
            .Add(new HealthCheckRegistration(Draining.Name, provider => provider.GetRequiredService<Draining>(), null, ["cloudsync"]));
    }

    internal static string PolicyOf(string scope) => "cloudsync " + scope;

    private static void Need(AuthorizationPolicyBuilder policy, string scope, bool checksTokens)
    {
        if (checksTokens)
            policy.AddAuthenticationSchemes(TokenChecks.Scheme).RequireAuthenticatedUser().RequireAssertion(context => TokenChecks.HasScope(context.User, scope));
        else
            policy.RequireAssertion(_ => true);
    }

    private static void Limit(KestrelServerOptions kestrel, IOptions<CloudSyncIngestOptions> ingest)
    {
        CloudSyncIngestOptions options;
        try
        {
            options = ingest.Value;
        }
        catch (OptionsValidationException)
        {
            // The server is made before settings are checked. The check at start tells of these and of all others; here they would be told of alone.
            return;
        }

        kestrel.AddServerHeader = false;
        kestrel.Limits.MaxRequestHeadersTotalSize = options.MaxHeaderBytes;
        kestrel.Limits.MaxRequestHeaderCount = options.MaxHeaders;
        kestrel.Limits.MinRequestBodyDataRate = options.MinBodyBytesPerSecond == 0 ? null : new MinDataRate(options.MinBodyBytesPerSecond, options.BodyGracePeriod);
    }
}
