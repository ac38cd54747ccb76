using System.Net;
using System.Text;
using System.Text.Json;

namespace Demo;

/// <summary>Posts messages to the API until it has taken them, each with its id and the key that <paramref name="key"/> gives it.</summary>
/// <param name="messages">The messages.</param>
/// <param name="key">The key of a number's message.</param>
/// <param name="api">The API's address.</param>
/// <param name="accepted">Is told of every message that the API has taken.</param>
internal sealed class SyncApi(DemoMessages messages, Func<int, string?> key, Uri api, Action<int> accepted) : IDisposable
{
    private const int MaxTries = 60;
    private static readonly TimeSpan PostTimeout = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan WhenRefused = TimeSpan.FromMilliseconds(500);

    private readonly HttpClient _client = new(new SocketsHttpHandler()) { BaseAddress = api, Timeout = PostTimeout };
    private long _postedAgain;
    private long _requests;

    /// <summary>Messages posted again because the API had not taken them.</summary>
    public long PostedAgain => Volatile.Read(ref _postedAgain);

    public long Requests => Volatile.Read(ref _requests);

    public void Dispose() => _client.Dispose();

    /// <summary>Posts messages in one request, and again those that were not taken.</summary>
    public async Task PostBatchAsync(IReadOnlyList<int> numbers, CancellationToken cancellation)
    {
        for (var tries = 1; tries <= MaxTries; tries++)
        {
            var refused = await TryBatchAsync(numbers, cancellation);
            if (refused.Count == 0)
                return;

            numbers = refused;
            await WaitAfterRefusalAsync(refused.Count, cancellation);
        }
    }

    /// <summary>Posts each message in a request of its own, all at the same time.</summary>
    public Task PostSinglyAsync(IReadOnlyList<int> numbers, CancellationToken cancellation) =>
        Task.WhenAll(numbers.Select(async n =>
        {
            for (var tries = 1; tries <= MaxTries && !await TryOneAsync(n, cancellation); tries++)
                await WaitAfterRefusalAsync(1, cancellation);
        }));

    private Task WaitAfterRefusalAsync(int refused, CancellationToken cancellation)
    {
        Interlocked.Add(ref _postedAgain, refused);
        return Task.Delay(WhenRefused, cancellation);
    }

    private async Task<bool> TryOneAsync(int n, CancellationToken cancellation)
    {
        try
        {
            using var response = await PostAsync("/api/sync", Json([n], array: false), cancellation);
            if (response.StatusCode != HttpStatusCode.Accepted)
                return false;

            accepted(n);
            return true;
        }
        catch (Exception e) when (IsNoAnswer(e, cancellation))
        {
            return false;
        }
    }

    /// <summary>Posts a batch and returns the messages that were not taken.</summary>
    private async Task<IReadOnlyList<int>> TryBatchAsync(IReadOnlyList<int> numbers, CancellationToken cancellation)
    {
        try
        {
            using var response = await PostAsync("/api/sync/batch", Json(numbers, array: true), cancellation);
            if (response.StatusCode is not (HttpStatusCode.Accepted or HttpStatusCode.MultiStatus))
                return numbers;

            using var answer = await JsonDocument.ParseAsync(await response.Content.ReadAsStreamAsync(cancellation), default, cancellation);
            var refused = new List<int>();
            var index = 0;
            foreach (var result in answer.RootElement.GetProperty("results").EnumerateArray())
            {
                // The last one may stand for all that follow.
                if (result.TryGetProperty("rest", out _))
                    break;

                var n = numbers[index++];
                if (result.GetProperty("status").GetInt32() == 202 && result.GetProperty("id").GetString() == messages.Id(n))
                    accepted(n);
                else
                    refused.Add(n);
            }

            return [.. refused, .. numbers.Skip(index)];
        }
        catch (Exception e) when (IsNoAnswer(e, cancellation))
        {
            return numbers;
        }
    }

    private Task<HttpResponseMessage> PostAsync(string path, byte[] json, CancellationToken cancellation)
    {
        Interlocked.Increment(ref _requests);
        var content = new ByteArrayContent(json);
        content.Headers.ContentType = new("application/json");
        return _client.PostAsync(new Uri(path, UriKind.Relative), content, cancellation);
    }

    private byte[] Json(IReadOnlyList<int> numbers, bool array)
    {
        using var body = new MemoryStream(numbers.Count * 300);
        for (var i = 0; i < numbers.Count; i++)
        {
            if (array)
                body.WriteByte((byte)(i == 0 ? '[' : ','));
            var keyField = key(numbers[i]) is { } k ? $"\"key\":\"{k}\"," : "";
            body.Write(Encoding.UTF8.GetBytes($"{{\"id\":\"{messages.Id(numbers[i])}\",{keyField}\"type\":\"demo.order\",\"data\":"));
            body.Write(messages.Payload(numbers[i]));
            body.WriteByte((byte)'}');
        }

        if (array)
            body.WriteByte((byte)']');
        return body.ToArray();
    }

    private static bool IsNoAnswer(Exception e, CancellationToken cancellation) =>
        e is HttpRequestException or IOException or JsonException or OperationCanceledException && !cancellation.IsCancellationRequested;
}
