using System.Text;
using FsCheck.Xunit;
using Xunit;

namespace CloudSync.Sdk.Tests.Http;

public class CloudErrorBodyTests
{
    [Theory]

    // AWS
    [InlineData(400, """{"__type":"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException","message":"…"}""", ErrorType.RateLimited)]
    [InlineData(400, """{"__type":"ThrottlingException","message":"Rate exceeded"}""", ErrorType.RateLimited)]
    [InlineData(400, """{"__type":"com.amazon.coral.availability#ThrottlingException"}""", ErrorType.RateLimited)]
    [InlineData(400, """{"message":{"a":["b"]},"code":"TooManyRequestsException"}""", ErrorType.RateLimited)]
    [InlineData(400, """{"__type":"KMSThrottlingException"}""", ErrorType.RateLimited)]
    [InlineData(400, """{"code":"RequestLimitExceeded"}""", ErrorType.RateLimited)]
    [InlineData(400, """{"__type":"LimitExceededException"}""", ErrorType.RateLimited)]
    [InlineData(503, "<?xml version=\"1.0\"?><Error><Code>SlowDown</Code><Message>Reduce your rate.</Message></Error>", ErrorType.RateLimited)]
    [InlineData(400, "<ErrorResponse><Error><Type>Sender</Type><Code>Throttling</Code></Error></ErrorResponse>", ErrorType.RateLimited)]
    [InlineData(400, """{"__type":"com.amazon.coral.service#ExpiredTokenException"}""", ErrorType.Authentication)]
    [InlineData(400, """{"__type":"UnrecognizedClientException"}""", ErrorType.Authentication)]
    [InlineData(400, """{"__type":"AccessDeniedException"}""", ErrorType.Authentication)]
    [InlineData(400, """{"__type":"InvalidSignatureException"}""", ErrorType.Authentication)]
    [InlineData(400, """{"__type":"MissingAuthenticationTokenException"}""", ErrorType.Authentication)]
    [InlineData(400, """{"__type":"ResourceNotFoundException"}""", ErrorType.ServiceUnavailable)]
    [InlineData(400, """{"__type":"com.amazonaws.sqs#QueueDoesNotExist"}""", ErrorType.ServiceUnavailable)]
    [InlineData(400, "<Error><Code>AWS.SimpleQueueService.NonExistentQueue</Code></Error>", ErrorType.ServiceUnavailable)]
    [InlineData(400, """{"Code":"ServiceUnavailable"}""", ErrorType.ServiceUnavailable)]
    [InlineData(500, """{"__type":"InternalFailure"}""", ErrorType.ServiceUnavailable)]
    [InlineData(400, """{"__type":"TransactionInProgressException"}""", ErrorType.Transient)]
    [InlineData(400, """{"__type":"ValidationException"}""", ErrorType.ValidationError)]
    [InlineData(400, """{"__type":"SerializationException"}""", ErrorType.SerializationError)]
    [InlineData(400, """{"Error":{"Code":"Throttling"}}""", ErrorType.RateLimited)]

    // Azure
    [InlineData(503, """{"error":{"code":"ServerBusy","message":"…"}}""", ErrorType.RateLimited)]
    [InlineData(400, """{"error":{"code":"TooManyRequests"}}""", ErrorType.RateLimited)]
    [InlineData(500, """{"error":{"message":"…","details":[{"code":"ServerBusy"}],"code":"OperationTimedOut"}}""", ErrorType.Timeout)]
    [InlineData(400, """{"error":{"code":"InvalidAuthenticationTokenTenant"}}""", ErrorType.Authentication)]
    [InlineData(400, """{"code":"InvalidSignature","__type":"ExpiredTokenException"}""", ErrorType.Authentication)]
    [InlineData(403, "<Error><Code>AuthenticationFailed</Code></Error>", ErrorType.Authentication)]
    [InlineData(400, "\uFEFF<?xml version=\"1.0\"?><Error><Code>InvalidAuthenticationInfo</Code></Error>", ErrorType.Authentication)]

