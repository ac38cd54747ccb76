using System.Globalization;
using System.Net;
using System.Net.Http.Headers;

namespace CloudSync.Sdk;

/// <summary>The one address that messages are posted to: what every request has in common, and what an answer means.</summary>
internal sealed class HttpEndpoint
{
    /// <summary>What fits into the buffers of a socket is written before anybody can refuse it.</summary>
    private const int LeastToAskFirst = 16 * 1024;

    /// <summary>How long the body of an error may take. It comes with its headers, or something is wrong with it.</summary>
    private static readonly TimeSpan ErrorBodyWithin = TimeSpan.FromSeconds(2);

    private readonly HttpClient _client;
    private readonly HttpSinkOptions _options;
    private readonly TimeProvider _time;
    private readonly Uri _url;
    private readonly Version _version;
    private readonly HttpVersionPolicy _versionPolicy;
    private readonly KeyValuePair<string, string>[] _headers;
    private readonly AuthenticationHeaderValue? _bearer;
    private long _askFirstFrom = long.MaxValue;

    public HttpEndpoint(HttpClient client, HttpSinkOptions options, TimeProvider? time)
    {
        HttpSinkRules.Ensure(options);
        _client = client;
        _options = options;
        _time = time ?? TimeProvider.System;
        _url = new Uri(options.Url);
        Address = _url.GetLeftPart(UriPartial.Path);
        _version = options.Http2 ? HttpVersion.Version20 : HttpVersion.Version11;

        // Without TLS nothing can agree on a version, so HTTP/2 has to be insisted on there.
        _versionPolicy = options.Http2 && _url.Scheme == Uri.UriSchemeHttp ? HttpVersionPolicy.RequestVersionExact : HttpVersionPolicy.RequestVersionOrLower;
        _headers = [.. HeadersOf(options)];
        _bearer = string.IsNullOrEmpty(options.BearerToken) ? null : new AuthenticationHeaderValue("Bearer", options.BearerToken);
    }

    /// <summary>The address as it may be shown: without its query.</summary>
    public string Address { get; }

    /// <summary>Sends a request and returns as soon as the answer's headers are there, with the length of what was sent.</summary>
    /// <remarks>
    /// An endpoint that finds a body too large answers 413 and closes the connection, often while the body is still being written. The writing then fails,
    /// nobody reads the answer, and a batch that only had to be halved looks like an outage, again and again. So a body that could not be written is sent
    /// once more, this time asking first (<c>Expect: 100-continue</c>); if that brings the 413 to light, bodies of that size ask first from then on.
    /// </remarks>
    public async ValueTask<(HttpResponseMessage Response, long Length)> PostAsync<T>(
        T what, Func<T, HttpRequestMessage> makeRequest, CancellationToken cancellationToken)
    {
        var length = 0L;
        var asksFirst = false;
        try
        {
            using var request = makeRequest(what);
            length = request.Content?.Headers.ContentLength ?? 0;
            asksFirst = length >= Volatile.Read(ref _askFirstFrom);
            return (await SendAsync(request, asksFirst, cancellationToken), length);
        }
        catch (HttpRequestException e) when (!asksFirst && length >= LeastToAskFirst && BrokeWithinTheRequest(e))
        {
            using var request = makeRequest(what);
            var response = await SendAsync(request, asksFirst: true, cancellationToken);
            if (response.StatusCode == HttpStatusCode.RequestEntityTooLarge)
                Volatile.Write(ref _askFirstFrom, Math.Min(length, Volatile.Read(ref _askFirstFrom)));
            if (response.StatusCode != HttpStatusCode.ExpectationFailed)
                return (response, length);

            // It does not take the question, which says nothing about the message.
            response.Dispose();
            throw;
        }
    }

    /// <summary>Whether somebody wants to know more of an error than its status.</summary>
    private bool LooksAtErrors => _options.AnswerClassifier is not null || _options.ReadCloudErrors;

    /// <summary>What an answer that is no 2xx means. Its body is looked at for the kind of the error, and never repeated: it may hold the payload.</summary>
    /// <param name="response">The answer.</param>
    /// <param name="what">What was sent, for the reader: <c>a message of 312 bytes</c>.</param>
    /// <param name="batchSize">How many messages were in the batch; <see langword="null"/> when it was none.</param>
    /// <param name="cancellationToken">Ends the reading of the body. The status is known by then, so this ends in no cancellation.</param>
    public async ValueTask<SinkException> ErrorOf(HttpResponseMessage response, string what, int? batchSize, CancellationToken cancellationToken) =>
        ErrorOf(response, what, batchSize, await ReadStart(response, cancellationToken));

