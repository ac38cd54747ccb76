using System.Diagnostics.Metrics;
using Microsoft.Extensions.Logging.Testing;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace CloudSync.Sdk.Tests;

public sealed class FailureTriageTests : IDisposable
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    private readonly FakeTimeProvider _time = new();
    private readonly FakeLogger _log = new();
    private readonly ConsumerMetrics _metrics = new("test", "g", "data-topic");
    private readonly PartitionProgress _progress = new("data-topic", 0, 1);
    private readonly CloudSyncConsumerOptions _options = new() { GroupId = "g", MaxConcurrency = 8, Retry = { Jitter = 0 } };
    private EndpointGate _gate;
    private FailureTriage _triage;
    private long _offset;

    public FailureTriageTests()
    {
        _gate = new EndpointGate(_options, _time, () => { });
        _triage = new FailureTriage("test", _options, null, _gate, _metrics, _time, _log);
    }

    public void Dispose()
    {
        _gate.Dispose();
        _metrics.Dispose();
    }

    [Fact]
    public void A_failure_is_written_down()
    {
        var message = Message();
        var error = new SinkException(ErrorType.Timeout, "slow") { RetryAfter = Second * 7 };
        var first = _time.GetUtcNow();

        Judge([Failed(message, error)], new CallEnd(Admission.Normal, default, TraceParent: "00-1-2-01"));

        var failures = message.Failures!;
        Assert.Equal((ErrorType.Timeout, "slow", error, "00-1-2-01"), (failures.ErrorType, failures.Reason, failures.Exception, failures.TraceParent));
        Assert.Equal((first, first, _time.GetElapsedTime(0), Second * 7), (failures.FirstFailure, failures.LastFailure, failures.FailingSince, failures.RetryAfter));
        Assert.Equal((1, 1, Second * 7, false, 0), (failures.Attempts, failures.Retries, failures.Delay, failures.IsPart, failures.MaxBatch));

        _time.Advance(Second * 60);
        Judge([Failed(message, new InvalidOperationException("else"))]);

        Assert.Same(failures, message.Failures);
        Assert.Equal((ErrorType.Unknown, "else", null, TimeSpan.Zero), (failures.ErrorType, failures.Reason, failures.TraceParent, failures.RetryAfter));
        Assert.Equal((first, _time.GetUtcNow(), _time.GetElapsedTime(0) - (Second * 60)), (failures.FirstFailure, failures.LastFailure, failures.FailingSince));
        Assert.Equal((2, 2, Second * 2), (failures.Attempts, failures.Retries, failures.Delay));
    }

    [Fact]
    public void What_was_delivered_or_never_called_is_left_alone()
    {
        var outcomes = Judge([new Outcome(OutcomeKind.Delivered, Message()), Failed(Message(), ErrorType.Unknown), new Outcome(OutcomeKind.Interrupted, Message())]);

        Assert.Equal([null, ErrorType.Unknown, null], outcomes.Select(o => o.Delivery.Failures?.ErrorType));
        Assert.Equal([default, Second, default], outcomes.Select(o => o.Plan.Delay));
    }

    [Theory]
    [InlineData(ErrorType.ValidationError)]
    [InlineData(ErrorType.RateLimited)]
    public void The_users_classifier_is_asked_first(ErrorType type)
    {
        DeliveryFailure? asked = null;
        Make(new Classifier((in DeliveryFailure failure) =>
        {
            asked = failure;
            return new ErrorClassification(type, Second * 3);
        }));
        var message = Message();
        var error = new SinkException(ErrorType.Timeout, "slow") { RetryAfter = Second };

        Judge([Failed(message, error)]);

        Assert.Equal(new DeliveryFailure(message, 1, error), asked);
        Assert.Equal((type, Second * 3), (message.Failures!.ErrorType, message.Failures.RetryAfter));
    }

    [Fact]
    public void The_users_classifier_hears_which_attempt_it_was()
    {
        var attempts = new List<int>();
        Make(new Classifier((in DeliveryFailure failure) =>
        {
            attempts.Add(failure.Attempt);
            return null;
        }));
        var message = Message();
        foreach (var type in new[] { ErrorType.Transient, ErrorType.RateLimited, ErrorType.RateLimited, ErrorType.Transient })
            Judge([Failed(message, type)]);

        // Whoever is only asked to slow down has used up none.
        Assert.Equal([1, 2, 2, 2], attempts);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Where_the_users_classifier_does_not_know_or_throws_the_default_one_decides(bool throws)
    {
        Make(new Classifier((in DeliveryFailure _) => throws ? throw new InvalidOperationException("broken") : null));
        var message = Message();

        Judge([Failed(message, new TimeoutException())]);

        Assert.Equal(ErrorType.Timeout, message.Failures!.ErrorType);
        Assert.Equal(throws ? [typeof(Classifier).ToString()] : [], Logged(1108).Select(r => r.GetStructuredStateValue("Classifier")!));
    }

    [Fact]
    public void A_kind_that_there_is_not_is_unknown()
    {
        Make(new Classifier((in DeliveryFailure _) => new ErrorClassification((ErrorType)77)));
        var message = Message();

        Judge([Failed(message, ErrorType.Timeout)]);

        Assert.Equal(ErrorType.Unknown, message.Failures!.ErrorType);
    }

    [Fact]
    public void An_exception_that_can_not_say_what_it_is_is_called_by_its_type()
    {
        var message = Message();
        Judge([Failed(message, new MuteException())]);

        Assert.Equal(typeof(MuteException).ToString(), message.Failures!.Reason);
    }

    /// <summary>Whatever the order; and what fails for its own sake hides nothing.</summary>
    [Theory]
    [InlineData(ErrorType.ValidationError, ErrorType.Timeout, ErrorType.Authentication)]
    [InlineData(ErrorType.Authentication, ErrorType.Timeout, ErrorType.ValidationError)]
    [InlineData(ErrorType.Timeout, ErrorType.Authentication, ErrorType.NetworkError)]
    public void Of_a_batch_the_worst_is_told_to_the_breaker(params ErrorType[] types)
    {
        Judge([.. types.Select(type => Failed(Message(), type, type.ToString()))]);

        Assert.Equal(BreakerState.Open, _gate.State);
        Assert.Equal((ErrorType.Authentication, "Authentication"), (_gate.Trouble!.ErrorType, _gate.Trouble.Reason));
        var logged = Assert.Single(Logged(1104));
        Assert.Equal(("Authentication", "test"), (logged.GetStructuredStateValue("ErrorType"), logged.GetStructuredStateValue("Consumer")));
    }

    [Fact]
    public void Of_equals_the_first_is_told()
    {
        _options.Breaker.FailuresToOpen = 1;
        Make();
        Judge([Failed(Message(), ErrorType.Timeout), Failed(Message(), ErrorType.NetworkError)]);

        Assert.Equal(ErrorType.Timeout, _gate.Trouble!.ErrorType);
    }

    [Fact]
    public void A_call_is_one_failure_for_the_breaker_however_many_messages_it_carries()
    {
        for (var call = 1; call <= 5; call++)
        {
            Assert.Equal(BreakerState.Closed, _gate.State);
            Judge([.. Enumerable.Range(0, 50).Select(_ => Failed(Message(), ErrorType.ServiceUnavailable))]);
        }

        Assert.Equal(BreakerState.Open, _gate.State);
    }

    [Fact]
    public void An_opening_is_counted_by_its_kind()
    {
        var counted = new List<(long, object?)>();
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, l) =>
        {
            if (instrument.Name.Contains("breaker", StringComparison.Ordinal))
                l.EnableMeasurementEvents(instrument);
        };
        listener.SetMeasurementEventCallback<long>((_, count, tags, _) =>
        {
            if (tags.ToArray().Any(tag => tag.Value is "triage-test"))
                counted.Add((count, tags.ToArray().Single(tag => tag.Key == "error.type").Value));
        });
        listener.Start();
        using var metrics = new ConsumerMetrics("triage-test", "g", "data-topic");
        _triage = new FailureTriage("test", _options, null, _gate, metrics, _time, _log);

        Judge([Failed(Message(), ErrorType.Timeout)]);
        Judge([Failed(Message(), ErrorType.Authentication)]);

        Assert.Equal([(1, "Authentication")], counted);
    }

    [Fact]
    public void A_batch_of_which_the_endpoint_took_one_message_tells_the_breaker_nothing()
    {
        Judge([Failed(Message(), ErrorType.Authentication), new Outcome(OutcomeKind.Delivered, Message()), Failed(Message(), ErrorType.Timeout)]);

        Judge([new Outcome(OutcomeKind.Delivered, Message()), new Outcome(OutcomeKind.Delivered, Message()), Failed(Message(), ErrorType.Authentication)]);

        Assert.Equal((BreakerState.Closed, 8), (_gate.State, _gate.Limit));
    }

    [Fact]
    public void A_probe_that_failed_for_its_own_sake_is_given_back()
    {
        Open();
        _time.Advance(_options.Breaker.BreakDuration);
        Assert.Equal(Admission.Probe, _gate.TryEnter());

        var plan = Judge([Failed(Message(), ErrorType.ValidationError)], new CallEnd(Admission.Probe, default)).Single().Plan;

        Assert.Equal((FailureAction.DeadLetter, Admission.Probe), (plan.Next, _gate.TryEnter()));
    }

    /// <summary>Seconds asked for by each message of a batch, and how long the endpoint is left alone by all.</summary>
    [Theory]
    [InlineData(ErrorType.RateLimited, 0, 1)]
    [InlineData(ErrorType.RateLimited, 7, 7)]
    [InlineData(ErrorType.ServiceUnavailable, 0, 0)]
    [InlineData(ErrorType.ServiceUnavailable, 7, 7)]
    [InlineData(ErrorType.Timeout, 7, 7)]
    [InlineData(ErrorType.Transient, 7, 0)]
    [InlineData(ErrorType.ValidationError, 7, 0)]
    public void What_the_endpoint_asks_for_holds_all_if_it_is_about_the_endpoint(ErrorType type, int asked, int held)
    {
        Judge([Failed(Message(), type, asked: asked)]);

        Assert.Equal(held > 0, _gate.IsHolding);
        Assert.Equal(held > 0 ? [$"{Second * held}"] : [], Logged(1114).Select(r => r.GetStructuredStateValue("Wait")!));
        Assert.Equal(held > 0 ? 1 : 8, _gate.Limit);
        _time.Advance((Second * held) - TimeSpan.FromMilliseconds(held > 0 ? 1 : 0));
        Assert.Equal(held > 0, _gate.IsHolding);
        _time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.False(_gate.IsHolding);
    }

    [Fact]
    public void The_longest_wait_that_any_of_a_batch_asks_for_holds_all_and_it_is_logged_once()
    {
        Judge(
        [
            Failed(Message(), ErrorType.RateLimited, asked: 3), Failed(Message(), ErrorType.Transient, asked: 60), Failed(Message(), ErrorType.ServiceUnavailable, asked: 9),
            Failed(Message(), ErrorType.RateLimited, asked: 5), new Outcome(OutcomeKind.Delivered, Message()),
        ]);
        Judge([Failed(Message(), ErrorType.RateLimited, asked: 2)]);

        Assert.Equal([$"{Second * 9}"], Logged(1114).Select(r => r.GetStructuredStateValue("Wait")!));
        _time.Advance((Second * 9) - TimeSpan.FromMilliseconds(1));
        Assert.True(_gate.IsHolding);
        _time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.False(_gate.IsHolding);
    }

    [Fact]
    public void The_backoff_of_whoever_is_asked_to_slow_down_grows_for_all()
    {
        var message = Message();
        foreach (var seconds in new[] { 1, 2, 4, 8 })
        {
            var plan = Judge([Failed(message, ErrorType.RateLimited)]).Single().Plan;
            Assert.Equal(new RetryPlan(FailureAction.Retry, Second * seconds, CountsAsAttempt: false), plan);
            Assert.Equal(_time.GetElapsedTime(0) + (Second * seconds), _gate.OpenSince);
            _time.Advance(Second * seconds);
        }

        Assert.Equal((0, 4), (message.Failures!.Attempts, message.Failures.Retries));
    }

    [Fact]
    public void What_the_settings_say_about_holding_counts()
    {
        _options.Errors.RateLimited.HoldsEndpoint = false;
        _options.Errors.Transient.HoldsEndpoint = true;
        Make();
        Judge([Failed(Message(), ErrorType.RateLimited, asked: 7)]);
        Assert.False(_gate.IsHolding);

        // Its first retry comes at once, and so nobody waits.
        var message = Message();
        Judge([Failed(message, ErrorType.Transient)]);
        Assert.False(_gate.IsHolding);
        Judge([Failed(message, ErrorType.Transient)]);
        Assert.Equal(_time.GetElapsedTime(0) + (Second * 2), _gate.OpenSince);
    }

    [Fact]
    public void What_is_given_up_can_ask_for_a_wait_too()
    {
        _options.Errors.RateLimited.Action = FailureAction.DeadLetter;
        Make();
        var plan = Judge([Failed(Message(), ErrorType.RateLimited, asked: 7)]).Single().Plan;

        Assert.Equal(FailureAction.DeadLetter, plan.Next);
        Assert.Equal(_time.GetElapsedTime(0) + (Second * 7), _gate.OpenSince);
    }

    [Fact]
    public void In_an_outage_a_message_uses_up_nothing_and_after_it_it_does()
    {
        _options.Breaker.FailuresToOpen = 1;
        _options.Retry.MaxRetryAttempts = 1;
        Make();
        var message = Message();
        for (var i = 1; i <= 4; i++)
        {
            var plan = Judge([Failed(message, ErrorType.Timeout)]).Single().Plan;
            Assert.Equal((FailureAction.Retry, false), (plan.Next, plan.CountsAsAttempt));
            Assert.Equal((0, i), (message.Failures!.Attempts, message.Failures.Retries));
        }

        Close();
        Judge([Failed(message, ErrorType.Transient)]);
        Assert.Equal(1, message.Failures!.Attempts);
    }

    /// <summary>The breaker is open, but what was called before still gets through: then it is the message's own fault.</summary>
    [Fact]
    public void What_fails_while_others_get_through_counts_against_the_message_although_the_breaker_is_open()
    {
        Open();
        var message = Message();
        Judge([Failed(message, ErrorType.Timeout)]);
        Assert.Equal(0, message.Failures!.Attempts);

        Succeed();
        Judge([Failed(message, ErrorType.Timeout)]);
        Assert.Equal(1, message.Failures.Attempts);

        // Nobody since then.
        Judge([Failed(message, ErrorType.Timeout)]);
        Assert.Equal(1, message.Failures.Attempts);
    }

    /// <summary>It counted, and turned out to be the beginning of an outage; or others got through first, and it was its own fault.</summary>
    [Theory]
    [InlineData(false, 1)]
    [InlineData(true, 2)]
    public void An_attempt_is_taken_back_when_nobody_got_through_from_then_until_the_breaker_opened(bool othersGotThrough, int attempts)
    {
        _options.Breaker.FailuresToOpen = 2;
        Make();
        var message = Message();
        Judge([Failed(message, ErrorType.Timeout)]);
        Assert.Equal(1, message.Failures!.Attempts);
        if (othersGotThrough)
        {
            Succeed();
            Judge([Failed(Message(), ErrorType.Timeout)]);
        }

        Judge([Failed(Message(), ErrorType.Timeout)]);
        Assert.False(_gate.IsClosed);
        Close();

        Judge([Failed(message, ErrorType.Timeout)]);
        Assert.Equal(attempts, message.Failures.Attempts);
    }

    /// <summary>One that always fails comes to its end, however soon the breaker opens.</summary>
    [Fact]
    public void What_fails_again_while_others_get_through_opens_nothing_and_is_not_taken_back()
    {
        _options.Breaker.FailuresToOpen = 1;
        Make();
        var message = Message();
        Judge([Failed(message, ErrorType.Timeout)]);
        Assert.False(_gate.IsClosed);
        Close();
        for (var attempts = 1; attempts <= 3; attempts++)
        {
            Judge([Failed(message, ErrorType.Timeout)]);
            Assert.Equal(attempts, message.Failures!.Attempts);
            Assert.True(_gate.IsClosed);
            Succeed();
        }
    }

    [Fact]
    public void A_probe_never_counts_against_its_message()
    {
        Open();
        var message = Message();
        Judge([Failed(message, ErrorType.Timeout)]);
        _time.Advance(_options.Breaker.BreakDuration);
        Assert.Equal(Admission.Probe, _gate.TryEnter());
        Succeed();
        Judge([Failed(message, ErrorType.Timeout)], new CallEnd(Admission.Probe, default));

        Assert.Equal(0, message.Failures!.Attempts);
    }

    [Fact]
    public void The_attempts_are_counted_and_when_they_are_used_up_it_is_given_up()
    {
        _options.Retry.MaxRetryAttempts = 3;
        _options.Breaker.FailuresToOpen = 4;
        Make();
        var message = Message();
        foreach (var seconds in new[] { 0, 2, 4 })
        {
            Assert.Equal(new RetryPlan(FailureAction.Retry, Second * seconds, CountsAsAttempt: true), Judge([Failed(message, ErrorType.Transient)]).Single().Plan);
            Assert.Equal(Second * seconds, message.Failures!.Delay);
        }

        Assert.Equal(new RetryPlan(FailureAction.DeadLetter, default, CountsAsAttempt: true), Judge([Failed(message, ErrorType.Transient)]).Single().Plan);
        Assert.Equal((4, 3, TimeSpan.Zero), (message.Failures!.Attempts, message.Failures.Retries, message.Failures.Delay));
    }

    [Fact]
    public void What_has_failed_for_too_long_is_given_up_but_not_for_the_time_of_an_outage_or_a_wait()
    {
        _options.Retry.MaxElapsedTime = Second * 30;
        _options.Retry.MaxRetryAttempts = 1_000;
        Make();
        var message = Message();
        Judge([Failed(message, ErrorType.Transient)]);
        Open();
        _time.Advance(Second * 100);
        Assert.Equal(Admission.Probe, _gate.TryEnter());
        _gate.Succeeded(Admission.Probe, 1, default, 1);
        _gate.HoldFor(Second * 100);
        _time.Advance(Second * 130);

        // The wait was over 30 seconds ago.
        Assert.Equal(FailureAction.Retry, Judge([Failed(message, ErrorType.Transient)]).Single().Plan.Next);
        _time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Equal(FailureAction.DeadLetter, Judge([Failed(message, ErrorType.Transient)]).Single().Plan.Next);
    }

    [Fact]
    public void A_batch_that_fails_whole_is_halved_down_to_one_and_the_size_stays()
    {
        var message = Message();
        foreach (var (messages, most) in new[] { (9, 4), (4, 2), (2, 1) })
        {
            var outcomes = Judge([Failed(message, ErrorType.ValidationError), .. Others(messages - 1)], Whole);
            Assert.All(outcomes, o => Assert.Equal(new RetryPlan(FailureAction.Retry, default, CountsAsAttempt: false, IsSplit: true), o.Plan));
            Assert.All(outcomes, o => Assert.True(o.Delivery.Failures is { IsPart: true, Attempts: 0 } f && f.MaxBatch == most));
        }

        Assert.Equal(["9", "4", "2"], Logged(1115).Select(r => r.GetStructuredStateValue("Messages")!));
        Assert.All(Logged(1115), r => Assert.Equal("ValidationError", r.GetStructuredStateValue("ErrorType")));

        // Being asked to slow down is about all: nothing is learnt, and nothing is forgotten.
        Judge([Failed(message, ErrorType.RateLimited)], Whole);
        Assert.True(message.Failures is { IsPart: false, MaxBatch: 1 });
        Judge([Failed(message, ErrorType.ValidationError)], Whole);
        Assert.Equal((1, 1), (message.Failures!.Attempts, message.Failures.MaxBatch));
        Assert.Equal(3, Logged(1115).Count());
    }

    [Fact]
    public void A_batch_that_fails_whole_in_an_outage_or_for_a_wait_stays_together()
    {
        var limited = Judge([.. Enumerable.Range(0, 4).Select(_ => Failed(Message(), ErrorType.RateLimited))], Whole);
        Open();
        var outage = Judge([.. Enumerable.Range(0, 4).Select(_ => Failed(Message(), ErrorType.Timeout))], Whole);

        Assert.All(limited.Concat(outage), o => Assert.True(o.Delivery.Failures is { IsPart: false, MaxBatch: 0, Attempts: 0 } && !o.Plan.IsSplit));
        Assert.Empty(Logged(1115));
    }

    [Fact]
    public void What_failed_by_itself_in_a_batch_is_not_taken_apart()
    {
        var outcomes = Judge([Failed(Message(), ErrorType.ValidationError), Failed(Message(), ErrorType.Timeout)]);

        Assert.Equal([FailureAction.DeadLetter, FailureAction.Retry], outcomes.Select(o => o.Plan.Next));
        Assert.All(outcomes, o => Assert.True(o.Delivery.Failures is { IsPart: false, MaxBatch: 0, Attempts: 1 }));
        Assert.Empty(Logged(1115));
    }

    private static CallEnd Whole => new(Admission.Normal, default, FailedWhole: true);

    private IEnumerable<Outcome> Others(int count) => Enumerable.Range(0, count).Select(_ => Failed(Message(), ErrorType.ValidationError));

    private void Make(IErrorClassifier? classifier = null)
    {
        _gate.Dispose();
        _gate = new EndpointGate(_options, _time, () => { });
        _triage = new FailureTriage("test", _options, classifier, _gate, _metrics, _time, _log);
    }

    private Outcome[] Judge(Outcome[] outcomes, CallEnd? call = null)
    {
        _triage.Judge(outcomes, call ?? new CallEnd(Admission.Normal, default));
        return outcomes;
    }

    private void Open() => Assert.True(_gate.Failed(Admission.Normal, BreakerEffect.OpensAtOnce, ErrorType.Authentication, "401"));

    private void Close()
    {
        _time.Advance(_options.Breaker.BreakDuration);
        Assert.Equal(Admission.Probe, _gate.TryEnter());
        Assert.True(_gate.Succeeded(Admission.Probe, 1, default, 1));
    }

    private void Succeed() => _gate.Succeeded(Admission.Normal, 1, default, 1);

    private Delivery Message() => Records.Delivery(_progress, _offset++);

    private static Outcome Failed(Delivery delivery, Exception error) => new(OutcomeKind.Failed, delivery, error);

    private static Outcome Failed(Delivery delivery, ErrorType type, string message = "no", int asked = 0) =>
        Failed(delivery, new SinkException(type, message) { RetryAfter = asked > 0 ? Second * asked : null });

    private IEnumerable<FakeLogRecord> Logged(int eventId) => _log.Collector.GetSnapshot().Where(record => record.Id.Id == eventId);

    private delegate ErrorClassification? Classify(in DeliveryFailure failure);

    private sealed class Classifier(Classify classify) : IErrorClassifier
    {
        public ErrorClassification? Classify(in DeliveryFailure failure) => classify(failure);
    }

    private sealed class MuteException : Exception
    {
        public override string Message => throw new InvalidOperationException("No comment.");
    }
}
