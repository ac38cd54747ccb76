using CloudSync.Sdk;

namespace CloudSync.IntegrationTests.Consuming;

/// <summary>Hides that a sink takes single messages as well.</summary>
internal sealed class BatchesOnly(IBatchCloudSink sink) : IBatchCloudSink
{
    public ValueTask<IReadOnlyList<SinkResult>> SendAsync(IReadOnlyList<SyncMessage> messages, CancellationToken cancellationToken) =>
        sink.SendAsync(messages, cancellationToken);
}
