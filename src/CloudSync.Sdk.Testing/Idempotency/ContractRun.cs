using System.Globalization;

namespace CloudSync.Sdk.Testing;

/// <summary>One case on one store: the calls, and what is expected of them. Two owners share the store, by a client each where there can be several.</summary>
internal sealed class ContractRun(
    string name, IdempotencyStoreUnderTest given, TimeSpan lease, TimeSpan retention, TimeSpan forgottenWithin, TimeSpan patience) : IAsyncDisposable
{
    /// <summary>A lease that does not run out while a case runs, however slow the machine.</summary>
    public static readonly TimeSpan LongLease = TimeSpan.FromMinutes(10);

    /// <summary>A retention that is not over before a case is.</summary>
    public static readonly TimeSpan LongRetention = TimeSpan.FromHours(2);

    private readonly List<IIdempotencyStore> _opened = [given.Store];

    /// <summary>One owner of claims.</summary>
    public IIdempotencyStore One { get; } = given.Store;

    /// <summary>Another: with a client of its own if there is such a thing, after <see cref="OpenOtherAsync"/>.</summary>
    public IIdempotencyStore Other { get; private set; } = given.Store;

    /// <summary>A lease that a case lets run out.</summary>
    public TimeSpan Lease => lease;

    /// <summary>The retention of the store.</summary>
    public TimeSpan Retention => retention;

    /// <summary>A time after which an id must still be remembered: nearly its retention where the clock stands still, half of it where time passes by itself.</summary>
    public TimeSpan NearlyRetention => retention * (given.LetTimePass is null ? 0.5 : 0.9);

    /// <summary>How long a call may take, and all calls of a race together.</summary>
    public TimeSpan Patience => patience;

    /// <summary>Whether there is an end to what a store may remember.</summary>
    public bool MustForget => forgottenWithin != Timeout.InfiniteTimeSpan;

    /// <summary>An id that nobody has used yet.</summary>
    public static IdempotencyKey NewKey() => new((ulong)Random.Shared.NextInt64(long.MinValue, long.MaxValue), (ulong)Random.Shared.NextInt64(long.MinValue, long.MaxValue));

    /// <summary>Ids that nobody has used yet.</summary>
    public static IdempotencyKey[] NewKeys(int count) => [.. Enumerable.Range(0, count).Select(_ => NewKey())];

    public Task PassAsync(TimeSpan time) => given.LetTimePass is { } pass ? pass(time) : Task.Delay(time);

    /// <summary>Lets the lease of what was just claimed run out. By a little more: a clock that counts milliseconds rounds.</summary>
    public Task LapseAsync() => PassAsync((1.1 * lease) + TimeSpan.FromMilliseconds(2));

    /// <summary>Lets so much time pass that what was just completed, or just lapsed, must be forgotten.</summary>
    public Task ForgetAsync() => PassAsync(retention + forgottenWithin + TimeSpan.FromMilliseconds(2));

    public async Task<IIdempotencyStore> OpenAsync()
    {
        if (given.OpenAnother is null)
            return One;

        var store = await given.OpenAnother().ConfigureAwait(false);
        lock (_opened)
            _opened.Add(store);

        return store;
    }

    public async Task OpenOtherAsync() => Other = await OpenAsync().ConfigureAwait(false);

    public async Task<ClaimResult[]> ClaimAsync(IIdempotencyStore owner, IdempotencyKey[] keys, TimeSpan forHowLong, CancellationToken cancellationToken = default)
    {
        var results = new ClaimResult[keys.Length];
        await WithinPatienceAsync(owner.ClaimAsync(keys, forHowLong, results, cancellationToken), "ClaimAsync").ConfigureAwait(false);
        return results;
    }

    public async Task<bool[]> CompleteAsync(IIdempotencyStore owner, IdempotencyClaim[] claims, CancellationToken cancellationToken = default)
    {
        var results = new bool[claims.Length];
        await WithinPatienceAsync(owner.CompleteAsync(claims, results, cancellationToken), "CompleteAsync").ConfigureAwait(false);
        return results;
    }

    public Task ReleaseAsync(IIdempotencyStore owner, IdempotencyClaim[] claims, CancellationToken cancellationToken = default) =>
        WithinPatienceAsync(owner.ReleaseAsync(claims, cancellationToken), "ReleaseAsync");

    public async Task<bool[]> ExtendAsync(IIdempotencyStore owner, IdempotencyClaim[] claims, TimeSpan forHowLong, CancellationToken cancellationToken = default)
    {
        var results = new bool[claims.Length];
        await WithinPatienceAsync(owner.ExtendAsync(claims, forHowLong, results, cancellationToken), "ExtendAsync").ConfigureAwait(false);
        return results;
    }

    /// <summary>Claims an id that must be free, and was nobody's that let it lapse.</summary>
    public async Task<IdempotencyClaim> AcquireAsync(IIdempotencyStore owner, IdempotencyKey key, TimeSpan forHowLong, string what = "A claim of an unknown id")
    {
        var result = (await ClaimAsync(owner, [key], forHowLong).ConfigureAwait(false))[0];
        ExpectAcquired(result, tookOver: false, what);
        return new IdempotencyClaim(key, result.Token);
    }

    /// <summary>Claims an id that must be free, and was another's who let it lapse.</summary>
    public async Task<IdempotencyClaim> TakeOverAsync(IIdempotencyStore owner, IdempotencyKey key, TimeSpan forHowLong, string what = "A claim of an id whose lease has run out")
    {
        var result = (await ClaimAsync(owner, [key], forHowLong).ConfigureAwait(false))[0];
        ExpectAcquired(result, tookOver: true, what);
        return new IdempotencyClaim(key, result.Token);
    }

    /// <summary>Claims, lets the claim lapse, and takes it over with a long lease: gives the overtaken claim and the one that holds.</summary>
    public async Task<(IdempotencyClaim Overtaken, IdempotencyClaim Holding)> OvertakeAsync()
    {
        var overtaken = await AcquireAsync(One, NewKey(), Lease).ConfigureAwait(false);
        await LapseAsync().ConfigureAwait(false);
        return (overtaken, await TakeOverAsync(Other, overtaken.Key, LongLease).ConfigureAwait(false));
    }

    public async Task ExpectHeldAsync(IIdempotencyStore owner, IdempotencyKey key, string what)
    {
        var result = (await ClaimAsync(owner, [key], Lease).ConfigureAwait(false))[0];
        ExpectHeld(result, what);
    }

    public async Task ExpectCompletedAsync(IIdempotencyStore owner, IdempotencyKey key, string what)
    {
        var result = (await ClaimAsync(owner, [key], Lease).ConfigureAwait(false))[0];
        Expect(result.Status == ClaimStatus.Completed, what, "Completed", Text(result));
    }

    public async Task ExpectCompletesAsync(IIdempotencyStore owner, IdempotencyClaim claim, bool expected, string what)
    {
        var result = (await CompleteAsync(owner, [claim]).ConfigureAwait(false))[0];
        Expect(result == expected, what, Text(expected), Text(result));
    }

    public async Task ExpectExtendsAsync(IIdempotencyStore owner, IdempotencyClaim claim, TimeSpan forHowLong, bool expected, string what)
    {
        var result = (await ExtendAsync(owner, [claim], forHowLong).ConfigureAwait(false))[0];
        Expect(result == expected, what, Text(expected), Text(result));
    }

    public void ExpectAcquired(ClaimResult result, bool tookOver, string what)
    {
        Expect(result.Status == ClaimStatus.Acquired && result.TookOver == tookOver, what, tookOver ? "Acquired, and that it took over" : "Acquired, and not that it took over", Text(result));
        Expect(result.Token > 0, what, "a token above 0", result.Token);
    }

    public void ExpectHeld(ClaimResult result, string what)
    {
        Expect(result.Status == ClaimStatus.Held, what, "Held", Text(result));
        Expect(result.HeldFor > TimeSpan.Zero && result.HeldFor <= LongLease, what, "held for more than nothing and no more than the lease", Text(result));
    }

    public void Expect(bool holds, string what, object expected, object got)
    {
        if (!holds)
            throw Broken(string.Create(CultureInfo.InvariantCulture, $"{what}: expected {expected}, got {got}."));
    }

    public IdempotencyStoreContractException Broken(string how, Exception? inner = null) => new($"The store breaks the contract: {name}.\n{how}", inner);

    public async ValueTask DisposeAsync()
    {
        foreach (var store in _opened)
        {
            if (store is IAsyncDisposable inTime)
                await inTime.DisposeAsync().ConfigureAwait(false);
            else
                (store as IDisposable)?.Dispose();
        }

        if (given.CleanUp is { } cleanUp)
            await cleanUp().ConfigureAwait(false);
    }

    public static string Text(ClaimResult result) => result.Status switch
    {
        ClaimStatus.Acquired => string.Create(CultureInfo.InvariantCulture, $"Acquired with token {result.Token}{(result.TookOver ? ", and that it took over" : "")}"),
        ClaimStatus.Completed => "Completed",
        ClaimStatus.Held => $"Held for {result.HeldFor}",
        _ => "no answer at all (the default value)",
    };

    private static string Text(bool result) => result ? "true" : "false";

    private async Task WithinPatienceAsync(ValueTask call, string method)
    {
        try
        {
            await call.AsTask().WaitAsync(patience).ConfigureAwait(false);
        }
        catch (TimeoutException e)
        {
            throw Broken($"{method} has not answered within {patience}.", e);
        }
    }
}
