using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace CloudSync.Sdk;

/// <summary>
/// Posts each message as a CloudEvent in binary mode: the body is the payload, untouched, the envelope is in <c>ce-*</c> headers, and the message id is
/// also the <c>Idempotency-Key</c>.
/// </summary>
/// <remarks>A sink of your own may wrap it; to change requests (to sign them, say), add a message handler to the client.</remarks>
public sealed class HttpSink : ICloudSink
{
    private readonly HttpEndpoint _endpoint;
    private readonly Func<SyncMessage, HttpRequestMessage> _makeRequest;

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
        var defaultContentType = Encoding.ASCII.GetBytes(options.DefaultContentType);
        _makeRequest = message => Request(CloudEvent.Of(message, defaultContentType));
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
        var (response, length) = await _endpoint.PostAsync(message, _makeRequest, cancellationToken);
        using var _ = response;

        // The status alone decides, and the body is not waited for: a time-out while reading it would make a delivered message look undelivered.
        if (!response.IsSuccessStatusCode)
            throw await _endpoint.ErrorOf(
                response, string.Create(CultureInfo.InvariantCulture, $"a message of {length:N0} bytes"), batchSize: null, cancellationToken);
    }

    private static HttpRequestMessage Request(in CloudEvent cloudEvent)
    {
        var content = new ReadOnlyMemoryContent(cloudEvent.Message.Value);
        if (!cloudEvent.ContentType.IsEmpty)
            content.Headers.TryAddWithoutValidation("Content-Type", Text(cloudEvent.ContentType));

        var request = new HttpRequestMessage { Content = content };
        var id = HeaderText.Encode(Text(cloudEvent.Id));
        Add(request, "ce-specversion", CloudEvents.SpecVersionValue);
        Add(request, "ce-id", id);
        Add(request, "ce-source", HeaderText.Encode(Text(cloudEvent.Source)));
        Add(request, "ce-type", HeaderText.Encode(Text(cloudEvent.Type)));
        if (!cloudEvent.Time.IsEmpty)
            Add(request, "ce-time", Text(cloudEvent.Time));
        foreach (var (name, value) in cloudEvent.Extensions)
            Add(request, "ce-" + name, HeaderText.Encode(Text(value)));
        if (!cloudEvent.PartitionKey.IsEmpty)
            Add(request, "ce-" + CloudEvent.PartitionKeyName, HeaderText.Encode(Text(cloudEvent.PartitionKey)));
        if (cloudEvent.Message.IsTombstone)
            Add(request, "ce-" + CloudEvent.Tombstone, "true");
        Add(request, "Idempotency-Key", id);
        AddTrace(request, cloudEvent);
        return request;
    }

    /// <summary>The record's trace goes on, by the current activity where it belongs to that trace: HttpClient then writes its own, closer parent.</summary>
    private static void AddTrace(HttpRequestMessage request, in CloudEvent cloudEvent)
    {
        if (cloudEvent.TraceParent.IsEmpty)
            return;

        var parent = Text(cloudEvent.TraceParent);
        if (!ActivityContext.TryParse(parent, null, out var context))
            return;
        if (Activity.Current is { IdFormat: ActivityIdFormat.W3C } current && current.TraceId == context.TraceId)
            return;

        Add(request, "traceparent", parent);
        if (Text(cloudEvent.TraceState) is { Length: > 0 } state && HeaderText.IndexOfForbidden(state) < 0)
            Add(request, "tracestate", state);
    }

    private static string Text(ReadOnlyMemory<byte> utf8) => Encoding.UTF8.GetString(utf8.Span);

    private static void Add(HttpRequestMessage request, string name, string value) => request.Headers.TryAddWithoutValidation(name, value);
}
