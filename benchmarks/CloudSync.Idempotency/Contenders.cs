using System.Globalization;
using StackExchange.Redis;

namespace CloudSync.Idempotency;

/// <summary>Claims and completes each of its batches, one after the other.</summary>
internal interface IWorker
{
    Task RunAsync();
}

/// <summary>The store, as a consumer uses it: in the order of the claim, or, where messages end in any order, in that.</summary>
internal sealed class StoreWorker(RedisIdempotencyStore store, int batchSize, int batches, int seed, bool inAnyOrder = false) : IWorker
{
    public async Task RunAsync()
    {
        var order = Enumerable.Range(0, batchSize).ToArray();
        if (inAnyOrder)
            new Random(seed).Shuffle(order);

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
                claims[i] = new IdempotencyClaim(keys[order[i]], results[order[i]].Token);
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
            RedisValue time = now;
            RedisValue ids = Ids.Text(seed, batch * batchSize, batchSize);
            RedisValue run = string.Create(CultureInfo.InvariantCulture, $"{now * 1000:D16}{0:D4}{batchSize:D4}");
            _calls[batch] = ([time, 1_800_000, 3_600_000, 14_400_000, ids, 30_000], [time, 1_800_000, 3_600_000, 14_400_000, ids, run, 0]);
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

/// <summary>
/// The fewest commands that remember a claim and a completion by the server's clock, with a token for each id: ids go into the set of the current hour when they are claimed, and those of the hour before are looked for too; a
/// batch is one field until it is completed. What it leaves out: of a batch with one id that is known, or that stands there twice, it acquires none and does not say which; nothing is taken over when a lease has run out;
/// a batch is completed as a whole; the sets are changed by nobody, and are two where the store has three.
/// </summary>
internal sealed class BestScriptWorker : IWorker
{
    private const string Claim = """
        local time = redis.call('TIME')
        local us, ids = time[1] * 1000000 + time[2], {}
        local sub, text = string.sub, ARGV[1]
        for i = 1, #text / 16 do
          ids[i] = sub(text, i * 16 - 15, i * 16)
        end
        for s = 2, 3 do
          if redis.call('EXISTS', KEYS[s]) == 1 then
            local found = redis.call('SMISMEMBER', KEYS[s], unpack(ids))
            for i = 1, #ids do
              if found[i] == 1 then
                return ''
              end
            end
          end
        end
        redis.call('SADD', KEYS[2], unpack(ids))
        local batch = string.format('%d', us)
        redis.call('HSET', KEYS[1], batch, string.format('%d', us + ARGV[2]) .. text)
        return batch
        """;

    private const string Complete = """
        local claim = redis.call('HGET', KEYS[1], ARGV[1])
        if claim and string.sub(claim, 17) == ARGV[2] then
          redis.call('HDEL', KEYS[1], ARGV[1])
          redis.call('EXPIRE', KEYS[2], 7200)
          return 1
        end
        return 0
        """;

    private readonly IDatabase _database;
    private readonly RedisKey[] _keys;
    private readonly RedisValue[] _batches;

    public BestScriptWorker(IDatabase database, int batchSize, int batches, int seed)
    {
        _database = database;
        _keys = [$"{{best:{seed}}}:claims", $"{{best:{seed}}}:now", $"{{best:{seed}}}:before"];
        _batches = [.. Enumerable.Range(0, batches).Select(batch => (RedisValue)Ids.Text(seed, batch * batchSize, batchSize))];
    }

    public async Task RunAsync()
    {
        foreach (var ids in _batches)
        {
            var batch = (RedisValue)await _database.ScriptEvaluateAsync(Claim, _keys, [ids, 30_000_000]);
            if ((long)await _database.ScriptEvaluateAsync(Complete, _keys, [batch, ids]) != 1)
                throw new InvalidOperationException("A claim of the benchmark was not its own.");
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
