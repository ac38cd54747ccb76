namespace CloudSync.Sdk;

/// <summary>One consumer of this process, to be looked at and to be held off its endpoint by hand. It is a keyed service under the consumer's name.</summary>
/// <example>
/// <code>
/// var aws = services.GetRequiredKeyedService&lt;ICloudSyncConsumer&gt;("aws");
/// aws.Isolate("The endpoint is being moved, ticket 4711.");
/// </code>
/// </example>
public interface ICloudSyncConsumer
{
    /// <summary>The consumer's name.</summary>
    string Name { get; }

    /// <summary>How it is at this moment.</summary>
    ConsumerStatus Status { get; }

    /// <summary>
    /// Opens the breaker by hand: calls under way end, nothing further is sent, consumption pauses in the group, and nothing is dead-lettered. It lasts until
    /// <see cref="Release"/>, or the end of the process.
    /// </summary>
    /// <param name="reason">Why, for those who see it in the log and in the health check.</param>
    /// <exception cref="ArgumentException"><paramref name="reason"/> is blank.</exception>
    /// <exception cref="InvalidOperationException">The consumer has not started.</exception>
    void Isolate(string reason);

    /// <summary>Ends an isolation: one message probes the endpoint, and the others follow when it is taken. Ends a wait that the endpoint asked for (Retry-After), too.</summary>
    /// <returns>Whether there was one of them.</returns>
    bool Release();
}

/// <summary>How a consumer is at one moment.</summary>
public sealed record ConsumerStatus
{
    /// <summary>Whether it has been started and has not ended.</summary>
    public bool IsRunning { get; init; }

    /// <summary>Whether calls to the endpoint flow.</summary>
    public BreakerState Breaker { get; init; }

    /// <summary>What opened the breaker; <see langword="null"/> while it is closed, or when it was isolated by hand.</summary>
    public ErrorType? ErrorType { get; init; }

    /// <summary>What the sink said when the breaker opened, or why it was isolated; <see langword="null"/> while it is closed.</summary>
    public string? Reason { get; init; }

    /// <summary>Since when the breaker has not been closed.</summary>
    public DateTimeOffset? Since { get; init; }

    /// <summary>Whether waiting will not close the breaker: the endpoint does not accept our credentials.</summary>
    public bool NeedsAttention { get; init; }

    /// <summary>Whether the endpoint has asked us to wait, and the wait is not over.</summary>
    public bool IsHeld { get; init; }

    /// <summary>Calls that may be under way at the same time now: fewer than the maximum after an outage, or where the number is found out.</summary>
    public int ConcurrencyLimit { get; init; }

    /// <summary>Calls of the sink that were abandoned and have not ended.</summary>
    public int AbandonedCalls { get; init; }

    /// <summary>Why nothing is read at the moment.</summary>
    public PauseReasons Paused { get; init; }

    /// <summary>
    /// Whether the idempotency store does not answer. With <see cref="StoreOutagePolicy.Pause"/> nothing is read meanwhile; with <see cref="StoreOutagePolicy.DeliverAnyway"/>
    /// messages are delivered without it.
    /// </summary>
    public bool IsStoreDown { get; init; }

    /// <summary>What the idempotency store has seen; <see langword="null"/> when duplicates are not recognised.</summary>
    public IdempotencyStatistics? Idempotency { get; init; }

    /// <summary>Messages in the owned partitions that are not settled yet, as of the last second.</summary>
    public long Lag { get; init; }

    /// <summary>Messages held in memory.</summary>
    public int Held { get; init; }

    /// <summary>Partitions owned.</summary>
    public int Partitions { get; init; }

    /// <summary>Whether the group has put this consumer out, and it is not back yet.</summary>
    public bool IsOutOfGroup { get; init; }

    /// <summary>How long ago the Kafka client was polled last.</summary>
    public TimeSpan SinceLastPoll { get; init; }

    /// <summary>What the Kafka client failed with, while it is being built anew; <see langword="null"/> otherwise.</summary>
    public string? ClientFailure { get; init; }

    /// <summary>Why Kafka can't be reached, or does not let this consumer in, or its dead letters; <see langword="null"/> while nothing is known to be wrong.</summary>
    public KafkaTrouble? KafkaTrouble { get; init; }
}

/// <summary>Why consumption is paused.</summary>
[Flags]
public enum PauseReasons
{
    /// <summary>It is not.</summary>
    None = 0,

    /// <summary>As much is held in memory as may be.</summary>
    WindowFull = 1,

    /// <summary>The endpoint is down.</summary>
    BreakerOpen = 2,

    /// <summary>The idempotency store does not answer.</summary>
    StoreDown = 4,

    /// <summary>Dead letters can't be written.</summary>
    DeadLettersDown = 8,

    /// <summary>The consumer is stopping.</summary>
    Stopping = 16,

    /// <summary>Too many calls of the sink were abandoned and have not ended: see <see cref="CloudSyncConsumerOptions.MaxAbandonedCalls"/>.</summary>
    CallsAbandoned = 32,
}
