using FsCheck;
using FsCheck.Xunit;
using Xunit;

namespace CloudSync.Sdk.Tests;

public class RetryPolicyTests
{
    private static readonly FailedAttempt First = new(Attempts: 0, Retries: 0, PreviousDelay: default, Elapsed: default, RetryAfter: default, IsOutage: false);

    /// <summary>What each kind gets on its first failure: whether it is tried again, counts against the message, and waits.</summary>
    [Theory]
    [InlineData(ErrorType.Transient, true, true, 0)]
    [InlineData(ErrorType.Unknown, true, true, 1_000)]
    [InlineData(ErrorType.Timeout, true, true, 1_000)]
    [InlineData(ErrorType.NetworkError, true, true, 1_000)]
    [InlineData(ErrorType.ServiceUnavailable, true, true, 1_000)]
    [InlineData(ErrorType.Authentication, true, true, 1_000)]
    [InlineData(ErrorType.RateLimited, true, false, 1_000)]
    [InlineData(ErrorType.Permanent, false, true, 0)]
    [InlineData(ErrorType.SerializationError, false, true, 0)]
    [InlineData(ErrorType.ValidationError, false, true, 0)]
    public void The_first_failure_of_each_kind(ErrorType type, bool again, bool counts, int waitMs) => Assert.Equal(
        new RetryPlan(again ? FailureAction.Retry : FailureAction.DeadLetter, TimeSpan.FromMilliseconds(waitMs), counts), Decide(type, First));

    /// <summary>An outage says nothing of the message; what is wrong with a message itself is no outage, see <see cref="Whose_fault_a_failure_is"/>.</summary>
    [Theory]
    [InlineData(ErrorType.Transient)]
    [InlineData(ErrorType.Unknown)]
    [InlineData(ErrorType.Timeout)]
    [InlineData(ErrorType.NetworkError)]
    [InlineData(ErrorType.ServiceUnavailable)]
    [InlineData(ErrorType.Authentication)]
    public void A_failure_in_an_outage_never_counts(ErrorType type)
    {
        var plan = Decide(type, First with { Attempts = 1_000, Elapsed = TimeSpan.FromDays(20), IsOutage = true }, new RetryOptions { MaxElapsedTime = TimeSpan.FromSeconds(1) });

        Assert.Equal((FailureAction.Retry, false), (plan.Next, plan.CountsAsAttempt));
    }

    /// <summary>What is refused while others get through is the message's own fault; what nobody gets through is an outage.</summary>
    [Theory]
    [InlineData(false, true, false, false)]
    [InlineData(false, true, true, false)]
    [InlineData(false, false, true, false)]
    [InlineData(false, false, false, true)]
    [InlineData(true, true, false, true)]
    [InlineData(true, false, true, true)]
    [InlineData(true, false, false, true)]
    public void Whose_fault_a_failure_is(bool wasProbe, bool breakerIsClosed, bool othersGotThrough, bool isOutage)
    {
        Assert.Equal(isOutage, RetryPolicy.IsOutage(BreakerEffect.Counts, wasProbe, breakerIsClosed, othersGotThrough));
        Assert.Equal(isOutage, RetryPolicy.IsOutage(BreakerEffect.OpensAtOnce, wasProbe, breakerIsClosed, othersGotThrough));
        Assert.False(RetryPolicy.IsOutage(BreakerEffect.None, wasProbe, breakerIsClosed, othersGotThrough));
    }

    /// <summary>After the last attempt: 5 retries are 6 attempts, and 5 have counted so far.</summary>
    [Theory]
    [InlineData(ErrorType.Transient, false)]
    [InlineData(ErrorType.Unknown, false)]
    [InlineData(ErrorType.Timeout, false)]
    [InlineData(ErrorType.NetworkError, false)]
    [InlineData(ErrorType.ServiceUnavailable, false)]
    [InlineData(ErrorType.Authentication, false)]
    [InlineData(ErrorType.RateLimited, true)]
    public void The_attempts_are_used_up(ErrorType type, bool again)
    {
        Assert.Equal(FailureAction.Retry, Decide(type, First with { Attempts = 4 }).Next);
        Assert.Equal(again ? FailureAction.Retry : FailureAction.DeadLetter, Decide(type, First with { Attempts = 5 }).Next);
    }

