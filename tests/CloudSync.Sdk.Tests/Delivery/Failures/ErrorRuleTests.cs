using Xunit;

namespace CloudSync.Sdk.Tests;

public class ErrorRuleTests
{
    /// <summary>The table of the README.</summary>
    [Theory]
    [InlineData(ErrorType.Unknown, FailureAction.Retry, BreakerEffect.Counts, false, false, true)]
    [InlineData(ErrorType.Transient, FailureAction.Retry, BreakerEffect.None, true, false, true)]
    [InlineData(ErrorType.Permanent, FailureAction.DeadLetter, BreakerEffect.None, false, false, true)]
    [InlineData(ErrorType.Timeout, FailureAction.Retry, BreakerEffect.Counts, false, false, true)]
    [InlineData(ErrorType.Authentication, FailureAction.Retry, BreakerEffect.OpensAtOnce, false, false, true)]
    [InlineData(ErrorType.RateLimited, FailureAction.Retry, BreakerEffect.None, false, true, false)]
    [InlineData(ErrorType.ServiceUnavailable, FailureAction.Retry, BreakerEffect.Counts, false, false, true)]
    [InlineData(ErrorType.NetworkError, FailureAction.Retry, BreakerEffect.Counts, false, false, true)]
    [InlineData(ErrorType.SerializationError, FailureAction.DeadLetter, BreakerEffect.None, false, false, true)]
    [InlineData(ErrorType.ValidationError, FailureAction.DeadLetter, BreakerEffect.None, false, false, true)]
    public void Each_kind_gets_what_the_table_says(ErrorType type, FailureAction action, BreakerEffect breaker, bool atOnce, bool holds, bool counts)
    {
        var retry = new RetryOptions { MaxRetryAttempts = 7, InitialDelay = TimeSpan.FromSeconds(2) };

        Assert.Equal(
            new ErrorRule(action, breaker, atOnce, holds, counts, 7, Backoff.From(retry)),
            ErrorRule.All(retry, new ErrorOptions())[(int)type]);
    }

    [Theory]
    [InlineData(ErrorType.Unknown)]
    [InlineData(ErrorType.Transient)]
    [InlineData(ErrorType.Permanent)]
    [InlineData(ErrorType.Timeout)]
    [InlineData(ErrorType.Authentication)]
    [InlineData(ErrorType.RateLimited)]
    [InlineData(ErrorType.ServiceUnavailable)]
    [InlineData(ErrorType.NetworkError)]
    [InlineData(ErrorType.SerializationError)]
    [InlineData(ErrorType.ValidationError)]
    public void Everything_can_be_changed_for_one_kind_and_changes_no_other(ErrorType type)
    {
        var errors = new ErrorOptions();
        var own = errors.Of(type);
        (own.Action, own.Breaker, own.FirstRetryAtOnce, own.HoldsEndpoint, own.CountsAsAttempt) = (FailureAction.Retry, BreakerEffect.OpensAtOnce, true, true, false);
        (own.MaxRetryAttempts, own.InitialDelay, own.Multiplier, own.MaxDelay) = (99, TimeSpan.FromSeconds(3), 1.5, TimeSpan.FromSeconds(4));

        var changed = ErrorRule.All(new RetryOptions(), errors);
        var defaults = ErrorRule.All(new RetryOptions(), new ErrorOptions());

        Assert.Equal(
            new ErrorRule(
                FailureAction.Retry, BreakerEffect.OpensAtOnce, true, true, false, 99, new Backoff(TimeSpan.FromSeconds(3), 1.5, TimeSpan.FromSeconds(4), JitterMode.Proportional, 0.1)),
            changed[(int)type]);
        foreach (var other in Enum.GetValues<ErrorType>().Where(other => other != type))
            Assert.Equal(defaults[(int)other], changed[(int)other]);
    }
}
