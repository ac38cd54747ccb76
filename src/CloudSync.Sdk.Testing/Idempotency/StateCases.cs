namespace CloudSync.Sdk.Testing;

/// <summary>What each call does in each state of an id: every cell of the table in the contract.</summary>
internal static class StateCases
{
    public static ContractCase[] All { get; } =
    [
        new("A claim of an unknown id acquires it", async run =>
            await run.AcquireAsync(run.One, ContractRun.NewKey(), ContractRun.LongLease).ConfigureAwait(false)),

        new("A claim of a claimed id is told that it is held, and for how long", async run =>
        {
            await run.OpenOtherAsync().ConfigureAwait(false);
            var claim = await run.AcquireAsync(run.One, ContractRun.NewKey(), ContractRun.LongLease).ConfigureAwait(false);
            await run.PassAsync(run.Lease).ConfigureAwait(false);
            var held = (await run.ClaimAsync(run.Other, [claim.Key], run.Lease).ConfigureAwait(false))[0];
            run.ExpectHeld(held, "A claim of a claimed id");
            var most = ContractRun.LongLease - run.Lease + TimeSpan.FromMilliseconds(50);
            run.Expect(held.HeldFor <= most && held.HeldFor > ContractRun.LongLease / 2, "HeldFor", $"what is left of the lease, {most} or a little less", held.HeldFor);
            await run.ExpectHeldAsync(run.One, claim.Key, "A claim of an id that the same owner holds").ConfigureAwait(false);
            await run.ExpectCompletesAsync(run.One, claim, true, "The owner's completion after that").ConfigureAwait(false);
        }),

        new("A claim of a lapsed id takes it over", async run =>
        {
            await run.OpenOtherAsync().ConfigureAwait(false);
            await run.OvertakeAsync().ConfigureAwait(false);
        }),

        new("A claim of a completed id answers Completed", async run =>
        {
            await run.OpenOtherAsync().ConfigureAwait(false);
            var claim = await CompletedAsync(run).ConfigureAwait(false);
            await run.ExpectCompletedAsync(run.One, claim.Key, "A claim of a completed id by who completed it").ConfigureAwait(false);
            await run.ExpectCompletedAsync(run.Other, claim.Key, "A claim of a completed id by another").ConfigureAwait(false);
        }),

        new("Completing an unknown id completes it", async run =>
        {
            await run.OpenOtherAsync().ConfigureAwait(false);
            var claim = await ReleasedAsync(run).ConfigureAwait(false);
            await run.ExpectCompletesAsync(run.One, claim, true, "Completing an unknown id").ConfigureAwait(false);
            await run.ExpectCompletedAsync(run.Other, claim.Key, "A claim after that").ConfigureAwait(false);
        }),

        new("Completing a claimed id with its token completes it", async run =>
        {
            var claim = await run.AcquireAsync(run.One, ContractRun.NewKey(), ContractRun.LongLease).ConfigureAwait(false);
            await run.ExpectCompletesAsync(run.One, claim, true, "Completing a claimed id with its token").ConfigureAwait(false);
            await run.ExpectCompletedAsync(run.One, claim.Key, "A claim after that").ConfigureAwait(false);
        }),

        new("Completing a lapsed id with its token completes it", async run =>
        {
            await run.OpenOtherAsync().ConfigureAwait(false);
            var claim = await LapsedAsync(run).ConfigureAwait(false);
            await run.ExpectCompletesAsync(run.One, claim, true, "Completing a lapsed id that nobody has taken over").ConfigureAwait(false);
            await run.ExpectCompletedAsync(run.Other, claim.Key, "A claim after that").ConfigureAwait(false);
        }),

        new("Completing a claimed id with another token changes nothing", async run =>
        {
            await run.OpenOtherAsync().ConfigureAwait(false);
            var (overtaken, holding) = await run.OvertakeAsync().ConfigureAwait(false);
            await run.ExpectCompletesAsync(run.One, overtaken, false, "Completing an id that another has taken over").ConfigureAwait(false);
            await run.ExpectCompletesAsync(run.One, holding with { Token = holding.Token + 1 }, false, "Completing a claimed id with a token that nobody has").ConfigureAwait(false);
            await run.ExpectHeldAsync(run.One, holding.Key, "A claim after that").ConfigureAwait(false);
            await run.ExpectCompletesAsync(run.Other, holding, true, "The completion of who holds it").ConfigureAwait(false);
        }),

        new("Completing a lapsed id with another token changes nothing", async run =>
        {
            await run.OpenOtherAsync().ConfigureAwait(false);
            var (overtaken, lapsed) = await OvertakenAndLapsedAsync(run).ConfigureAwait(false);
            await run.ExpectCompletesAsync(run.One, overtaken, false, "Completing with a token that was overtaken, when the lease of who overtook has run out too").ConfigureAwait(false);
            await run.ExpectCompletesAsync(run.Other, lapsed, true, "The completion of the last owner").ConfigureAwait(false);
        }),

        new("An id is completed once", async run =>
        {
            await run.OpenOtherAsync().ConfigureAwait(false);
            var claim = await CompletedAsync(run).ConfigureAwait(false);
            await run.ExpectCompletesAsync(run.One, claim, false, "Completing a completed id again, with the same token").ConfigureAwait(false);
            await run.ExpectCompletesAsync(run.Other, claim with { Token = claim.Token + 1 }, false, "Completing a completed id with another token").ConfigureAwait(false);
            await run.ExpectCompletedAsync(run.Other, claim.Key, "A claim after that").ConfigureAwait(false);
        }),

        new("Extending an unknown id claims it again with that token", async run =>
        {
            await run.OpenOtherAsync().ConfigureAwait(false);
            var claim = await ReleasedAsync(run).ConfigureAwait(false);
            await run.ExpectExtendsAsync(run.One, claim, ContractRun.LongLease, true, "Extending an unknown id").ConfigureAwait(false);
            await run.ExpectHeldAsync(run.Other, claim.Key, "A claim after that").ConfigureAwait(false);
            await run.ExpectCompletesAsync(run.Other, claim with { Token = claim.Token + 1 }, false, "Completing it with another token").ConfigureAwait(false);
            await run.ExpectCompletesAsync(run.One, claim, true, "Completing it with that token").ConfigureAwait(false);
        }),

        new("Extending a claimed id with its token starts its lease anew", async run =>
        {
            await run.OpenOtherAsync().ConfigureAwait(false);
            var claim = await run.AcquireAsync(run.One, ContractRun.NewKey(), run.Lease).ConfigureAwait(false);
            await run.PassAsync(run.Lease / 2).ConfigureAwait(false);
            await run.ExpectExtendsAsync(run.One, claim, ContractRun.LongLease, true, "Extending a claimed id").ConfigureAwait(false);
            await run.LapseAsync().ConfigureAwait(false);
            await run.ExpectHeldAsync(run.Other, claim.Key, "A claim after the first lease would have run out").ConfigureAwait(false);
            await run.ExpectCompletesAsync(run.One, claim, true, "The owner's completion").ConfigureAwait(false);
        }),

        new("Extending a lapsed id with its token claims it again", async run =>
        {
            await run.OpenOtherAsync().ConfigureAwait(false);
            var claim = await LapsedAsync(run).ConfigureAwait(false);
            await run.ExpectExtendsAsync(run.One, claim, ContractRun.LongLease, true, "Extending a lapsed id that nobody has taken over").ConfigureAwait(false);
            await run.ExpectHeldAsync(run.Other, claim.Key, "A claim after that").ConfigureAwait(false);
            await run.ExpectCompletesAsync(run.One, claim, true, "The owner's completion").ConfigureAwait(false);
        }),

        new("Extending a claimed id with another token changes nothing", async run =>
        {
            await run.OpenOtherAsync().ConfigureAwait(false);
            var (overtaken, holding) = await run.OvertakeAsync().ConfigureAwait(false);
            await run.ExpectExtendsAsync(run.One, overtaken, run.Lease, false, "Extending an id that another has taken over").ConfigureAwait(false);
            await run.LapseAsync().ConfigureAwait(false);
            await run.ExpectHeldAsync(run.One, holding.Key, "A claim when the lease would have run out that was refused").ConfigureAwait(false);
            await run.ExpectCompletesAsync(run.Other, holding, true, "The completion of who holds it").ConfigureAwait(false);
        }),

        new("Extending a lapsed id with another token changes nothing", async run =>
        {
            await run.OpenOtherAsync().ConfigureAwait(false);
            var (overtaken, lapsed) = await OvertakenAndLapsedAsync(run).ConfigureAwait(false);
            await run.ExpectExtendsAsync(run.One, overtaken, ContractRun.LongLease, false, "Extending with a token that was overtaken, when the lease of who overtook has run out too").ConfigureAwait(false);
            await run.TakeOverAsync(run.One, lapsed.Key, run.Lease, "A claim after that").ConfigureAwait(false);
        }),

        new("Extending a completed id changes nothing", async run =>
        {
            await run.OpenOtherAsync().ConfigureAwait(false);
            var claim = await CompletedAsync(run).ConfigureAwait(false);
            await run.ExpectExtendsAsync(run.One, claim, run.Lease, false, "Extending a completed id with the token that completed it").ConfigureAwait(false);
            await run.ExpectExtendsAsync(run.Other, claim with { Token = claim.Token + 1 }, run.Lease, false, "Extending a completed id with another token").ConfigureAwait(false);
            await run.ExpectCompletedAsync(run.Other, claim.Key, "A claim after that").ConfigureAwait(false);
            await run.LapseAsync().ConfigureAwait(false);
            await run.ExpectCompletedAsync(run.Other, claim.Key, "A claim when the lease would have run out that was refused").ConfigureAwait(false);
        }),

        new("Releasing an unknown id does nothing", async run =>
        {
            var claim = await ReleasedAsync(run).ConfigureAwait(false);
            await run.ReleaseAsync(run.One, [claim]).ConfigureAwait(false);
            await run.AcquireAsync(run.One, claim.Key, run.Lease, "A claim after that").ConfigureAwait(false);
        }),

        new("Releasing a claimed id with its token makes it unknown", async run =>
        {
            await run.OpenOtherAsync().ConfigureAwait(false);
            var claim = await run.AcquireAsync(run.One, ContractRun.NewKey(), ContractRun.LongLease).ConfigureAwait(false);
            await run.ReleaseAsync(run.One, [claim]).ConfigureAwait(false);
            await run.AcquireAsync(run.Other, claim.Key, ContractRun.LongLease, "A claim of a released id").ConfigureAwait(false);
        }),

        new("Releasing a lapsed id with its token makes it unknown", async run =>
        {
            await run.OpenOtherAsync().ConfigureAwait(false);
            var claim = await LapsedAsync(run).ConfigureAwait(false);
            await run.ReleaseAsync(run.One, [claim]).ConfigureAwait(false);
            await run.AcquireAsync(run.Other, claim.Key, ContractRun.LongLease, "A claim of an id that was released after its lease had run out").ConfigureAwait(false);
        }),

        new("Releasing an id with another token does nothing", async run =>
        {
            await run.OpenOtherAsync().ConfigureAwait(false);
            var (overtaken, holding) = await run.OvertakeAsync().ConfigureAwait(false);
            await run.ReleaseAsync(run.One, [overtaken]).ConfigureAwait(false);
            await run.ExpectHeldAsync(run.One, holding.Key, "A claim after who was overtaken has released it").ConfigureAwait(false);
            await run.ExpectCompletesAsync(run.Other, holding, true, "The completion of who holds it").ConfigureAwait(false);
        }),

        new("Releasing a lapsed id with another token does nothing", async run =>
        {
            await run.OpenOtherAsync().ConfigureAwait(false);
            var (overtaken, lapsed) = await OvertakenAndLapsedAsync(run).ConfigureAwait(false);
            await run.ReleaseAsync(run.One, [overtaken]).ConfigureAwait(false);
            await run.TakeOverAsync(run.One, lapsed.Key, run.Lease, "A claim after who was overtaken has released it").ConfigureAwait(false);
        }),

        new("Releasing a completed id does nothing", async run =>
        {
            await run.OpenOtherAsync().ConfigureAwait(false);
            var claim = await CompletedAsync(run).ConfigureAwait(false);
            await run.ReleaseAsync(run.One, [claim, claim with { Token = claim.Token + 1 }]).ConfigureAwait(false);
            await run.ExpectCompletedAsync(run.Other, claim.Key, "A claim of a completed id that was released").ConfigureAwait(false);
        }),
    ];

