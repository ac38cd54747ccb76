using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace CloudSync.Sdk.Ingest;

/// <summary>
/// Not ready once a stop has begun. The host goes on taking requests for <see cref="CloudSyncIngestOptions.DrainDelay"/>, until whoever sends them has seen that; what is under way is finished after it.
/// </summary>
internal sealed class Draining(IOptions<CloudSyncIngestOptions> options, DrainsLater later, IHostApplicationLifetime lifetime, TimeProvider? time = null)
    : IHealthCheck, IHostedLifecycleService
{
    public const string Name = "cloudsync-ingest";

    private volatile bool _isStopping;

    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) => Task.FromResult(
        _isStopping || lifetime.ApplicationStopping.IsCancellationRequested ? HealthCheckResult.Unhealthy("The host is stopping.") : HealthCheckResult.Healthy("Takes requests."));

    /// <summary>Before any service is stopped, the server too.</summary>
    public async Task StoppingAsync(CancellationToken cancellationToken)
    {
        _isStopping = true;
        if (options.Value.DrainDelay > TimeSpan.Zero)
            await Task.Delay(options.Value.DrainDelay, time ?? TimeProvider.System, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        later.Passed();
    }

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
