using System.Buffers;
using BenchmarkDotNet.Attributes;

namespace CloudSync.Benchmarks;

/// <summary>The body of a request with 500 messages, as CloudEvents, and its Idempotency-Key. Per message.</summary>
[MemoryDiagnoser]
public class HttpBatchBenchmarks
{
    private const int Batch = 500;

    private static readonly byte[] DefaultContentType = "application/json"u8.ToArray();

    private readonly ArrayBufferWriter<byte> _body = new(1024 * 1024);
    private SyncMessage[] _messages = [];

    /// <summary>Whether the payload is JSON as it says, and stands in the event as it is, or is none, and stands there as base64.</summary>
    [Params(false, true)]
    public bool Json { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        var progress = new PartitionProgress("data-topic", 0, 1);
        _messages = [.. Messages.Make(Batch, keys: Batch, Json).Select(record => new Delivery(record, progress, lane: 0))];
    }

    [Benchmark(OperationsPerInvoke = Batch)]
    public int Write()
    {
        _body.ResetWrittenCount();
        CloudEventsBatch.Write(_messages, DefaultContentType, _body);
        return _body.WrittenCount;
    }

    [Benchmark(OperationsPerInvoke = Batch)]
    public string IdempotencyKey() => CloudEventsBatch.IdempotencyKey(_messages);
}
