using CloudSync.Sdk;
using Confluent.Kafka;
using Microsoft.Extensions.Options;

namespace IngestApi;

/// <summary>What a look at Kafka found.</summary>
internal sealed record HealthReport(
    string Status,
    string Topic,
    int Partitions,
    int Brokers,
    DateTimeOffset CheckedAt,
    string? Detail = null);

/// <summary>
/// <c>GET /api/health</c>: healthy when the producer's brokers answer and have its topic. One long-lived client asks, at most once in
/// <see cref="FreshFor"/>, whatever the number of callers.
/// </summary>
internal sealed class KafkaHealth(IOptions<CloudSyncProducerOptions> options, TimeProvider time) : IDisposable
{
    private static readonly TimeSpan FreshFor = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan AnswerWithin = TimeSpan.FromSeconds(2);

    private readonly SemaphoreSlim _oneAtATime = new(1);
    private readonly CloudSyncProducerOptions _options = options.Value;
    private IAdminClient? _client;
    private HealthReport? _last;

    public async Task<IResult> GetAsync(CancellationToken cancellation)
    {
        var report = await CheckAsync(cancellation);
        return TypedResults.Json(
            report, statusCode: report.Detail is null ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable);
    }

    public void Dispose()
    {
        _client?.Dispose();
        _oneAtATime.Dispose();
    }

    private async Task<HealthReport> CheckAsync(CancellationToken cancellation)
    {
        await _oneAtATime.WaitAsync(cancellation);
        try
        {
            // The client has only a blocking call for this.
            if (_last is null || time.GetUtcNow() - _last.CheckedAt > FreshFor)
                _last = await Task.Run(Ask, CancellationToken.None);
            return _last;
        }
        finally
        {
            _oneAtATime.Release();
        }
    }

    private HealthReport Ask()
    {
        try
        {
            _client ??= NewClient();
            var metadata = _client.GetMetadata(_options.Topic, AnswerWithin);
            var topic = metadata.Topics[0];
            return topic.Error.IsError
                ? Unhealthy($"Kafka answers, but not for the topic '{_options.Topic}' (CloudSync:Producer:Topic): {topic.Error.Reason}")
                : new HealthReport("healthy", _options.Topic, topic.Partitions.Count, metadata.Brokers.Count, time.GetUtcNow());
        }
        catch (Exception e) when (e is KafkaException or InvalidOperationException)
        {
            return Unhealthy(
                $"Kafka (CloudSync:Producer:BootstrapServers) has not answered within {AnswerWithin.TotalSeconds:0.#} s: {e.Message}");
        }
    }

    private IAdminClient NewClient()
    {
        var config = new AdminClientConfig(new Dictionary<string, string>(_options.Kafka)) { BootstrapServers = _options.BootstrapServers };

        // Brokers that come and go would be written to the error stream by the client itself; the report says it.
        return new AdminClientBuilder(config).SetLogHandler((_, _) => { }).SetErrorHandler((_, _) => { }).Build();
    }

    private HealthReport Unhealthy(string detail) => new("unhealthy", _options.Topic, 0, 0, time.GetUtcNow(), detail);
}
