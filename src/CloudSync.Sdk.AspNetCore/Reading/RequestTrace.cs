using System.Diagnostics;
using System.Text;
using Microsoft.AspNetCore.Http;

namespace CloudSync.Sdk.Ingest;

/// <summary>
/// The trace that a request belongs to, for each of its messages. The producer passes the current activity on. Where nobody traces, there is none, and the request's own context goes on as it came.
/// </summary>
internal readonly struct RequestTrace
{
    /// <summary>What W3C Trace Context asks everybody to pass on; a longer one may be left out, and would be in every record.</summary>
    private const int LongestTraceState = 512;

    private readonly MessageHeader[]? _headers;

    private RequestTrace(MessageHeader[]? headers) => _headers = headers;

    public static RequestTrace Of(HttpRequest request)
    {
        string? parent = request.Headers.TraceParent, state = request.Headers.TraceState;
        if (Activity.Current is not null || !ActivityContext.TryParse(parent, state, out _))
            return default;

        var traceParent = new MessageHeader(CloudEvents.TraceParent, Encoding.UTF8.GetBytes(parent!));
        return new RequestTrace(state is { Length: > 0 and <= LongestTraceState } ? [traceParent, new(CloudEvents.TraceState, Encoding.UTF8.GetBytes(state))] : [traceParent]);
    }

    /// <summary>The message with the trace, unless it has one of its own.</summary>
    public OutgoingMessage On(in OutgoingMessage message) =>
        _headers is null || message.Headers?.Any(h => h.Name == CloudEvents.TraceParent) == true ? message : message with { Headers = [.. message.Headers ?? [], .. _headers] };
}
