using BenchmarkDotNet.Attributes;

namespace CloudSync.Benchmarks;

/// <summary>Tracking a partition's offsets and settling them, in batches. Per message.</summary>
[MemoryDiagnoser]
public class ProgressBenchmarks
{
    private const int Batch = 500;

    private readonly RawRecord[] _records = new RawRecord[Batch];
    private readonly Delivery[] _deliveries = new Delivery[Batch];
    private readonly PartitionProgress _progress = new("data-topic", 0, 1);
    private long _offset;

    /// <summary>Whether the first message of all never settles, so that everything else settles behind it.</summary>
    [Params(false, true)]
    public bool OneStuck { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        if (OneStuck)
            _progress.Track([new RawRecord([], 0, -1, 0, 0, 0, _offset++, 0)]);
    }

    [Benchmark(OperationsPerInvoke = Batch)]
    public long TrackAndSettle()
    {
        for (var i = 0; i < Batch; i++)
            _records[i] = new RawRecord([], 0, -1, 0, 0, 0, _offset++, 0);

        _progress.Track(_records);
        for (var i = 0; i < Batch; i++)
            _deliveries[i] = new Delivery(_records[i], _progress, 0);

        _progress.Settle(_deliveries);
        return _progress.CommitOffset;
    }
}