    private static async Task<IdempotencyClaim> CompletedAsync(ContractRun run)
    {
        var claim = await run.AcquireAsync(run.One, ContractRun.NewKey(), ContractRun.LongLease).ConfigureAwait(false);
        await run.ExpectCompletesAsync(run.One, claim, true, "Completing a claimed id").ConfigureAwait(false);
        return claim;
    }

    private static async Task<IdempotencyClaim> ReleasedAsync(ContractRun run)
    {
        var claim = await run.AcquireAsync(run.One, ContractRun.NewKey(), ContractRun.LongLease).ConfigureAwait(false);
        await run.ReleaseAsync(run.One, [claim]).ConfigureAwait(false);
        return claim;
    }

    private static async Task<IdempotencyClaim> LapsedAsync(ContractRun run)
    {
        var claim = await run.AcquireAsync(run.One, ContractRun.NewKey(), run.Lease).ConfigureAwait(false);
        await run.LapseAsync().ConfigureAwait(false);
        return claim;
    }

    private static async Task<(IdempotencyClaim Overtaken, IdempotencyClaim Lapsed)> OvertakenAndLapsedAsync(ContractRun run)
    {
        var overtaken = await LapsedAsync(run).ConfigureAwait(false);
        var lapsed = await run.TakeOverAsync(run.Other, overtaken.Key, run.Lease).ConfigureAwait(false);
        await run.LapseAsync().ConfigureAwait(false);
        return (overtaken, lapsed);
    }
}
