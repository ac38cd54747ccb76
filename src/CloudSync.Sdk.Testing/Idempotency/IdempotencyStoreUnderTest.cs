namespace CloudSync.Sdk.Testing;

/// <summary>What <see cref="IdempotencyStoreContract"/> is given for one case: a store with nothing in it.</summary>
public sealed class IdempotencyStoreUnderTest
{
    /// <summary>
    /// The store: empty, with the retention that was asked for, and with room for 50,000 ids. It is disposed of after the case when it is <see cref="IAsyncDisposable"/> or
    /// <see cref="IDisposable"/>.
    /// </summary>
    public required IIdempotencyStore Store { get; init; }

    /// <summary>
    /// Lets time pass by the store's clock: for one whose clock can be moved by hand, so that no case takes long. Default <see langword="null"/>: the suite really waits.
    /// </summary>
    public Func<TimeSpan, Task>? LetTimePass { get; init; }

    /// <summary>
    /// Opens a further client of what <see cref="Store"/> keeps its ids in, as another process would, disposed of like the first. Default <see langword="null"/>: there is none, since the ids are in
    /// the store itself; then all owners of a case use the one.
    /// </summary>
    public Func<ValueTask<IIdempotencyStore>>? OpenAnother { get; init; }

    /// <summary>Cleans up after the case, when the stores have been disposed of. Default <see langword="null"/>: there is nothing to clean up.</summary>
    public Func<ValueTask>? CleanUp { get; init; }
}
