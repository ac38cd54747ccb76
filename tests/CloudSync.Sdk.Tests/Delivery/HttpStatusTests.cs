using Xunit;

namespace CloudSync.Sdk.Tests;

public class HttpStatusTests
{
    [Theory]
    [InlineData(200, null)]
    [InlineData(204, null)]
    [InlineData(301, ErrorType.ServiceUnavailable)]
    [InlineData(400, ErrorType.ValidationError)]
    [InlineData(401, ErrorType.Authentication)]
    [InlineData(403, ErrorType.Authentication)]
    [InlineData(404, ErrorType.ServiceUnavailable)]
    [InlineData(407, ErrorType.Authentication)]
    [InlineData(408, ErrorType.Timeout)]
    [InlineData(409, ErrorType.Transient)]
    [InlineData(413, ErrorType.ValidationError)]
    [InlineData(422, ErrorType.ValidationError)]
    [InlineData(423, ErrorType.Transient)]
    [InlineData(425, ErrorType.Transient)]
    [InlineData(429, ErrorType.RateLimited)]
    [InlineData(451, ErrorType.Permanent)]
    [InlineData(500, ErrorType.ServiceUnavailable)]
    [InlineData(502, ErrorType.ServiceUnavailable)]
    [InlineData(503, ErrorType.ServiceUnavailable)]
    [InlineData(504, ErrorType.Timeout)]
    [InlineData(529, ErrorType.ServiceUnavailable)]
    public void The_statuses_that_endpoints_answer_with(int status, ErrorType? expected) => Assert.Equal(expected, HttpStatus.ErrorTypeOf(status));

    [Fact]
    public void Every_status_has_a_kind_that_suits_its_class() => Assert.All(Enumerable.Range(100, 500), status =>
    {
        var type = HttpStatus.ErrorTypeOf(status);
        Assert.True(type is null || Enum.IsDefined(type.Value));
        switch (status / 100)
        {
            case 1:
                Assert.Equal(ErrorType.Unknown, type);
                break;
            case 2:
                Assert.Null(type);
                break;
            case 4:
                // The message's own fault, a moment, or what every message would get.
                Assert.NotEqual(ErrorType.Unknown, type);
                break;
            default:
                // Another address, or the server's fault: nothing of that is the message's.
                Assert.False(RetryPolicy.IsPermanent(type!.Value));
                Assert.True(RetryPolicy.CountsForBreaker(type.Value));
                break;
        }
    });

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(600)]
    [InlineData(999)]
    [InlineData(int.MaxValue)]
    public void A_number_that_is_no_status_is_unknown(int status) => Assert.Equal(ErrorType.Unknown, HttpStatus.ErrorTypeOf(status));

    [Theory]
    [InlineData(503, "503 ServiceUnavailable")]
    [InlineData(599, "599")]
    public void A_status_is_described_by_its_name_where_it_has_one(int status, string expected) => Assert.Equal(expected, HttpStatus.Describe(status));
}
