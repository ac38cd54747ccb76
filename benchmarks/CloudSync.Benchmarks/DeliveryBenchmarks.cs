using BenchmarkDotNet.Attributes;
using Microsoft.Extensions.Logging.Abstractions;

namespace CloudSync.Benchmarks;

/// <summary>A delivery that succeeds, without claims: lane → gate → sink that does nothing → settle. Per message; the difference to <see cref="PipelineBenchmarks"/> is what claims and reading cost.</summary>
[MemoryDiagnoser]
public class DeliveryBenchmarks
{
    private const int Batch = 500;

    private readonly PartitionProgress _progress = new("data-topic", 0, 1);
    private readonly Delivery[] _deliveries = new Delivery[Batch];
    private RawRecord[] _records = [];
    private ConsumerMetrics _metrics = null!;
    private DeliveryPipeline _pipeline = null!;
    private long _offset;

    /// <summary>Whether the sink takes batches.</summary>
    [Params(false, true)]
    public bool BatchSink { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        var options = new CloudSyncConsumerOptions { GroupId = "benchmark", MaxConcurrency = BatchSink ? 4 : 128 };
        _records = Messages.Make(Batch, keys: Batch);
        _metrics = new ConsumerMetrics("benchmark", "benchmark", Messages.Topic);
        _pipeline = new DeliveryPipeline(
            "benchmark", options, BatchSink ? new NoBatchSink(Batch) : new NoSink(), store: null, null, new NoDeadLetters(), _metrics, new ConsumerHealth(),
            TimeProvider.System, NullLogger.Instance);
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        _pipeline.Dispose();
        _metrics.Dispose();
    }

    [Benchmark(OperationsPerInvoke = Batch)]
    public long Deliver()
    {
        for (var i = 0; i < Batch; i++)
        {
            var record = _records[i] with { Partition = 0, Offset = _offset++ };
            _progress.Track(new ReadOnlySpan<RawRecord>(in record));
            _deliveries[i] = new Delivery(record, _progress, KeyLanes.LaneOf(MessageOrdering.Key, record));
        }

        _pipeline.Accept(_deliveries);
        while (_pipeline.Window.Messages > 0)
            Thread.Yield();

        return _progress.CommitOffset;
    }
}
