using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace CloudSync.Sdk.Ingest;

/// <summary>How the process is, and, for who may see it, each of its parts.</summary>
internal sealed record HealthAnswer(string Status, IReadOnlyList<HealthAnswer.Part>? Checks = null)
{
    internal sealed record Part(string Name, string Status, string? Detail = null, IReadOnlyDictionary<string, string>? Data = null);

    /// <summary>One word: whoever asks may be anybody.</summary>
    public static Task WriteAsync(HttpContext context, HealthReport report) => WriteAsync(context, new HealthAnswer(TextOf(report.Status)));

    /// <summary>All of it, addresses included, for an administrator and in Development; where nobody is asked for a token, the names alone.</summary>
    public static Task WriteDetailsAsync(HttpContext context, HealthReport report)
    {
        var services = context.RequestServices;
        var mayKnow = services.GetRequiredService<IOptions<CloudSyncIngestOptions>>().Value.Authentication.ChecksTokens || services.GetRequiredService<IHostEnvironment>().IsDevelopment();
        return WriteAsync(context, new HealthAnswer(TextOf(report.Status), [.. report.Entries.Select(entry => new Part(
            entry.Key,
            TextOf(entry.Value.Status),
            mayKnow ? entry.Value.Description : null,
            mayKnow && entry.Value.Data.Count > 0 ? entry.Value.Data.ToDictionary(d => d.Key, d => d.Value.ToString() ?? "") : null))]));
    }

    private static Task WriteAsync(HttpContext context, HealthAnswer answer)
    {
        context.Response.ContentType = "application/json; charset=utf-8";
        return JsonSerializer.SerializeAsync(context.Response.Body, answer, IngestJson.Default.HealthAnswer, context.RequestAborted);
    }

    private static string TextOf(HealthStatus status) => status switch
    {
        HealthStatus.Healthy => "healthy",
        HealthStatus.Degraded => "degraded",
        _ => "unhealthy",
    };
}
