using CloudSync.Sdk.Ingest;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Diagnostics.HealthChecks;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Metadata;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace CloudSync.Sdk;

/// <summary>Puts the HTTP front door into an application.</summary>
public static class CloudSyncIngestApplicationExtensions
{
    private const string IsUsed = "CloudSync.Ingest.IsUsed";

    /// <summary>
    /// Adds what stands before the endpoints: the answer to what nobody expected (problem details, no stack trace), security headers, https (HSTS and a redirection, outside of Development, where https is set up), tokens, and
    /// the rate limit. It comes first, after <c>UseForwardedHeaders</c> where a proxy is in front, and after <c>UseRouting</c> where that is called.
    /// </summary>
    /// <param name="app">The application.</param>
    /// <exception cref="InvalidOperationException"><c>AddCloudSyncIngest</c> was not called.</exception>
    public static IApplicationBuilder UseCloudSyncIngest(this IApplicationBuilder app)
    {
        ArgumentNullException.ThrowIfNull(app);
        EnsureAdded(app.ApplicationServices);
        app.Properties[IsUsed] = true;
        app.UseExceptionHandler();
        app.UseStatusCodePages();
        app.Use(SecurityHeaders.AddAsync);
        if (!app.ApplicationServices.GetRequiredService<IHostEnvironment>().IsDevelopment() && IsHttpsSetUp(app.ApplicationServices.GetRequiredService<IConfiguration>()))
        {
            app.UseHsts();
            app.UseHttpsRedirection();
        }

        app.UseAuthentication();
        app.Use(AuthenticateAsync);
        app.UseRateLimiter();
        app.UseAuthorization();
        return app;
    }

    /// <summary>Maps <c>POST /api/sync</c> and <c>POST /api/sync/batch</c>.</summary>
    /// <param name="endpoints">The application.</param>
    /// <returns>For what both endpoints shall have besides.</returns>
    /// <exception cref="InvalidOperationException"><c>AddCloudSyncIngest</c> or <c>UseCloudSyncIngest</c> was not called.</exception>
    public static IEndpointConventionBuilder MapCloudSyncIngest(this IEndpointRouteBuilder endpoints)
    {
        ArgumentNullException.ThrowIfNull(endpoints);
        EnsureAdded(endpoints.ServiceProvider);
        if (endpoints is IApplicationBuilder app && !app.Properties.ContainsKey(IsUsed))
            throw new InvalidOperationException("UseCloudSyncIngest was not called before MapCloudSyncIngest, so nothing would limit requests; call it first.");

        var group = endpoints.MapGroup("/api/sync").RequireAuthorization(CloudSyncIngestServiceCollectionExtensions.PolicyOf(TokenChecks.Write))
            .RequireRateLimiting(ClientRateLimit.Name).WithMetadata(new NeededScope(TokenChecks.Write)).WithTags("Sync");

        RequestDelegate one = context => context.RequestServices.GetRequiredService<IngestEndpoints>().PostOneAsync(context);
        Describe<SyncMessageBody, SyncResult>(group.MapPost("", one), one, IngestEndpoints.Json, IngestEndpoints.Event)
            .WithName("PostMessage")
            .WithSummary("Puts a message into Kafka.")
            .WithDescription(
                "Answers 202 when all in-sync replicas have it. The body is JSON, a CloudEvent in structured mode, or, with ce-* headers, the payload of a CloudEvent in binary mode. "
                + "The header Idempotency-Key is the id of a message that has none. A duplicate is accepted and recognised later, by its id.");

        RequestDelegate many = context => context.RequestServices.GetRequiredService<IngestEndpoints>().PostManyAsync(context);
        Describe<SyncMessageBody[], BatchResult>(group.MapPost("/batch", many), many, IngestEndpoints.Json, IngestEndpoints.Lines, IngestEndpoints.EventBatch)
            .WithMetadata(new ProducesResponseTypeMetadata(StatusCodes.Status207MultiStatus, typeof(BatchResult), ["application/json"]))
            .WithName("PostBatch")
            .WithSummary("Puts many messages into Kafka, as they come.")
            .WithDescription(
                "Answers 202 when all were accepted, 207 when some were, with a result for each in its order. Where a result says rest, it stands for all that follow, too: none of them was accepted. "
                + "The body is a JSON array, newline-delimited JSON, or a batch of CloudEvents.");
        return group;
    }

