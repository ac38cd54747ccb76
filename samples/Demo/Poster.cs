using System.Net;
using System.Text;
using System.Text.Json;

namespace Demo;

/// <summary>
/// Posts the messages over HTTP, as batches and singly, some of them twice. A message that was not taken is posted again, with its id, before the next
/// one of its key.
/// </summary>
/// <remarks>
/// The embedded Kafka keeps about 5 MB of a partition and then forgets the oldest records, read or not. So no more than <see cref="MaxOutstanding"/>
/// messages of less than 500 bytes are ever posted and not yet settled by both clouds: even in one partition they would fit.
/// </remarks>
internal sealed class Poster(Ledger ledger, Uri api, int? rate)
{
    public const int MaxOutstanding = 8_000;
    private const int MaxBatch = 50;
    private const int MaxTries = 60;
    private static readonly TimeSpan PostTimeout = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan WhenRefused = TimeSpan.FromMilliseconds(500);

    private readonly DemoMessages _messages = ledger.Messages;
    private readonly long _began = TimeProvider.System.GetTimestamp();
    private long _duplicates;
    private long _postedAgain;
    private long _requests;

    /// <summary>Messages posted a second time on purpose.</summary>
    public long Duplicates => Volatile.Read(ref _duplicates);

    /// <summary>Messages posted again because the API had not taken them.</summary>
    public long PostedAgain => Volatile.Read(ref _postedAgain);

    public long Requests => Volatile.Read(ref _requests);

    /// <summary>Posts all messages; ends early, without an exception, when it is cancelled or the API takes no more.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        using var client = new HttpClient(new SocketsHttpHandler()) { BaseAddress = api, Timeout = PostTimeout };
        try
        {
            await Task.WhenAll(Enumerable.Range(0, DemoMessages.Lanes).Select(lane => Task.Run(() => PostLaneAsync(client, lane, cancellation))));
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
        }
    }

    private async Task PostLaneAsync(HttpClient client, int lane, CancellationToken cancellation)
    {
        var size = Math.Min(MaxBatch, _messages.KeysPerLane);
        if (rate is { } perSecond)
            size = Math.Clamp(perSecond / (DemoMessages.Lanes * 10), 1, size);

        var again = new List<int>();
        var batches = 0;
        for (var next = lane; next < _messages.Count;)
        {
            // As many as there are keys in a lane, so that a batch never holds two of a key and their order never depends on an answer.
            var numbers = new List<int>(size + again.Count);
            for (; numbers.Count < size && next < _messages.Count; next += DemoMessages.Lanes)
                numbers.Add(next);

            await WaitForItsTimeAsync(numbers[0], cancellation);
            while (ledger.Outstanding >= MaxOutstanding)
                await Task.Delay(10, cancellation);

            foreach (var n in numbers)
                ledger.Post(n);
            var fresh = numbers.Count;
            numbers.AddRange(again);
            again = [.. numbers.Take(fresh).Where(DemoMessages.IsPostedTwice)];
            await (++batches % 10 == 0 ? PostSinglyAsync(client, numbers, cancellation) : PostBatchAsync(client, numbers, cancellation));
            Interlocked.Add(ref _duplicates, numbers.Count - fresh);
        }

        if (again.Count > 0)
            await PostBatchAsync(client, again, cancellation);
        Interlocked.Add(ref _duplicates, again.Count);
    }

    private async Task WaitForItsTimeAsync(int n, CancellationToken cancellation)
    {
        if (rate is not { } perSecond)
            return;

        var wait = TimeSpan.FromSeconds((double)n / perSecond) - TimeProvider.System.GetElapsedTime(_began);
        if (wait > TimeSpan.Zero)
            await Task.Delay(wait, cancellation);
    }

    private async Task PostBatchAsync(HttpClient client, IReadOnlyList<int> numbers, CancellationToken cancellation)
    {
        for (var tries = 1; tries <= MaxTries; tries++)
        {
            var refused = await TryBatchAsync(client, numbers, cancellation);
            if (refused.Count == 0)
                return;

            numbers = refused;
            await WaitAfterRefusalAsync(refused.Count, cancellation);
        }
    }

    private Task PostSinglyAsync(HttpClient client, List<int> numbers, CancellationToken cancellation) =>
        Task.WhenAll(numbers.Select(async n =>
        {
            for (var tries = 1; tries <= MaxTries && !await TryOneAsync(client, n, cancellation); tries++)
                await WaitAfterRefusalAsync(1, cancellation);
        }));

    private Task WaitAfterRefusalAsync(int refused, CancellationToken cancellation)
    {
        Interlocked.Add(ref _postedAgain, refused);
        return Task.Delay(WhenRefused, cancellation);
    }

    private async Task<bool> TryOneAsync(HttpClient client, int n, CancellationToken cancellation)
    {
        try
        {
            using var response = await PostAsync(client, "/api/sync", Json([n], array: false), cancellation);
            if (response.StatusCode != HttpStatusCode.Accepted)
                return false;

            ledger.Accept(n);
            return true;
        }
        catch (Exception e) when (IsNoAnswer(e, cancellation))
        {
            return false;
        }
    }

    /// <summary>Posts a batch and returns the messages that were not taken.</summary>
    private async Task<IReadOnlyList<int>> TryBatchAsync(HttpClient client, IReadOnlyList<int> numbers, CancellationToken cancellation)
    {
        try
        {
            using var response = await PostAsync(client, "/api/sync/batch", Json(numbers, array: true), cancellation);
            if (response.StatusCode is not (HttpStatusCode.Accepted or HttpStatusCode.MultiStatus))
                return numbers;

            using var answer = await JsonDocument.ParseAsync(await response.Content.ReadAsStreamAsync(cancellation), default, cancellation);
            var refused = new List<int>();
            var index = 0;
            foreach (var result in answer.RootElement.GetProperty("results").EnumerateArray())
            {
                var n = numbers[index++];
                if (result.GetProperty("status").GetInt32() == 202 && result.GetProperty("id").GetString() == _messages.Id(n))
                    ledger.Accept(n);
                else
                    refused.Add(n);
            }

            return refused;
        }
        catch (Exception e) when (IsNoAnswer(e, cancellation))
        {
            return numbers;
        }
    }

    private Task<HttpResponseMessage> PostAsync(HttpClient client, string path, byte[] json, CancellationToken cancellation)
    {
        Interlocked.Increment(ref _requests);
        var content = new ByteArrayContent(json);
        content.Headers.ContentType = new("application/json");
        return client.PostAsync(new Uri(path, UriKind.Relative), content, cancellation);
    }

    private byte[] Json(IReadOnlyList<int> numbers, bool array)
    {
        using var body = new MemoryStream(numbers.Count * 300);
        for (var i = 0; i < numbers.Count; i++)
        {
            if (array)
                body.WriteByte((byte)(i == 0 ? '[' : ','));
            var key = _messages.Key(numbers[i]) is { } k ? $"\"key\":\"{k}\"," : "";
            body.Write(Encoding.UTF8.GetBytes($"{{\"id\":\"{_messages.Id(numbers[i])}\",{key}\"type\":\"demo.order\",\"data\":"));
            body.Write(_messages.Payload(numbers[i]));
            body.WriteByte((byte)'}');
        }

        if (array)
            body.WriteByte((byte)']');
        return body.ToArray();
    }

    private static bool IsNoAnswer(Exception e, CancellationToken cancellation) =>
        e is HttpRequestException or IOException or JsonException or OperationCanceledException && !cancellation.IsCancellationRequested;
}
