using Microsoft.Extensions.Logging;

namespace CloudSync.Sdk.Ingest;

/// <summary>All that the front door logs. No payload, no key.</summary>
internal static partial class IngestLog
{
    [LoggerMessage(3001, LogLevel.Warning, "Kafka did not take {Refused} of {Count} messages of a request, which was told so. The first: {Reason}")]
    public static partial void NotTaken(ILogger logger, int refused, int count, string reason);

    [LoggerMessage(
        3002, LogLevel.Warning,
        "Anybody who reaches this host may post messages: Ingest authentication is switched off (Authentication:AllowAnonymous). Let nobody reach it but what checks its callers.")]
    public static partial void Anonymous(ILogger logger);

    [LoggerMessage(3003, LogLevel.Information, "Nobody is asked for a token, since this is Development and Authentication has no settings. Elsewhere the host would not start.")]
    public static partial void AnonymousInDevelopment(ILogger logger);

    [LoggerMessage(3004, LogLevel.Warning, "The keys of the tokens' issuer can't be had (Authentication:Authority, {Authority}), so no token can be checked and its requests are answered with 503: {Reason}")]
    public static partial void IssuerUnreachable(ILogger logger, string authority, string reason);
}
