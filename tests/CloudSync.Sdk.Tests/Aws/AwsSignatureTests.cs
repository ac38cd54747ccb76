using System.Globalization;
using System.Security.Cryptography;
using Amazon.Runtime;
using CloudSync.Sdk.Tests.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace CloudSync.Sdk.Tests.Aws;

[Collection(AwsCredentialChainTests.Name)]
public class AwsSignatureTests
{
    [Theory]
    [InlineData("/prod/in")]
    [InlineData("")]
    [InlineData("/prod/a%20b/%E2%82%AC/x~y/?b=2&a=1&c=%2F%20x&key=a%3Db&empty=")]
    public async Task What_comes_over_the_wire_has_the_signature_that_the_AWS_SDK_makes_of_it(string path)
    {
        await using var endpoint = await TestEndpoint.Start();
        var verified = Verifying(endpoint);
        await using var sink = new SignedSink(endpoint.Url + path, null, () => SignedSink.Keys, ("ApiKeyHeader", "x-api-key"), ("ApiKey", "KEY"), ("Headers:X-Many", "a   b  c"));

        await sink.Send("order 17 \"€\"");

        Assert.Equal(1, verified());
        var request = Assert.Single(endpoint.Requests);
        Assert.Equal("KEY", request["x-api-key"]);
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(request.Body)), request["X-Amz-Content-Sha256"]);
        Assert.All(
            (string[])["ce-id", "content-type", "host", "idempotency-key", "x-amz-content-sha256", "x-amz-date", "x-api-key"],
            name => Assert.Contains(name, request["Authorization"], StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_batch_is_signed_with_its_body_and_the_session_token_of_its_keys()
    {
        await using var endpoint = await TestEndpoint.Start();
        var verified = Verifying(endpoint);
        await using var sink = new SignedSink(endpoint.Url, null, () => new SessionAWSCredentials("ASIAEXAMPLE", SignedSink.Secret, "TOKEN=="), ("Mode", "Batch"));

        var results = await sink.Batch.SendAsync(Messages.Many(500), TestContext.Current.CancellationToken);

        Assert.All(results, result => Assert.Equal(SinkResult.Delivered, result));
        Assert.Equal(1, verified());
        var request = Assert.Single(endpoint.Requests);
        Assert.Equal("TOKEN==", request["X-Amz-Security-Token"]);
        Assert.Contains("x-amz-security-token", request["Authorization"], StringComparison.Ordinal);
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(request.Body)), request["X-Amz-Content-Sha256"]);
    }

    [Fact]
    public async Task Each_attempt_has_a_signature_of_its_own_of_its_own_time()
    {
        var time = new FakeTimeProvider(new DateTimeOffset(2026, 11, 30, 23, 59, 30, TimeSpan.Zero));
        await using var endpoint = await TestEndpoint.Start();
        var verified = Verifying(endpoint);
        await using var sink = new SignedSink(endpoint.Url, time, () => SignedSink.Keys);

        await sink.Send("a");
        time.Advance(TimeSpan.FromMinutes(1));
        await sink.Send("a");

        Assert.Equal(2, verified());
        Assert.Equal(["20261130T235930Z", "20261201T000030Z"], endpoint.Requests.Select(r => r["X-Amz-Date"]));
        Assert.Contains("/20261201/eu-central-1/execute-api/aws4_request", endpoint.Requests.Last()["Authorization"], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(-20)]
    [InlineData(20)]
    public async Task A_clock_that_is_wrong_is_corrected_by_the_endpoints_and_said_once(int minutesAhead)
    {
        var time = new FakeTimeProvider(new DateTimeOffset(2026, 11, 30, 12, 0, 0, TimeSpan.Zero));
        await using var endpoint = await TestEndpoint.Start();
        var ahead = TimeSpan.FromMinutes(minutesAhead);
        AnswerByClock(endpoint, () => time.GetUtcNow() + ahead);
        await using var sink = new SignedSink(endpoint.Url, time, () => SignedSink.Keys);

        await sink.Send("a");
        await sink.Send("b");
        await sink.Send("c");

        // The first was refused once; it is the same message, signed anew.
        Assert.Equal(["a", "a", "b", "c"], endpoint.Requests.Select(r => r["ce-id"]));
        Assert.Equal(2, endpoint.Requests.Take(2).Select(r => r["Authorization"]).Distinct().Count());

        // It goes wrong further: corrected again, and not said again.
        ahead *= 2;
        await sink.Send("d");
        await sink.Send("e");
        Assert.Equal(["d", "d", "e"], endpoint.Requests.Skip(4).Select(r => r["ce-id"]));
        var said = Assert.Single(sink.Log.GetSnapshot());
        Assert.Equal(1402, said.Id.Id);
        Assert.Contains("127.0.0.1", said.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_endpoint_that_refuses_whatever_the_time_is_asked_twice_at_most()
    {
        var time = new FakeTimeProvider(new DateTimeOffset(2026, 11, 30, 12, 0, 0, TimeSpan.Zero));
        await using var endpoint = await TestEndpoint.Start();
        var next = 0;
        endpoint.AnswerWith(403);
        var answer = endpoint.Answer;
        endpoint.Answer = (context, request) =>
        {
            context.Response.Headers.Date = time.GetUtcNow().AddHours(++next).ToString("R", CultureInfo.InvariantCulture);
            return answer(context, request);
        };
        await using var sink = new SignedSink(endpoint.Url, time, () => SignedSink.Keys);

        Assert.Equal(403, (await Assert.ThrowsAsync<SinkException>(() => sink.Send("a"))).StatusCode);
        Assert.Equal(2, endpoint.Requests.Count);
    }

    [Theory]
    [InlineData(3)]
    [InlineData(-3)]
    public async Task A_refusal_by_an_endpoint_with_about_our_time_is_about_something_else(int minutesAhead)
    {
        var time = new FakeTimeProvider(new DateTimeOffset(2026, 11, 30, 12, 0, 0, TimeSpan.Zero));
        await using var endpoint = await TestEndpoint.Start();
        endpoint.AnswerWith(
            403, """{"message":"User: arn:aws:iam::1:user/x is not authorized to perform: execute-api:Invoke"}""", ("x-amzn-ErrorType", "AccessDeniedException"),
            ("Date", time.GetUtcNow().AddMinutes(minutesAhead).ToString("R", CultureInfo.InvariantCulture)));
        var fetched = 0;
        await using var sink = new SignedSink(endpoint.Url, time, () =>
        {
            Interlocked.Increment(ref fetched);
            return SignedSink.Keys;
        });

        var error = await Assert.ThrowsAsync<SinkException>(() => sink.Send("a"));
        await Assert.ThrowsAsync<SinkException>(() => sink.Send("a"));

        Assert.Equal(ErrorType.Authentication, error.ErrorType);
        Assert.Contains("execute-api:Invoke", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("arn:", error.Message, StringComparison.Ordinal);
        Assert.Equal(2, endpoint.Requests.Count);
        Assert.Equal(1, fetched);
        Assert.Empty(sink.Log.GetSnapshot());
    }

    [Fact]
    public async Task Keys_that_the_endpoint_says_have_expired_are_fetched_anew_once()
    {
        await using var endpoint = await TestEndpoint.Start();
        endpoint.AnswerWith(403, null, ("x-amzn-ErrorType", "ExpiredTokenException"));
        var fetched = 0;
        await using var sink = new SignedSink(endpoint.Url, null, () => new BasicAWSCredentials($"AKID{Interlocked.Increment(ref fetched)}", SignedSink.Secret));

        for (var i = 0; i < 5; i++)
            Assert.Equal(ErrorType.Authentication, (await Assert.ThrowsAsync<SinkException>(() => sink.Send("a"))).ErrorType);

        Assert.Equal(2, fetched);
        Assert.Equal(["AKID1", "AKID2", "AKID2", "AKID2", "AKID2"], endpoint.Requests.Select(r => r["Authorization"].Split('=')[1].Split('/')[0]));
    }

    [Fact]
    public async Task Without_keys_nothing_is_sent_and_the_error_says_what_to_do_and_no_secret()
    {
        await using var endpoint = await TestEndpoint.Start();
        await using var sink = new SignedSink(endpoint.Url, null, null, ("AwsProfile", "cloudsync-no-such-profile"));

        var error = await Assert.ThrowsAsync<SinkException>(() => sink.Send("a"));

        Assert.Equal(ErrorType.Authentication, error.ErrorType);
        Assert.Equal(
            "No AWS credentials to sign requests with. The AWS SDK threw AmazonClientException. They were looked for in the profile 'cloudsync-no-such-profile' of the shared files: see that it is "
            + "there, for the user that this process runs as, and complete.",
            error.Message);
        Assert.Empty(endpoint.Requests);
    }

    [Fact]
    public async Task A_broken_source_in_code_shows_nothing_of_what_it_says()
    {
        await using var endpoint = await TestEndpoint.Start();
        await using var sink = new SignedSink(endpoint.Url, null, () => throw new InvalidOperationException(SignedSink.Secret));

        var error = await Assert.ThrowsAsync<SinkException>(() => sink.Send("a"));

        Assert.DoesNotContain(SignedSink.Secret, error.Message, StringComparison.Ordinal);
        Assert.Contains("made in code", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void All_problems_come_in_one_message()
    {
        var services = new ServiceCollection();
        new CloudSyncConsumerBuilder("aws", services)
            .UseHttpSink(TestSink.Section(("Url", "https://example.com")))
            .SignWithAws(SignedSink.Section(("Region", "EU Central"), ("Service", "s3"), ("Profile", "p"), ("Rolle", "x")), credentials: _ => SignedSink.Keys);

        Assert.Equal(
            [
                "4 settings are wrong:",
                "CloudSync:AwsSignature:Profile is set, and the credentials are made in code; leave one of them out.",
                "CloudSync:AwsSignature:Region is 'EU Central'; it must be the region in the endpoint's address, such as eu-central-1.",
                "CloudSync:AwsSignature:Rolle is not a setting; did you mean Profile?",
                "CloudSync:AwsSignature:Service is 's3', which signs in a way of its own and takes no messages; it must be the service of the endpoint, such as execute-api.",
            ],
            Start.Problems(services)!.Split(Environment.NewLine).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_second_writer_of_Authorization_is_refused_at_start()
    {
        var services = new ServiceCollection();
        new CloudSyncConsumerBuilder("aws", services)
            .UseHttpSink(
                TestSink.Section(
                    ("Url", "https://example.com"), ("BearerToken", "SECRET"), ("ApiKeyHeader", "authorization"), ("ApiKey", "SECRET"), ("Headers:X-AMZ-Date", "SECRET")))
            .SignWithAws(SignedSink.Section(("Region", "eu-central-1")))
            .UseEntraToken(SignedSink.Section(("Scope", "api://x/.default")));

        var problems = Start.Problems(services)!;

        Assert.Contains("CloudSync:AwsEndpoint:BearerToken is set while SignWithAws writes Authorization; leave one of them out.", problems, StringComparison.Ordinal);
        Assert.Contains("CloudSync:AwsEndpoint:ApiKeyHeader is 'authorization', which SignWithAws writes; leave one of them out.", problems, StringComparison.Ordinal);
        Assert.Contains("CloudSync:AwsEndpoint:Headers:X-AMZ-Date names the header 'X-AMZ-Date', which SignWithAws writes; leave one of them out.", problems, StringComparison.Ordinal);
        Assert.Contains("CloudSync:AwsEndpoint:Headers:Authorization is written by SignWithAws and UseEntraToken; call one of them, once.", problems, StringComparison.Ordinal);
        Assert.DoesNotContain("SECRET", problems, StringComparison.Ordinal);
    }

    [Fact]
    public void A_provider_of_tokens_beside_a_signature_is_refused_at_start()
    {
        var services = new ServiceCollection();
        new CloudSyncConsumerBuilder("aws", services)
            .UseHttpSink(TestSink.Section(("Url", "https://example.com")), options => options.BearerTokenProvider = _ => ValueTask.FromResult("t"))
            .SignWithAws(SignedSink.Section(("Region", "eu-central-1")));

        Assert.Equal("CloudSync:AwsEndpoint:BearerTokenProvider is set while SignWithAws writes Authorization; leave one of them out.", Start.Problems(services));
    }

    [Fact]
    public void Without_an_HTTP_sink_there_is_nothing_to_sign()
    {
        var services = new ServiceCollection();
        new CloudSyncConsumerBuilder("azure", services).UseHttpSink(TestSink.Section(("Url", "https://example.com")));

        var error = Assert.Throws<InvalidOperationException>(() => new CloudSyncConsumerBuilder("aws", services).SignWithAws(SignedSink.Section(("Region", "eu-central-1"))));

        Assert.Equal("SignWithAws: consumer 'aws' has no HTTP sink whose requests it could authorize; call UseHttpSink before.", error.Message);
    }

    /// <summary>Answers 202 to what is signed right, and counts it.</summary>
    private static Func<int> Verifying(TestEndpoint endpoint)
    {
        var verified = 0;
        Exception? wrong = null;
        endpoint.Answer = (context, request) =>
        {
            try
            {
                SdkSigner.Verify(context, request, SignedSink.Secret);
                Interlocked.Increment(ref verified);
                context.Response.StatusCode = 202;
            }
            catch (Exception e)
            {
                wrong = e;
                context.Response.StatusCode = 202;
            }

            return Task.CompletedTask;
        };
        return () => wrong is null ? verified : throw new InvalidOperationException("The signatures differ.", wrong);
    }

    /// <summary>Refuses, as API Gateway does, what was not signed within five minutes of its own time.</summary>
    private static void AnswerByClock(TestEndpoint endpoint, Func<DateTimeOffset> clock) => endpoint.Answer = (context, request) =>
    {
        var signedOn = DateTimeOffset.ParseExact(request["X-Amz-Date"], "yyyyMMdd'T'HHmmss'Z'", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal);
        var isInTime = (clock() - signedOn).Duration() < TimeSpan.FromMinutes(5);
        context.Response.Headers.Date = clock().ToString("R", CultureInfo.InvariantCulture);
        context.Response.StatusCode = isInTime ? 202 : 403;
        if (!isInTime)
            context.Response.Headers["x-amzn-ErrorType"] = "InvalidSignatureException";
        return Task.CompletedTask;
    };
}
