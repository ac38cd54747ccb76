namespace CloudSync.Sdk.Testing;

/// <summary>Fencing tokens.</summary>
internal static class TokenCases
{
    public static ContractCase[] All { get; } =
    [
        new("The token rises when an id is taken over", async run =>
        {
            await run.OpenOtherAsync().ConfigureAwait(false);
            var (first, second) = await run.OvertakeAsync().ConfigureAwait(false);
            Rises(run, first, second);
        }),

        new("The token rises when a released id is claimed again", async run =>
        {
            await run.OpenOtherAsync().ConfigureAwait(false);
            var claim = await run.AcquireAsync(run.One, ContractRun.NewKey(), ContractRun.LongLease).ConfigureAwait(false);
            for (var i = 0; i < 20; i++)
            {
                var (owner, next) = i % 2 == 0 ? (run.One, run.Other) : (run.Other, run.One);
                await run.ReleaseAsync(owner, [claim]).ConfigureAwait(false);
                var again = await run.AcquireAsync(next, claim.Key, ContractRun.LongLease, "A claim of a released id").ConfigureAwait(false);
                Rises(run, claim, again);
                claim = again;
            }
        }),

        new("The token rises over an extension, also one that made the claim again", async run =>
        {
            await run.OpenOtherAsync().ConfigureAwait(false);
            var claim = await run.AcquireAsync(run.One, ContractRun.NewKey(), run.Lease).ConfigureAwait(false);
            await run.ReleaseAsync(run.One, [claim]).ConfigureAwait(false);
            await run.ExpectExtendsAsync(run.One, claim, run.Lease, true, "Extending an unknown id").ConfigureAwait(false);
            await run.ExpectExtendsAsync(run.One, claim, run.Lease, true, "Extending a claimed id").ConfigureAwait(false);
            await run.LapseAsync().ConfigureAwait(false);
            Rises(run, claim, await run.TakeOverAsync(run.Other, claim.Key, run.Lease).ConfigureAwait(false));
        }),

        new("The token rises when an id that was forgotten is claimed again", async run =>
        {
            if (!run.MustForget)
                return;

            await run.OpenOtherAsync().ConfigureAwait(false);
            var (lapsed, completed) = (ContractRun.NewKey(), ContractRun.NewKey());
            var before = await run.AcquireAsync(run.One, lapsed, run.Lease).ConfigureAwait(false);
            var delivered = await run.AcquireAsync(run.One, completed, run.Lease).ConfigureAwait(false);
            await run.ExpectCompletesAsync(run.One, delivered, true, "Completing a claimed id").ConfigureAwait(false);
            await run.LapseAsync().ConfigureAwait(false);
            await run.ForgetAsync().ConfigureAwait(false);
            Rises(run, before, await run.AcquireAsync(run.Other, lapsed, ContractRun.LongLease, "A claim of a lapsed id that is forgotten").ConfigureAwait(false));
            Rises(run, delivered, await run.AcquireAsync(run.Other, completed, ContractRun.LongLease, "A claim of a completed id that is forgotten").ConfigureAwait(false));
            await run.ExpectCompletesAsync(run.One, before, false, "The completion of the owner of long ago").ConfigureAwait(false);
        }, Forgets: true),
    ];

    private static void Rises(ContractRun run, IdempotencyClaim before, IdempotencyClaim after) =>
        run.Expect(after.Token > before.Token, "The token of the next claim", $"more than {before.Token}", after.Token);
}
