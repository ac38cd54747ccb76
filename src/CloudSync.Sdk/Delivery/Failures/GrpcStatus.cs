namespace CloudSync.Sdk;

/// <summary>What a gRPC status means for a message.</summary>
/// <remarks>
/// A sink on a gRPC client needs one line of an <see cref="IErrorClassifier"/>:
/// <c>failure.Exception is RpcException rpc &amp;&amp; GrpcStatus.ErrorTypeOf((int)rpc.StatusCode) is { } type ? new ErrorClassification(type) : null</c>.
/// </remarks>
public static class GrpcStatus
{
    private static readonly string[] Names =
    [
        "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED",
        "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
    ];

    /// <summary>The kind of error that a code stands for; <see langword="null"/> for 0, <c>OK</c>.</summary>
    /// <remarks>
    /// 8, <c>RESOURCE_EXHAUSTED</c>, is a quota and so <see cref="ErrorType.RateLimited"/>, of which a message never becomes a dead letter; a client says it of a message that is
    /// larger than it sends, too, so a sink looks at the size before. 6, <c>ALREADY_EXISTS</c>, may be an earlier try whose answer was lost: a sink that knows takes it for a success.
    /// </remarks>
    /// <param name="code">The code, 0 to 16; any other number is <see cref="ErrorType.Unknown"/>.</param>
    public static ErrorType? ErrorTypeOf(int code) => code switch
    {
        0 => null,

        // Cancelled (1) by somebody who is not us: the end of somebody's patience.
        1 or 4 => ErrorType.Timeout,
        3 or 11 => ErrorType.ValidationError,

        // As with HTTP: what is not found (5) or not there at all (12) is the address more likely than the message. 13 and 15 are the server's own.
        5 or 12 or 13 or 14 or 15 => ErrorType.ServiceUnavailable,
        6 or 9 => ErrorType.Permanent,
        7 or 16 => ErrorType.Authentication,
        8 => ErrorType.RateLimited,
        10 => ErrorType.Transient,
        _ => ErrorType.Unknown,
    };

    /// <summary>The kind of error that a code's name stands for, as JSON has it: <c>UNAVAILABLE</c>; <see langword="null"/> for <c>OK</c> and for what is no such name.</summary>
    internal static ErrorType? ErrorTypeOf(string name) => Array.IndexOf(Names, name) is var code and > 0 ? ErrorTypeOf(code) : null;
}
