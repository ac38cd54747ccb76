using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace CloudSync.Sdk;

/// <summary>
/// Is a consumer doing its work? Unhealthy is what waiting does not mend: somebody must do something, or restart it. Degraded is what it gets over by itself, an outage of the
/// endpoint above all: restarting it would help nobody.
/// </summary>
internal sealed class ConsumerHealthCheck(ICloudSyncConsumer consumer, TimeSpan drainTimeout) : IHealthCheck
{
    /// <summary>How much longer than a drain, which the poll thread waits for when partitions are revoked, it may be without a poll.</summary>
    public static readonly TimeSpan PollGap = TimeSpan.FromMinutes(2);

    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        var status = consumer.Status;
        var (health, description) = Judge(status, drainTimeout + PollGap);
        return Task.FromResult(new HealthCheckResult(
            health,
            $"Consumer '{consumer.Name}' {description}",
            data: new Dictionary<string, object>
            {
                ["breaker"] = status.Breaker.ToString(),
                ["paused"] = status.Paused.ToString(),
                ["lag"] = status.Lag,
                ["held"] = status.Held,
                ["partitions"] = status.Partitions,
                ["abandonedCalls"] = status.AbandonedCalls,
                ["concurrencyLimit"] = status.ConcurrencyLimit,
            }));
    }

    /// <summary>What a status means, the worst first.</summary>
    internal static (HealthStatus Health, string Description) Judge(ConsumerStatus status, TimeSpan longestPollGap) => status switch
    {
        { IsRunning: false } => (HealthStatus.Unhealthy, "is not running."),
        { ClientFailure: { } failure } => (HealthStatus.Unhealthy, $"has lost its Kafka client and builds it anew: {failure}"),
        { KafkaTrouble: { NeedsAttention: true } trouble } => (HealthStatus.Unhealthy, $"is refused by Kafka since {trouble.Since:u}: {trouble.Reason}"),
        { SinceLastPoll: var gap } when gap > longestPollGap => (HealthStatus.Unhealthy, $"has not polled Kafka for {gap:c}: its thread hangs."),
        { Paused: var paused } when paused.HasFlag(PauseReasons.CallsAbandoned) => (
            HealthStatus.Unhealthy, $"calls nobody: {status.AbandonedCalls} abandoned calls of its sink have not ended (MaxAbandonedCalls)."),
        { NeedsAttention: true } => (HealthStatus.Unhealthy, $"is kept out by its endpoint since {status.Since:u}: {status.Reason}"),
        { Paused: var paused } when paused.HasFlag(PauseReasons.DeadLettersDown) => (
            HealthStatus.Unhealthy, "can't write its dead letters; the log says why. Nothing is lost, and nothing more is read."),
        { Breaker: BreakerState.Isolated } => (HealthStatus.Degraded, $"was isolated by hand at {status.Since:u}: {status.Reason}"),
        { Breaker: not BreakerState.Closed } => (HealthStatus.Degraded, $"waits for its endpoint since {status.Since:u} ({status.ErrorType}): {status.Reason}"),
        { Paused: var paused } when paused.HasFlag(PauseReasons.StoreDown) => (HealthStatus.Degraded, "waits for its idempotency store; the log says why."),
        { IsStoreDown: true } => (HealthStatus.Degraded, "delivers without its idempotency store, so an endpoint may get a message twice; the log says why."),
        { KafkaTrouble: { } trouble } => (HealthStatus.Degraded, $"can't reach Kafka since {trouble.Since:u}: {trouble.Reason}"),
        { IsOutOfGroup: true } => (HealthStatus.Degraded, "was put out by its group and is on its way back."),
        { IsHeld: true } => (HealthStatus.Degraded, "was asked by its endpoint to wait (Retry-After)."),
        _ => (HealthStatus.Healthy, "delivers."),
    };
}