    /// <summary>
    /// Maps <c>GET /health/live</c> (the process answers), <c>GET /health/ready</c> (every health check that is registered, Kafka and the consumers of this process among them; not once a stop has begun), both for anybody
    /// and in one word, and <c>GET /api/health</c> with the details, for the scope <c>sync:admin</c>. A host of consumers alone needs no <c>AddCloudSyncIngest</c> for it; without that, nobody is asked for a token, and the details
    /// are the names and states of the checks, with their texts in Development only.
    /// </summary>
    /// <param name="endpoints">The application. It must have health checks, which every producer and consumer brings.</param>
    /// <returns>For what all three shall have besides.</returns>
    public static IEndpointConventionBuilder MapCloudSyncHealth(this IEndpointRouteBuilder endpoints)
    {
        ArgumentNullException.ThrowIfNull(endpoints);
        var group = endpoints.MapGroup("").WithMetadata(new NeededScope(TokenChecks.Admin));
        group.MapHealthChecks("/health/live", new HealthCheckOptions { Predicate = _ => false, ResponseWriter = HealthAnswer.WriteAsync }).AllowAnonymous();
        group.MapHealthChecks("/health/ready", new HealthCheckOptions { ResponseWriter = HealthAnswer.WriteAsync }).AllowAnonymous();
        var details = group.MapHealthChecks("/api/health", new HealthCheckOptions { ResponseWriter = HealthAnswer.WriteDetailsAsync });
        if (IsAdded(endpoints.ServiceProvider))
            details.RequireAuthorization(CloudSyncIngestServiceCollectionExtensions.PolicyOf(TokenChecks.Admin)).RequireRateLimiting(ClientRateLimit.Name);
        return group;
    }

    /// <summary>The limit is each client's, and is asked before anybody asks who it is.</summary>
    private static async Task AuthenticateAsync(HttpContext context, RequestDelegate next)
    {
        if (context.GetEndpoint()?.Metadata.GetMetadata<NeededScope>() is not null
            && context.RequestServices.GetRequiredService<IOptions<CloudSyncIngestOptions>>().Value.Authentication.ChecksTokens
            && await context.AuthenticateAsync(TokenChecks.Scheme) is { Succeeded: true, Principal: { } client })
            context.User = client;
        await next(context);
    }

    /// <summary>
    /// What an OpenAPI document says of an endpoint. The documents know methods only, so they are told which one it is; and routing would answer other types than these with a 415 of its own, but for the last of them.
    /// </summary>
    private static IEndpointConventionBuilder Describe<TBody, TAnswer>(IEndpointConventionBuilder endpoint, RequestDelegate handler, params string[] types)
    {
        endpoint.WithMetadata(
            handler.Method,
            new AcceptsMetadata([.. types, "*/*"], typeof(TBody)),
            new ProducesResponseTypeMetadata(StatusCodes.Status202Accepted, typeof(TAnswer), ["application/json"]));
        foreach (var status in (int[])[400, 401, 403, 408, 413, 415, 429, 503])
            endpoint.WithMetadata(new ProducesResponseTypeMetadata(status, typeof(ProblemDetails), ["application/problem+json"]));
        return endpoint;
    }

    private static bool IsHttpsSetUp(IConfiguration configuration) =>
        !string.IsNullOrEmpty(configuration["HTTPS_PORTS"]) || !string.IsNullOrEmpty(configuration["HTTPS_PORT"])
        || configuration["URLS"]?.Contains("https://", StringComparison.OrdinalIgnoreCase) == true
        || configuration.GetSection("Kestrel:Endpoints").GetChildren().Any(e => e["Url"]?.StartsWith("https://", StringComparison.OrdinalIgnoreCase) == true);

    private static bool IsAdded(IServiceProvider services) => services.GetService<IServiceProviderIsService>()?.IsService(typeof(IngestEndpoints)) == true;

    private static void EnsureAdded(IServiceProvider services)
    {
        if (!IsAdded(services))
            throw new InvalidOperationException("AddCloudSyncIngest was not called; call services.AddCloudSyncIngest(configuration.GetSection(\"Ingest\")) first.");
    }
}
