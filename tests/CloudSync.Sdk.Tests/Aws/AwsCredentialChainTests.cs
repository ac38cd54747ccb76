using System.Diagnostics;
using System.Globalization;
using CloudSync.Sdk.Tests.Http;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace CloudSync.Sdk.Tests.Aws;

/// <summary>The AWS SDK's own chain, against a web server that plays who gives credentials: a container's agent, and STS.</summary>
[Collection(Name)]
public sealed class AwsCredentialChainTests : IDisposable
{
    /// <summary>The environment is the whole process's: whoever asks the AWS SDK does so alone.</summary>
    public const string Name = "Asks the AWS SDK for credentials";

    /// <summary>What the chain looks at.</summary>
    private static readonly string[] Variables =
    [
        "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_REGION", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN",
        "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN", "AWS_ROLE_SESSION_NAME", "AWS_ENDPOINT_URL_STS", "AWS_EC2_METADATA_DISABLED", "AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE",
    ];

    private readonly Dictionary<string, string?> _before = Variables.ToDictionary(name => name, Environment.GetEnvironmentVariable);
    private readonly string _folder = Directory.CreateTempSubdirectory("cloudsync-aws-").FullName;

    public AwsCredentialChainTests()
    {
        foreach (var name in Variables)
            Environment.SetEnvironmentVariable(name, null);
        Environment.SetEnvironmentVariable("AWS_EC2_METADATA_DISABLED", "true");
        Environment.SetEnvironmentVariable("AWS_SHARED_CREDENTIALS_FILE", Path.Combine(_folder, "credentials"));
        Environment.SetEnvironmentVariable("AWS_CONFIG_FILE", Path.Combine(_folder, "config"));
    }

    public void Dispose()
    {
        foreach (var (name, value) in _before)
            Environment.SetEnvironmentVariable(name, value);
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task Keys_in_the_environment_are_used()
    {
        Environment.SetEnvironmentVariable("AWS_ACCESS_KEY_ID", "AKIDENVIRONMENT");
        Environment.SetEnvironmentVariable("AWS_SECRET_ACCESS_KEY", SignedSink.Secret);
        Environment.SetEnvironmentVariable("AWS_SESSION_TOKEN", "TOKEN");
        await using var endpoint = await TestEndpoint.Start();
        await using var sink = new SignedSink(endpoint.Url, null, null);

        await sink.Send("a");

        Assert.Equal("AKIDENVIRONMENT", KeyOf(Assert.Single(endpoint.Requests)));
        Assert.Equal("TOKEN", Assert.Single(endpoint.Requests)["X-Amz-Security-Token"]);
    }

    [Fact]
    public async Task A_profile_of_the_shared_files_is_used_also_when_they_come_late_and_one_that_was_changed_is_read_again()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var endpoint = await TestEndpoint.Start();
        await using (var early = new SignedSink(endpoint.Url, time, null, ("AwsProfile", "cloudsync")))
            await Assert.ThrowsAsync<SinkException>(() => early.Send("too early"));

        await WriteProfile("AKIDONE");
        await using var sink = new SignedSink(endpoint.Url, time, null, ("AwsProfile", "cloudsync"));
        await sink.Send("a");
        await WriteProfile("AKIDTWO");
        time.Advance(TimeSpan.FromMinutes(1));

        // The call that finds them old goes out with the old ones.
        await sink.Send("b");
        Assert.Equal(["AKIDONE", "AKIDONE"], endpoint.Requests.Select(KeyOf));
        await UntilSentWith(sink, endpoint, "AKIDTWO");
    }

    [Fact]
    public async Task A_containers_credentials_are_renewed_in_the_background_before_they_expire()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        var mayAnswer = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var agent = await TestEndpoint.Start();
        var asked = 0;
        agent.Answer = async (context, _) =>
        {
            var number = Interlocked.Increment(ref asked);
            if (number > 1)
                await mayAnswer.Task;
            var expiration = DateTimeOffset.UtcNow.AddMinutes(4).ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
            await context.Response.WriteAsync(
                $$"""{"Code":"Success","AccessKeyId":"AKID{{number}}","SecretAccessKey":"{{SignedSink.Secret}}","Token":"TOKEN{{number}}","Expiration":"{{expiration}}"}""", context.RequestAborted);
        };
        Environment.SetEnvironmentVariable("AWS_CONTAINER_CREDENTIALS_FULL_URI", agent.Url + "/v2/credentials");
        Environment.SetEnvironmentVariable("AWS_CONTAINER_AUTHORIZATION_TOKEN", "AGENT");
        await using var endpoint = await TestEndpoint.Start();
        await using var sink = new SignedSink(endpoint.Url, time, null);

