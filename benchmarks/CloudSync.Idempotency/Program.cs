using System.Diagnostics;
using System.Globalization;
using CloudSync.Idempotency;

// rates [rounds] : ids a second, claimed and completed, in batches of 1, 100 and 500 with 4 calls in flight.
// claims [thousands …] : µs of Redis for each id of a claim of 500, with all sets of the ring filled, and so many thousand ids claimed besides: new ids, and duplicates.
// memory [millions …] : bytes an id in Redis.
CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
switch (args)
{
    case ["rates", .. var rest]:
        await RatesAsync(rest is [var rounds] ? int.Parse(rounds, CultureInfo.InvariantCulture) : 7);
        return 0;
    case ["claims", .. var thousands]:
        await ClaimsAsync(thousands.Length > 0 ? [.. thousands.Select(t => int.Parse(t, CultureInfo.InvariantCulture))] : [0, 2, 10, 50]);
        return 0;
    case ["memory", .. var millions]:
        await MemoryAsync(millions.Length > 0 ? [.. millions.Select(m => double.Parse(m, CultureInfo.InvariantCulture))] : [1, 5]);
        return 0;
    default:
        Console.Error.WriteLine("rates [rounds] | claims [thousands …] | memory [millions …]");
        return 2;
}

static async Task RatesAsync(int rounds)
{
    const int InFlight = 4;
    await using var redis = await RedisProcess.StartAsync();
    var database = redis.Connection.GetDatabase();
    Console.WriteLine($"{rounds} rounds, alternating; medians. ids/s claimed and completed; seconds of Redis' thread for a million of them.");
    Console.WriteLine($"{"batch",5} {"",-22} {"ids/s",10} {"CPU s/M",8}");
    foreach (var (batchSize, batches) in new[] { (1, 2_000), (100, 500), (500, 200) })
    {
        var figures = new Dictionary<string, List<(double Rate, double Cpu)>>();
        for (var round = -1; round < rounds; round++)
        {
            foreach (var name in new[] { "store", "store, any order", "same scripts, raw", "best raw script", "SET NX PX + SET PX" })
            {
                await redis.FlushAsync();
                await using var store = new RedisIdempotencyStore(redis.Connection, new RedisStoreSettings { Group = "benchmark" });
                IWorker[] workers = [.. Enumerable.Range(1, InFlight).Select(seed => (IWorker)(name switch
                {
                    "store" => new StoreWorker(store, batchSize, batches, seed),
                    "store, any order" => new StoreWorker(store, batchSize, batches, seed, inAnyOrder: true),
                    "same scripts, raw" => new RawWorker(database, batchSize, batches, seed),
                    "best raw script" => new BestScriptWorker(database, batchSize, batches, seed),
                    _ => new NaiveWorker(database, batchSize, batches, seed),
                }))];
                GC.Collect();
                var cpu = await redis.CpuAsync();
                var watch = Stopwatch.StartNew();
                await Task.WhenAll(workers.Select(worker => Task.Run(worker.RunAsync)));
                var seconds = watch.Elapsed.TotalSeconds;
                var ids = (double)InFlight * batches * batchSize;
                var used = await redis.CpuAsync() - cpu;

                // The first round warms up.
                if (round < 0)
                    figures[name] = [];
                else
                    figures[name].Add((ids / seconds, used / ids * 1e6));
            }
        }

        foreach (var (name, all) in figures)
            Console.WriteLine($"{batchSize,5} {name,-22} {Median(all.Select(f => f.Rate)),10:N0} {Median(all.Select(f => f.Cpu)),8:N2}");
    }
}

