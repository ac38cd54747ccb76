using CloudSync.Idempotency;
using CloudSync.Measuring;
using StackExchange.Redis;

namespace CloudSync.Compare.Arms;

/// <summary>Ids claimed and completed in Redis, in batches of 500 with 4 calls in flight, by the contenders of CloudSync.Idempotency.</summary>
internal static class Redis
{
    public const string Name = "redis";

    private const int BatchSize = 500;
    private const int InFlight = 4;
    private const int WarmUpBatches = 100;

    private const string Ours = "ours";
    private const string Naive = "SET NX PX, then SET PX";
    private const string Raw = "best raw script";

    public static async Task<IReadOnlyList<Ratio>> CompareAsync(Settings settings, CancellationToken cancellationToken)
    {
        var ids = Math.Max(1, settings.Messages / (InFlight * BatchSize)) * InFlight * BatchSize;
        await using var redis = await BenchmarkRedis.StartAsync();
        Program.Say($"{Name}: on {redis.Description}.");
        Contender ours = Contender(Ours), naive = Contender(Naive), raw = Contender(Raw);
        return await Contest.RunAsync(Name, settings.Rounds, [naive, ours, raw], [new Pairing(ours, naive), new Pairing(ours, raw)], Program.Say, cancellationToken);

        Contender Contender(string name) => new(name, async token =>
        {
            var job = new Job(Name, name) { Server = redis.Address, Messages = ids };
            var result = await Child.StartAsync(job, token);
            return result.Messages == ids
                ? result
                : throw new InvalidOperationException($"{name}: Redis remembers {result.Messages:N0} of {ids:N0} ids.");
        });
    }

    /// <summary>In the process of the contender.</summary>
    public static async Task<RunResult> RunAsync(Job job)
    {
        await using var connection = await BenchmarkRedis.ConnectAsync(job.Server);
        await RunAsync(job, connection, InFlight * WarmUpBatches * BatchSize);
        await Child.SettleAsync();
        return await RunAsync(job, connection, job.Messages);
    }

    private static async Task<RunResult> RunAsync(Job job, ConnectionMultiplexer connection, int ids)
    {
        var server = connection.GetServers()[0];
        await server.FlushAllDatabasesAsync();
        await using var store = new RedisIdempotencyStore(connection, new RedisStoreSettings { Group = "benchmark" });
        var batches = ids / (InFlight * BatchSize);
        IWorker[] workers = [.. Enumerable.Range(1, InFlight).Select(seed => (IWorker)(job.Contender switch
        {
            Ours => new StoreWorker(store, BatchSize, batches, seed),
            Naive => new NaiveWorker(connection.GetDatabase(), BatchSize, batches, seed),
            Raw => new BestScriptWorker(connection.GetDatabase(), BatchSize, batches, seed),
            _ => throw new InvalidOperationException($"{job.Contender} is no contender."),
        }))];
        GC.Collect();
        var tally = new Tally(ids);
        tally.Begin();
        await Task.WhenAll(workers.Select(worker => Task.Run(worker.RunAsync)));
        tally.Add(ids, 0);
        return await tally.WaitAsync() with { Messages = await RememberedAsync(job.Contender, server, connection.GetDatabase()) };
    }

    /// <summary>What the server itself remembers: keys, or the members of the sets that the scripts keep, where each of the store's has a mark of its own.</summary>
    private static async Task<long> RememberedAsync(string contender, IServer server, IDatabase database)
    {
        if (contender == Naive)
            return await server.DatabaseSizeAsync();

        var remembered = 0L;
        await foreach (var key in server.KeysAsync())
        {
            if (await database.KeyTypeAsync(key) == RedisType.Set)
                remembered += await database.SetLengthAsync(key) - (contender == Ours ? 1 : 0);
        }

        return remembered;
    }
}