    /// <summary>What an answer that is no 2xx means.</summary>
    /// <param name="response">The answer.</param>
    /// <param name="what">What was sent, for the reader.</param>
    /// <param name="batchSize">How many messages were in the batch; <see langword="null"/> when it was none.</param>
    /// <param name="body">What was read of the body.</param>
    public SinkException ErrorOf(HttpResponseMessage response, string what, int? batchSize, ReadOnlyMemory<byte> body)
    {
        var status = (int)response.StatusCode;
        var retryAfter = RetryAfterOf(response);
        var byStatus = status switch
        {
            // About our media type, the same for every batch.
            415 when batchSize is not null => ErrorType.ServiceUnavailable,

            // Only for now, says who names a time (RFC 9110, 15.5.14).
            413 when retryAfter > TimeSpan.Zero && batchSize is null or 1 => ErrorType.ServiceUnavailable,
            _ => HttpStatus.ErrorTypeOf(status) ?? ErrorType.Unknown,
        };
        var verdict = Verdict(response, status, body, out var threw);
        var type = verdict?.Type ?? byStatus;
        if (verdict?.RetryAfter is { } asked)
            retryAfter = RetryAfter.FromSeconds(asked.TotalSeconds, _options.MaxRetryAfter);

        var wait = retryAfter is { } time ? string.Create(CultureInfo.InvariantCulture, $" and asks to wait {time:c}") : "";
        var why = threw is not null ? $" AnswerClassifier threw {threw.GetType().Name}, so the status decides."
            : type != byStatus ? $" What it says of the error makes it {type}."
            : "";
        return new SinkException(type, $"POST {Address} with {what} answered {HttpStatus.Describe(status)}{wait}.{why}{Advice(response, status, type)}")
        {
            StatusCode = status,
            RetryAfter = retryAfter,
        };
    }

    private ErrorClassification? Verdict(HttpResponseMessage response, int status, ReadOnlyMemory<byte> body, out Exception? threw)
    {
        threw = null;
        if (!LooksAtErrors)
            return null;

        var answer = new HttpAnswer(
            status,
            body,
            response.Headers.NonValidated.Concat(response.Content.Headers.NonValidated)
                .Concat(response.TrailingHeaders.NonValidated)
                .SelectMany(header => header.Value.Select(value => KeyValuePair.Create(header.Key, value))));
        try
        {
            if (_options.AnswerClassifier?.Invoke(answer) is { } verdict)
                return verdict;
        }
        catch (Exception e)
        {
            // Its message is left out with the rest: it may repeat the body.
            threw = e;
            return null;
        }

        return _options.ReadCloudErrors ? CloudErrorBody.Classify(answer) : null;
    }

    /// <summary>Ends the wait for the body of an error: its status is known.</summary>
    public CancellationTokenSource ErrorPatience() => new(ErrorBodyWithin, _time);

    private async ValueTask<ReadOnlyMemory<byte>> ReadStart(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        if (!LooksAtErrors || response.Content.Headers.ContentLength == 0)
            return default;

        // Opening it waits for nothing: the headers are there.
        await using var stream = await response.Content.ReadAsStreamAsync(CancellationToken.None);
        return await ReadStart(stream, default, cancellationToken);
    }

    /// <summary>
    /// The beginning of an error's body, or what comes of it in a short time. The status is known already, so a body that breaks, stalls or outlives the call is no error
    /// of its own.
    /// </summary>
    /// <param name="stream">The body.</param>
    /// <param name="read">What was read of it before.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    public async ValueTask<ReadOnlyMemory<byte>> ReadStart(Stream stream, ReadOnlyMemory<byte> read, CancellationToken cancellationToken)
    {
        if (!LooksAtErrors)
            return default;

        var body = new byte[_options.MaxErrorBytes];
        var length = Math.Min(read.Length, body.Length);
        read[..length].CopyTo(body);
        using var patience = ErrorPatience();
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, patience.Token);
        try
        {
            while (length < body.Length && await stream.ReadAsync(body.AsMemory(length), either.Token) is var more and > 0)
                length += more;
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or InvalidDataException)
        {
            // What has come is what there is.
        }

