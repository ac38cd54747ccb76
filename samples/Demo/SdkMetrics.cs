using System.Collections.Concurrent;
using System.Diagnostics.Metrics;

namespace Demo;

/// <summary>The SDK's own counters, for the live table only: the verdict does not ask them.</summary>
internal sealed class SdkMetrics : IDisposable
{
    private readonly MeterListener _listener = new();
    private readonly ConcurrentDictionary<(string Instrument, string Cloud), double> _values = new();

    public SdkMetrics()
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter.Name == "CloudSync.Sdk" && instrument.Name.StartsWith("cloudsync.consumer.", StringComparison.Ordinal))
                listener.EnableMeasurementEvents(instrument);
        };
        _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Take(instrument, value, tags));
        _listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Take(instrument, value, tags));
        _listener.Start();
    }

    /// <summary>Asks the gauges for their values.</summary>
    public void Refresh() => _listener.RecordObservableInstruments();

    public long Read(string name, string cloud) => (long)_values.GetValueOrDefault(("cloudsync.consumer." + name, cloud));

    public void Dispose() => _listener.Dispose();

    private void Take(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        foreach (var tag in tags)
        {
            if (tag.Key != "cloudsync.consumer" || tag.Value is not string cloud)
                continue;

            _values.AddOrUpdate(
                (instrument.Name, cloud), static (_, arg) => arg.value, static (_, was, arg) => arg.IsObservable ? arg.value : was + arg.value, (value, instrument.IsObservable));
        }
    }
}
