using Microsoft.Extensions.Logging;

namespace CloudSync.Sdk;

/// <summary>All that the Redis store logs. A call that fails is thrown, and logged by the consumer.</summary>
internal static partial class RedisStoreLog
{
    [LoggerMessage(1301, LogLevel.Warning, "The idempotency store lost its connection to Redis at {Endpoint} ({Failure}), and goes on trying. Until it is back, Idempotency:WhenStoreFails says what happens.")]
    public static partial void ConnectionLost(ILogger logger, string endpoint, string failure);

    [LoggerMessage(1302, LogLevel.Information, "The idempotency store is connected to Redis at {Endpoint} again.")]
    public static partial void ConnectionRestored(ILogger logger, string endpoint);

    [LoggerMessage(
        1303, LogLevel.Warning,
        "Redis has maxmemory-policy {Policy}: when its memory is full it throws keys away, and the ids in them are forgotten, so their messages may be delivered again. Set noeviction.")]
    public static partial void KeysMayBeEvicted(ILogger logger, string policy);

    [LoggerMessage(1304, LogLevel.Warning, "The idempotency store could not clean up claims whose owners never came back; it tries again with the next clean-up.")]
    public static partial void SweepFailed(ILogger logger, Exception exception);

    [LoggerMessage(
        1305, LogLevel.Warning,
        "Redis has lazyfree-lazy-expire no: when the ids of a group that is no longer used expire, it stands still while it frees them, about a second for some millions. Set lazyfree-lazy-expire yes.")]
    public static partial void ExpiryBlocks(ILogger logger);
}
