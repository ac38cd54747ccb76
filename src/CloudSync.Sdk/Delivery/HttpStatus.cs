namespace CloudSync.Sdk;

/// <summary>What kind of failure an HTTP status is, by rule for every code.</summary>
internal static class HttpStatus
{
    public static ErrorType Classify(int status) => status switch
    {
        401 or 403 or 407 or 511 => ErrorType.Authentication,
        408 or 504 => ErrorType.Timeout,
        429 => ErrorType.RateLimited,
        421 or 423 or 425 => ErrorType.Transient,
        >= 400 and < 500 => ErrorType.ValidationError,
        501 or 505 or 506 or 508 or 510 => ErrorType.Permanent,
        >= 500 and < 600 => ErrorType.ServiceUnavailable,
        >= 300 and < 400 => ErrorType.Permanent,
        _ => ErrorType.Unknown,
    };
}
