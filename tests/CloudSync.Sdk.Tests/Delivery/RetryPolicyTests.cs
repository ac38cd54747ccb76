using FsCheck;
using FsCheck.Xunit;
using Xunit;

namespace CloudSync.Sdk.Tests;

public class RetryPolicyTests
{
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
        new RetryPlan(again ? NextStep.Retry : NextStep.DeadLetter, TimeSpan.FromMilliseconds(waitMs), counts), Decide(type));

    /// <summary>A failed probe says that the endpoint is still down, and nothing of the message.</summary>
    [Theory]
    [InlineData(ErrorType.Transient, true, true)]
    [InlineData(ErrorType.Unknown, true, false)]
    [InlineData(ErrorType.Timeout, true, false)]
    [InlineData(ErrorType.NetworkError, true, false)]
    [InlineData(ErrorType.ServiceUnavailable, true, false)]
    [InlineData(ErrorType.Authentication, true, false)]
    [InlineData(ErrorType.RateLimited, true, false)]
    [InlineData(ErrorType.Permanent, false, true)]
    [InlineData(ErrorType.SerializationError, false, true)]
    [InlineData(ErrorType.ValidationError, false, true)]
    public void The_failure_of_a_probe(ErrorType type, bool again, bool counts)
    {
        var plan = Decide(type, wasProbe: true);

        Assert.Equal((again ? NextStep.Retry : NextStep.DeadLetter, counts), (plan.Next, plan.CountsAsAttempt));
    }

    /// <summary>What is refused while others get through is the message's own fault; what nobody gets through is an outage.</summary>
    [Theory]
    [InlineData(false, true, false, false)]
    [InlineData(false, true, true, false)]
    [InlineData(false, false, true, false)]
    [InlineData(false, false, false, true)]
    [InlineData(true, false, true, true)]
    [InlineData(true, false, false, true)]
    public void Whose_fault_a_failure_is(bool wasProbe, bool breakerIsClosed, bool othersGotThrough, bool isOutage)
    {
        Assert.Equal(isOutage, RetryPolicy.IsOutage(ErrorType.ServiceUnavailable, wasProbe, breakerIsClosed, othersGotThrough));
        Assert.False(RetryPolicy.IsOutage(ErrorType.ValidationError, wasProbe, breakerIsClosed, othersGotThrough));
    }

    /// <summary>After the last attempt: 5 retries are 6 attempts, and 5 have counted so far.</summary>
    [Theory]
    [InlineData(ErrorType.Transient, false, false)]
    [InlineData(ErrorType.Unknown, false, true)]
    [InlineData(ErrorType.Timeout, false, true)]
    [InlineData(ErrorType.NetworkError, false, true)]
    [InlineData(ErrorType.ServiceUnavailable, false, true)]
    [InlineData(ErrorType.Authentication, false, true)]
    [InlineData(ErrorType.RateLimited, true, true)]
    public void The_attempts_are_used_up(ErrorType type, bool again, bool againAsProbe)
    {
        Assert.Equal(NextStep.Retry, Decide(type, attempts: 4).Next);
        Assert.Equal(again ? NextStep.Retry : NextStep.DeadLetter, Decide(type, attempts: 5).Next);
        Assert.Equal(againAsProbe ? NextStep.Retry : NextStep.DeadLetter, Decide(type, attempts: 5, wasProbe: true).Next);
    }

    [Theory]
    [InlineData(ErrorType.Timeout, false)]
    [InlineData(ErrorType.Transient, false)]
    [InlineData(ErrorType.Authentication, false)]
    [InlineData(ErrorType.RateLimited, true)]
    public void No_retries_means_one_attempt(ErrorType type, bool again) =>
        Assert.Equal(again ? NextStep.Retry : NextStep.DeadLetter, Decide(type, options: new RetryOptions { MaxRetryAttempts = 0 }).Next);

    [Theory]
    [InlineData(ErrorType.Unknown, true)]
    [InlineData(ErrorType.Timeout, true)]
    [InlineData(ErrorType.NetworkError, true)]
    [InlineData(ErrorType.ServiceUnavailable, true)]
    [InlineData(ErrorType.Authentication, true)]
    [InlineData(ErrorType.Transient, false)]
    [InlineData(ErrorType.RateLimited, false)]
    [InlineData(ErrorType.Permanent, false)]
    [InlineData(ErrorType.SerializationError, false)]
    [InlineData(ErrorType.ValidationError, false)]
    public void The_breaker_counts_what_says_something_about_the_endpoint(ErrorType type, bool counts) =>
        Assert.Equal(counts, RetryPolicy.CountsForBreaker(type));

    [Fact]
    public void A_hiccup_is_tried_at_once_and_then_backs_off()
    {
        Assert.Equal(TimeSpan.Zero, Decide(ErrorType.Transient, retries: 0).Delay);
        Assert.Equal(TimeSpan.FromSeconds(2), Decide(ErrorType.Transient, retries: 1).Delay);
        Assert.Equal(TimeSpan.FromSeconds(4), Decide(ErrorType.Transient, retries: 2).Delay);
    }

    [Fact]
    public void The_backoff_grows_with_the_retries_and_not_with_the_attempts() =>
        Assert.Equal(TimeSpan.FromSeconds(8), Decide(ErrorType.Timeout, attempts: 0, retries: 3).Delay);

    [Theory]
    [InlineData(ErrorType.RateLimited)]
    [InlineData(ErrorType.ServiceUnavailable)]
    [InlineData(ErrorType.Transient)]
    [InlineData(ErrorType.Timeout)]
    public void A_longer_Retry_After_is_honoured_and_a_shorter_one_does_not_shorten_the_backoff(ErrorType type)
    {
        Assert.Equal(TimeSpan.FromSeconds(90), Decide(type, retries: 1, retryAfter: TimeSpan.FromSeconds(90)).Delay);
        Assert.Equal(TimeSpan.FromSeconds(2), Decide(type, retries: 1, retryAfter: TimeSpan.FromSeconds(1)).Delay);
    }

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

    /// <summary>Whatever comes: only a fault of the message's own, or attempts that are used up, give it up; and a wait is never beyond two days.</summary>
    [Property]
    public void A_message_is_given_up_for_its_own_fault_alone(int type, NonNegativeInt attempts, NonNegativeInt retries, bool wasProbe, PositiveInt max, TimeSpan? asked)
    {
        var options = new RetryOptions { MaxRetryAttempts = max.Get };
        var error = new ErrorClassification((ErrorType)(Math.Abs((long)type) % 11), asked);

        var plan = RetryPolicy.Decide(error, attempts.Get, retries.Get, RetryPolicy.IsOutage(error.Type, wasProbe, breakerIsClosed: true, othersGotThrough: false), options, random: 0.5);

        if (plan.Next == NextStep.DeadLetter)
            Assert.True(RetryPolicy.IsPermanent(error.Type) || (plan.CountsAsAttempt && attempts.Get >= max.Get));

        Assert.InRange(plan.Delay, TimeSpan.Zero, TimeSpan.FromDays(2));
        if (!plan.CountsAsAttempt)
            Assert.Equal(NextStep.Retry, plan.Next);
    }

    private static RetryPlan Decide(
        ErrorType type, int attempts = 0, int retries = 0, bool wasProbe = false, TimeSpan? retryAfter = null, RetryOptions? options = null) =>
        RetryPolicy.Decide(
            new ErrorClassification(type, retryAfter),
            attempts,
            retries,
            RetryPolicy.IsOutage(type, wasProbe, breakerIsClosed: true, othersGotThrough: false),
            options ?? new RetryOptions { Jitter = 0 },
            random: 0.3);
}
