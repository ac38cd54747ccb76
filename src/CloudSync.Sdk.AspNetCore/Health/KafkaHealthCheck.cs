using Confluent.Kafka;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Options;

namespace CloudSync.Sdk.Ingest;

/// <summary>
/// Healthy when the producer's brokers answer and have its topic. One long-lived client asks, at most once in <see cref="FreshFor"/>, whatever the number of callers.
/// </summary>
internal sealed class KafkaHealthCheck(IOptions<CloudSyncProducerOptions> options, TimeProvider? time = null) : IHealthCheck, IDisposable
{
    public const string Name = "cloudsync-kafka";

    private static readonly TimeSpan FreshFor = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan AnswerWithin = TimeSpan.FromSeconds(2);

    private readonly SemaphoreSlim _oneAtATime = new(1);
    private readonly CloudSyncProducerOptions _options = options.Value;
    private readonly TimeProvider _time = time ?? TimeProvider.System;
    private IAdminClient? _client;
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

    public void Dispose()
    {
        _client?.Dispose();
        _oneAtATime.Dispose();
    }

    private HealthCheckResult Ask()
    {
        try
        {
            _client ??= NewClient();
            var metadata = _client.GetMetadata(_options.Topic, AnswerWithin);
            var topic = metadata.Topics[0];
            return topic.Error.IsError
                ? HealthCheckResult.Unhealthy($"Kafka answers, but not for the topic '{_options.Topic}' (Topic of the producer): {topic.Error.Reason}")
                : HealthCheckResult.Healthy(
                    $"Kafka answers and has the topic '{_options.Topic}'.",
                    new Dictionary<string, object> { ["topic"] = _options.Topic, ["partitions"] = topic.Partitions.Count, ["brokers"] = metadata.Brokers.Count });
        }
        catch (Exception e) when (e is KafkaException or InvalidOperationException)
        {
            return HealthCheckResult.Unhealthy($"Kafka (BootstrapServers of the producer) has not answered within {AnswerWithin.TotalSeconds:0.#} s: {e.Message}");
        }
    }

    private IAdminClient NewClient()
    {
        var config = new AdminClientConfig(new Dictionary<string, string>(_options.Kafka)) { BootstrapServers = _options.BootstrapServers };

        // Brokers that come and go would be written to the error stream by the client itself; the result says it.
        return new AdminClientBuilder(config).SetLogHandler((_, _) => { }).SetErrorHandler((_, _) => { }).Build();
    }
}
