using System.Globalization;

namespace CloudSync.Sdk;

/// <summary>What an HTTP status means for a message. For an <see cref="IErrorClassifier"/> that knows the exceptions of a client library.</summary>
public static class HttpStatus
{
    /// <summary>
    /// The kind of error that a status stands for; <see langword="null"/> for 2xx. The question behind it: would another message, or the same one later,
    /// fare better? All messages go to one address by one method, so what is wrong with those is an outage of the endpoint and no fault of the message:
    /// it pauses consumption and dead-letters nothing.
    /// </summary>
    /// <param name="status">The status; below 200 or above 599 it is <see cref="ErrorType.Unknown"/>.</param>
    public static ErrorType? ErrorTypeOf(int status) => status switch
    {
        >= 200 and <= 299 => null,

        // The address is another one now, for every message. Following it would send payloads and keys to a host that nobody has configured.
        >= 300 and <= 399 => ErrorType.ServiceUnavailable,

        401 or 403 or 407 => ErrorType.Authentication,
        408 or 504 => ErrorType.Timeout,
        429 => ErrorType.RateLimited,

        // Wrong for every message alike: unpaid (402), address (404, 410, 414, 421), method (405), what we accept (406), HTTP version (426).
        402 or 404 or 405 or 406 or 410 or 414 or 421 or 426 => ErrorType.ServiceUnavailable,

        // 409 is what an endpoint answers while the first request with this Idempotency-Key is still under way. It can't be taken for 'delivered'.
        409 or 423 or 425 => ErrorType.Transient,

        // This message: unreadable (400), too large (413), of an unknown media type (415), not acceptable (422), too much in its headers (431).
        400 or 413 or 415 or 422 or 431 => ErrorType.ValidationError,

        >= 400 and <= 499 => ErrorType.Permanent,

        // 501 and 505 too: they are about the method and the version of HTTP, which all messages share.
        >= 500 and <= 599 => ErrorType.ServiceUnavailable,

        _ => ErrorType.Unknown,
    };

    /// <summary>Whether the endpoint has read a whole batch and refuses it because of what is in it, so that the messages must be told apart.</summary>
    internal static bool IsPoison(int status) => status is 400 or 422;

    /// <summary>A status for a reader: <c>503 ServiceUnavailable</c>. The endpoint's own words are left out, since they may hold anything.</summary>
    internal static string Describe(int status) => Enum.IsDefined((System.Net.HttpStatusCode)status)
        ? string.Create(CultureInfo.InvariantCulture, $"{status} {(System.Net.HttpStatusCode)status}")
        : status.ToString(CultureInfo.InvariantCulture);
}
