namespace CloudSync.Sdk;

/// <summary>What one kind of error gets, defaults and settings put together.</summary>
/// <param name="Action">Whether the message is tried again.</param>
/// <param name="Breaker">What it means for the breaker.</param>
/// <param name="FirstRetryAtOnce">Whether the first retry does not back off.</param>
/// <param name="HoldsEndpoint">Whether nobody calls the endpoint while the message waits.</param>
/// <param name="CountsAsAttempt">Whether it uses up an attempt.</param>
/// <param name="MaxRetryAttempts">How many retries there are.</param>
/// <param name="Backoff">How long each waits.</param>
internal readonly record struct ErrorRule(
    FailureAction Action,
    BreakerEffect Breaker,
    bool FirstRetryAtOnce,
    bool HoldsEndpoint,
    bool CountsAsAttempt,
    int MaxRetryAttempts,
    Backoff Backoff)
{
    /// <summary>The rules of all kinds, by their number.</summary>
    public static ErrorRule[] All(RetryOptions retry, ErrorOptions errors) =>
        [.. Enum.GetValues<ErrorType>().Order().Select(type => Of(type, retry, errors.Of(type)))];

    private static ErrorRule Of(ErrorType type, RetryOptions retry, ErrorTypeOptions own)
    {
        var backoff = Backoff.From(retry);
        return new ErrorRule(
            own.Action ?? (RetryPolicy.IsPermanent(type) ? FailureAction.DeadLetter : FailureAction.Retry),
            own.Breaker ?? DefaultBreaker(type),
            own.FirstRetryAtOnce ?? type == ErrorType.Transient,
            own.HoldsEndpoint ?? type == ErrorType.RateLimited,

            // Whoever is asked to slow down has no fault, so a message may be asked any number of times.
            own.CountsAsAttempt ?? type != ErrorType.RateLimited,
            own.MaxRetryAttempts ?? retry.MaxRetryAttempts,
            backoff with
            {
                InitialDelay = own.InitialDelay ?? backoff.InitialDelay,
                Multiplier = own.Multiplier ?? backoff.Multiplier,
                MaxDelay = own.MaxDelay ?? backoff.MaxDelay,
            });
    }

    private static BreakerEffect DefaultBreaker(ErrorType type) => type switch
    {
        ErrorType.Authentication => BreakerEffect.OpensAtOnce,
        ErrorType.Unknown or ErrorType.Timeout or ErrorType.NetworkError or ErrorType.ServiceUnavailable => BreakerEffect.Counts,
        _ => BreakerEffect.None,
    };
}
