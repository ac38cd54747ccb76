using System.Text.Json.Serialization;
using CloudSync.Sdk;
using HostDefaults;

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
        builder.Services.AddOptions<IngestOptions>().BindConfiguration("Ingest").ValidateDataAnnotations().ValidateOnStart();
        builder.Services.AddProblemDetails();
        builder.Services.ConfigureHttpJsonOptions(json => json.SerializerOptions.DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull);
        builder.Services.AddSingleton(TimeProvider.System);
        builder.Services.AddSingleton<KafkaHealth>();
        builder.Services.AddSingleton<IngestEndpoints>();
        configure?.Invoke(builder);

        var app = builder.Build();
        app.UseExceptionHandler();
        app.UseStatusCodePages();
        IngestEndpoints.Map(app);
        app.MapHostHealth();
        app.MapHostMetrics();
        app.MapGet("/api/health", (KafkaHealth health, CancellationToken cancellation) => health.GetAsync(cancellation));
        return app;
    }
}
