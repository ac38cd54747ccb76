using System.Diagnostics;
using System.Globalization;
using CloudSync.Idempotency;

// rates [rounds] : ids a second, claimed and completed, in batches of 1, 100 and 500 with 4 calls in flight.
// memory [millions …] : bytes an id in Redis.
CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
switch (args)
{
    case ["rates", .. var rest]:
        await RatesAsync(rest is [var rounds] ? int.Parse(rounds, CultureInfo.InvariantCulture) : 7);
        return 0;
    case ["memory", .. var millions]:
        await MemoryAsync(millions.Length > 0 ? [.. millions.Select(m => double.Parse(m, CultureInfo.InvariantCulture))] : [1, 5]);
        return 0;
    default:
        Console.Error.WriteLine("rates [rounds] | memory [millions …]");
        return 2;
}

static async Task RatesAsync(int rounds)
{
    const int InFlight = 4;
    await using var redis = await RedisProcess.StartAsync();
    var database = redis.Connection.GetDatabase();
    Console.WriteLine($"{rounds} rounds, alternating; medians. ids/s claimed and completed; seconds of Redis' thread for a million of them.");
    Console.WriteLine($"{"batch",5} {"",-22} {"ids/s",10} {"CPU s/M",8}");
    foreach (var (batchSize, batches) in new[] { (1, 5_000), (100, 500), (500, 200) })
    {
        var figures = new Dictionary<string, List<(double Rate, double Cpu)>>();
        for (var round = -1; round < rounds; round++)
        {
            foreach (var name in new[] { "store", "same scripts, raw", "SET NX PX + SET PX" })
            {
                await redis.FlushAsync();
                await using var store = new RedisIdempotencyStore(redis.Connection, new RedisStoreSettings { Group = "benchmark" });
                IWorker[] workers = [.. Enumerable.Range(1, InFlight).Select(seed => (IWorker)(name switch
                {
                    "store" => new StoreWorker(store, batchSize, batches, seed),
                    "same scripts, raw" => new RawWorker(database, batchSize, batches, seed),
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

        // Over one retention and a quarter, as a steady stream fills the ring: all five sets are full, and none has come round.
        const int Batch = 500;
        var results = new bool[Batch];
        var claims = new IdempotencyClaim[Batch];
        for (var done = 0; done < n; done += Batch)
        {
            now = 1_800_000_000_000 + (long)(settings.Retention.TotalMilliseconds * 1.249 * done / n);
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
