using CloudSync.Sdk;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace HostDefaults;

/// <summary>What a host needs that runs for months: settings from everywhere, logs that a machine can read, metrics, traces, an end in time.</summary>
public static class HostDefaultsExtensions
{
    /// <summary>Settings of a later one win: appsettings.json, the environment, a file a secret (<c>Secrets:Directory</c>), the command line.</summary>
    /// <param name="builder">The host's.</param>
    /// <param name="args">The command line.</param>
    /// <param name="service">What the host is called in telemetry, unless <c>OTEL_SERVICE_NAME</c> says otherwise.</param>
    public static void AddHostDefaults(this WebApplicationBuilder builder, string[] args, string service)
    {
        builder.Configuration.AddKeyPerFile(
            Path.GetFullPath(builder.Configuration["Secrets:Directory"] is { Length: > 0 } directory ? directory : "/run/secrets"), optional: true);
        builder.Configuration.AddCommandLine(args);

        builder.WebHost.ConfigureKestrel(kestrel => kestrel.AddServerHeader = false);
        if (MetricsUrlOf(builder.Configuration) is { } metrics)
            builder.WebHost.UseUrls($"{builder.Configuration["Urls"] ?? "http://localhost:5000"};{metrics}");
        builder.Services.AddCloudSyncGraceTime(builder.Configuration.GetSection("CloudSync:Host"));
        builder.Services.AddHealthChecks();
        AddLogs(builder);
        AddTelemetry(builder, service);
    }

    /// <summary><c>/metrics</c>, for Prometheus: beside all else, or, where <c>Telemetry:MetricsUrl</c> names an address, there and alone. Before what redirects to https or asks for a token.</summary>
    /// <param name="app">The host.</param>
    public static void MapHostMetrics(this WebApplication app)
    {
        if (!IsScraped(app.Configuration))
            return;

        if (MetricsUrlOf(app.Configuration) is not { } url)
        {
            app.MapPrometheusScrapingEndpoint("/metrics");
            return;
        }

        // By the port that a connection came in on: what a request says of its host, its sender has made up.
        var port = BindingAddress.Parse(url).Port;
        app.MapWhen(context => context.Connection.LocalPort == port, metrics =>
        {
            metrics.Use((HttpContext context, RequestDelegate next) =>
            {
                context.SetEndpoint(null);
                return next(context);
            });
            metrics.UseOpenTelemetryPrometheusScrapingEndpoint("/metrics");
        });
    }

    private static string? MetricsUrlOf(IConfiguration configuration)
    {
        if (!IsScraped(configuration) || configuration["Telemetry:MetricsUrl"] is not { Length: > 0 } url)
            return null;

        return Uri.TryCreate(url.Replace("//*", "//any", StringComparison.Ordinal).Replace("//+", "//any", StringComparison.Ordinal), UriKind.Absolute, out var address) && address.Scheme is "http" or "https"
            ? url
            : throw new InvalidOperationException($"Telemetry:MetricsUrl is '{url}'; it must be an address to listen at, such as http://*:9464.");
    }

    private static bool IsScraped(IConfiguration configuration) => configuration.GetValue("Telemetry:Prometheus", true);

    private static void AddLogs(WebApplicationBuilder builder)
    {
        // A start that fails is said once, by HostProgram; the host's own line has a stack, and nothing that is not said there.
        builder.Logging.AddFilter("Microsoft.Extensions.Hosting.Internal.Host", LogLevel.None);
        if (builder.Environment.IsDevelopment())
            return;

        builder.Logging.ClearProviders().AddJsonConsole(json =>
        {
            json.IncludeScopes = true;
            json.UseUtcTimestamp = true;
            json.TimestampFormat = "yyyy-MM-ddTHH:mm:ss.fffZ";
        });
    }

    /// <summary>A scrape endpoint, and OTLP where <c>OTEL_EXPORTER_OTLP_ENDPOINT</c> names a collector; the other <c>OTEL_*</c> variables count too.</summary>
    private static void AddTelemetry(WebApplicationBuilder builder, string service)
    {
        var (scraped, sent) = (IsScraped(builder.Configuration), !string.IsNullOrWhiteSpace(builder.Configuration["OTEL_EXPORTER_OTLP_ENDPOINT"]));
        if (!scraped && !sent)
            return;

        builder.Services.AddSingleton<IHealthCheckPublisher, HealthMetric>();
        var telemetry = builder.Services.AddOpenTelemetry()
            .ConfigureResource(resource => resource.AddService(service).AddEnvironmentVariableDetector())
            .WithMetrics(metrics =>
            {
                metrics.AddMeter("CloudSync.Sdk", HealthMetric.MeterName).AddMeter("Microsoft.AspNetCore.Hosting").AddRuntimeInstrumentation();
                if (scraped)
                    metrics.AddPrometheusExporter();
                if (sent)
                    metrics.AddOtlpExporter();
            });
        if (sent)
            telemetry.WithTracing(traces => traces.AddSource("CloudSync.Sdk").AddOtlpExporter());
    }
}
