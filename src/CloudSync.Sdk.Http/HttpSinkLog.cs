using Microsoft.Extensions.Logging;

namespace CloudSync.Sdk;

/// <summary>All that the HTTP sinks log. What fails is thrown or reported, and logged by the consumer.</summary>
internal static partial class HttpSinkLog
{
    [LoggerMessage(
        1, LogLevel.Warning,
        "POST {Address} refused a batch of {Count} messages in {Bytes} bytes as too large (413); it goes in halves, as will every batch of its size. Set the consumer's MaxBatchBytes or MaxBatchSize lower to save the extra requests. This is said once.")]
    public static partial void BatchTooLarge(ILogger logger, string address, int count, long bytes);
}
