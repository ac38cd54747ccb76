using CloudSync.Sdk.Settings;

namespace CloudSync.Sdk;

/// <summary>
/// Finds out how many calls at the same time the endpoint can take, from how fast it answers and how often it pushes back. For an endpoint whose capacity is not known, or
/// changes.
/// </summary>
/// <remarks>
/// The limit starts at 1. It rises by one when it was reached, nothing pushed back and calls were no slower than before; it falls to nine tenths when the endpoint pushed back
/// (429, 503, a time-out) or calls became much slower. Only calls that succeed are timed. See TCP congestion control (AIMD), and Vector's adaptive request concurrency.
/// </remarks>
public sealed class AdaptiveConcurrencyOptions
{
    /// <summary>Whether the limit is found. Default <see langword="false"/>: it is <see cref="CloudSyncConsumerOptions.MaxConcurrency"/>, which it never exceeds in any case.</summary>
    public bool Enabled { get; set; }

    /// <summary>How fast older times are forgotten: the weight of the newest in the moving average, from 0 (never) to 1 (at once). Default 0.4.</summary>
    [SettingRange(0.01, 1.0)]
    public double Smoothing { get; set; } = 0.4;

    /// <summary>By how many standard deviations calls must be slower than their average before the limit falls. Default 2.5.</summary>
    [SettingRange(0.5, 100.0)]
    public double Tolerance { get; set; } = 2.5;
}
