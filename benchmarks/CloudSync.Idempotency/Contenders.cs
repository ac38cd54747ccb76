using System.Globalization;
using System.Text;
using StackExchange.Redis;

namespace CloudSync.Idempotency;

/// <summary>Claims and completes each of its batches, one after the other.</summary>
internal interface IWorker
{
    Task RunAsync();
}

/// <summary>The store, as a consumer uses it.</summary>
internal sealed class StoreWorker(RedisIdempotencyStore store, int batchSize, int batches, int seed) : IWorker
{
    public async Task RunAsync()
    {
        var keys = new IdempotencyKey[batchSize];
        var claims = new IdempotencyClaim[batchSize];
        var results = new ClaimResult[batchSize];
        var completed = new bool[batchSize];
        for (var batch = 0; batch < batches; batch++)
        {
            for (var i = 0; i < batchSize; i++)
                keys[i] = Ids.Key(seed, (batch * batchSize) + i);
            await store.ClaimAsync(keys, TimeSpan.FromSeconds(30), results, CancellationToken.None);
            for (var i = 0; i < batchSize; i++)
                claims[i] = new IdempotencyClaim(keys[i], results[i].Token);
            await store.CompleteAsync(claims, completed, CancellationToken.None);
            if (completed.Contains(false))
                throw new InvalidOperationException("A claim of the benchmark was not its own.");
        }
    }
}

/// <summary>The same scripts with the same arguments through the client alone: made before, answers not looked at. By a clock of its own, so that tokens are known before.</summary>
internal sealed class RawWorker : IWorker
{
    private readonly IDatabase _database;
    private readonly RedisKey[] _keys;
    private readonly (RedisValue[] Claim, RedisValue[] Complete)[] _calls;

    public RawWorker(IDatabase database, int batchSize, int batches, int seed)
    {
        _database = database;
        _keys = new RedisShard("raw", seed.ToString(CultureInfo.InvariantCulture), 0).Keys;
        var now = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        _calls = new (RedisValue[], RedisValue[])[batches];
        for (var batch = 0; batch < batches; batch++)
        {
            now++;
            var ids = new byte[batchSize * 16];
            var tokens = new StringBuilder();
            for (var i = 0; i < batchSize; i++)
            {
                Ids.Write(Ids.Key(seed, (batch * batchSize) + i), ids.AsSpan(i * 16));
                tokens.Append(CultureInfo.InvariantCulture, $"{(now * 1000) + i + 1:D19}");
            }

            RedisValue time = now;
            RedisValue text = Encoding.ASCII.GetBytes(tokens.ToString());
            _calls[batch] = ([time, 900_000, 3_600_000, 14_400_000, ids, 30_000], [time, 900_000, 3_600_000, 14_400_000, ids, text, 0]);
        }
    }

    public async Task RunAsync()
    {
        foreach (var (claim, complete) in _calls)
        {
            await _database.ScriptEvaluateAsync(StoreScripts.Claim, _keys, claim);
            await _database.ScriptEvaluateAsync(StoreScripts.Complete, _keys, complete);
        }
    }
}

/// <summary>What one would write first: a key for each id, SET NX PX to claim it, SET PX to complete it, pipelined; no tokens, no look at who holds it.</summary>
internal sealed class NaiveWorker : IWorker
{
    private readonly IDatabase _database;
    private readonly RedisKey[][] _keys;

    public NaiveWorker(IDatabase database, int batchSize, int batches, int seed)
    {
        _database = database;
        _keys = [.. Enumerable.Range(0, batches).Select(batch => Enumerable.Range(batch * batchSize, batchSize).Select(i => Name(Ids.Key(seed, i))).ToArray())];
    }

    public async Task RunAsync()
    {
        foreach (var keys in _keys)
        {
            await Task.WhenAll(Array.ConvertAll(keys, key => _database.StringSetAsync(key, "1", TimeSpan.FromSeconds(30), When.NotExists)));
            await Task.WhenAll(Array.ConvertAll(keys, key => _database.StringSetAsync(key, "2", TimeSpan.FromHours(1))));
        }
    }

    private static RedisKey Name(IdempotencyKey key) => string.Create(CultureInfo.InvariantCulture, $"cloudsync:{key.High:x16}{key.Low:x16}");
}
