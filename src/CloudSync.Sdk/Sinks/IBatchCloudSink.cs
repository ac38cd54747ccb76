namespace CloudSync.Sdk;

/// <summary>Where messages go, many in one call. A batch never holds two messages with one key, so its items may be taken in any order.</summary>
/// <remarks>
/// One instance serves the whole consumer; up to <see cref="CloudSyncConsumerOptions.MaxConcurrency"/> batches are under way at the same time, each of at most
/// <see cref="CloudSyncConsumerOptions.MaxBatchSize"/> messages and <see cref="CloudSyncConsumerOptions.MaxBatchBytes"/> bytes.
/// </remarks>
public interface IBatchCloudSink
{
    /// <summary>Delivers the messages and says of each what became of it.</summary>
    /// <param name="messages">At least one message. They may be kept after the call; the list may not.</param>
    /// <param name="cancellationToken">
    /// Fires after <see cref="CloudSyncConsumerOptions.SinkTimeout"/>, or when the consumer stops and its drain time is over.
    /// </param>
    /// <returns>
    /// One result for every index of <paramref name="messages"/>. A result that is missing or was never set counts as a failure of kind
    /// <see cref="ErrorType.Unknown"/>. Throwing is a failure of every message.
    /// </returns>
    ValueTask<IReadOnlyList<SinkResult>> SendAsync(IReadOnlyList<SyncMessage> messages, CancellationToken cancellationToken);
}

/// <summary>What became of one message of a batch. The default value says 'not reported', and is a failure: forgetting an item must not lose it.</summary>
public readonly record struct SinkResult
{
    private SinkResult(bool delivered, Exception? error)
    {
        IsDelivered = delivered;
        Error = error;
    }

    /// <summary>The endpoint has acknowledged the message.</summary>
    public static SinkResult Delivered { get; } = new(true, null);

    /// <summary>Whether the endpoint has acknowledged the message.</summary>
    public bool IsDelivered { get; }

    /// <summary>Why not; <see langword="null"/> when the message was delivered or nothing was reported.</summary>
    public Exception? Error { get; }

    /// <summary>The endpoint has not acknowledged the message.</summary>
    /// <param name="error">Why, for the classifier: most useful as a <see cref="SinkException"/>.</param>
    /// <exception cref="ArgumentNullException"><paramref name="error"/> is <see langword="null"/>.</exception>
    public static SinkResult Failed(Exception error)
    {
        ArgumentNullException.ThrowIfNull(error);
        return new SinkResult(false, error);
    }

    /// <summary>The endpoint has acknowledged every message.</summary>
    /// <param name="count">How many messages there were.</param>
    public static IReadOnlyList<SinkResult> AllDelivered(int count)
    {
        var results = new SinkResult[count];
        Array.Fill(results, Delivered);
        return results;
    }
}
