namespace CloudSync.Sdk.Testing;

/// <summary>For how long ids are remembered.</summary>
internal static class RetentionCases
{
    public static ContractCase[] All { get; } =
    [
        new("A completed id is remembered for its retention, from its completion on", async run =>
        {
            await run.OpenOtherAsync().ConfigureAwait(false);
            var claim = await run.AcquireAsync(run.One, ContractRun.NewKey(), ContractRun.LongLease).ConfigureAwait(false);
            await run.PassAsync(run.Retention).ConfigureAwait(false);
            await run.ExpectCompletesAsync(run.One, claim, true, "Completing an id that was claimed one retention ago").ConfigureAwait(false);
            await run.PassAsync(run.Retention / 2).ConfigureAwait(false);
            await run.ExpectCompletedAsync(run.Other, claim.Key, "A claim half a retention after the completion").ConfigureAwait(false);
            await run.ExpectCompletesAsync(run.Other, claim, false, "Completing it again then").ConfigureAwait(false);
        }, Forgets: true),

        new("Completed ids are remembered for their retention, whenever they were completed", async run =>
        {
            // At several times, for a store that keeps ids in parts by their time: an id is not to go with those before it.
            await run.OpenOtherAsync().ConfigureAwait(false);
            var keys = ContractRun.NewKeys(4);
            foreach (var key in keys)
            {
                var claim = await run.AcquireAsync(run.One, key, ContractRun.LongLease).ConfigureAwait(false);
                await run.ExpectCompletesAsync(run.One, claim, true, "Completing a claimed id").ConfigureAwait(false);
                await run.PassAsync(run.Retention / 10).ConfigureAwait(false);
            }

            await run.PassAsync(run.NearlyRetention - (0.4 * run.Retention)).ConfigureAwait(false);
            foreach (var key in keys)
            {
                await run.ExpectCompletedAsync(run.Other, key, $"A claim {run.NearlyRetention} after the completion, of a retention of {run.Retention}").ConfigureAwait(false);
                await run.PassAsync(run.Retention / 10).ConfigureAwait(false);
            }
        }, Forgets: true),

        new("A completed id is forgotten after its retention", async run =>
        {
            if (!run.MustForget)
                return;

            await run.OpenOtherAsync().ConfigureAwait(false);
            var claim = await run.AcquireAsync(run.One, ContractRun.NewKey(), run.Lease).ConfigureAwait(false);
            await run.ExpectCompletesAsync(run.One, claim, true, "Completing a claimed id").ConfigureAwait(false);
            await run.ForgetAsync().ConfigureAwait(false);
            await run.AcquireAsync(run.Other, claim.Key, run.Lease, "A claim when the completed id must be forgotten").ConfigureAwait(false);
        }, Forgets: true),

        new("A lapsed id is remembered for its retention, from the end of its lease on", async run =>
        {
            await run.OpenOtherAsync().ConfigureAwait(false);
            var keys = ContractRun.NewKeys(3);
            var claims = new List<IdempotencyClaim>();
            foreach (var key in keys)
                claims.Add(await run.AcquireAsync(run.One, key, run.Lease).ConfigureAwait(false));

            await run.LapseAsync().ConfigureAwait(false);
            await run.PassAsync(run.Retention / 2).ConfigureAwait(false);
            await run.TakeOverAsync(run.Other, keys[0], ContractRun.LongLease, "A claim half a retention after the lease has run out").ConfigureAwait(false);
            await run.ExpectCompletesAsync(run.One, claims[0], false, "The completion of who was overtaken").ConfigureAwait(false);
            await run.ExpectCompletesAsync(run.One, claims[1] with { Token = claims[1].Token + 1 }, false, "Completing with another token then").ConfigureAwait(false);
            await run.ExpectCompletesAsync(run.One, claims[2], true, "The owner's completion then").ConfigureAwait(false);
        }, Forgets: true),

        new("A lapsed id is forgotten after its retention", async run =>
        {
            if (!run.MustForget)
                return;

            await run.OpenOtherAsync().ConfigureAwait(false);
            var keys = ContractRun.NewKeys(2);
            await run.AcquireAsync(run.One, keys[0], run.Lease).ConfigureAwait(false);
            var claim = await run.AcquireAsync(run.One, keys[1], run.Lease).ConfigureAwait(false);
            await run.LapseAsync().ConfigureAwait(false);
            await run.ForgetAsync().ConfigureAwait(false);
            await run.AcquireAsync(run.Other, keys[0], run.Lease, "A claim when the lapsed id must be forgotten").ConfigureAwait(false);
            await run.ExpectCompletesAsync(run.One, claim, true, "Completing a claim that is forgotten").ConfigureAwait(false);
            await run.ExpectCompletedAsync(run.Other, keys[1], "A claim after that").ConfigureAwait(false);
        }, Forgets: true),

        new("An id that is claimed is not forgotten while its lease runs, however long that is", async run =>
        {
            await run.OpenOtherAsync().ConfigureAwait(false);
            var claim = await run.AcquireAsync(run.One, ContractRun.NewKey(), ContractRun.LongLease).ConfigureAwait(false);
            await run.PassAsync(3 * run.Retention).ConfigureAwait(false);
            await run.ExpectHeldAsync(run.Other, claim.Key, "A claim three retentions after the first, when its lease still runs").ConfigureAwait(false);
            await run.ExpectCompletesAsync(run.One, claim, true, "The owner's completion").ConfigureAwait(false);
        }, Forgets: true),
    ];
}
