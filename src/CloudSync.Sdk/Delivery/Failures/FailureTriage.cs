using Microsoft.Extensions.Logging;

namespace CloudSync.Sdk;

/// <summary>
/// What follows from a call that failed: classify → tell the gate of the endpoint → decide for each message. It runs on the thread that ended the call, before the call
/// gives its place back, so that the next call is made or not made in the light of this one.
/// </summary>
internal sealed class FailureTriage(
    string consumer, CloudSyncConsumerOptions options, IErrorClassifier? classifier, EndpointGate gate, ConsumerMetrics metrics, TimeProvider time, ILogger log)
{
    private readonly ErrorRule[] _rules = ErrorRule.All(options.Retry, options.Errors);

    /// <summary>Looks at the outcomes of one call, and writes into each failed one what follows.</summary>
    /// <param name="outcomes">All messages of the call.</param>
    /// <param name="call">The call.</param>
    public void Judge(Span<Outcome> outcomes, in CallEnd call)
    {
        var isAlive = false;
        var worst = default(FailureHistory);
        foreach (ref readonly var outcome in outcomes)
        {
            isAlive |= outcome.Kind == OutcomeKind.Delivered;
            if (outcome.Kind != OutcomeKind.Failed)
                continue;

            var failures = Note(outcome.Delivery, outcome.Error!, call.TraceParent);
            if (worst is null || RuleOf(failures).Breaker > RuleOf(worst).Breaker)
                worst = failures;
        }

        // An endpoint that has taken one of them is not down. A call is one failure for the breaker, however many messages it carried.
        if (worst is not null && !isAlive)
            TellBreaker(worst, call.Admission);

        var wait = TimeSpan.Zero;
        foreach (ref var outcome in outcomes)
        {
            if (outcome.Kind != OutcomeKind.Failed)
                continue;

            var (plan, asked) = Decide(outcome.Delivery.Failures!, call, outcomes.Length);
            outcome = outcome with { Plan = plan };
            wait = asked > wait ? asked : wait;
        }

        if (wait > TimeSpan.Zero && gate.HoldFor(wait))
            log.EndpointHeld(consumer, wait);

        if (outcomes[0].Plan.IsSplit)
            log.BatchTakenApart(consumer, outcomes.Length, worst!.ErrorType, worst.Reason!);
    }

    /// <summary>Writes the failure down.</summary>
    private FailureHistory Note(Delivery delivery, Exception error, string? traceParent)
    {
        var now = time.GetUtcNow();
        var failures = delivery.Failures ??= new FailureHistory { FirstFailure = now, FailingSince = Now, SuccessesSeen = long.MaxValue };
        var classification = Classify(delivery, failures.Attempts + 1, error);
        failures.LastFailure = now;
        failures.TraceParent = traceParent;
        failures.ErrorType = Enum.IsDefined(classification.Type) ? classification.Type : ErrorType.Unknown;
        failures.RetryAfter = RetryPolicy.RetryAfter(classification);
        failures.Exception = error;
        return failures;
    }

    private void TellBreaker(FailureHistory failure, Admission admission)
    {
        if (!gate.Failed(admission, RuleOf(failure).Breaker, failure.ErrorType, failure.Reason!, OthersGotThrough(failure)))
            return;

        metrics.BreakerOpened(failure.ErrorType);
        log.BreakerOpened(consumer, failure.ErrorType, failure.Reason!, options.Breaker.BreakDuration);
    }

    /// <returns>What follows for the message, and how long everybody leaves the endpoint alone because of it.</returns>
    private (RetryPlan Plan, TimeSpan WaitOfAll) Decide(FailureHistory failures, in CallEnd call, int messages)
    {
        var rule = RuleOf(failures);
        var isClosed = gate.IsClosed;
        var othersGotThrough = OthersGotThrough(failures);
        TakeBack(failures, othersGotThrough);
        var attempt = new FailedAttempt(
            failures.Attempts,
            failures.Retries,
            failures.Delay,
            RetryPolicy.Elapsed(Now, failures.FailingSince, gate.OpenSince),
            failures.RetryAfter,
            RetryPolicy.IsOutage(rule.Breaker, call.Admission == Admission.Probe, isClosed, othersGotThrough),
            othersGotThrough,
            call.FailedWhole ? messages : 1);
        var plan = RetryPolicy.Decide(rule, attempt, options.Retry.MaxElapsedTime, Random.Shared.NextDouble());
        failures.SuccessesSeen = gate.Successes;
        failures.Attempts += plan.CountsAsAttempt ? 1 : 0;
        failures.ProvisionalAttempts += plan.CountsAsAttempt && rule.Breaker != BreakerEffect.None && isClosed ? 1 : 0;
        failures.Retries += plan is { Next: FailureAction.Retry, IsSplit: false } ? 1 : 0;
        failures.Delay = plan.Delay;
        failures.IsPart = plan.IsSplit;
        failures.MaxBatch = plan.IsSplit ? Math.Max(1, messages / 2) : failures.MaxBatch;
        return (plan, RetryPolicy.WaitOfAll(rule, attempt, plan));
    }

    /// <summary>
    /// Failures counted while the breaker was closed, and nobody got through from then until it opened: they were the beginning of an outage. Without this, an endpoint that takes
    /// each probe and fails what follows would use up the attempts of messages that have no fault.
    /// </summary>
    private void TakeBack(FailureHistory failures, bool othersGotThrough)
    {
        var wasOutage = failures.ProvisionalAttempts > 0 && gate.OpenedAfter(failures.SuccessesSeen);
        failures.Attempts -= wasOutage ? failures.ProvisionalAttempts : 0;
        if (wasOutage || othersGotThrough)
            failures.ProvisionalAttempts = 0;
    }

    private ErrorClassification Classify(Delivery delivery, int attempt, Exception exception)
    {
        try
        {
            if (classifier?.Classify(new DeliveryFailure(delivery, attempt, exception)) is { } classified)
                return classified;
        }
        catch (Exception e)
        {
            log.ClassifierThrew(e, classifier!.GetType());
        }

        return DefaultErrorClassifier.Classify(exception);
    }

    /// <summary>Whether the endpoint has taken messages since this one failed before.</summary>
    private bool OthersGotThrough(FailureHistory failures) => gate.Successes > failures.SuccessesSeen;

    private ErrorRule RuleOf(FailureHistory failures) => _rules[(int)failures.ErrorType];

    /// <summary>By the clock's time since its beginning.</summary>
    private TimeSpan Now => time.GetElapsedTime(0);
}
