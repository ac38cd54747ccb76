namespace CloudSync.Sdk.Testing;

/// <summary>Cancellation and statistics.</summary>
internal static class ServiceCases
{
    public static ContractCase[] All { get; } =
    [
        new("A call that is cancelled ends, and the store goes on", async run =>
        {
            using var cancelled = new CancellationTokenSource();
            await cancelled.CancelAsync().ConfigureAwait(false);
            var keys = ContractRun.NewKeys(4);
            var known = await run.AcquireAsync(run.One, keys[0], ContractRun.LongLease).ConfigureAwait(false);

            // It may have answered already: a store in memory need not look at the token.
            await EndsAsync(() => run.ClaimAsync(run.One, keys[1..], run.Lease, cancelled.Token)).ConfigureAwait(false);
            await EndsAsync(() => run.ExtendAsync(run.One, [known], ContractRun.LongLease, cancelled.Token)).ConfigureAwait(false);
            await EndsAsync(() => run.CompleteAsync(run.One, [known with { Token = known.Token + 1 }], cancelled.Token)).ConfigureAwait(false);
            await EndsAsync(() => run.ReleaseAsync(run.One, [known with { Token = known.Token + 1 }], cancelled.Token)).ConfigureAwait(false);

            await run.ExpectCompletesAsync(run.One, known, true, "Completing after calls were cancelled").ConfigureAwait(false);
            await run.LapseAsync().ConfigureAwait(false);
            foreach (var result in await run.ClaimAsync(run.One, keys[1..], run.Lease).ConfigureAwait(false))
                run.Expect(result.Status == ClaimStatus.Acquired, "A claim after one that was cancelled, when its lease has run out", "Acquired", ContractRun.Text(result));
        }),

        new("Statistics count what this client saw", async run =>
        {
            run.Expect(run.One.Statistics is { Claims: 0, Duplicates: 0, Contended: 0, Takeovers: 0, Evictions: 0, HitRatio: 0 }, "The statistics of a new store", "nothing", run.One.Statistics);
            await run.OpenOtherAsync().ConfigureAwait(false);
            var lapsed = await run.AcquireAsync(run.One, ContractRun.NewKey(), run.Lease).ConfigureAwait(false);
            await run.LapseAsync().ConfigureAwait(false);
            var keys = ContractRun.NewKeys(3);
            var results = await run.ClaimAsync(run.One, [lapsed.Key, .. keys], ContractRun.LongLease).ConfigureAwait(false);
            await run.CompleteAsync(run.One, [new(keys[0], results[1].Token), new(keys[1], results[2].Token)]).ConfigureAwait(false);
            await run.ClaimAsync(run.One, [keys[0], keys[1], keys[2], keys[0]], run.Lease).ConfigureAwait(false);

            Counts(run, run.One.Statistics, claims: 9, duplicates: 3, contended: 1, takeovers: 1);
            if (!ReferenceEquals(run.One, run.Other))
            {
                await run.ExpectHeldAsync(run.Other, lapsed.Key, "A claim of a held id").ConfigureAwait(false);
                Counts(run, run.Other.Statistics, claims: 1, duplicates: 0, contended: 1, takeovers: 0);
                Counts(run, run.One.Statistics, claims: 9, duplicates: 3, contended: 1, takeovers: 1);
            }
        }),
    ];

    private static void Counts(ContractRun run, IdempotencyStatistics statistics, long claims, long duplicates, long contended, long takeovers)
    {
        run.Expect(statistics.Claims == claims, "Claims", claims, statistics.Claims);
        run.Expect(statistics.Duplicates == duplicates, "Duplicates", duplicates, statistics.Duplicates);
        run.Expect(statistics.Contended == contended, "Contended", contended, statistics.Contended);
        run.Expect(statistics.Takeovers == takeovers, "Takeovers", takeovers, statistics.Takeovers);
        run.Expect(statistics.Evictions == 0, "Evictions when there is room", 0, statistics.Evictions);
        run.Expect(statistics is { Entries: >= 0, Bytes: >= 0 }, "Entries and bytes", "not negative", statistics);
    }

    private static async Task EndsAsync(Func<Task> call)
    {
        try
        {
            await call().ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
        }
    }
}
