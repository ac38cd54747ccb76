using FsCheck.Xunit;
using Xunit;

namespace CloudSync.Sdk.Tests;

public class HttpStatusTests
{
    [Theory]
    [InlineData(ErrorType.ServiceUnavailable, 300, 301, 302, 303, 304, 307, 308, 399)]
    [InlineData(ErrorType.Authentication, 401, 403, 407)]
    [InlineData(ErrorType.Timeout, 408, 504)]
    [InlineData(ErrorType.RateLimited, 429)]
    [InlineData(ErrorType.ServiceUnavailable, 402, 404, 405, 406, 410, 414, 421, 426, 500, 501, 502, 503, 505, 507, 511, 520, 599)]
    [InlineData(ErrorType.Transient, 409, 423, 425)]
    [InlineData(ErrorType.ValidationError, 400, 413, 415, 422, 431)]
    [InlineData(ErrorType.Permanent, 411, 412, 416, 417, 418, 424, 428, 451, 499)]
    [InlineData(ErrorType.Unknown, 0, 100, 101, 199, 600, 999, -1)]
    public void A_status_has_one_kind(ErrorType expected, params int[] statuses) =>
        Assert.All(statuses, status => Assert.Equal(expected, HttpStatus.ErrorTypeOf(status)));

    [Property]
    public bool Only_a_2xx_is_no_error(int status) => HttpStatus.ErrorTypeOf(status) is null == (status / 100 == 2);

    [Fact]
    public void All_of_4xx_and_5xx_is_known_and_no_error_of_the_endpoint_dead_letters()
    {
        for (var status = 300; status < 600; status++)
            Assert.NotEqual(ErrorType.Unknown, HttpStatus.ErrorTypeOf(status));

        ErrorType?[] deadLettering = [ErrorType.Permanent, ErrorType.ValidationError, ErrorType.SerializationError];
        for (var status = 500; status < 600; status++)
            Assert.DoesNotContain(HttpStatus.ErrorTypeOf(status), deadLettering);
    }
}
