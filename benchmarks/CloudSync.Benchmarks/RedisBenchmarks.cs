using BenchmarkDotNet.Attributes;
using CloudSync.Idempotency;
using CloudSync.Measuring;
using StackExchange.Redis;

namespace CloudSync.Benchmarks;

/// <summary>Ids in Redis, in batches of 500, one call at a time: new ones claimed and completed, and duplicates. Per id. On a redis-server where there is one, else on the embedded one, which is no measure of a real one.</summary>
[MemoryDiagnoser]
public class RedisBenchmarks
{
    private const int Batch = 500;

    private readonly IdempotencyKey[] _keys = new IdempotencyKey[Batch];
    private readonly ClaimResult[] _results = new ClaimResult[Batch];
    private readonly IdempotencyClaim[] _claims = new IdempotencyClaim[Batch];
    private readonly bool[] _held = new bool[Batch];
    private BenchmarkRedis _redis = null!;
    private ConnectionMultiplexer _connection = null!;
    private RedisIdempotencyStore _store = null!;
    private int _next;

    [GlobalSetup]
    public async Task Setup()
    {
        _redis = await BenchmarkRedis.StartAsync();
        _connection = await _redis.ConnectAsync();
        _store = new RedisIdempotencyStore(_connection, new RedisStoreSettings { Group = "benchmark" });
        await ClaimAndComplete();
    }

    [GlobalCleanup]
    public async Task Cleanup()
    {
        await _store.DisposeAsync();
        await _connection.DisposeAsync();
        await _redis.DisposeAsync();
    }

    [Benchmark(OperationsPerInvoke = Batch)]
    public async Task<bool> ClaimAndComplete()
    {
        for (var i = 0; i < Batch; i++)
            _keys[i] = Ids.Key(seed: 1, _next++);

        await _store.ClaimAsync(_keys, TimeSpan.FromSeconds(30), _results, CancellationToken.None);
        for (var i = 0; i < Batch; i++)
            _claims[i] = new IdempotencyClaim(_keys[i], _results[i].Token);

        await _store.CompleteAsync(_claims, _held, CancellationToken.None);
        return _held[0];
    }

    [Benchmark(OperationsPerInvoke = Batch)]
    public async Task<ClaimStatus> ClaimDuplicates()
    {
        for (var i = 0; i < Batch; i++)
            _keys[i] = Ids.Key(seed: 1, i);

        await _store.ClaimAsync(_keys, TimeSpan.FromSeconds(30), _results, CancellationToken.None);
        return _results[0].Status;
    }
}
