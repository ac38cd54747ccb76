namespace CloudSync.Sdk;

/// <summary>What follows from one failed attempt.</summary>
/// <param name="Next">What happens to the message.</param>
/// <param name="Delay">How long it waits before the retry.</param>
/// <param name="CountsAsAttempt">Whether the attempt counts against the message.</param>
/// <param name="IsSplit">Whether it is tried again as part of a batch that is taken apart, to find the message at fault.</param>
internal readonly record struct RetryPlan(FailureAction Next, TimeSpan Delay, bool CountsAsAttempt, bool IsSplit = false);

/// <summary>One failed attempt, as far as the decision about it goes.</summary>
/// <param name="Attempts">Attempts that counted so far, without this one.</param>
/// <param name="Retries">Retries so far, whatever they counted for: what the backoff grows by.</param>
/// <param name="PreviousDelay">How long the message waited before this attempt.</param>
/// <param name="Elapsed">How long the message has been failing, without the time of outages.</param>
/// <param name="RetryAfter">How long the endpoint asks us to wait, within reason.</param>
/// <param name="IsOutage">Whether the failure says nothing of the message, see <see cref="RetryPolicy.IsOutage"/>.</param>
/// <param name="OthersGotThrough">Whether the endpoint has taken others since the message failed before.</param>
/// <param name="FailedWhole">How many messages failed together in one call that said nothing of each; 1 for a message alone.</param>
internal readonly record struct FailedAttempt(
    int Attempts, int Retries, TimeSpan PreviousDelay, TimeSpan Elapsed, TimeSpan RetryAfter, bool IsOutage, bool OthersGotThrough = false, int FailedWhole = 1);

/// <summary>Decides what a failed message gets. Pure.</summary>
internal static class RetryPolicy
{
    /// <summary>The longest Retry-After that is believed: a day. What asks for more is a mistake, and would hold messages past all patience.</summary>
    public static readonly TimeSpan MaxRetryAfter = TimeSpan.FromDays(1);

    /// <summary>It will fail every time.</summary>
    public static bool IsPermanent(ErrorType type) =>
        type is ErrorType.Permanent or ErrorType.SerializationError or ErrorType.ValidationError;

    /// <summary>How long the endpoint asks us to wait, within reason.</summary>
    public static TimeSpan RetryAfter(ErrorClassification error) =>
        TimeSpan.FromTicks(Math.Clamp(error.RetryAfter.GetValueOrDefault().Ticks, 0, MaxRetryAfter.Ticks));

    /// <summary>
    /// Whether a failure is the endpoint's and not the message's: it was a probe, or the breaker is open and nobody else got through since the message failed
    /// before. What is refused while others get through is the message's own fault.
    /// </summary>
    public static bool IsOutage(BreakerEffect effect, bool wasProbe, bool breakerIsClosed, bool othersGotThrough) =>
        effect != BreakerEffect.None && (wasProbe || (!breakerIsClosed && !othersGotThrough));

    /// <summary>
    /// How long a message has been failing, counted from its first failure or from the last time at which the endpoint could be called again, whichever is later:
    /// nobody's patience may run out while the endpoint is not even asked.
    /// </summary>
    public static TimeSpan Elapsed(TimeSpan now, TimeSpan failingSince, TimeSpan endpointOpenSince) =>
        now - (failingSince > endpointOpenSince ? failingSince : endpointOpenSince) is { Ticks: > 0 } elapsed ? elapsed : TimeSpan.Zero;

    /// <summary>Decides after one failed attempt.</summary>
    /// <param name="rule">What its kind of error gets.</param>
    /// <param name="failed">The attempt.</param>
    /// <param name="maxElapsed">How long a message may go on failing.</param>
    /// <param name="random">From 0 to 1: where in the jitter the delay lies.</param>
    public static RetryPlan Decide(in ErrorRule rule, in FailedAttempt failed, TimeSpan? maxElapsed, double random)
    {
        // One of many is at fault, or all: nobody knows before they are taken apart, and none may be given up for another's fault.
        if (failed.FailedWhole > 1 && !failed.IsOutage && !rule.HoldsEndpoint)
        {
            // Each round waits as if it were the first: all the keys in it wait too.
            var wait = rule.Action == FailureAction.DeadLetter ? failed.RetryAfter : Delay(rule, failed with { Retries = 0 }, random);
            return new RetryPlan(FailureAction.Retry, wait, CountsAsAttempt: false, IsSplit: true);
        }

        var counts = !failed.IsOutage && (rule.CountsAsAttempt || rule.Action == FailureAction.DeadLetter);
        if (!counts)
            return new RetryPlan(FailureAction.Retry, Delay(rule, failed, random), CountsAsAttempt: false);

        return rule.Action == FailureAction.DeadLetter || failed.Attempts >= rule.MaxRetryAttempts || IsOutOfPatience(rule, failed, maxElapsed)
            ? new RetryPlan(FailureAction.DeadLetter, default, CountsAsAttempt: true)
            : new RetryPlan(FailureAction.Retry, Delay(rule, failed, random), CountsAsAttempt: true);
    }

    /// <summary>
    /// How long everybody leaves the endpoint alone because of this failure. One that is asked to wait while others get through is asked for its own sake: a Retry-After is still
    /// meant for all, but its backoff is its own, or a single message could keep all the others from an endpoint that takes them.
    /// </summary>
    public static TimeSpan WaitOfAll(in ErrorRule rule, in FailedAttempt failed, in RetryPlan plan) =>
        rule.HoldsEndpoint && !failed.OthersGotThrough && plan.Delay > failed.RetryAfter ? plan.Delay
        : rule.HoldsEndpoint || rule.Breaker != BreakerEffect.None ? failed.RetryAfter
        : TimeSpan.Zero;

    /// <summary>While nobody gets through it may be an outage that the breaker has not seen yet.</summary>
    private static bool IsOutOfPatience(in ErrorRule rule, in FailedAttempt failed, TimeSpan? maxElapsed) =>
        failed.Elapsed > maxElapsed && (rule.Breaker == BreakerEffect.None || failed.OthersGotThrough);

    private static TimeSpan Delay(in ErrorRule rule, in FailedAttempt failed, double random)
    {
        if (rule.FirstRetryAtOnce && failed.Retries == 0)
            return failed.RetryAfter;

        // After the wait that it costs the others, it lets them go first.
        return rule.HoldsEndpoint && failed.OthersGotThrough
            ? failed.RetryAfter + rule.Backoff.Delay(failed.Retries + 1, failed.PreviousDelay, random)
            : rule.Backoff.Delay(failed.Retries + 1, failed.PreviousDelay, random, failed.RetryAfter);
    }
}
