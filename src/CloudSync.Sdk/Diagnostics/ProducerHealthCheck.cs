using Confluent.Kafka;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace CloudSync.Sdk;

/// <summary>
/// Can the producer write? Unhealthy while Kafka refuses it, does not answer, or lacks its topic. It asks with the producer's own client, as the producer's own user, and at most once in
/// <see cref="FreshFor"/>, whatever the number of callers.
/// </summary>
internal sealed class ProducerHealthCheck(IServiceProvider services, TimeProvider? time = null) : IHealthCheck, IDisposable
{
    public const string Name = "cloudsync-producer";

    private static readonly TimeSpan FreshFor = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan AnswerWithin = TimeSpan.FromSeconds(2);

    private readonly SemaphoreSlim _oneAtATime = new(1);
    private readonly TimeProvider _time = time ?? TimeProvider.System;
    private (HealthCheckResult Result, long At)? _last;

    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        await _oneAtATime.WaitAsync(cancellationToken);
        try
        {
            // The client has only a blocking call for this.
            if (_last is not { } last || _time.GetElapsedTime(last.At) > FreshFor)
                _last = last = (await Task.Run(Ask, CancellationToken.None), _time.GetTimestamp());
            return last.Result;
        }
        finally
        {
            _oneAtATime.Release();
        }
    }

    public void Dispose() => _oneAtATime.Dispose();

    private HealthCheckResult Ask()
    {
        // Made late, for making it checks options: those that are wrong are told at start, and not by whoever asks for health before.
        var producer = services.GetRequiredService<CloudSyncProducer>();
        try
        {
            var metadata = producer.Metadata(AnswerWithin);
            var topic = metadata.Topics[0];
            if (topic.Error.IsError)
                return HealthCheckResult.Unhealthy($"Kafka answers, but not for the topic '{topic.Topic}': {KafkaTrouble.TextOf(topic.Error)}");

            return producer.Trouble is { NeedsAttention: true } trouble
                ? HealthCheckResult.Unhealthy($"The producer is refused by Kafka since {trouble.Since:u}: {trouble.Reason}")
                : HealthCheckResult.Healthy(
                    $"Kafka answers and has the topic '{topic.Topic}'.",
                    new Dictionary<string, object> { ["topic"] = topic.Topic, ["partitions"] = topic.Partitions.Count, ["brokers"] = metadata.Brokers.Count });
        }
        catch (ObjectDisposedException)
        {
            return HealthCheckResult.Unhealthy("The producer has stopped.");
        }
        catch (KafkaException e)
        {
            return HealthCheckResult.Unhealthy(
                producer.Trouble is { } trouble
                    ? $"The producer {(trouble.NeedsAttention ? "is refused by" : "can't reach")} Kafka since {trouble.Since:u}: {trouble.Reason}"
                    : $"Kafka has not answered the producer within {AnswerWithin.TotalSeconds:0.#} s: {KafkaTrouble.TextOf(e.Error)}");
        }
    }
}
