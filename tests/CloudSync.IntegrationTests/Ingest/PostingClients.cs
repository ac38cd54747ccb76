using System.Collections.Concurrent;
using System.Net;
using System.Text;
using System.Text.Json;

namespace CloudSync.IntegrationTests.Ingest;

/// <summary>Clients that post without a pause, every second one in batches, and keep what they were answered.</summary>
internal sealed class PostingClients : IAsyncDisposable
{
    /// <summary>An answer that takes longer has not come: far more than the API's own time-outs.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private const int BatchSize = 20;

    private readonly HttpClient _client;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task[] _clients;
    private readonly string _payload;
    private int _accepted;

    public PostingClients(Uri api, int clients, int payloadBytes = 100)
    {
        _payload = new string('x', payloadBytes);
        _client = new HttpClient { BaseAddress = api, Timeout = Patience };
        _clients = [.. Enumerable.Range(0, clients).Select(number => Task.Run(() => RunAsync(number)))];
    }

    /// <summary>What was said to be in Kafka.</summary>
    public ConcurrentBag<(string Id, int Partition, long Offset)> Accepted { get; } = [];

    /// <summary>What was said not to be, and can't be: refused before it was produced.</summary>
    public ConcurrentBag<string> Refused { get; } = [];

    /// <summary>How many answers had each status.</summary>
    public ConcurrentDictionary<int, int> Statuses { get; } = [];

    /// <summary>Answers of 503 without a Retry-After.</summary>
    public int WithoutRetryAfter { get; private set; }

    /// <summary>Requests that were not answered in time.</summary>
    public ConcurrentBag<string> Unanswered { get; } = [];

    public int AcceptedCount => Volatile.Read(ref _accepted);

    /// <summary>Waits until nobody listens any more, or <see cref="StopAsync"/> was called.</summary>
    public Task Ended => Task.WhenAll(_clients);

    public async Task StopAsync()
    {
        await _stop.CancelAsync();
        await Ended;
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _client.Dispose();
        _stop.Dispose();
    }

    private async Task RunAsync(int number)
    {
        for (var request = 0; !_stop.IsCancellationRequested; request++)
        {
            try
            {
                if (number % 2 == 0)
                    await PostOneAsync($"{number}-{request}");
                else
                    await PostManyAsync([.. Enumerable.Range(0, BatchSize).Select(item => $"{number}-{request}-{item}")]);
            }
            catch (TaskCanceledException)
            {
                Unanswered.Add($"{number}-{request}");
            }
            catch (HttpRequestException e) when (e.HttpRequestError == HttpRequestError.ConnectionError)
            {
                return;
            }
            catch (Exception e) when (e is HttpRequestException or IOException)
            {
                // The connection broke in the middle: nothing is known of the messages.
            }
        }
    }

    private async Task PostOneAsync(string id)
    {
        using var answer = await PostAsync("/api/sync", Message(id));
        using var body = JsonDocument.Parse(await answer.Content.ReadAsStreamAsync());
        Keep(answer, id, body.RootElement);
    }

    private async Task PostManyAsync(string[] ids)
    {
        using var answer = await PostAsync("/api/sync/batch", $"[{string.Join(',', ids.Select(Message))}]");
        using var body = JsonDocument.Parse(await answer.Content.ReadAsStreamAsync());
        if (!body.RootElement.TryGetProperty("results", out var results))
        {
            foreach (var id in ids)
                Keep(answer, id, body.RootElement);
            return;
        }

        Count(answer);
        foreach (var result in results.EnumerateArray())
            Keep(result.GetProperty("status").GetInt32(), result.TryGetProperty("id", out var id) ? id.GetString()! : "", result);
    }

    private string Message(string id) => $$"""{"id":"{{id}}","key":"{{id}}","data":"{{_payload}}"}""";

    private async Task<HttpResponseMessage> PostAsync(string path, string json)
    {
        using var content = new StringContent(json, Encoding.UTF8, "application/json");
        return await _client.PostAsync(new Uri(path, UriKind.Relative), content);
    }

    private void Keep(HttpResponseMessage answer, string id, JsonElement result)
    {
        Count(answer);
        Keep((int)answer.StatusCode, id, result);
    }

    private void Count(HttpResponseMessage answer)
    {
        Statuses.AddOrUpdate((int)answer.StatusCode, 1, (_, count) => count + 1);
        if (answer.StatusCode == HttpStatusCode.ServiceUnavailable && answer.Headers.RetryAfter is null)
            WithoutRetryAfter++;
    }

    private void Keep(int status, string id, JsonElement result)
    {
        if (status == 202)
        {
            Accepted.Add((id, result.GetProperty("partition").GetInt32(), result.GetProperty("offset").GetInt64()));
            Interlocked.Increment(ref _accepted);
        }
        else if (status is >= 400 and < 500)
        {
            Refused.Add(id);
        }
    }
}
