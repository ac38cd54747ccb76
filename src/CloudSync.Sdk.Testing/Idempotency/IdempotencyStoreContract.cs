namespace CloudSync.Sdk.Testing;

/// <summary>
/// The contract of <see cref="IIdempotencyStore"/> as cases that any implementation can be checked with, under any test framework. It covers each call in each state of an id, leases and who
/// takes them over, fencing tokens, batches, retention, cancellation, statistics, and owners that race.
/// </summary>
/// <remarks>
/// Each case asks for a store of its own and can run beside others. Where the store's clock can't be moved by hand, the cases really wait: the whole suite about a minute with the default times,
/// less when the framework runs cases in parallel.
/// </remarks>
/// <example>
/// A store on a database of yours, under xUnit. Each case gets a table of its own.
/// <code>
/// public class PostgresIdempotencyStoreTests
/// {
///     public static TheoryData&lt;string&gt; Cases =&gt; [.. IdempotencyStoreContract.Cases];
///
///     [Theory, MemberData(nameof(Cases))]
///     public Task It_keeps_the_contract(string name) =&gt; new IdempotencyStoreContract(async retention =&gt;
///     {
///         var table = await TestDatabase.CreateTableAsync();
///         return new IdempotencyStoreUnderTest
///         {
///             Store = new PostgresIdempotencyStore(TestDatabase.Connection, table, retention),
///             OpenAnother = () =&gt; new(new PostgresIdempotencyStore(TestDatabase.Connection, table, retention)),
///             CleanUp = () =&gt; TestDatabase.DropTableAsync(table),
///         };
///     }).VerifyAsync(name);
/// }
/// </code>
/// </example>
/// <param name="create">Makes a store for a case, given the retention (<see cref="IdempotencyOptions.Retention"/>) that it must have.</param>
public sealed class IdempotencyStoreContract(Func<TimeSpan, Task<IdempotencyStoreUnderTest>> create)
{
    private static readonly Dictionary<string, ContractCase> All = new ContractCase[][]
    {
        StateCases.All, LeaseCases.All, TokenCases.All, RetentionCases.All, BatchCases.All, RaceCases.All, ServiceCases.All,
    }.SelectMany(cases => cases).ToDictionary(c => c.Name, StringComparer.Ordinal);

    private readonly Func<TimeSpan, Task<IdempotencyStoreUnderTest>> _create = create ?? throw new ArgumentNullException(nameof(create));

    /// <summary>The names of all cases. Each is the rule that it checks.</summary>
    public static IReadOnlyList<string> Cases { get; } = [.. All.Keys];

    /// <summary>
    /// A lease that the cases let run out, at least 10 ms. Default 1 s. A case fails wrongly when the store does not get to its next call within half of it, so it is the longer the slower the store
    /// or the machine.
    /// </summary>
    public TimeSpan Lease { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>The retention of a store that is to forget, at least 10 ms. Default 4 s. As with <see cref="Lease"/>, half of it is what a case has time for.</summary>
    public TimeSpan Retention { get; init; } = TimeSpan.FromSeconds(4);

    /// <summary>
    /// How much longer than its retention an id may be remembered, at most. Default <see langword="null"/>: twice the retention. A store that leaves the clean-up to its database can be slower than that and good all the same:
    /// <see cref="Timeout.InfiniteTimeSpan"/> leaves out what asks for the end.
    /// </summary>
    public TimeSpan? ForgottenWithin { get; init; }

    /// <summary>How long a single call of the store, or a race of several owners, may take before the case gives it up. Default 30 s.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Runs one case.</summary>
    /// <param name="name">One of <see cref="Cases"/>.</param>
    /// <exception cref="ArgumentException">There is no such case.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><see cref="Lease"/> or <see cref="Retention"/> is too short.</exception>
    /// <exception cref="IdempotencyStoreContractException">The store breaks the contract.</exception>
    public async Task VerifyAsync(string name)
    {
        if (!All.TryGetValue(name, out var verified))
            throw new ArgumentException($"'{name}' is no case of the contract. {nameof(Cases)} has the names of all.", nameof(name));

        var shortest = TimeSpan.FromMilliseconds(10);
        ArgumentOutOfRangeException.ThrowIfLessThan(Lease, shortest);
        ArgumentOutOfRangeException.ThrowIfLessThan(Retention, shortest);

        var retention = verified.Forgets ? Retention : ContractRun.LongRetention;
        var run = new ContractRun(name, await _create(retention).ConfigureAwait(false), Lease, retention, ForgottenWithin ?? (2 * Retention), Patience);
        await using (run.ConfigureAwait(false))
        {
            try
            {
                await verified.Check(run).ConfigureAwait(false);
            }
            catch (Exception e) when (e is not IdempotencyStoreContractException)
            {
                throw run.Broken($"The store threw {e.GetType().Name}: {e.Message}", e);
            }
        }
    }
}
