namespace CloudSync.Sdk.Testing;

/// <summary>Calls with many ids.</summary>
internal static class BatchCases
{
    public static ContractCase[] All { get; } =
    [
        .. new[] { 0, 1, 1_000, 10_000 }.Select(count => new ContractCase(FormattableString.Invariant($"A call takes {count:N0} {(count == 1 ? "id" : "ids")}"), run => TakesAsync(run, count))),

        new("Every index gets the answer of its own id", async run =>
        {
            await run.OpenOtherAsync().ConfigureAwait(false);
            var keys = ContractRun.NewKeys(400);
            var lapsed = Every(keys, 1);
            var lapsedClaims = Claims(lapsed, await run.ClaimAsync(run.One, lapsed, run.Lease).ConfigureAwait(false));
            await run.LapseAsync().ConfigureAwait(false);
            await run.ClaimAsync(run.One, Every(keys, 2), ContractRun.LongLease).ConfigureAwait(false);
            var completed = Every(keys, 3);
            await run.CompleteAsync(run.One, Claims(completed, await run.ClaimAsync(run.One, completed, ContractRun.LongLease).ConfigureAwait(false))).ConfigureAwait(false);

            var results = await run.ClaimAsync(run.Other, keys, ContractRun.LongLease).ConfigureAwait(false);
            for (var i = 0; i < keys.Length; i++)
            {
                var what = FormattableString.Invariant($"Index {i}, ");
                if (i % 4 == 3)
                    run.Expect(results[i].Status == ClaimStatus.Completed, what + "an id that is completed", "Completed", ContractRun.Text(results[i]));
                else if (i % 4 == 2)
                    run.ExpectHeld(results[i], what + "an id that is held");
                else
                    run.ExpectAcquired(results[i], tookOver: i % 4 == 1, what + (i % 4 == 1 ? "an id that has lapsed" : "an id that is unknown"));
            }

            // What was overtaken and what is held, turn and turn about.
            var mixed = lapsedClaims.SelectMany((claim, i) => new[] { claim, new IdempotencyClaim(keys[4 * i], results[4 * i].Token) }).ToArray();
            var extended = await run.ExtendAsync(run.Other, mixed, ContractRun.LongLease).ConfigureAwait(false);
            var delivered = await run.CompleteAsync(run.Other, mixed).ConfigureAwait(false);
            for (var i = 0; i < mixed.Length; i++)
            {
                run.Expect(extended[i] == (i % 2 == 1), FormattableString.Invariant($"Extending, index {i}"), i % 2 == 1, extended[i]);
                run.Expect(delivered[i] == (i % 2 == 1), FormattableString.Invariant($"Completing, index {i}"), i % 2 == 1, delivered[i]);
            }
        }),

        new("Of an id that stands twice in a claim, the second is held by the first", async run =>
        {
            var (a, b, lapsed) = (ContractRun.NewKey(), ContractRun.NewKey(), ContractRun.NewKey());
            await run.AcquireAsync(run.One, lapsed, run.Lease).ConfigureAwait(false);
            await run.LapseAsync().ConfigureAwait(false);
            var results = await run.ClaimAsync(run.One, [a, b, a, lapsed, b, lapsed, a], ContractRun.LongLease).ConfigureAwait(false);
            run.ExpectAcquired(results[0], tookOver: false, "The first of an unknown id");
            run.ExpectAcquired(results[1], tookOver: false, "The first of another unknown id");
            run.ExpectHeld(results[2], "The second of an id");
            run.ExpectAcquired(results[3], tookOver: true, "The first of a lapsed id");
            run.ExpectHeld(results[4], "The second of another id");
            run.ExpectHeld(results[5], "The second of a lapsed id");
            run.ExpectHeld(results[6], "The third of an id");
            await run.ExpectCompletesAsync(run.One, new IdempotencyClaim(a, results[0].Token), true, "Completing with the token of the first").ConfigureAwait(false);
        }),

        new("Of a claim that stands twice in a completion, the first completes", async run =>
        {
            var claim = await run.AcquireAsync(run.One, ContractRun.NewKey(), ContractRun.LongLease).ConfigureAwait(false);
            var results = await run.CompleteAsync(run.One, [claim, claim, claim with { Token = claim.Token + 1 }]).ConfigureAwait(false);
            run.Expect(results is [true, false, false], "Completing a claim twice in one call, and once with another token", "true, false, false", string.Join(", ", results));
        }),

        new("A completion that comes after a wrong one of the same call completes", async run =>
        {
            var claim = await run.AcquireAsync(run.One, ContractRun.NewKey(), ContractRun.LongLease).ConfigureAwait(false);
            var results = await run.CompleteAsync(run.One, [claim with { Token = claim.Token + 1 }, claim]).ConfigureAwait(false);
            run.Expect(results is [false, true], "Completing with another token and then with the right one, in one call", "false, true", string.Join(", ", results));
        }),

        new("A claim that stands twice in an extension is extended", async run =>
        {
            var claim = await run.AcquireAsync(run.One, ContractRun.NewKey(), ContractRun.LongLease).ConfigureAwait(false);
            var results = await run.ExtendAsync(run.One, [claim, claim with { Token = claim.Token + 1 }, claim], ContractRun.LongLease).ConfigureAwait(false);
            run.Expect(results is [true, false, true], "Extending a claim twice in one call, and once with another token", "true, false, true", string.Join(", ", results));
        }),

        new("Of an unknown id that stands twice in an extension or a completion, the first makes it known", async run =>
        {
            var first = await run.AcquireAsync(run.One, ContractRun.NewKey(), ContractRun.LongLease).ConfigureAwait(false);
            await run.ReleaseAsync(run.One, [first]).ConfigureAwait(false);
            var other = first with { Token = first.Token + 1 };
            var extended = await run.ExtendAsync(run.One, [first, other], ContractRun.LongLease).ConfigureAwait(false);
            run.Expect(extended is [true, false], "Extending an unknown id with two tokens in one call", "true, false", string.Join(", ", extended));
            await run.ReleaseAsync(run.One, [first]).ConfigureAwait(false);
            var completed = await run.CompleteAsync(run.One, [first, other]).ConfigureAwait(false);
            run.Expect(completed is [true, false], "Completing an unknown id with two tokens in one call", "true, false", string.Join(", ", completed));
        }),

        new("A claim may be released twice in a call", async run =>
        {
            var (claim, kept) = (await run.AcquireAsync(run.One, ContractRun.NewKey(), ContractRun.LongLease).ConfigureAwait(false), await run.AcquireAsync(run.One, ContractRun.NewKey(), ContractRun.LongLease).ConfigureAwait(false));
            await run.ReleaseAsync(run.One, [claim, claim, kept with { Token = kept.Token + 1 }]).ConfigureAwait(false);
            await run.AcquireAsync(run.One, claim.Key, ContractRun.LongLease, "A claim of the released id").ConfigureAwait(false);
            await run.ExpectHeldAsync(run.One, kept.Key, "A claim of the id whose token was another").ConfigureAwait(false);
        }),

        new("Ids that differ in one half only are different ids", async run =>
        {
            IdempotencyKey[] keys = [new(0, 0), new(0, 1), new(1, 0), new(ulong.MaxValue, ulong.MaxValue), new(ulong.MaxValue, 0), new(0, ulong.MaxValue), new(1UL << 63, 0), new(0, 1UL << 63), new(0x0D0A, 0x0A0D)];
            var results = await run.ClaimAsync(run.One, keys, ContractRun.LongLease).ConfigureAwait(false);
            for (var i = 0; i < keys.Length; i++)
                run.ExpectAcquired(results[i], tookOver: false, $"A claim of {keys[i]}");

            run.Expect((await run.CompleteAsync(run.One, [new(keys[0], results[0].Token)]).ConfigureAwait(false))[0], $"Completing {keys[0]}", true, false);
            for (var i = 1; i < keys.Length; i++)
                await run.ExpectHeldAsync(run.One, keys[i], $"A claim of {keys[i]} when {keys[0]} was completed").ConfigureAwait(false);
        }),

        new("Answers go where they were asked for, and nowhere else", async run =>
        {
            var claims = new ClaimResult[5];
            var keys = ContractRun.NewKeys(5);
            await run.One.ClaimAsync(keys.AsMemory(1, 3), ContractRun.LongLease, claims.AsMemory(1, 3), CancellationToken.None).ConfigureAwait(false);
            run.Expect(claims[0].Status == 0 && claims[4].Status == 0, "The answers beside those of a part of an array", "left alone", $"{ContractRun.Text(claims[0])}; {ContractRun.Text(claims[4])}");
            for (var i = 1; i < 4; i++)
                run.ExpectAcquired(claims[i], tookOver: false, FormattableString.Invariant($"Index {i} of a part of an array"));

            run.ExpectAcquired((await run.ClaimAsync(run.One, [keys[0]], ContractRun.LongLease).ConfigureAwait(false))[0], tookOver: false, "An id beside those that were claimed");
            bool[] completed = [true, false, false, false, true];
            await run.One.CompleteAsync(keys.Select((key, i) => new IdempotencyClaim(key, claims[i].Token)).ToArray().AsMemory(1, 3), completed.AsMemory(1, 3), CancellationToken.None).ConfigureAwait(false);
            run.Expect(completed is [true, true, true, true, true], "Completing a part of an array", "true for each", string.Join(", ", completed));
        }),
    ];