        await sink.Send("a");
        time.Advance(TimeSpan.FromMinutes(3));
        await sink.Send("b");
        await Eventually.True(() => agent.Requests.Count == 2);
        await sink.Send("c");

        Assert.All(endpoint.Requests, request => Assert.Equal("AKID1", KeyOf(request)));
        Assert.All(agent.Requests, request => Assert.Equal("AGENT", request["Authorization"]));
        mayAnswer.SetResult();

        // The SDK, too, gives the old ones while it fetches others.
        await UntilSentWith(sink, endpoint, "AKID2", () => time.Advance(TimeSpan.FromSeconds(10)));
    }

    [Fact]
    public async Task The_token_of_a_service_account_is_changed_for_credentials_of_its_role()
    {
        await using var sts = await TestEndpoint.Start();
        sts.Answer = (context, _) =>
        {
            context.Response.ContentType = "text/xml";
            return context.Response.WriteAsync(
                $"""
                <AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult>
                <AssumedRoleUser><Arn>arn:aws:sts::1:assumed-role/r/s</Arn><AssumedRoleId>id:s</AssumedRoleId></AssumedRoleUser>
                <Credentials><SessionToken>ROLETOKEN</SessionToken><SecretAccessKey>{SignedSink.Secret}</SecretAccessKey>
                <Expiration>{DateTimeOffset.UtcNow.AddHours(1).ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture)}</Expiration><AccessKeyId>ASIAROLE</AccessKeyId></Credentials>
                </AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>
                """,
                context.RequestAborted);
        };
        var token = Path.Combine(_folder, "token");
        await File.WriteAllTextAsync(token, "SERVICEACCOUNT", TestContext.Current.CancellationToken);
        Environment.SetEnvironmentVariable("AWS_WEB_IDENTITY_TOKEN_FILE", token);
        Environment.SetEnvironmentVariable("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/cloudsync");
        Environment.SetEnvironmentVariable("AWS_ROLE_SESSION_NAME", "cloudsync");
        Environment.SetEnvironmentVariable("AWS_REGION", "eu-central-1");
        Environment.SetEnvironmentVariable("AWS_ENDPOINT_URL_STS", sts.Url);
        await using var endpoint = await TestEndpoint.Start();
        await using var sink = new SignedSink(endpoint.Url, null, null);

        await sink.Send("a");

        var request = Assert.Single(endpoint.Requests);
        Assert.Equal("ASIAROLE", KeyOf(request));
        Assert.Equal("ROLETOKEN", request["X-Amz-Security-Token"]);
        Assert.Contains("SERVICEACCOUNT", Assert.Single(sts.Requests).Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Where_nobody_gives_credentials_the_error_says_where_they_were_looked_for()
    {
        await using var endpoint = await TestEndpoint.Start();
        await using var sink = new SignedSink(endpoint.Url, null, null);

        var error = await Assert.ThrowsAsync<SinkException>(() => sink.Send("a"));

        Assert.Equal(ErrorType.Authentication, error.ErrorType);
        Assert.Contains("Give the host a role (a service account's, the task's, the instance's), or set AWS_ACCESS_KEY_ID", error.Message, StringComparison.Ordinal);
        Assert.Empty(endpoint.Requests);
    }

    private static string KeyOf(ReceivedRequest request) => request["Authorization"].Split('=')[1].Split('/')[0];

    private static async Task UntilSentWith(SignedSink sink, TestEndpoint endpoint, string key, Action? between = null)
    {
        var started = Stopwatch.StartNew();
        while (KeyOf(endpoint.Requests.Last()) != key && started.Elapsed < Eventually.Deadline)
        {
            between?.Invoke();
            await sink.Send("again");
        }

        Assert.Equal(key, KeyOf(endpoint.Requests.Last()));
    }

    private Task WriteProfile(string key) => File.WriteAllTextAsync(
        Path.Combine(_folder, "credentials"), $"[cloudsync]\naws_access_key_id={key}\naws_secret_access_key={SignedSink.Secret}\n", TestContext.Current.CancellationToken);
}
