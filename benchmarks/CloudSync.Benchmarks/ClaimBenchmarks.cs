using System.Buffers.Binary;
using System.IO.Hashing;
using BenchmarkDotNet.Attributes;

namespace CloudSync.Benchmarks;

/// <summary>Ids in the in-memory store, which is full, in batches: new ones claimed and completed, and duplicates. Per message.</summary>
[MemoryDiagnoser]
public class ClaimBenchmarks
{
    private const int Batch = 500;

    private readonly IdempotencyKey[] _keys = new IdempotencyKey[Batch];
    private readonly ClaimResult[] _results = new ClaimResult[Batch];
    private readonly IdempotencyClaim[] _claims = new IdempotencyClaim[Batch];
    private readonly bool[] _held = new bool[Batch];
    private readonly Random _random = new(1);
    private InMemoryIdempotencyStore _store = null!;
    private long _next;

    /// <summary>Ids that are remembered.</summary>
    [Params(100_000, 1_000_000, 10_000_000)]
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

        Claim();
        for (var i = 0; i < Batch; i++)
            _claims[i] = new IdempotencyClaim(_keys[i], _results[i].Token);

        _store.CompleteAsync(_claims, _held, default).AsTask().GetAwaiter().GetResult();
        return _held[0];
    }

    /// <summary>Of the younger half, which is surely there.</summary>
    [Benchmark(OperationsPerInvoke = Batch)]
    public ClaimStatus ClaimDuplicates()
    {
        for (var i = 0; i < Batch; i++)
            _keys[i] = KeyOf(_next - 1 - _random.Next(Remembered / 2));

        Claim();
        return _results[0].Status;
    }

    internal static IdempotencyKey KeyOf(long number)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, number);
        var hash = XxHash128.HashToUInt128(bytes);
        return new IdempotencyKey((ulong)(hash >> 64), (ulong)hash);
    }

    private void Claim() => _store.ClaimAsync(_keys, TimeSpan.FromSeconds(30), _results, default).AsTask().GetAwaiter().GetResult();
}
