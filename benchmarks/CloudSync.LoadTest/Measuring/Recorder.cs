using System.Collections.Concurrent;
using System.Diagnostics;
using CloudSync.LoadTest.Results;
using HdrHistogram;

namespace CloudSync.LoadTest.Measuring;

/// <summary>What becomes of the messages of one step. May be told by any thread.</summary>
internal sealed class Recorder
{
    private readonly Lock _lock = new();
    private readonly ConcurrentDictionary<string, long> _errors = new();
    private readonly LongHistogram _latency = Histograms.New();
    private readonly LongHistogram _lateness = Histograms.New();
    private LongHistogram _second = Histograms.New();
    private LongHistogram _spare = Histograms.New();
    private long _begun;
    private long _accepted;
    private long _first;
    private long _queueFull;
    private int _inFlight;
    private int _maxInFlight;

    public long Begun => Volatile.Read(ref _begun);

    public long Accepted => Volatile.Read(ref _accepted);

    /// <summary>Seconds since the first acknowledgement; 0 before.</summary>
    public double SinceFirst => Volatile.Read(ref _first) is > 0 and var first ? Stopwatch.GetElapsedTime(first).TotalSeconds : 0;

    public long QueueFull => Volatile.Read(ref _queueFull);

    public int MaxInFlight => Volatile.Read(ref _maxInFlight);

    public IReadOnlyDictionary<string, long> Errors => new SortedDictionary<string, long>(_errors, StringComparer.Ordinal);

    /// <summary>A request is begun.</summary>
    /// <param name="messages">How many messages it holds.</param>
    /// <param name="lateness">How much later than it could have been: than it was due, or than a place came free.</param>
    public void Began(int messages, TimeSpan lateness)
    {
        var inFlight = Interlocked.Increment(ref _inFlight);
        Interlocked.Add(ref _begun, messages);
        lock (_lock)
        {
            _maxInFlight = Math.Max(_maxInFlight, inFlight);
            Histograms.Record(_lateness, lateness, 1);
        }
    }

    /// <summary>A request has ended, in whatever way.</summary>
    public void Ended() => Interlocked.Decrement(ref _inFlight);

    /// <summary>Messages were acknowledged.</summary>
    public void Acknowledged(int messages, long due)
    {
        var latency = Stopwatch.GetElapsedTime(due);
        if (Volatile.Read(ref _first) == 0)
            Interlocked.CompareExchange(ref _first, Stopwatch.GetTimestamp(), 0);
        Interlocked.Add(ref _accepted, messages);
        lock (_lock)
        {
            Histograms.Record(_latency, latency, messages);
            Histograms.Record(_second, latency, messages);
        }
    }

    /// <summary>Messages could not be begun before the end.</summary>
    /// <param name="messages">How many.</param>
    /// <param name="waited">How long they had waited, in ticks of the stopwatch.</param>
    public void NotBegun(int messages, long waited)
    {
        lock (_lock)
            Histograms.Record(_latency, Stopwatch.GetElapsedTime(0, Math.Max(0, waited)), messages);
    }

    /// <summary>Messages were not answered in time. They have waited so long all the same: left out, the slowest of all would be what is not seen.</summary>
    public void TimedOut(int messages, long due)
    {
        Failed("time-out", messages);
        var waited = Stopwatch.GetElapsedTime(due);
        lock (_lock)
            Histograms.Record(_latency, waited, messages);
    }

    public void Failed(string kind, int messages) => _errors.AddOrUpdate(kind, messages, (_, before) => before + messages);

    /// <summary>Messages were refused, or had to wait, because the producer's queue was full.</summary>
    public void WasFull(int messages) => Interlocked.Add(ref _queueFull, messages);

    public Latency Latency()
    {
        lock (_lock)
            return Histograms.Summary(_latency);
    }

    public Latency Lateness()
    {
        lock (_lock)
            return Histograms.Summary(_lateness);
    }

    /// <summary>The median and the 99th percentile of what was acknowledged since this was asked last, in milliseconds.</summary>
    public (double P50, double P99) NextSecond()
    {
        lock (_lock)
        {
            (_second, _spare) = (_spare, _second);
            var result = (Histograms.Milliseconds(_spare, 50), Histograms.Milliseconds(_spare, 99));
            _spare.Reset();
            return result;
        }
    }
}
