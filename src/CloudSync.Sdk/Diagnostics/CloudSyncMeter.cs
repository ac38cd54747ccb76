using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace CloudSync.Sdk;

/// <summary>Where the SDK's metrics and traces come from.</summary>
internal static class CloudSyncMeter
{
    public const string Name = "CloudSync.Sdk";

    private static readonly string? Version = typeof(CloudSyncMeter).Assembly.GetName().Version?.ToString(3);

    public static readonly Meter Meter = new(Name, Version);

    public static readonly ActivitySource Activities = new(Name, Version);
}