    private static async Task TakesAsync(ContractRun run, int count)
    {
        await run.OpenOtherAsync().ConfigureAwait(false);
        var keys = ContractRun.NewKeys(count);
        var results = await run.ClaimAsync(run.One, keys, ContractRun.LongLease).ConfigureAwait(false);
        for (var i = 0; i < count; i++)
            run.ExpectAcquired(results[i], tookOver: false, FormattableString.Invariant($"Claiming, index {i}"));

        var claims = Claims(keys, results);
        ExpectAll(run, await run.ExtendAsync(run.One, claims, ContractRun.LongLease).ConfigureAwait(false), "Extending");
        await run.ReleaseAsync(run.One, claims).ConfigureAwait(false);
        results = await run.ClaimAsync(run.Other, keys, ContractRun.LongLease).ConfigureAwait(false);
        for (var i = 0; i < count; i++)
            run.ExpectAcquired(results[i], tookOver: false, FormattableString.Invariant($"Claiming after a release, index {i}"));

        ExpectAll(run, await run.CompleteAsync(run.Other, Claims(keys, results)).ConfigureAwait(false), "Completing");
        results = await run.ClaimAsync(run.One, keys, ContractRun.LongLease).ConfigureAwait(false);
        for (var i = 0; i < count; i++)
            run.Expect(results[i].Status == ClaimStatus.Completed, FormattableString.Invariant($"Claiming after the completion, index {i}"), "Completed", ContractRun.Text(results[i]));
    }

    private static void ExpectAll(ContractRun run, bool[] results, string what)
    {
        var wrong = Array.IndexOf(results, false);
        run.Expect(wrong < 0, FormattableString.Invariant($"{what}, index {wrong}"), true, false);
    }

    private static IdempotencyKey[] Every(IdempotencyKey[] keys, int remainder) => [.. keys.Where((_, i) => i % 4 == remainder)];

    private static IdempotencyClaim[] Claims(IdempotencyKey[] keys, ClaimResult[] results) => [.. keys.Zip(results, (key, result) => new IdempotencyClaim(key, result.Token))];
}
