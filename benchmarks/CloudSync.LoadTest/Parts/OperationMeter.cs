using System.Diagnostics.Metrics;
using CloudSync.LoadTest.Measuring;
using HdrHistogram;

namespace CloudSync.LoadTest.Parts;

/// <summary>Listens to one of the SDK's own durations, in seconds.</summary>
internal sealed class OperationMeter : IDisposable
{
    private readonly MeterListener _listener = new();
    private readonly Lock _lock = new();
    private readonly LongHistogram _durations = Histograms.New();

    public OperationMeter(string instrument)
    {
        _listener.InstrumentPublished = (published, listener) =>
        {
            if (published.Name == instrument)
                listener.EnableMeasurementEvents(published);
        };
        _listener.SetMeasurementEventCallback<double>((_, seconds, _, _) =>
        {
            lock (_lock)
                Histograms.Record(_durations, TimeSpan.FromSeconds(seconds), 1);
        });
        _listener.Start();
    }

    /// <summary>How many there were since this was asked last, and how long they took, in milliseconds.</summary>
    public (long Count, double Mean, double P99) Next()
    {
        lock (_lock)
        {
            var result = (_durations.TotalCount, _durations.TotalCount == 0 ? 0 : _durations.GetMean() / 1_000, Histograms.Milliseconds(_durations, 99));
            _durations.Reset();
            return result;
        }
    }

    public void Dispose() => _listener.Dispose();
}