    // Google
    [InlineData(400, """{"error":{"code":503,"message":"…","status":"UNAVAILABLE"}}""", ErrorType.ServiceUnavailable)]
    [InlineData(403, """{"error":{"code":403,"status":"RESOURCE_EXHAUSTED"}}""", ErrorType.RateLimited)]
    [InlineData(400, """{"error":{"code":401,"status":"UNAUTHENTICATED"}}""", ErrorType.Authentication)]
    [InlineData(400, """ {"error":{"code":400,"status":"INVALID_ARGUMENT"}}""", ErrorType.ValidationError)]

    // What was cut off behind the code.
    [InlineData(400, """{"__type":"ThrottlingException","message":"Rate ex""", ErrorType.RateLimited)]
    public void The_clouds_errors_are_known_by_their_codes(int status, string body, ErrorType expected) =>
        Assert.Equal(new ErrorClassification(expected), CloudErrorBody.Classify(new HttpAnswer(status, Encoding.UTF8.GetBytes(body))));

    [Theory]
    [InlineData("x-amzn-ErrorType", "ThrottlingException:http://internal.amazon.com/coral/com.amazon.coral.availability/", ErrorType.RateLimited)]
    [InlineData("X-Amzn-Errortype", "ExpiredTokenException", ErrorType.Authentication)]
    [InlineData("x-ms-error-code", "ServerBusy", ErrorType.RateLimited)]
    [InlineData("grpc-status", "14", ErrorType.ServiceUnavailable)]
    [InlineData("grpc-status", "8", ErrorType.RateLimited)]
    public void So_they_are_by_their_headers(string name, string value, ErrorType expected) =>
        Assert.Equal(new ErrorClassification(expected), CloudErrorBody.Classify(new HttpAnswer(400, default, [new(name, value)])));

    [Theory]
    [InlineData("")]
    [InlineData("   ")]
    [InlineData("Bad Request")]
    [InlineData("[1,2]")]
    [InlineData("{}")]
    [InlineData("""{"error":"ThrottlingException"}""")]
    [InlineData("""{"code":429}""")]
    [InlineData("""{"code":"customer-unknown"}""")]
    [InlineData("""{"code":"LimitExceeded"}""")]
    [InlineData("""{"code":"AccessDenied"}""")]
    [InlineData("""{"code":"InvalidSignature"}""")]
    [InlineData("""{"code":"AuthorizationFailed"}""")]
    [InlineData("""{"error":{"code":"AuthenticationFailed"}}""")]
    [InlineData("""{"code":"ResourceNotFound"}""")]
    [InlineData("""{"code":"Unavailable"}""")]
    [InlineData("""{"code":"NotAuthorized"}""")]
    [InlineData("""{"status":"UNAVAILABLE"}""")]
    [InlineData("""{"data":{"code":"ThrottlingException","status":"UNAVAILABLE"}}""")]
    [InlineData("""{"error":{"details":{"code":"ThrottlingException"}}}""")]
    [InlineData("""{"items":[{"__type":"ThrottlingException"}]}""")]
    [InlineData("""{"message":"\"code\":\"ThrottlingException\""}""")]
    [InlineData("""{"__type":"ThrottlingExc""")]
    [InlineData("<html><body>Bad Request</body></html>")]
    [InlineData("<Error><Code>")]
    public void Anything_else_is_left_to_the_status(string body) => Assert.Null(CloudErrorBody.Classify(new HttpAnswer(400, Encoding.UTF8.GetBytes(body))));

    [Theory]
    [InlineData("99")]
    [InlineData("-1")]
    [InlineData("0")]
    [InlineData("x")]
    public void A_grpc_status_that_is_none_is_left_to_the_status(string value) =>
        Assert.Null(CloudErrorBody.Classify(new HttpAnswer(400, default, [new("grpc-status", value)])));

