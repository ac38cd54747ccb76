using System.Diagnostics;
using System.Globalization;

namespace CloudSync.Sdk;

/// <summary>
/// Posts each message as a CloudEvent in binary mode: the body is the payload, untouched, the envelope is in <c>ce-*</c> headers, and the message id is
/// also the <c>Idempotency-Key</c>.
/// </summary>
/// <remarks>A sink of your own may wrap it; to change requests (to sign them, say), add a message handler to the client.</remarks>
public sealed class HttpSink : ICloudSink
{
    private readonly HttpEndpoint _endpoint;
    private readonly string _defaultContentType;

    /// <summary>A sink on a client of your own.</summary>
    /// <param name="client">
    /// The client, kept for the sink's life and not disposed. It must not have a time-out of its own, nor follow redirects.
    /// </param>
    /// <param name="options">Where and how messages are sent. Read once, here.</param>
    /// <param name="timeProvider">The clock for Retry-After. Default <see langword="null"/>: the system's.</param>
    /// <exception cref="Microsoft.Extensions.Options.OptionsValidationException">Some of the options are wrong; the message lists all of them.</exception>
    public HttpSink(HttpClient client, HttpSinkOptions options, TimeProvider? timeProvider = null)
    {
        ArgumentNullException.ThrowIfNull(client);
        ArgumentNullException.ThrowIfNull(options);
        _endpoint = new HttpEndpoint(client, options, timeProvider);
        _defaultContentType = options.DefaultContentType;
    }

    /// <summary>Delivers one message.</summary>
    /// <param name="message">The message.</param>
    /// <param name="cancellationToken">Ends the request.</param>
    /// <exception cref="SinkException">The endpoint did not answer with a 2xx.</exception>
    /// <exception cref="HttpRequestException">The endpoint could not be reached, or the connection broke.</exception>
    /// <exception cref="OperationCanceledException">The token fired, or no connection was made within 10 s.</exception>
    public async ValueTask SendAsync(SyncMessage message, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(message);
        var (response, length) = await _endpoint.PostAsync(CloudEvent.Of(message, _defaultContentType), Request, cancellationToken);
        using var _ = response;

        // The status alone decides, and the body is not waited for: a time-out while reading it would make a delivered message look undelivered.
        if (!response.IsSuccessStatusCode)
            throw await _endpoint.ErrorOf(
                response, string.Create(CultureInfo.InvariantCulture, $"a message of {length:N0} bytes"), batchSize: null, cancellationToken);
    }

    private static HttpRequestMessage Request(CloudEvent cloudEvent)
    {
        var content = new ReadOnlyMemoryContent(cloudEvent.Message.Value);
        if (cloudEvent.ContentType is { } contentType)
            content.Headers.TryAddWithoutValidation("Content-Type", contentType);

        var request = new HttpRequestMessage { Content = content };
        var id = HeaderText.Encode(cloudEvent.Id);
        Add(request, "ce-specversion", CloudEvents.SpecVersionValue);
        Add(request, "ce-id", id);
        Add(request, "ce-source", HeaderText.Encode(cloudEvent.Source));
        Add(request, "ce-type", HeaderText.Encode(cloudEvent.Type));
        if (cloudEvent.Time is { } time)
            Add(request, "ce-time", time);
        foreach (var (name, value) in cloudEvent.Extensions)
            Add(request, "ce-" + name, HeaderText.Encode(value));
        if (cloudEvent.Message.IsTombstone)
            Add(request, "ce-" + CloudEvent.Tombstone, "true");
        Add(request, "Idempotency-Key", id);
        AddTrace(request, cloudEvent.Message.Headers);
        return request;
    }

    /// <summary>The record's trace goes on, by the current activity where it belongs to that trace: HttpClient then writes its own, closer parent.</summary>
    private static void AddTrace(HttpRequestMessage request, MessageHeaders headers)
    {
        if (headers.GetString(CloudEvents.TraceParent) is not { Length: > 0 } parent || !ActivityContext.TryParse(parent, null, out var context))
            return;
        if (Activity.Current is { IdFormat: ActivityIdFormat.W3C } current && current.TraceId == context.TraceId)
            return;

        Add(request, "traceparent", parent);
        if (headers.GetString(CloudEvents.TraceState) is { Length: > 0 } state && HeaderText.IndexOfForbidden(state) < 0)
            Add(request, "tracestate", state);
    }

    private static void Add(HttpRequestMessage request, string name, string value) => request.Headers.TryAddWithoutValidation(name, value);
}
