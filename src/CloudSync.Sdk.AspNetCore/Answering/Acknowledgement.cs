namespace CloudSync.Sdk.Ingest;

/// <summary>
/// What becomes of one message. A task is made for who has to wait for it, and for no other: while the first of a batch is waited for, most of those behind it are told.
/// </summary>
/// <param name="id">The message.</param>
/// <param name="since">When it was given to the producer, by the clock of <see cref="TimeProvider.GetTimestamp"/>.</param>
internal sealed class Acknowledgement(string id, long since) : IProduceAcknowledgement
{
    private static readonly object Told = new();

    /// <summary>Nothing; who waits; or that it is told, and never anything else again.</summary>
    private object? _state;

    public string Id => id;

    public long Since => since;

    /// <summary>Where it stands, once it is told and has not failed.</summary>
    public ProducedMessage Produced { get; private set; }

    /// <summary>Why Kafka does not have it, once it is told and has failed.</summary>
    public ProduceFailedException? Failure { get; private set; }

    public bool IsTold => Volatile.Read(ref _state) == Told;

    public void Acknowledged(in ProducedMessage produced)
    {
        Produced = produced;
        Tell();
    }

    public void Failed(ProduceFailedException failure)
    {
        Failure = failure;
        Tell();
    }

    /// <summary>Ends when it is told. Who waits is only one.</summary>
    public Task WhenToldAsync()
    {
        // Continues elsewhere: the client's own thread must not run what comes after an acknowledgement.
        var waits = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        return Interlocked.CompareExchange(ref _state, waits, null) is null ? waits.Task : Task.CompletedTask;
    }

    private void Tell() => (Interlocked.Exchange(ref _state, Told) as TaskCompletionSource)?.TrySetResult();
}
