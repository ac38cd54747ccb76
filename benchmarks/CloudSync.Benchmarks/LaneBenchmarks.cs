using System.Runtime.InteropServices;
using BenchmarkDotNet.Attributes;

namespace CloudSync.Benchmarks;

/// <summary>The hop of a message through its lane: in, taken, released. Per message.</summary>
[MemoryDiagnoser]
public class LaneBenchmarks
{
    private const int Batch = 500;

    private readonly KeyLanes _lanes = new();
    private readonly List<Delivery> _taken = new(Batch);
    private readonly List<Delivery> _dropped = [];
    private Delivery[] _deliveries = [];

    /// <summary>All messages with keys of their own, or many to a key.</summary>
    [Params(50, 500)]
    public int Keys { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        var progress = new PartitionProgress("data-topic", 0, 1);
        _deliveries = [.. Messages.Make(Batch, Keys)
            .Select(record => new Delivery(record, progress, KeyLanes.LaneOf(MessageOrdering.Key, record with { Partition = 0 })))];
    }

    [Benchmark(OperationsPerInvoke = Batch)]
    public int Hop()
    {
        foreach (var delivery in _deliveries)
            delivery.Next = null;

        _lanes.Enqueue(_deliveries);
        var hops = 0;
        while (hops < Batch)
        {
            _taken.Clear();
            _lanes.Take(Turn.Fresh, _taken, Batch, long.MaxValue, _dropped);
            _lanes.Release(CollectionsMarshal.AsSpan(_taken), _dropped);
            hops += _taken.Count;
        }

        return hops;
    }
}
