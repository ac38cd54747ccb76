namespace CloudSync.Benchmarks;

/// <summary>A sink that does nothing.</summary>
internal sealed class NoSink : ICloudSink
{
    public ValueTask SendAsync(SyncMessage message, CancellationToken cancellationToken) => default;
}

/// <summary>A sink that does nothing, for up to so many messages in one call.</summary>
internal sealed class NoBatchSink(int maxBatch) : IBatchCloudSink
{
    private readonly IReadOnlyList<SinkResult> _delivered = SinkResult.AllDelivered(maxBatch);

    public ValueTask<IReadOnlyList<SinkResult>> SendAsync(IReadOnlyList<SyncMessage> messages, CancellationToken cancellationToken) => ValueTask.FromResult(_delivered);
}

/// <summary>Nothing fails here.</summary>
internal sealed class NoDeadLetters : IDeadLetterWriter
{
    public Task WriteAsync(Delivery delivery, CancellationToken cancellationToken) => throw new NotSupportedException();
}