        return body.AsMemory(0, length);
    }

    /// <summary>What is wanted of an error's body that was read for something else.</summary>
    public ReadOnlyMemory<byte> StartOf(ReadOnlyMemory<byte> read) =>
        LooksAtErrors ? read[..Math.Min(read.Length, _options.MaxErrorBytes)].ToArray() : default(ReadOnlyMemory<byte>);

    private static bool BrokeWithinTheRequest(HttpRequestException e) =>
        e.InnerException is IOException && e.HttpRequestError is HttpRequestError.Unknown or HttpRequestError.ResponseEnded;

    private Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, bool asksFirst, CancellationToken cancellationToken)
    {
        request.Method = HttpMethod.Post;
        request.RequestUri = _url;
        request.Version = _version;
        request.VersionPolicy = _versionPolicy;
        request.Headers.Authorization = _bearer;
        if (asksFirst)
            request.Headers.ExpectContinue = true;
        foreach (var (name, value) in _headers)
            request.Headers.TryAddWithoutValidation(name, value);

        return _bearer is null && _options.BearerTokenProvider is { } provider
            ? SendWithTokenAsync(provider, request, cancellationToken)
            : _client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
    }

    private async Task<HttpResponseMessage> SendWithTokenAsync(Func<CancellationToken, ValueTask<string>> provider, HttpRequestMessage request, CancellationToken cancellationToken)
    {
        request.Headers.Authorization = await RefreshedBearer(provider, cancellationToken);
        return await _client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
    }

    private static IEnumerable<KeyValuePair<string, string>> HeadersOf(HttpSinkOptions options)
    {
        // Some web application firewalls refuse a request that does not say who it is from.
        if (!options.Headers.ContainsKey("User-Agent"))
            yield return new("User-Agent", "CloudSync.Sdk");
        if (!string.IsNullOrEmpty(options.ApiKeyHeader))
            yield return new(options.ApiKeyHeader, options.ApiKey!);
        foreach (var header in options.Headers)
            yield return header;
    }

    private string Advice(HttpResponseMessage response, int status, ErrorType type) => status switch
    {
        >= 300 and <= 399 => $" Redirects are not followed{RedirectHost(response)}: set Url to the address that takes messages.",
        407 => " Check the proxy's credentials.",
        _ when type == ErrorType.Authentication && _options.Authorizers is [var authorizer, ..] => $" {authorizer.Advice}",
        _ when type == ErrorType.Authentication => " Check ApiKeyHeader, ApiKey, BearerToken or Headers.",
        404 or 405 or 410 => " Nothing takes messages at this address: check Url.",
        413 => " The endpoint does not take a body of this size.",
        415 when type == ErrorType.ServiceUnavailable => " The endpoint does not take batches: set Mode to Single.",
        _ => "",
    };

    /// <summary>The host alone: the rest of a Location often holds what somebody may log in with.</summary>
    private static string RedirectHost(HttpResponseMessage response) =>
        response.Headers.Location is { IsAbsoluteUri: true } location ? $" (to host '{location.IdnHost}')" : "";

    private TimeSpan? RetryAfterOf(HttpResponseMessage response) =>
        response.Headers.NonValidated.TryGetValues("Retry-After", out var values)
            ? values.Max(value => RetryAfter.Read(value, _time.GetUtcNow(), _options.MaxRetryAfter)) // Of several that of the longest wait.
            : null;

    private async ValueTask<AuthenticationHeaderValue> RefreshedBearer(Func<CancellationToken, ValueTask<string>> provider, CancellationToken cancellationToken)
    {
        string? token;
        try
        {
            token = await provider(cancellationToken);
        }
        catch (Exception e) when (e is not (OperationCanceledException or HttpRequestException or SinkException))
        {
            throw new SinkException(ErrorType.Authentication, $"No token to POST {Address} with: BearerTokenProvider threw {e.GetType().Name}.", e);
        }

        return token is not null && HeaderText.IsToken68(token)
            ? new AuthenticationHeaderValue("Bearer", token)
            : throw new SinkException(
                ErrorType.Authentication, $"No token to POST {Address} with: BearerTokenProvider gave none, or one with a character that is in no bearer token.");
    }
}
