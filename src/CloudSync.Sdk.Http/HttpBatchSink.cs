using System.Globalization;
using System.Text;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace CloudSync.Sdk;

/// <summary>
/// Posts many messages in one request, as <c>application/cloudevents-batch+json</c>, and takes a result for every one of them. A batch that is too large
/// is halved; one that is refused for what is in it is halved until the messages at fault are found.
/// </summary>
/// <remarks>A sink of your own may wrap it; to change requests (to sign them, say), add a message handler to the client.</remarks>
public sealed class HttpBatchSink : IBatchCloudSink
{
    private readonly HttpEndpoint _endpoint;
    private readonly Func<ReadOnlyMemory<SyncMessage>, HttpRequestMessage> _makeRequest;
    private readonly TimeSpan _maxRetryAfter;
    private readonly int _maxResponseBytes;
    private readonly ILogger _logger;
    private bool _saidTooLarge;

    /// <summary>A sink on a client of your own.</summary>
    /// <param name="client">
    /// The client, kept for the sink's life and not disposed. It must not have a time-out of its own, nor follow redirects.
    /// </param>
    /// <param name="options">Where and how messages are sent. Read once, here.</param>
    /// <param name="timeProvider">The clock for Retry-After. Default <see langword="null"/>: the system's.</param>
    /// <param name="logger">Told once of batches that are too large for the endpoint. Default <see langword="null"/>: nobody.</param>
    /// <exception cref="Microsoft.Extensions.Options.OptionsValidationException">Some of the options are wrong; the message lists all of them.</exception>
    public HttpBatchSink(HttpClient client, HttpSinkOptions options, TimeProvider? timeProvider = null, ILogger<HttpBatchSink>? logger = null)
    {
        ArgumentNullException.ThrowIfNull(client);
        ArgumentNullException.ThrowIfNull(options);
        _endpoint = new HttpEndpoint(client, options, timeProvider);
        var defaultContentType = Encoding.ASCII.GetBytes(options.DefaultContentType);
        _makeRequest = messages => Request(messages.Span, defaultContentType);
        _maxRetryAfter = options.MaxRetryAfter;
        _maxResponseBytes = options.MaxResponseBytes;
        _logger = logger ?? NullLogger<HttpBatchSink>.Instance;
    }

    /// <summary>Delivers the messages and says of each what became of it.</summary>
    /// <param name="messages">At least one message.</param>
    /// <param name="cancellationToken">Ends the request.</param>
    /// <returns>
    /// One result for every message. When a batch was sent in parts and a later part met an outage, a broken connection or the end of its time, the messages
    /// of the earlier parts keep their results and the others carry the exception.
    /// </returns>
    /// <exception cref="SinkException">The endpoint refused the batch as a whole.</exception>
    /// <exception cref="HttpRequestException">The endpoint could not be reached, or the connection broke.</exception>
    /// <exception cref="OperationCanceledException">The token fired, or no connection was made within 10 s.</exception>
    public async ValueTask<IReadOnlyList<SinkResult>> SendAsync(IReadOnlyList<SyncMessage> messages, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(messages);
        var batch = messages.ToArray();
        if (batch.Length == 0)
            return [];

        var results = new SinkResult[batch.Length];
        var parts = new Stack<(int Start, int Count)>([(0, batch.Length)]);
        var somethingIsKnown = false;
        while (parts.TryPop(out var part))
        {
            try
            {
                if (await SendPart(batch.AsMemory(part.Start, part.Count), results.AsMemory(part.Start, part.Count), cancellationToken))
                {
                    somethingIsKnown = true;
                }
                else
                {
                    // The first half on top, so that messages go out in their order.
                    var half = part.Count / 2;
                    parts.Push((part.Start + half, part.Count - half));
                    parts.Push((part.Start, half));
                }
            }
            catch (Exception e) when (somethingIsKnown)
            {
                // Throwing would take back what is delivered, and the whole batch would be sent again.
                Fail(results, part, e);
                foreach (var rest in parts)
                    Fail(results, rest, e);
                return results;
            }
        }

        return results;
    }

    private static HttpRequestMessage Request(ReadOnlySpan<SyncMessage> messages, byte[] defaultContentType)
    {
        var request = new HttpRequestMessage { Content = CloudEventsBatch.Content(messages, defaultContentType) };
        request.Headers.TryAddWithoutValidation("Idempotency-Key", CloudEventsBatch.IdempotencyKey(messages));
        return request;
    }

    private static void Fail(SinkResult[] results, (int Start, int Count) part, Exception e) =>
        Array.Fill(results, SinkResult.Failed(e), part.Start, part.Count);

