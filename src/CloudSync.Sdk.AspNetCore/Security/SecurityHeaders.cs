using Microsoft.AspNetCore.Http;

namespace CloudSync.Sdk.Ingest;

/// <summary>What browsers and caches are told: that no answer is a page, a script, or to be kept. Other endpoints of the application have pages perhaps, and are told only that a type is what it says.</summary>
internal static class SecurityHeaders
{
    public static Task AddAsync(HttpContext context, RequestDelegate next)
    {
        context.Response.OnStarting(Add, context);
        return next(context);
    }

    private static Task Add(object state)
    {
        var context = (HttpContext)state;
        var headers = context.Response.Headers;
        headers.XContentTypeOptions = "nosniff";
        if (context.GetEndpoint() is { } endpoint && endpoint.Metadata.GetMetadata<NeededScope>() is null)
            return Task.CompletedTask;

        headers.CacheControl = "no-store";
        headers.ContentSecurityPolicy = "default-src 'none'; frame-ancestors 'none'";
        headers.XFrameOptions = "DENY";
        headers["Referrer-Policy"] = "no-referrer";
        headers["Cross-Origin-Resource-Policy"] = "same-origin";
        return Task.CompletedTask;
    }
}
