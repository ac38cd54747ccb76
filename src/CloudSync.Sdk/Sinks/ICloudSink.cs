namespace CloudSync.Sdk;

/// <summary>
/// Where messages go: one message, one call. Returning means that the endpoint has acknowledged the message; throwing means that it has not, and what is
/// thrown decides what happens next (see <see cref="IErrorClassifier"/>).
/// </summary>
/// <remarks>
/// One instance serves the whole consumer: calls run at the same time, up to <see cref="CloudSyncConsumerOptions.MaxConcurrency"/>, never two for the
/// same key. A message may come again after its answer was lost, with the same <see cref="SyncMessage.Id"/>: hand the id to the endpoint as its
/// idempotency key.
/// </remarks>
public interface ICloudSink
{
    /// <summary>Delivers one message.</summary>
    /// <param name="message">The message. It may be kept after the call.</param>
    /// <param name="cancellationToken">
    /// Fires after <see cref="CloudSyncConsumerOptions.SinkTimeout"/>, or when the consumer stops and its drain time is over. A call that goes on
    /// regardless is abandoned and counts as timed out.
    /// </param>
    ValueTask SendAsync(SyncMessage message, CancellationToken cancellationToken);
}