    [Fact]
    public void No_code_gives_a_message_up_that_the_status_says_may_pass()
    {
        ErrorType?[] permanent = [ErrorType.Permanent, ErrorType.ValidationError, ErrorType.SerializationError];
        string[] bodies = ["""{"__type":"ValidationException"}""", """{"error":{"status":"FAILED_PRECONDITION"}}""", """{"code":"SerializationException"}"""];
        for (var status = 300; status < 600; status++)
        {
            var isPermanent = permanent.Contains(HttpStatus.ErrorTypeOf(status));
            Assert.All(bodies, body => Assert.Equal(isPermanent, CloudErrorBody.Classify(new HttpAnswer(status, Encoding.UTF8.GetBytes(body))) is not null));
        }
    }

    public static TheoryData<string, byte[]> Hostile => new()
    {
        { "deep", Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("{\"error\":", 100_000))) },
        { "deep arrays", Encoding.UTF8.GetBytes("{\"a\":" + new string('[', 1_000_000)) },
        { "long code", Encoding.UTF8.GetBytes("{\"code\":\"" + new string('T', 10_000_000) + "\"}") },
        { "long name", Encoding.UTF8.GetBytes("{\"" + new string('T', 10_000_000) + "\":1}") },
        { "broken UTF-8", [.. "{\"code\":\""u8, 0xFF, 0xC3, 0x28, .. "\"}"u8] },
        { "broken UTF-8 in a name", [.. "{\""u8, 0xFF, 0xC3, .. "\":\"ThrottlingException\"}"u8] },
        { "half a surrogate pair", "{\"code\":\"\\uD800\"}"u8.ToArray() },
        { "many", Encoding.UTF8.GetBytes("{" + string.Concat(Enumerable.Repeat("\"code\":\"x\",", 100_000))) },
        { "XML without an end", Encoding.UTF8.GetBytes("<Code>" + new string('x', 1_000_000)) },
        { "XML, broken UTF-8", [.. "<Code>"u8, 0xFF, .. "</Code>"u8] },
        { "zeros", new byte[100_000] },
    };

    [Theory]
    [MemberData(nameof(Hostile))]
    public void No_body_makes_it_throw(string name, byte[] body)
    {
        Assert.NotEmpty(name);
        Assert.Null(CloudErrorBody.Classify(new HttpAnswer(400, body)));
    }

    [Property(MaxTest = 500)]
    public void Nor_does_any_other(byte[] bytes, string? text, byte cut)
    {
        byte[] known = [.. """{"error":{"code":"ServerBusy","status":"UNAVAILABLE"},"__type":"a#ThrottlingException:b","code":"""u8];
        _ = CloudErrorBody.Classify(new HttpAnswer(400, bytes));
        _ = CloudErrorBody.Classify(new HttpAnswer(400, (byte[])[.. known.AsSpan(0, cut % known.Length), .. bytes]));
        _ = CloudErrorBody.Classify(new HttpAnswer(400, (byte[])[.. "<Code>"u8, .. bytes, .. "<"u8]));
        _ = CloudErrorBody.Classify(new HttpAnswer(400, default, [new("x-amzn-errortype", text!), new("x-amzn-errortype", text!), new("grpc-status", text!)]));
    }

    [Fact]
    public void The_first_of_several_codes_counts() =>
        Assert.Equal(
            new ErrorClassification(ErrorType.RateLimited),
            CloudErrorBody.Classify(new HttpAnswer(400, """{"code":"Throttling","code":"ExpiredToken"}"""u8.ToArray())));

    [Fact]
    public void An_answer_shows_nothing_of_what_it_says()
    {
        var answer = new HttpAnswer(429, "secret"u8.ToArray(), [new("A", "1"), new("a", "2")]);

        Assert.Equal("429 TooManyRequests, 6 bytes", answer.ToString());
        Assert.Equal("1, 2", answer.Header("A"));
        Assert.Null(answer.Header("b"));
    }
}
