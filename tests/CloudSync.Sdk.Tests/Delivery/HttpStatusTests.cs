using Xunit;

namespace CloudSync.Sdk.Tests;

public class HttpStatusTests
{
    [Theory]
    [InlineData(301, ErrorType.Permanent)]
    [InlineData(400, ErrorType.ValidationError)]
    [InlineData(401, ErrorType.Authentication)]
    [InlineData(403, ErrorType.Authentication)]
    [InlineData(404, ErrorType.ValidationError)]
    [InlineData(407, ErrorType.Authentication)]
    [InlineData(408, ErrorType.Timeout)]
    [InlineData(413, ErrorType.ValidationError)]
    [InlineData(422, ErrorType.ValidationError)]
    [InlineData(423, ErrorType.Transient)]
    [InlineData(425, ErrorType.Transient)]
    [InlineData(429, ErrorType.RateLimited)]
    [InlineData(500, ErrorType.ServiceUnavailable)]
    [InlineData(501, ErrorType.Permanent)]
    [InlineData(502, ErrorType.ServiceUnavailable)]
    [InlineData(503, ErrorType.ServiceUnavailable)]
    [InlineData(504, ErrorType.Timeout)]
    [InlineData(507, ErrorType.ServiceUnavailable)]
    [InlineData(511, ErrorType.Authentication)]
    [InlineData(529, ErrorType.ServiceUnavailable)]
    public void The_statuses_that_endpoints_answer_with(int status, ErrorType expected) => Assert.Equal(expected, HttpStatus.Classify(status));

    [Fact]
    public void Every_status_has_a_kind_that_suits_its_class() => Assert.All(Enumerable.Range(100, 500), status =>
    {
        var type = HttpStatus.Classify(status);
        Assert.True(Enum.IsDefined(type));
        switch (status / 100)
        {
            // No error at all, and whoever asks about one is mistaken: nothing is given up for that.
            case 1 or 2:
                Assert.Equal(ErrorType.Unknown, type);
                break;
            case 3:
                Assert.True(RetryPolicy.IsPermanent(type));
                break;
            case 4:
                // The endpoint is there: 4xx opens the breaker only where every message would get it.
                Assert.True(!RetryPolicy.CountsForBreaker(type) || type is ErrorType.Authentication or ErrorType.Timeout);
                break;
            default:
                // A server's fault is no fault of the message, but for what it will never do.
                Assert.True(!RetryPolicy.IsPermanent(type) || status is 501 or 505 or 506 or 508 or 510);
                break;
        }
    });

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(600)]
    [InlineData(999)]
    [InlineData(int.MaxValue)]
    public void A_number_that_is_no_status_is_unknown(int status) => Assert.Equal(ErrorType.Unknown, HttpStatus.Classify(status));
}
