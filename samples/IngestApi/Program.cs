using CloudSync.Sdk;
using HostDefaults;
using Scalar.AspNetCore;

namespace IngestApi;

/// <summary>HTTP in, Kafka out.</summary>
public static class Program
{
    /// <summary>Runs until it is told to stop.</summary>
    public static Task<int> Main(string[] args) => HostProgram.RunAsync(args, args => CreateHost(args));

    /// <summary>The API, ready to run. <paramref name="contentRoot"/> is where appsettings.json lies: by default beside the program.</summary>
    public static WebApplication CreateHost(string[] args, string? contentRoot = null, Action<IHostApplicationBuilder>? configure = null)
    {
        var builder = WebApplication.CreateBuilder(
            new WebApplicationOptions { Args = args, ContentRootPath = contentRoot ?? AppContext.BaseDirectory });
        builder.AddHostDefaults(args, "ingest-api");
        builder.Services.AddCloudSyncProducer(builder.Configuration.GetSection("CloudSync:Producer"));
        builder.Services.AddCloudSyncIngest(builder.Configuration.GetSection("Ingest"));
        builder.Services.AddOpenApi(api => api.AddOperationTransformer(Examples.AddAsync));
        configure?.Invoke(builder);

        var app = builder.Build();
        app.MapHostMetrics();
        app.UseCloudSyncIngest();
        app.MapCloudSyncIngest();
        app.MapCloudSyncHealth();
        if (app.Environment.IsDevelopment())
        {
            app.MapOpenApi();
            app.MapScalarApiReference();
        }

        return app;
    }
}