static async Task ClaimsAsync(int[] thousands)
{
    const int Batch = 500, Calls = 200, IdsOfSet = 100_000;
    Console.WriteLine($"{"claimed besides",16} {"new, µs",10} {"duplicates, µs",15}");
    foreach (var besides in thousands.Select(t => t * 1_000))
    {
        await using var redis = await RedisProcess.StartAsync();
        long now = 1_800_000_000_000;
        var settings = new RedisStoreSettings { Group = "benchmark", Clock = () => now };
        await using var store = new RedisIdempotencyStore(redis.Connection, settings);
        for (var set = 0; set < StoreScripts.Sets; set++)
        {
            await CompleteAsync(store, set * IdsOfSet, IdsOfSet);
            now += set < StoreScripts.Buckets ? (long)settings.Retention.TotalMilliseconds / StoreScripts.Buckets : 0;
        }

        var results = new ClaimResult[Batch];
        for (var i = 0; i < besides; i += Batch)
            await store.ClaimAsync(Keys(10_000_000 + i), TimeSpan.FromHours(1), results, CancellationToken.None);

        // What is new is given back, or there would be more and more of it.
        double fresh = 0;
        for (var call = 0; call < Calls; call++)
        {
            var keys = Keys(20_000_000 + (call * Batch));
            var before = await redis.CpuAsync();
            await store.ClaimAsync(keys, TimeSpan.FromHours(1), results, CancellationToken.None);
            fresh += await redis.CpuAsync() - before;
            await store.ReleaseAsync(Array.ConvertAll(Enumerable.Range(0, Batch).ToArray(), i => new IdempotencyClaim(keys[i], results[i].Token)), CancellationToken.None);
        }

        var start = await redis.CpuAsync();
        for (var call = 0; call < Calls; call++)
        {
            await store.ClaimAsync(Keys((StoreScripts.Buckets * IdsOfSet) + (call * Batch % IdsOfSet)), TimeSpan.FromHours(1), results, CancellationToken.None);
            if (results.Any(result => result.Status != ClaimStatus.Completed))
                throw new InvalidOperationException("A duplicate was not found.");
        }

        var duplicates = await redis.CpuAsync() - start;
        Console.WriteLine($"{besides,16:N0} {fresh / (Calls * Batch) * 1e6,10:N2} {duplicates / (Calls * Batch) * 1e6,15:N2}");
    }

    static IdempotencyKey[] Keys(int first) => [.. Enumerable.Range(first, Batch).Select(i => Ids.Key(0, i))];
}

static async Task CompleteAsync(RedisIdempotencyStore store, int first, int count)
{
    const int Batch = 500;
    var results = new bool[Batch];
    var claims = new IdempotencyClaim[Batch];
    for (var done = 0; done < count; done += Batch)
    {
        for (var i = 0; i < Batch; i++)
            claims[i] = new IdempotencyClaim(Ids.Key(0, first + done + i), 0);
        await store.CompleteAsync(claims, results, CancellationToken.None);
    }
}

static async Task MemoryAsync(double[] millions)
{
    Console.WriteLine($"{"ids",12} {"bytes an id",12}");
    foreach (var n in millions.Select(m => (int)(m * 1_000_000)))
    {
        await using var redis = await RedisProcess.StartAsync();
        long now = 1_800_000_000_000;
        var settings = new RedisStoreSettings { Group = "benchmark", Clock = () => now };
        await using var store = new RedisIdempotencyStore(redis.Connection, settings);
        var before = await redis.InfoAsync("memory", "used_memory");

        // Over one retention and a half, as a steady stream fills the ring: all three sets are full, and none has come round.
        const int Batch = 500;
        var results = new bool[Batch];
        var claims = new IdempotencyClaim[Batch];
        for (var done = 0; done < n; done += Batch)
        {
            now = 1_800_000_000_000 + (long)(settings.Retention.TotalMilliseconds * 1.499 * done / n);
            for (var i = 0; i < Batch; i++)
                claims[i] = new IdempotencyClaim(Ids.Key(0, done + i), 0);
            await store.CompleteAsync(claims, results, CancellationToken.None);
        }

        await store.SweepAsync(CancellationToken.None);
        var used = await redis.InfoAsync("memory", "used_memory") - before;
        Console.WriteLine($"{store.Statistics.Entries,12:N0} {used / store.Statistics.Entries,12:N1}");
    }
}

static double Median(IEnumerable<double> values)
{
    var sorted = values.Order().ToArray();
    return sorted[sorted.Length / 2];
}
