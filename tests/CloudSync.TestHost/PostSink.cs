using CloudSync.Sdk;

namespace CloudSync.TestHost;

/// <summary>Tells an endpoint which message it got, and from where.</summary>
internal sealed class PostSink(string endpoint) : ICloudSink, IDisposable
{
    private readonly HttpClient _http = new();

    public async ValueTask SendAsync(SyncMessage message, CancellationToken cancellationToken)
    {
        using var body = new StringContent($"{message.Id} {message.Partition} {message.Offset}");
        using var answer = await _http.PostAsync(endpoint, body, cancellationToken);
        answer.EnsureSuccessStatusCode();
    }

    public void Dispose() => _http.Dispose();
}
