using System.Buffers.Binary;
using System.IO.Hashing;
using BenchmarkDotNet.Attributes;

namespace CloudSync.Benchmarks;

/// <summary>Claiming and completing ids in the in-memory store, in batches. Per message.</summary>
[MemoryDiagnoser]
public class ClaimBenchmarks
{
    private const int Batch = 500;

    private readonly IdempotencyKey[] _keys = new IdempotencyKey[Batch];
    private readonly ClaimResult[] _results = new ClaimResult[Batch];
    private readonly IdempotencyClaim[] _claims = new IdempotencyClaim[Batch];
    private readonly bool[] _held = new bool[Batch];
    private InMemoryIdempotencyStore _store = null!;
    private long _next;

    /// <summary>Ids that are remembered.</summary>
    [Params(100_000, 1_000_000)]
    public int Remembered { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _store = new InMemoryIdempotencyStore(new IdempotencyOptions { MaxEntries = Remembered }, TimeProvider.System);
        for (var i = 0; i < Remembered / Batch; i++)
            ClaimAndComplete();
    }

    [GlobalCleanup]
    public void Cleanup() => _store.Dispose();

    [Benchmark(OperationsPerInvoke = Batch)]
    public bool ClaimAndComplete()
    {
        for (var i = 0; i < Batch; i++)
            _keys[i] = KeyOf(_next++);

        _store.ClaimAsync(_keys, TimeSpan.FromSeconds(30), _results, default).AsTask().GetAwaiter().GetResult();
        for (var i = 0; i < Batch; i++)
            _claims[i] = new IdempotencyClaim(_keys[i], _results[i].Token);

        _store.CompleteAsync(_claims, _held, default).AsTask().GetAwaiter().GetResult();
        return _held[0];
    }

    private static IdempotencyKey KeyOf(long number)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, number);
        var hash = XxHash128.HashToUInt128(bytes);
        return new IdempotencyKey((ulong)(hash >> 64), (ulong)hash);
    }
}
