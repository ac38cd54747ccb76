namespace CloudSync.Sdk.Testing;

/// <summary>How long a claim holds, and who comes after it.</summary>
internal static class LeaseCases
{
    public static ContractCase[] All { get; } =
    [
        new("A lease holds until it has run out", async run =>
        {
            await run.OpenOtherAsync().ConfigureAwait(false);
            var claim = await run.AcquireAsync(run.One, ContractRun.NewKey(), run.Lease).ConfigureAwait(false);
            await run.PassAsync(run.Lease / 2).ConfigureAwait(false);
            await run.ExpectHeldAsync(run.Other, claim.Key, "A claim after half of the lease").ConfigureAwait(false);
            await run.PassAsync((run.Lease / 2) + (run.Lease / 10) + TimeSpan.FromMilliseconds(2)).ConfigureAwait(false);
            await run.TakeOverAsync(run.Other, claim.Key, run.Lease).ConfigureAwait(false);
        }),

        new("A claim that is held up does not make the lease longer", async run =>
        {
            await run.OpenOtherAsync().ConfigureAwait(false);
            var claim = await run.AcquireAsync(run.One, ContractRun.NewKey(), run.Lease).ConfigureAwait(false);
            await run.PassAsync(run.Lease / 2).ConfigureAwait(false);
            await run.ClaimAsync(run.Other, [claim.Key], ContractRun.LongLease).ConfigureAwait(false);
            await run.PassAsync((run.Lease / 2) + (run.Lease / 10) + TimeSpan.FromMilliseconds(2)).ConfigureAwait(false);
            await run.TakeOverAsync(run.Other, claim.Key, run.Lease, "A claim after the owner's lease, when another had asked for a longer one").ConfigureAwait(false);
        }),

        new("Each claim has the lease that it asked for", async run =>
        {
            var (first, second) = (ContractRun.NewKey(), ContractRun.NewKey());
            await run.AcquireAsync(run.One, first, run.Lease).ConfigureAwait(false);
            await run.AcquireAsync(run.One, second, ContractRun.LongLease).ConfigureAwait(false);
            await run.LapseAsync().ConfigureAwait(false);
            await run.TakeOverAsync(run.One, first, run.Lease, "A claim of the id with the short lease").ConfigureAwait(false);
            await run.ExpectHeldAsync(run.One, second, "A claim of the id with the long lease").ConfigureAwait(false);
        }),

        new("An extension counts from now, and may be shorter than what was left", async run =>
        {
            var claim = await run.AcquireAsync(run.One, ContractRun.NewKey(), ContractRun.LongLease).ConfigureAwait(false);
            await run.ExpectExtendsAsync(run.One, claim, run.Lease, true, "Extending a claimed id").ConfigureAwait(false);
            await run.LapseAsync().ConfigureAwait(false);
            await run.TakeOverAsync(run.One, claim.Key, run.Lease, "A claim after the extension has run out").ConfigureAwait(false);
        }),

        new("Who was overtaken is told so by every call", async run =>
        {
            await run.OpenOtherAsync().ConfigureAwait(false);
            var (overtaken, holding) = await run.OvertakeAsync().ConfigureAwait(false);
            await run.ExpectExtendsAsync(run.One, overtaken, ContractRun.LongLease, false, "The extension of who was overtaken").ConfigureAwait(false);
            await run.ReleaseAsync(run.One, [overtaken]).ConfigureAwait(false);
            await run.ExpectCompletesAsync(run.One, overtaken, false, "The completion of who was overtaken").ConfigureAwait(false);
            await run.ExpectExtendsAsync(run.Other, holding, ContractRun.LongLease, true, "The extension of who took over").ConfigureAwait(false);
            await run.ExpectCompletesAsync(run.Other, holding, true, "The completion of who took over").ConfigureAwait(false);
            await run.ExpectCompletesAsync(run.One, overtaken, false, "The completion of who was overtaken, after the other's").ConfigureAwait(false);
        }),

        new("An id that was released by who took it over is not the first owner's again while another claims it", async run =>
        {
            await run.OpenOtherAsync().ConfigureAwait(false);
            var (overtaken, holding) = await run.OvertakeAsync().ConfigureAwait(false);
            await run.ReleaseAsync(run.Other, [holding]).ConfigureAwait(false);
            var third = await run.AcquireAsync(run.Other, overtaken.Key, ContractRun.LongLease, "A claim of a released id").ConfigureAwait(false);
            await run.ExpectCompletesAsync(run.One, overtaken, false, "The completion of the first owner").ConfigureAwait(false);
            await run.ExpectCompletesAsync(run.Other, holding, false, "The completion of who had released it").ConfigureAwait(false);
            await run.ExpectCompletesAsync(run.Other, third, true, "The completion of who holds it").ConfigureAwait(false);
        }),
    ];
}