    /// <summary>Sends some of the messages in one request.</summary>
    /// <returns>Whether their results are known; if not, they are to be sent in two halves.</returns>
    private async ValueTask<bool> SendPart(ReadOnlyMemory<SyncMessage> messages, Memory<SinkResult> results, CancellationToken cancellationToken)
    {
        var (response, length) = await _endpoint.PostAsync(messages, _makeRequest, cancellationToken);
        using var _ = response;
        var status = (int)response.StatusCode;
        var what = string.Create(CultureInfo.InvariantCulture, $"a batch of {messages.Length:N0} in {length:N0} bytes");
        if (response.IsSuccessStatusCode)
        {
            var (body, fault, _) = await ReadAnswer(response, cancellationToken);
            if (fault is not null)
                throw Unreadable(status, what, fault);
            if (body is null && status == 207)
                throw Unreadable(status, what, "without an array 'results'");

            if (body is null)
                results.Span.Fill(SinkResult.Delivered);
            else
                Take(body, messages.Span, results.Span);
            return true;
        }

        SinkException error;
        if (HttpStatus.IsPoison(status))
        {
            var (refusals, _, start) = await ReadAnswer(response, cancellationToken);
            if (refusals is not null && refusals.Count == messages.Length)
            {
                Take(refusals, messages.Span, results.Span);
                return true;
            }

            error = _endpoint.ErrorOf(response, what, messages.Length, start);
        }
        else
        {
            error = await _endpoint.ErrorOf(response, what, messages.Length, cancellationToken);
        }

        // Whoever knows the endpoint may say that a 400 is no fault of the messages. That it is one of theirs can't be told of all of them.
        var isForWhatIsInIt = (HttpStatus.IsPoison(status) || status == 413) && RetryPolicy.IsPermanent(error.ErrorType);
        if (!isForWhatIsInIt)
            throw error;

        if (messages.Length > 1)
        {
            if (status == 413 && !Interlocked.Exchange(ref _saidTooLarge, true))
                HttpSinkLog.BatchTooLarge(_logger, _endpoint.Address, messages.Length, length);
            return false;
        }

        results.Span[0] = SinkResult.Failed(error);
        return true;
    }

    private void Take(BatchAnswer answer, ReadOnlySpan<SyncMessage> messages, Span<SinkResult> results)
    {
        for (var i = 0; i < messages.Length; i++)
            results[i] = answer.ResultOf(i, messages[i], _endpoint.Address, _maxRetryAfter);
    }

    /// <summary>The batch may have been taken, in parts or as a whole; sending it again is safe by the ids, and taking it for delivered is not.</summary>
    private SinkException Unreadable(int status, string what, string why) =>
        new(ErrorType.Unknown, $"POST {_endpoint.Address} with {what} answered {HttpStatus.Describe(status)} {why}. What was taken of it can't be told.")
        {
            StatusCode = status,
        };

    /// <summary>
    /// Reads the answer's body as results; <see langword="null"/> when it is something else. The fault says why it can't be told. Of an error there is also the beginning.
    /// </summary>
    private async ValueTask<(BatchAnswer? Results, string? Fault, ReadOnlyMemory<byte> Start)> ReadAnswer(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        var body = new PooledBuffer(4096);
        var isError = !response.IsSuccessStatusCode;
        using var patience = isError ? _endpoint.ErrorPatience() : null;
        using var either = isError ? CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, patience!.Token) : null;
        var token = either?.Token ?? cancellationToken;
        try
        {
            await using var stream = await response.Content.ReadAsStreamAsync(token);
            while (await stream.ReadAsync(body.GetMemory(), token) is var read and > 0)
            {
                body.Advance(read);
                if (!BatchAnswer.MayBeResults(body.Written.Span) && !BatchAnswer.IsBlank(body.Written.Span))
                    return (null, null, isError ? await _endpoint.ReadStart(stream, body.Written, token) : default);
                if (body.Written.Length > _maxResponseBytes)
                    return (null, string.Create(
                        CultureInfo.InvariantCulture, $"and more than MaxResponseBytes = {_maxResponseBytes:N0}: raise it, or send smaller batches"), Start());
            }

            var results = BatchAnswer.Read(body.Written, out var isBroken);
            return (results, isBroken ? "with results that are no valid JSON, cut off perhaps" : null, Start());
        }
        catch (Exception e) when (isError && e is (IOException or InvalidDataException or OperationCanceledException))
        {
            // It breaks, stalls, outlives the call, or was not compressed as it says. What it would have said of the messages is found out by halves.
            return (null, null, Start());
        }
        catch (Exception e) when (e is IOException or InvalidDataException)
        {
            throw new HttpRequestException(HttpRequestError.ResponseEnded, $"POST {_endpoint.Address}: the connection broke within the answer.", e);
        }
        finally
        {
            body.Return();
        }

        ReadOnlyMemory<byte> Start() => isError ? _endpoint.StartOf(body.Written) : default;
    }
}
