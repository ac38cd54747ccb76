namespace CloudSync.Sdk;

/// <summary>What happens to a message after a failed attempt.</summary>
internal enum NextStep
{
    /// <summary>It waits and is tried again.</summary>
    Retry,

    /// <summary>It is kept as a dead letter.</summary>
    DeadLetter,
}

/// <summary>What follows from one failed attempt.</summary>
/// <param name="Next">What happens to the message.</param>
/// <param name="Delay">How long it waits before the retry.</param>
/// <param name="CountsAsAttempt">Whether the attempt counts against the message.</param>
internal readonly record struct RetryPlan(NextStep Next, TimeSpan Delay, bool CountsAsAttempt);

/// <summary>Decides what each kind of error gets. Pure.</summary>
internal static class RetryPolicy
{
    /// <summary>The longest Retry-After that is believed: a day. What asks for more is a mistake, and would hold messages past all patience.</summary>
    public static readonly TimeSpan MaxRetryAfter = TimeSpan.FromDays(1);

    /// <summary>It will fail every time.</summary>
    public static bool IsPermanent(ErrorType type) =>
        type is ErrorType.Permanent or ErrorType.SerializationError or ErrorType.ValidationError;

    /// <summary>It says something about the endpoint, and not about the message: the breaker counts it.</summary>
    public static bool CountsForBreaker(ErrorType type) =>
        type is ErrorType.Unknown or ErrorType.Timeout or ErrorType.NetworkError or ErrorType.ServiceUnavailable or ErrorType.Authentication;

    /// <summary>How long the endpoint asks us to wait, within reason.</summary>
    public static TimeSpan RetryAfter(ErrorClassification error) =>
        TimeSpan.FromTicks(Math.Clamp(error.RetryAfter.GetValueOrDefault().Ticks, 0, MaxRetryAfter.Ticks));

    /// <summary>
    /// Whether a failure is the endpoint's and not the message's: it was a probe, or the breaker is open and nobody else got through since the message failed
    /// before. What is refused while others get through is the message's own fault.
    /// </summary>
    public static bool IsOutage(ErrorType type, bool wasProbe, bool breakerIsClosed, bool othersGotThrough) =>
        CountsForBreaker(type) && (wasProbe || (!breakerIsClosed && !othersGotThrough));

    /// <summary>Decides after one failed attempt.</summary>
    /// <param name="error">What it was.</param>
    /// <param name="attempts">Attempts that counted so far, without this one.</param>
    /// <param name="retries">Retries so far, whatever they counted for.</param>
    /// <param name="isOutage">Whether the failure says nothing of the message, see <see cref="IsOutage"/>.</param>
    /// <param name="options">The settings.</param>
    /// <param name="random">From 0 to 1: where in the jitter the delay lies.</param>
    public static RetryPlan Decide(
        ErrorClassification error, int attempts, int retries, bool isOutage, RetryOptions options, double random)
    {
        if (IsPermanent(error.Type))
            return new RetryPlan(NextStep.DeadLetter, default, CountsAsAttempt: true);

        // Whoever is asked to slow down has no fault, so a message may be asked any number of times.
        var counts = !isOutage && error.Type != ErrorType.RateLimited;
        if (counts && attempts + 1 > options.MaxRetryAttempts)
            return new RetryPlan(NextStep.DeadLetter, default, CountsAsAttempt: true);

        var floor = RetryAfter(error);
        var delay = error.Type == ErrorType.Transient && retries == 0
            ? floor
            : Backoff.Delay(retries + 1, options, random, floor);
        return new RetryPlan(NextStep.Retry, delay, counts);
    }
}
