using System.Buffers;
using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using CloudSync.LoadTest.Audit;
using CloudSync.LoadTest.Measuring;

namespace CloudSync.LoadTest.Load;

/// <summary>The ingest API, over HTTP. There are as many connections as requests under way at the same time: they come and go with the load, up to a limit.</summary>
internal sealed class ApiTarget : ITarget, IDisposable
{
    private static readonly MediaTypeHeaderValue Json = new("application/json");

    private readonly HttpClient _client;
    private readonly TimeSpan _timeout;
    private readonly LoadMessages _messages;
    private readonly AcceptedLedger _ledger;
    private readonly SemaphoreSlim _places;

    // Large enough for the heap of large objects, which only a collection of everything cleans up.
    private readonly ConcurrentBag<ArrayBufferWriter<byte>> _bodies = [];
    private readonly Uri _single;
    private readonly Uri _batch;

    /// <param name="address">Of the API.</param>
    /// <param name="token">A bearer token; <see langword="null"/> for none.</param>
    /// <param name="inFlightLimit">Requests at the same time.</param>
    /// <param name="timeout">Of one request.</param>
    /// <param name="messages">What is sent.</param>
    /// <param name="ledger">Told what was accepted.</param>
    public ApiTarget(Uri address, string? token, int inFlightLimit, TimeSpan timeout, LoadMessages messages, AcceptedLedger ledger)
    {
        (InFlightLimit, _timeout, _messages, _ledger) = (inFlightLimit, timeout, messages, ledger);
        (_single, _batch) = (new Uri(address, "/api/sync"), new Uri(address, "/api/sync/batch"));
        _places = new SemaphoreSlim(inFlightLimit, inFlightLimit);
        _client = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false, ActivityHeadersPropagator = null }) { Timeout = Timeout.InfiniteTimeSpan };
        if (token is not null)
            _client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
    }

    public int InFlightLimit { get; }

    public void Begin(in Request request, Recorder recorder, CancellationToken cancellationToken)
    {
        var ready = request.Due;
        if (!_places.Wait(0, CancellationToken.None))
        {
            _places.Wait(cancellationToken);
            ready = Stopwatch.GetTimestamp();
        }

        // On the pool: what a request takes of this thread would make the next one late.
        ThreadPool.UnsafeQueueUserWorkItem(
            static call => _ = call.Target.SendAsync(call.Request, call.Ready, call.Recorder), (Target: this, Request: request, Ready: ready, Recorder: recorder), preferLocal: false);
    }

    public async Task UntilAnsweredAsync()
    {
        for (var i = 0; i < InFlightLimit; i++)
            await _places.WaitAsync();
        _places.Release(InFlightLimit);
    }

    public void Dispose()
    {
        _client.Dispose();
        _places.Dispose();
    }

    private async Task SendAsync(Request request, long ready, Recorder recorder)
    {
        recorder.Began(request.Count, Stopwatch.GetElapsedTime(Math.Max(ready, request.Due)));
        if (!_bodies.TryTake(out var body))
            body = new ArrayBufferWriter<byte>();
        try
        {
            Write(request, body);
            using var content = new ReadOnlyMemoryContent(body.WrittenMemory) { Headers = { ContentType = Json } };
            using var message = new HttpRequestMessage(HttpMethod.Post, request.Count == 1 ? _single : _batch) { Content = content };

            // Of the answer's end, too: the client's own time-out is that of its headers.
            using var timeout = new CancellationTokenSource(_timeout);
            using var response = await _client.SendAsync(message, HttpCompletionOption.ResponseHeadersRead, timeout.Token);
            await TakeAsync(request, response, recorder, timeout.Token);

            // Whoever has answered has read it to its end. In other cases it may be under way yet.
            body.ResetWrittenCount();
            _bodies.Add(body);
        }
        catch (OperationCanceledException)
        {
            recorder.TimedOut(request.Count, request.Due);
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            recorder.Failed(e is HttpRequestException { HttpRequestError: not HttpRequestError.Unknown } http ? http.HttpRequestError.ToString() : "connection", request.Count);
        }
        finally
        {
            recorder.Ended();
            _places.Release();
        }
    }

    private void Write(in Request request, ArrayBufferWriter<byte> body)
    {
        if (request.Count == 1)
        {
            _messages.Write(body, request.First, request.DueTime);
            return;
        }

        for (var i = 0; i < request.Count; i++)
        {
            body.Write(i == 0 ? "["u8 : ","u8);
            _messages.Write(body, request.First + i, request.DueTime);
        }

        body.Write("]"u8);
    }

    private async Task TakeAsync(Request request, HttpResponseMessage response, Recorder recorder, CancellationToken cancellationToken)
    {
        var status = response.StatusCode;
        if (status is not (HttpStatusCode.Accepted or HttpStatusCode.MultiStatus or HttpStatusCode.ServiceUnavailable))
        {
            Failed(recorder, (int)status, request.Count);
            return;
        }

        var body = await response.Content.ReadAsByteArrayAsync(cancellationToken);
        if (status == HttpStatusCode.ServiceUnavailable && !IngestAnswer.IsOfKafka(body))
        {
            Failed(recorder, (int)status, request.Count);
            return;
        }

        var (accepted, told) = (0, 0);
        foreach (var result in IngestAnswer.Read(body, isBatch: request.Count > 1))
        {
            if (told == request.Count)
                break;
            if (result.Status == (int)HttpStatusCode.Accepted)
            {
                _ledger.Add(request.First + told, result.Partition, result.Offset);
                accepted++;
            }
            else
            {
                // Who says nothing of a message may say it of all that follow.
                var messages = result.IsRest ? request.Count - told : 1;
                if (result.Status == (int)HttpStatusCode.ServiceUnavailable)
                    recorder.WasFull(messages);
                else
                    Failed(recorder, result.Status, messages);
                told += messages - 1;
            }

            told++;
        }

        if (accepted > 0)
            recorder.Acknowledged(accepted, request.Due);
        if (told < request.Count)
            recorder.Failed("no result for the message", request.Count - told);
    }

    private static void Failed(Recorder recorder, int status, int messages) =>
        recorder.Failed(string.Create(CultureInfo.InvariantCulture, $"HTTP {status}"), messages);
}
