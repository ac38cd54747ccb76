using Microsoft.Extensions.Logging;

namespace CloudSync.Sdk;

/// <summary>All that the tokens log. What keeps a message from going out is thrown, and logged by the consumer.</summary>
internal static partial class EntraTokenLog
{
    [LoggerMessage(1501, LogLevel.Warning, "The Entra token could not be renewed; the one that is there is valid until {ExpiresOn:u}, and it is tried again. {Error}")]
    public static partial void NotRenewed(ILogger logger, DateTimeOffset expiresOn, string error, Exception exception);
}
