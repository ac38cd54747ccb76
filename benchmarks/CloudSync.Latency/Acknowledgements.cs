using System.Collections.Concurrent;
using System.Diagnostics;
using HdrHistogram;

namespace CloudSync.Latency;

/// <summary>How long messages took from when they were due until they were acknowledged.</summary>
internal sealed class Acknowledgements
{
    private const int Buckets = 3;

    private readonly ConcurrentQueue<Due> _free = new();
    private readonly Lock _lock = new();
    private readonly LongHistogram _microseconds = new(TimeSpan.FromMinutes(5).Ticks / TimeSpan.TicksPerMicrosecond, Buckets);
    private long _failed;

    /// <summary>Whether what is acknowledged counts: not while the process warms up.</summary>
    public bool IsMeasuring { get; set; }

    public long Failed => Volatile.Read(ref _failed);

    public IProduceAcknowledgement Of(long due)
    {
        if (!_free.TryDequeue(out var acknowledgement))
            acknowledgement = new Due(this);
        acknowledgement.At = due;
        return acknowledgement;
    }

    public (long Count, double Mean, double Median, double P99, double Max) Milliseconds()
    {
        lock (_lock)
        {
            return (_microseconds.TotalCount, _microseconds.GetMean() / 1_000, _microseconds.GetValueAtPercentile(50) / 1_000.0,
                _microseconds.GetValueAtPercentile(99) / 1_000.0, _microseconds.GetMaxValue() / 1_000.0);
        }
    }

    private void Acknowledged(Due due)
    {
        var took = Stopwatch.GetElapsedTime(due.At);
        if (IsMeasuring)
            lock (_lock)
                _microseconds.RecordValue(took.Ticks / TimeSpan.TicksPerMicrosecond);
        _free.Enqueue(due);
    }

    private sealed class Due(Acknowledgements all) : IProduceAcknowledgement
    {
        public long At { get; set; }

        public void Acknowledged(in ProducedMessage produced) => all.Acknowledged(this);

        public void Failed(ProduceFailedException failure)
        {
            if (Interlocked.Increment(ref all._failed) == 1)
                Console.Error.WriteLine(failure.Message);
        }
    }
}