    [Theory]
    [InlineData(ErrorType.Timeout, false)]
    [InlineData(ErrorType.Transient, false)]
    [InlineData(ErrorType.Authentication, false)]
    [InlineData(ErrorType.RateLimited, true)]
    public void No_retries_means_one_attempt(ErrorType type, bool again) =>
        Assert.Equal(again ? FailureAction.Retry : FailureAction.DeadLetter, Decide(type, First, new RetryOptions { MaxRetryAttempts = 0 }).Next);

    [Theory]
    [InlineData(ErrorType.Timeout, 60_000, true, false)]
    [InlineData(ErrorType.Timeout, 60_001, true, true)]
    [InlineData(ErrorType.Timeout, 60_001, false, false)]
    [InlineData(ErrorType.Transient, 60_001, false, true)]
    [InlineData(ErrorType.RateLimited, 60_001, true, false)]
    public void A_message_that_has_failed_for_too_long_is_given_up_unless_nobody_gets_through(ErrorType type, int elapsedMs, bool othersGotThrough, bool givenUp)
    {
        var plan = Decide(
            type, First with { Elapsed = TimeSpan.FromMilliseconds(elapsedMs), OthersGotThrough = othersGotThrough }, new RetryOptions { MaxElapsedTime = TimeSpan.FromMinutes(1), MaxRetryAttempts = 1_000 });

        Assert.Equal(givenUp ? FailureAction.DeadLetter : FailureAction.Retry, plan.Next);
    }

    [Fact]
    public void Without_a_limit_of_time_only_the_retries_count() =>
        Assert.Equal(FailureAction.Retry, Decide(ErrorType.Timeout, First with { Elapsed = TimeSpan.FromDays(900) }).Next);

    [Theory]
    [InlineData(100, 40, 0, 60)]
    [InlineData(100, 40, 90, 10)]
    [InlineData(100, 40, 40, 60)]
    [InlineData(100, 90, 40, 10)]
    [InlineData(100, 40, 130, 0)]
    public void The_time_of_an_outage_is_not_the_messages(int now, int failingSince, int openSince, int elapsed) => Assert.Equal(
        TimeSpan.FromSeconds(elapsed),
        RetryPolicy.Elapsed(TimeSpan.FromSeconds(now), TimeSpan.FromSeconds(failingSince), TimeSpan.FromSeconds(openSince)));

    [Fact]
    public void A_hiccup_is_tried_at_once_and_then_backs_off()
    {
        Assert.Equal(TimeSpan.Zero, Decide(ErrorType.Transient, First).Delay);
        Assert.Equal(TimeSpan.FromSeconds(2), Decide(ErrorType.Transient, First with { Retries = 1 }).Delay);
        Assert.Equal(TimeSpan.FromSeconds(4), Decide(ErrorType.Transient, First with { Retries = 2 }).Delay);
    }

    [Fact]
    public void The_backoff_grows_with_the_retries_and_not_with_the_attempts() =>
        Assert.Equal(TimeSpan.FromSeconds(8), Decide(ErrorType.Timeout, First with { Retries = 3 }).Delay);

    [Fact]
    public void The_delay_before_is_what_a_decorrelated_one_grows_by() => Assert.Equal(
        TimeSpan.FromSeconds(9.5),
        Decide(ErrorType.Timeout, First with { Retries = 3, PreviousDelay = TimeSpan.FromSeconds(6) }, new RetryOptions { JitterMode = JitterMode.Decorrelated }, random: 0.5).Delay);

