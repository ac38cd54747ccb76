using Microsoft.Extensions.Logging;

namespace CloudSync.Sdk;

/// <summary>All that the signing of requests logs. What keeps a message from going out is thrown, and logged by the consumer.</summary>
internal static partial class AwsSignatureLog
{
    [LoggerMessage(
        1401, LogLevel.Warning,
        "The AWS credentials could not be renewed; those that are there are valid until {ExpiresOn:u}, and it is tried again. {Error}")]
    public static partial void NotRenewed(ILogger logger, DateTimeOffset expiresOn, string error, Exception exception);

    [LoggerMessage(
        1402, LogLevel.Warning,
        "The clock of {Host} is {Offset:c} ahead of this machine's, which is too much for a signature: requests are signed by its time from now on. Set this machine's clock right (NTP). This is said once.")]
    public static partial void ClockIsWrong(ILogger logger, string host, TimeSpan offset);
}
