using CloudSync.Sdk.Settings;

namespace CloudSync.Sdk;

/// <summary>What the platform gives this process. Checked at start; every error names the setting, its value and what would do.</summary>
public sealed class CloudSyncHostOptions
{
    /// <summary>
    /// How long the platform waits after SIGTERM before it kills the process: Kubernetes' <c>terminationGracePeriodSeconds</c> (30 s unless set), Docker's <c>stop_grace_period</c> or
    /// <c>docker stop -t</c> (10 s unless set), systemd's <c>TimeoutStopSec</c>. Default 30 s. A tenth of it, from 1 s to 5 s, is kept back for the last commit, and as much for the end of the process.
    /// </summary>
    [SettingRange("00:00:05", "01:00:00")]
    public TimeSpan GraceTime { get; set; } = TimeSpan.FromSeconds(30);
}
