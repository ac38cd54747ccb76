using CloudSync.Sdk.Settings;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace CloudSync.Sdk;

/// <summary>Says the grace time and what was made of it, before anything else starts.</summary>
internal sealed partial class GraceTimeAtStart(
    GraceTimeDefaults defaults, IOptions<CloudSyncHostOptions> options, IOptions<HostOptions> host, ILogger<GraceTimeAtStart> log) : IHostedLifecycleService
{
    /// <exception cref="OptionsValidationException">Code gives the services more time than there is.</exception>
    public Task StartingAsync(CancellationToken cancellationToken)
    {
        var grace = defaults.Grace ?? new GraceTime(options.Value.GraceTime);
        if (host.Value.ShutdownTimeout > grace.ShutdownTimeout)
            throw new OptionsValidationException(Options.DefaultName, typeof(HostOptions), [
                $"HostOptions.ShutdownTimeout is {SettingText.Format(host.Value.ShutdownTimeout)}; it must be at most {SettingText.Format(grace.ShutdownTimeout)}: GraceTime is "
                + $"{SettingText.Format(grace.Total)}, and then the platform kills the process. Leave it out, or raise GraceTime together with what the platform gives."]);

        Says(log, grace.Total, host.Value.ShutdownTimeout, grace.DefaultStop);
        return Task.CompletedTask;
    }

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    [LoggerMessage(1601, LogLevel.Information,
        "Told to stop, this process takes at most {GraceTime} (GraceTime; the platform must give as much): the host gives its services {ShutdownTimeout}; a consumer drains, and the producer flushes, for up to {StopTime} where DrainTimeout and FlushTimeout are not set.")]
    private static partial void Says(ILogger log, TimeSpan graceTime, TimeSpan shutdownTimeout, TimeSpan stopTime);
}
