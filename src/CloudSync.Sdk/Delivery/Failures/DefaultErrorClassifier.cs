using System.ComponentModel.DataAnnotations;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Text.Json;

namespace CloudSync.Sdk;

/// <summary>What kind of failure an exception is when nobody knows better. Pure: the same exception always gives the same answer.</summary>
/// <remarks>
/// It is never asked about a shutdown, so a cancellation that reaches it is a time-out: HttpClient's own looks like one. Taking it for the end of the
/// work is how messages get lost elsewhere.
/// </remarks>
internal static class DefaultErrorClassifier
{
    public static ErrorClassification Classify(Exception exception) => exception switch
    {
        SinkException sink => new ErrorClassification(sink.ErrorType, sink.RetryAfter),
        AggregateException { InnerExceptions: [var only] } => Classify(only),
        AggregateException aggregate => Worst(aggregate.Flatten().InnerExceptions),
        OperationCanceledException or TimeoutException => new ErrorClassification(ErrorType.Timeout),
        HttpRequestException http => Classify(http),
        SocketException { SocketErrorCode: SocketError.TimedOut } => new ErrorClassification(ErrorType.Timeout),
        SocketException or AuthenticationException => new ErrorClassification(ErrorType.NetworkError),
        IOException { InnerException: { } inner } => Known(inner) ?? new ErrorClassification(ErrorType.NetworkError),
        IOException => new ErrorClassification(ErrorType.NetworkError),
        UnauthorizedAccessException => new ErrorClassification(ErrorType.Authentication),
        JsonException or NotSupportedException => new ErrorClassification(ErrorType.SerializationError),
        ValidationException => new ErrorClassification(ErrorType.ValidationError),
        { InnerException: { } inner } => Classify(inner),
        _ => new ErrorClassification(ErrorType.Unknown),
    };

    private static ErrorClassification Classify(HttpRequestException http)
    {
        if (http.StatusCode is { } status)
            return new ErrorClassification(HttpStatus.ErrorTypeOf((int)status) ?? ErrorType.Unknown);

        return http.HttpRequestError switch
        {
            HttpRequestError.UserAuthenticationError => new ErrorClassification(ErrorType.Authentication),
            HttpRequestError.ConfigurationLimitExceeded => new ErrorClassification(ErrorType.ValidationError),
            _ => http.InnerException is { } inner && Known(inner) is { } known ? known : new ErrorClassification(ErrorType.NetworkError),
        };
    }

    private static ErrorClassification? Known(Exception exception) =>
        Classify(exception) is { Type: not ErrorType.Unknown } known ? known : null;

    /// <summary>Of several causes the one that keeps the message longest: a message must not be given up while one of them may pass.</summary>
    private static ErrorClassification Worst(IEnumerable<Exception> causes) =>
        causes.Select(Classify).OrderBy(c => RetryPolicy.IsPermanent(c.Type)).FirstOrDefault();
}
