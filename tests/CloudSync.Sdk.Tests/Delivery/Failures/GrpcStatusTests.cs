using Xunit;

namespace CloudSync.Sdk.Tests;

public class GrpcStatusTests
{
    [Theory]
    [InlineData(0, "OK", null)]
    [InlineData(1, "CANCELLED", ErrorType.Timeout)]
    [InlineData(2, "UNKNOWN", ErrorType.Unknown)]
    [InlineData(3, "INVALID_ARGUMENT", ErrorType.ValidationError)]
    [InlineData(4, "DEADLINE_EXCEEDED", ErrorType.Timeout)]
    [InlineData(5, "NOT_FOUND", ErrorType.ServiceUnavailable)]
    [InlineData(6, "ALREADY_EXISTS", ErrorType.Permanent)]
    [InlineData(7, "PERMISSION_DENIED", ErrorType.Authentication)]
    [InlineData(8, "RESOURCE_EXHAUSTED", ErrorType.RateLimited)]
    [InlineData(9, "FAILED_PRECONDITION", ErrorType.Permanent)]
    [InlineData(10, "ABORTED", ErrorType.Transient)]
    [InlineData(11, "OUT_OF_RANGE", ErrorType.ValidationError)]
    [InlineData(12, "UNIMPLEMENTED", ErrorType.ServiceUnavailable)]
    [InlineData(13, "INTERNAL", ErrorType.ServiceUnavailable)]
    [InlineData(14, "UNAVAILABLE", ErrorType.ServiceUnavailable)]
    [InlineData(15, "DATA_LOSS", ErrorType.ServiceUnavailable)]
    [InlineData(16, "UNAUTHENTICATED", ErrorType.Authentication)]
    public void A_status_has_one_kind_by_its_number_and_by_its_name(int code, string name, ErrorType? expected)
    {
        Assert.Equal(expected, GrpcStatus.ErrorTypeOf(code));
        Assert.Equal(expected, GrpcStatus.ErrorTypeOf(name));
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(17)]
    [InlineData(int.MaxValue)]
    public void What_is_no_code_is_an_error_of_unknown_kind(int code) => Assert.Equal(ErrorType.Unknown, GrpcStatus.ErrorTypeOf(code));

    [Theory]
    [InlineData("")]
    [InlineData("unavailable")]
    [InlineData("14")]
    public void What_is_no_name_says_nothing(string name) => Assert.Null(GrpcStatus.ErrorTypeOf(name));
}
