using CloudSync.Sdk;
using HostDefaults;

namespace AzureSyncHost;

/// <summary>Kafka in, Azure API Management out.</summary>
public static class Program
{
    /// <summary>Runs until it is told to stop.</summary>
    public static Task<int> Main(string[] args) => HostProgram.RunAsync(args, args => CreateHost(args));

    /// <summary>The host, ready to run. <paramref name="contentRoot"/> is where appsettings.json lies: by default beside the program.</summary>
    public static WebApplication CreateHost(string[] args, string? contentRoot = null, Action<IHostApplicationBuilder>? configure = null)
    {
        var builder = WebApplication.CreateBuilder(
            new WebApplicationOptions { Args = args, ContentRootPath = contentRoot ?? AppContext.BaseDirectory });
        builder.AddHostDefaults(args, "azure-sync-host");
        var consumer = builder.Services
            .AddCloudSyncConsumer("azure", builder.Configuration.GetSection("CloudSync:Azure"))
            .UseHttpSink(builder.Configuration.GetSection("CloudSync:AzureEndpoint"))
            .UseErrorClassifier<AzureErrorClassifier>();

        // Without it, API Management sees the subscription key alone; with it, the host's identity too.
        var entra = builder.Configuration.GetSection("CloudSync:AzureEntra");
        if (entra.Exists())
            consumer.UseEntraToken(entra);

        // Without Redis, ids are remembered in this process alone: right for a group of one host.
        var redis = builder.Configuration.GetSection("CloudSync:Redis");
        if (redis.Exists())
            consumer.UseRedisIdempotency(redis);
        configure?.Invoke(builder);

        var app = builder.Build();
        app.MapCloudSyncHealth();
        app.MapHostMetrics();
        return app;
    }
}
