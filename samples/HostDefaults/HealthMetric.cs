using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace HostDefaults;

/// <summary>What the health checks say, for who watches metrics: a refusal of Kafka's, say, is in no other figure.</summary>
internal sealed class HealthMetric : IHealthCheckPublisher, IDisposable
{
    public const string MeterName = "CloudSync.Sdk.Host";

    private readonly Meter _meter = new(MeterName);
    private readonly ConcurrentDictionary<string, HealthStatus> _statuses = new();

    public HealthMetric() => _meter.CreateObservableGauge(
        "cloudsync.health.status",
        () => _statuses.Select(check => new Measurement<int>((int)check.Value, new KeyValuePair<string, object?>("health_check", check.Key))),
        "{status}",
        "0 unhealthy, 1 degraded, 2 healthy; as of the last look, every 30 s.");

    public Task PublishAsync(HealthReport report, CancellationToken cancellationToken)
    {
        foreach (var (name, entry) in report.Entries)
            _statuses[name] = entry.Status;

        return Task.CompletedTask;
    }

    public void Dispose() => _meter.Dispose();
}
