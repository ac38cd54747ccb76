using System.Collections.Concurrent;
using System.Diagnostics;

namespace CloudSync.Sdk.Testing;

/// <summary>Owners that call at the same time, by a client each where there can be several.</summary>
internal static class RaceCases
{
    private const int Owners = 8;

    public static ContractCase[] All { get; } =
    [
        new("Of all who claim an id at once, one acquires it", async run =>
        {
            var keys = ContractRun.NewKeys(200);
            await ExpectOneEachAsync(run, keys, tookOver: false).ConfigureAwait(false);
        }),

        new("Of all who claim a lapsed id at once, one takes it over", async run =>
        {
            var keys = ContractRun.NewKeys(200);
            await run.ClaimAsync(run.One, keys, run.Lease).ConfigureAwait(false);
            await run.LapseAsync().ConfigureAwait(false);
            await ExpectOneEachAsync(run, keys, tookOver: true).ConfigureAwait(false);
        }),

        new("Of all who complete an id at once, one completes it", async run =>
        {
            var keys = ContractRun.NewKeys(200);
            var claims = keys.Zip(await run.ClaimAsync(run.One, keys, ContractRun.LongLease).ConfigureAwait(false), (key, result) => new IdempotencyClaim(key, result.Token)).ToArray();
            var completed = new ConcurrentBag<IdempotencyKey>();
            await AtOnceAsync(run, async owner =>
            {
                var mine = Shuffled(claims);
                var results = await run.CompleteAsync(owner, mine).ConfigureAwait(false);
                for (var i = 0; i < mine.Length; i++)
                {
                    if (results[i])
                        completed.Add(mine[i].Key);
                }
            }).ConfigureAwait(false);
            ExpectOnce(run, keys, completed, "Completions of an id by owners at once, with the same token");
        }),

        new("Owners of different ids do not get in each other's way", async run =>
        {
            await AtOnceAsync(run, async owner =>
            {
                for (var round = 0; round < 5; round++)
                {
                    var keys = ContractRun.NewKeys(100);
                    var results = await run.ClaimAsync(owner, keys, ContractRun.LongLease).ConfigureAwait(false);
                    foreach (var result in results)
                        run.ExpectAcquired(result, tookOver: false, "A claim of an id that is nobody else's");

                    var completed = await run.CompleteAsync(owner, [.. keys.Zip(results, (key, result) => new IdempotencyClaim(key, result.Token))]).ConfigureAwait(false);
                    run.Expect(!completed.Contains(false), "Completing ids that are nobody else's", "true for each", false);
                }
            }).ConfigureAwait(false);
        }),

        new("Owners that claim, release and complete the same ids in any order deliver each once", async run =>
        {
            var keys = ContractRun.NewKeys(100);
            var delivered = new ConcurrentBag<IdempotencyKey>();
            var begun = Stopwatch.StartNew();
            await AtOnceAsync(run, async owner =>
            {
                for (var left = keys; left.Length > 0;)
                {
                    run.Expect(begun.Elapsed < run.Patience, FormattableString.Invariant($"Delivering {keys.Length} ids"), $"done within {run.Patience}", $"{left.Length} left that are not completed for one owner");
                    var results = await run.ClaimAsync(owner, left, ContractRun.LongLease).ConfigureAwait(false);
                    var held = left.Zip(results).Where(pair => pair.Second.Status == ClaimStatus.Acquired).Select(pair => new IdempotencyClaim(pair.First, pair.Second.Token)).ToArray();
                    var (some, rest) = (held[..((held.Length + 1) / 2)], held[((held.Length + 1) / 2)..]);
                    var completed = await run.CompleteAsync(owner, some).ConfigureAwait(false);
                    run.Expect(!completed.Contains(false), "Completing ids that are held", "true for each", false);
                    foreach (var claim in some)
                        delivered.Add(claim.Key);

                    await run.ReleaseAsync(owner, rest).ConfigureAwait(false);
                    left = Shuffled(left.Zip(results).Where(pair => pair.Second.Status != ClaimStatus.Completed).Select(pair => pair.First));
                }
            }).ConfigureAwait(false);
            ExpectOnce(run, keys, delivered, "Deliveries of an id by owners at once");
        }),
    ];

    private static async Task ExpectOneEachAsync(ContractRun run, IdempotencyKey[] keys, bool tookOver)
    {
        var acquired = new ConcurrentBag<IdempotencyKey>();
        await AtOnceAsync(run, async owner =>
        {
            var mine = Shuffled(keys);
            var results = await run.ClaimAsync(owner, mine, ContractRun.LongLease).ConfigureAwait(false);
            for (var i = 0; i < mine.Length; i++)
            {
                if (results[i].Status == ClaimStatus.Acquired)
                {
                    run.ExpectAcquired(results[i], tookOver, "A claim of owners at once");
                    acquired.Add(mine[i]);
                }
                else
                {
                    run.ExpectHeld(results[i], "A claim of owners at once, of who did not get it");
                }
            }
        }).ConfigureAwait(false);
        ExpectOnce(run, keys, acquired, "Claims of an id by owners at once that acquired it");
    }

    private static void ExpectOnce(ContractRun run, IdempotencyKey[] keys, IEnumerable<IdempotencyKey> happened, string what)
    {
        var times = happened.CountBy(key => key).ToDictionary();
        foreach (var key in keys)
            run.Expect(times.GetValueOrDefault(key) == 1, what, "1", times.GetValueOrDefault(key));
    }

    /// <summary>Opens all clients first, so that the calls of all begin together.</summary>
    private static async Task AtOnceAsync(ContractRun run, Func<IIdempotencyStore, Task> action)
    {
        var owners = new List<IIdempotencyStore>();
        for (var i = 0; i < Owners; i++)
            owners.Add(await run.OpenAsync().ConfigureAwait(false));

        await Task.WhenAll(owners.Select(owner => Task.Run(() => action(owner)))).ConfigureAwait(false);
    }

    private static T[] Shuffled<T>(IEnumerable<T> items)
    {
        var shuffled = items.ToArray();
        Random.Shared.Shuffle(shuffled);
        return shuffled;
    }
}