    [Theory]
    [InlineData(ErrorType.RateLimited)]
    [InlineData(ErrorType.ServiceUnavailable)]
    [InlineData(ErrorType.Transient)]
    [InlineData(ErrorType.Timeout)]
    public void A_longer_Retry_After_is_honoured_and_a_shorter_one_does_not_shorten_the_backoff(ErrorType type)
    {
        Assert.Equal(TimeSpan.FromSeconds(90), Decide(type, First with { Retries = 1, RetryAfter = TimeSpan.FromSeconds(90) }).Delay);
        Assert.Equal(TimeSpan.FromSeconds(2), Decide(type, First with { Retries = 1, RetryAfter = TimeSpan.FromSeconds(1) }).Delay);
    }

    [Fact]
    public void A_hiccup_that_names_a_time_is_not_tried_before_it() =>
        Assert.Equal(TimeSpan.FromSeconds(3), Decide(ErrorType.Transient, First with { RetryAfter = TimeSpan.FromSeconds(3) }).Delay);

    [Theory]
    [InlineData(null, 0)]
    [InlineData(-5.0, 0)]
    [InlineData(0.0, 0)]
    [InlineData(90.0, 90)]
    [InlineData(86_400.0, 86_400)]
    [InlineData(86_401.0, 86_400)]
    [InlineData(900_000_000_000.0, 86_400)]
    public void A_Retry_After_is_believed_within_reason(double? asked, double seconds) => Assert.Equal(
        seconds,
        RetryPolicy.RetryAfter(new ErrorClassification(ErrorType.RateLimited, asked is { } s ? TimeSpan.FromSeconds(s) : null)).TotalSeconds);

    /// <summary>A batch that failed whole has one message at fault, perhaps; none is given up before it is known.</summary>
    [Theory]
    [InlineData(ErrorType.Permanent, 0)]
    [InlineData(ErrorType.ValidationError, 0)]
    [InlineData(ErrorType.SerializationError, 0)]
    [InlineData(ErrorType.Unknown, 1_000)]
    [InlineData(ErrorType.Timeout, 1_000)]
    [InlineData(ErrorType.Transient, 0)]
    public void A_batch_that_fails_whole_is_taken_apart_and_nobody_has_used_up_an_attempt(ErrorType type, int waitMs)
    {
        var failed = First with { FailedWhole = 2, Attempts = 5, Elapsed = TimeSpan.FromDays(9) };

        Assert.Equal(new RetryPlan(FailureAction.Retry, TimeSpan.FromMilliseconds(waitMs), CountsAsAttempt: false, IsSplit: true), Decide(type, failed));
        Assert.Equal(FailureAction.DeadLetter, Decide(type, failed with { FailedWhole = 1 }).Next);
    }

    /// <summary>How long the message waits, and how long everybody: by Retry-After or by the backoff of a second.</summary>
    [Theory]
    [InlineData(ErrorType.RateLimited, 0, false, 1, 1)]
    [InlineData(ErrorType.RateLimited, 7, false, 7, 7)]
    [InlineData(ErrorType.RateLimited, 0, true, 1, 0)]
    [InlineData(ErrorType.RateLimited, 7, true, 8, 7)]
    [InlineData(ErrorType.ServiceUnavailable, 0, false, 1, 0)]
    [InlineData(ErrorType.ServiceUnavailable, 7, true, 7, 7)]
    [InlineData(ErrorType.Transient, 7, false, 7, 0)]
    [InlineData(ErrorType.ValidationError, 7, false, 0, 0)]
    public void One_that_is_asked_to_wait_while_others_get_through_holds_them_no_longer_than_it_is_asked(ErrorType type, int asked, bool others, int own, int all)
    {
        var rule = ErrorRule.All(new RetryOptions { Jitter = 0 }, new ErrorOptions())[(int)type];
        var failed = First with { RetryAfter = TimeSpan.FromSeconds(asked), OthersGotThrough = others };

        var plan = RetryPolicy.Decide(rule, failed, null, 0.5);

        Assert.Equal((own, all), (plan.Delay.TotalSeconds, RetryPolicy.WaitOfAll(rule, failed, plan).TotalSeconds));
    }

