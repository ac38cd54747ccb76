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
    /// <summary>
    /// How many exceptions are looked at, the inner ones among them. A client that wraps its last error at each of its retries makes chains without end, and a stack that
    /// overflows ends the process.
    /// </summary>
    public const int MaxExceptions = 100;

    public static ErrorClassification Classify(Exception exception)
    {
        var left = MaxExceptions;
        return Classify(exception, ref left);
    }

    private static ErrorClassification Classify(Exception exception, ref int left)
    {
        if (left-- <= 0)
            return new ErrorClassification(ErrorType.Unknown);

        return exception switch
        {
            SinkException sink => new ErrorClassification(sink.ErrorType, sink.RetryAfter),
            AggregateException aggregate => Kindest(aggregate, ref left),
            OperationCanceledException or TimeoutException => new ErrorClassification(ErrorType.Timeout),
            HttpRequestException http => Classify(http, ref left),
            SocketException { SocketErrorCode: SocketError.TimedOut } => new ErrorClassification(ErrorType.Timeout),
            SocketException or AuthenticationException => new ErrorClassification(ErrorType.NetworkError),
            IOException io => Known(io.InnerException, ref left) ?? new ErrorClassification(ErrorType.NetworkError),
            UnauthorizedAccessException => new ErrorClassification(ErrorType.Authentication),
            JsonException => new ErrorClassification(ErrorType.SerializationError),

            // Anybody's, HttpClient's for an address that it can't call, is wrong for every message alike. The serialiser's is about a type that it can't write.
            NotSupportedException { Source: "System.Text.Json" } => new ErrorClassification(ErrorType.SerializationError),
            ValidationException => new ErrorClassification(ErrorType.ValidationError),
            { InnerException: { } inner } => Classify(inner, ref left),
            _ => new ErrorClassification(ErrorType.Unknown),
        };
    }

    private static ErrorClassification Classify(HttpRequestException http, ref int left)
    {
        if (http.StatusCode is { } status)
            return new ErrorClassification(HttpStatus.ErrorTypeOf((int)status) ?? ErrorType.Unknown);

        return http.HttpRequestError switch
        {
            HttpRequestError.UserAuthenticationError => new ErrorClassification(ErrorType.Authentication),

            // The answer is longer than the client takes: what became of the message can't be told, and every answer may be as long.
            HttpRequestError.ConfigurationLimitExceeded => new ErrorClassification(ErrorType.Unknown),
            _ => Known(http.InnerException, ref left) ?? new ErrorClassification(ErrorType.NetworkError),
        };
    }

    private static ErrorClassification? Known(Exception? exception, ref int left) =>
        exception is not null && Classify(exception, ref left) is { Type: not ErrorType.Unknown } known ? known : null;

    /// <summary>Of several causes the one that keeps the message longest: a message must not be given up while one of them may pass.</summary>
    private static ErrorClassification Kindest(AggregateException aggregate, ref int left)
    {
        ErrorClassification? kindest = null;
        foreach (var cause in aggregate.InnerExceptions)
        {
            var error = Classify(cause, ref left);
            if (kindest is not { } best || (Patience(error.Type), error.RetryAfter ?? default).CompareTo((Patience(best.Type), best.RetryAfter ?? default)) > 0)
                kindest = error;
        }

        return kindest ?? new ErrorClassification(ErrorType.Unknown);
    }

    /// <summary>How long a kind of error keeps a message: for ever when we are asked to slow down, until the credentials are right, for some attempts, not at all.</summary>
    private static int Patience(ErrorType type) => type switch
    {
        ErrorType.RateLimited => 3,
        ErrorType.Authentication => 2,
        _ => RetryPolicy.IsPermanent(type) ? 0 : 1,
    };
}
