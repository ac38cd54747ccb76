using BenchmarkDotNet.Attributes;
using Microsoft.Extensions.Logging.Abstractions;

namespace CloudSync.Benchmarks;

/// <summary>
/// The whole way in the process, without Kafka: read batch → track → lane → claim → sink → complete → settle → commit offset. A sink that does nothing;
/// per message, with everything that the consumer allocates but the record's own bytes.
/// </summary>
[MemoryDiagnoser]
public class PipelineBenchmarks
{
    private const int Batch = 500;
    private const int Batches = 200;

    private readonly PartitionProgress[] _partitions = [.. Enumerable.Range(0, 12).Select(p => new PartitionProgress("data-topic", p, 1))];
    private readonly Delivery[] _deliveries = new Delivery[Batch];
    private RawRecord[] _records = [];
    private ConsumerMetrics _metrics = null!;
    private InMemoryIdempotencyStore _store = null!;
    private DeliveryPipeline _pipeline = null!;
    private long _offset;

    /// <summary>Whether the sink takes batches.</summary>
    [Params(false, true)]
    public bool BatchSink { get; set; }

    /// <summary>Distinct keys in a batch of 500.</summary>
    [Params(50, 500)]
    public int Keys { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        var options = new CloudSyncConsumerOptions { GroupId = "benchmark", MaxConcurrency = BatchSink ? 4 : 128 };
        options.Idempotency.MaxEntries = 1_000_000;
        _records = Messages.Make(Batch, Keys);
        _metrics = new ConsumerMetrics("benchmark", "benchmark", Messages.Topic);
        _store = new InMemoryIdempotencyStore(options.Idempotency, TimeProvider.System);
        _pipeline = new DeliveryPipeline(
            "benchmark", options, BatchSink ? new NoBatchSink(Batch) : new NoSink(), _store, null, new NoDeadLetters(), _metrics, new ConsumerHealth(),
            TimeProvider.System, NullLogger.Instance);
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        _pipeline.Dispose();
        _store.Dispose();
        _metrics.Dispose();
    }

    [Benchmark(OperationsPerInvoke = Batch * Batches)]
    public long Deliver()
    {
        for (var batch = 0; batch < Batches; batch++)
        {
            while (_pipeline.Window.Room < Batch)
                _pipeline.Window.WaitForRoom(TimeSpan.FromMilliseconds(1), default);

            _offset += Batch;
            for (var i = 0; i < Batch; i++)
            {
                // Each message without an id of its own: its place is its id, so that none is a duplicate of the last round's.
                var record = _records[i] with { Offset = _offset + i, HeadersLength = 0 };
                var progress = _partitions[record.Partition];
                progress.Track(new ReadOnlySpan<RawRecord>(in record));
                _deliveries[i] = new Delivery(record, progress, KeyLanes.LaneOf(MessageOrdering.Key, record));
            }

            _pipeline.Accept(_deliveries);
        }

        while (_pipeline.Window.Messages > 0)
            Thread.Yield();

        return _partitions[0].CommitOffset;
    }
}