    [Fact]
    public void A_batch_that_fails_whole_is_taken_apart_also_for_an_error_that_uses_up_no_attempt()
    {
        var rule = ErrorRule.All(new RetryOptions(), new ErrorOptions { Unknown = { CountsAsAttempt = false } })[(int)ErrorType.Unknown];

        Assert.True(RetryPolicy.Decide(rule, First with { FailedWhole = 2 }, null, 0.5).IsSplit);
    }

    [Fact]
    public void A_batch_that_is_refused_for_what_is_in_it_waits_if_the_endpoint_asks_for_it() => Assert.Equal(
        TimeSpan.FromSeconds(7), Decide(ErrorType.ValidationError, First with { FailedWhole = 2, RetryAfter = TimeSpan.FromSeconds(7) }).Delay);

    [Fact]
    public void A_batch_that_meets_an_outage_or_a_limit_is_not_taken_apart()
    {
        Assert.False(Decide(ErrorType.ServiceUnavailable, First with { FailedWhole = 500, IsOutage = true }).IsSplit);
        Assert.False(Decide(ErrorType.RateLimited, First with { FailedWhole = 500 }).IsSplit);
    }

    [Fact]
    public void An_outage_makes_no_dead_letter_even_where_the_settings_give_up_at_once()
    {
        var rule = ErrorRule.All(new RetryOptions(), new ErrorOptions { NetworkError = { Action = FailureAction.DeadLetter } })[(int)ErrorType.NetworkError];

        Assert.Equal(FailureAction.DeadLetter, RetryPolicy.Decide(rule, First, null, 0.5).Next);
        Assert.Equal(FailureAction.Retry, RetryPolicy.Decide(rule, First with { IsOutage = true }, null, 0.5).Next);
    }

    /// <summary>Whatever comes: only a fault of the message's own, or attempts or patience that are used up, give it up; and a Retry-After is a floor.</summary>
    [Property]
    public void A_message_is_given_up_for_its_own_fault_alone(
        byte type, NonNegativeInt attempts, NonNegativeInt retries, bool isOutage, bool others, byte together, PositiveInt max, NonNegativeInt elapsed, NonNegativeInt asked, uint limit)
    {
        var options = new RetryOptions { MaxRetryAttempts = max.Get, MaxElapsedTime = limit % 3 == 0 ? null : TimeSpan.FromSeconds(limit % 1_000) };
        var kind = (ErrorType)(type % 10);
        var rule = ErrorRule.All(options, new ErrorOptions())[(int)kind];
        var retryAfter = RetryPolicy.RetryAfter(new ErrorClassification(kind, TimeSpan.FromSeconds(asked.Get)));
        var failed = new FailedAttempt(
            attempts.Get, retries.Get, default, TimeSpan.FromSeconds(elapsed.Get), retryAfter, isOutage && rule.Breaker != BreakerEffect.None, others, 1 + (together % 3));

        var plan = RetryPolicy.Decide(rule, failed, options.MaxElapsedTime, random: 0.5);

        if (plan.Next == FailureAction.DeadLetter)
        {
            Assert.True(rule.Action == FailureAction.DeadLetter || attempts.Get >= max.Get || failed.Elapsed > options.MaxElapsedTime);
            Assert.True(plan.CountsAsAttempt && !failed.IsOutage && failed.FailedWhole == 1 && kind != ErrorType.RateLimited);
        }
        else
        {
            Assert.InRange(plan.Delay, retryAfter, TimeSpan.FromDays(2));
        }

        Assert.False(plan.IsSplit && (plan.CountsAsAttempt || failed.FailedWhole == 1));
    }

    private static RetryPlan Decide(ErrorType type, FailedAttempt failed, RetryOptions? options = null, double random = 0.3)
    {
        options ??= new RetryOptions { Jitter = 0 };
        return RetryPolicy.Decide(ErrorRule.All(options, new ErrorOptions())[(int)type], failed, options.MaxElapsedTime, random);
    }
}
