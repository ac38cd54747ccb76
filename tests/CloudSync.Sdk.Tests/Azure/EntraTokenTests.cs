using Azure.Core;
using Azure.Identity;
using CloudSync.Sdk.Tests.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace CloudSync.Sdk.Tests.Azure;

public sealed class EntraTokenTests
{
    private readonly FakeTimeProvider _time = new(DateTimeOffset.UtcNow);
    private readonly FakeLogCollector _log = new();

    [Fact]
    public async Task A_token_is_fetched_once_and_goes_with_every_message_beside_the_key()
    {
        await using var entra = await TokenEndpoint.Start();
        await using var endpoint = await TestEndpoint.Start();
        await using var sink = Sink(endpoint, entra, ("ApiKeyHeader", "Ocp-Apim-Subscription-Key"), ("ApiKey", "KEY"));

        await Task.WhenAll(Enumerable.Range(0, 20).Select(i => Send(sink, $"id-{i}")));

        Assert.Equal(20, endpoint.Requests.Count);
        Assert.All(endpoint.Requests, request => Assert.Equal("Bearer token-1", request["Authorization"]));
        Assert.All(endpoint.Requests, request => Assert.Equal("KEY", request["Ocp-Apim-Subscription-Key"]));
        var asked = Assert.Single(entra.Requests);
        Assert.StartsWith("/11111111-1111-1111-1111-111111111111/oauth2/v2.0/token", asked.Target, StringComparison.Ordinal);
        Assert.Equal("client_credentials", TokenEndpoint.Field(asked, "grant_type"));
        Assert.StartsWith("api://cloudsync/.default", TokenEndpoint.Field(asked, "scope"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_new_one_is_fetched_in_the_background_while_messages_go_out_with_the_old()
    {
        await using var entra = await TokenEndpoint.Start();
        await using var endpoint = await TestEndpoint.Start();
        await using var sink = Sink(endpoint, entra);
        await Send(sink, "a");
        var mayAnswer = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        entra.Answer = async (context, number) =>
        {
            await mayAnswer.Task;
            await entra.Token(context, number);
        };

        _time.Advance(TimeSpan.FromSeconds(150));
        for (var i = 0; i < 20; i++)
            await Send(sink, $"id-{i}");
        await Eventually.True(() => entra.Asked == 2);
        await Send(sink, "b");
        Assert.All(endpoint.Requests, request => Assert.Equal("Bearer token-1", request["Authorization"]));

        mayAnswer.SetResult();
        await UntilSentWith(sink, endpoint, "token-2");
        Assert.Equal(2, entra.Asked);
    }

    [Fact]
    public async Task An_issuer_that_is_down_is_survived_until_the_token_is_over_and_then_until_it_is_back()
    {
        await using var entra = await TokenEndpoint.Start();
        await using var endpoint = await TestEndpoint.Start();
        await using var sink = Sink(endpoint, entra);
        await Send(sink, "a");
        entra.Answer = (context, _) =>
        {
            context.Abort();
            return Task.CompletedTask;
        };

        _time.Advance(TimeSpan.FromSeconds(150));
        await Send(sink, "b");
        await Eventually.True(() => _log.Count == 1);
        await Send(sink, "c");
        Assert.Equal(1501, _log.LatestRecord.Id.Id);

        _time.Advance(TimeSpan.FromSeconds(100));
        var error = await Assert.ThrowsAsync<SinkException>(() => Send(sink, "d"));
        Assert.Equal(ErrorType.Authentication, error.ErrorType);
        Assert.Contains("can't be reached", error.Message, StringComparison.Ordinal);
        Assert.Equal(3, endpoint.Requests.Count);

        entra.Answer = entra.Token;
        _time.Advance(RenewedCredential<EntraToken>.Pause);
        await Send(sink, "d");
        Assert.NotEqual("Bearer token-1", endpoint.Requests.Last()["Authorization"]);
    }

    [Fact]
    public async Task A_wrong_secret_is_said_by_its_code_and_nothing_of_it_is_shown()
    {
        await using var entra = await TokenEndpoint.Start();
        entra.Answer = (context, _) => TokenEndpoint.Error(context, 401, "invalid_client", $"AADSTS7000215: Invalid client secret provided: {TokenEndpoint.Secret}.");
        await using var endpoint = await TestEndpoint.Start();
        await using var sink = Sink(endpoint, entra);

        var error = await Assert.ThrowsAsync<SinkException>(() => Send(sink, "a"));
        var asked = entra.Asked;
        await Assert.ThrowsAsync<SinkException>(() => Send(sink, "b"));

        Assert.Equal(ErrorType.Authentication, error.ErrorType);
        Assert.Equal(
            "No Entra token for api://cloudsync/.default (the credential is made in code). Entra ID answered AADSTS7000215. The client secret is wrong or has expired: set a new one, "
            + "and restart the host.",
            error.Message);
        Assert.Empty(endpoint.Requests);
        Assert.Equal(asked, entra.Asked);
    }

    [Fact]
    public async Task An_issuer_that_throttles_is_left_alone_for_as_long_as_it_asks()
    {
        await using var entra = await TokenEndpoint.Start();
        entra.Answer = (context, _) =>
        {
            context.Response.Headers.RetryAfter = "120";
            return TokenEndpoint.Error(context, 429, "temporarily_unavailable", "AADSTS50196: loop");
        };
        await using var endpoint = await TestEndpoint.Start();
        await using var sink = Sink(endpoint, entra);

        var error = await Assert.ThrowsAsync<SinkException>(() => Send(sink, "a"));
        var asked = entra.Asked;

        Assert.Equal(ErrorType.Authentication, error.ErrorType);
        Assert.Equal(TimeSpan.FromMinutes(2), error.RetryAfter);
        entra.Answer = entra.Token;
        _time.Advance(TimeSpan.FromSeconds(119));
        await Assert.ThrowsAsync<SinkException>(() => Send(sink, "a"));
        Assert.Equal(asked, entra.Asked);
        Assert.Empty(endpoint.Requests);
    }

    [Fact]
    public async Task A_call_waits_for_a_token_no_longer_than_it_has_time_and_the_next_one_gets_it()
    {
        await using var entra = await TokenEndpoint.Start();
        var mayAnswer = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        entra.Answer = async (context, number) =>
        {
            await mayAnswer.Task;
            await entra.Token(context, number);
        };
        await using var endpoint = await TestEndpoint.Start();
        await using var sink = Sink(endpoint, entra);
        using var patience = new CancellationTokenSource();

        var first = Send(sink, "a", patience.Token);
        await Eventually.True(() => entra.Asked == 1);
        await patience.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);
        var second = Send(sink, "b");
        mayAnswer.SetResult();
        await second;

        Assert.Equal("Bearer token-1", Assert.Single(endpoint.Requests)["Authorization"]);
        Assert.Equal(1, entra.Asked);
    }

    [Fact]
    public async Task A_token_that_the_endpoint_refuses_is_fetched_anew_once()
    {
        await using var entra = await TokenEndpoint.Start();
        entra.Lifetime = 3600; // Azure's client would keep it.
        await using var endpoint = await TestEndpoint.Start();
        endpoint.AnswerWith(401);
        await using var sink = Sink(endpoint, entra);

        for (var i = 0; i < 5; i++)
        {
            var error = await Assert.ThrowsAsync<SinkException>(() => Send(sink, "a"));
            Assert.Equal((ErrorType.Authentication, 401), (error.ErrorType, error.StatusCode));
            Assert.Contains("check the token's Scope", error.Message, StringComparison.Ordinal);
        }

        Assert.Equal(2, entra.Asked);
        Assert.Equal(
            ["token-1", "token-2", "token-2", "token-2", "token-2"], endpoint.Requests.Select(request => request["Authorization"].Split(' ')[1]));
    }

    [Fact]
    public async Task A_refusal_that_is_not_about_the_token_fetches_none()
    {
        await using var entra = await TokenEndpoint.Start();
        await using var endpoint = await TestEndpoint.Start();
        endpoint.AnswerWith(403);
        await using var sink = Sink(endpoint, entra);

        await Assert.ThrowsAsync<SinkException>(() => Send(sink, "a"));
        await Assert.ThrowsAsync<SinkException>(() => Send(sink, "a"));

        Assert.Equal(1, entra.Asked);
    }

    [Fact]
    public void All_problems_come_in_one_message()
    {
        Assert.Equal(
            [
                "3 settings are wrong:",
                "CloudSync:AzureEntra:Credential is 'Secret'; it must be one of Default, ManagedIdentity, WorkloadIdentity, Environment.",
                "CloudSync:AzureEntra:Scope is empty; it must name the endpoint's application, followed by /.default, such as api://my-application/.default.",
                "CloudSync:AzureEntra:Tenant is not a setting; did you mean TenantId?",
            ],
            Problems(null, ("Credential", "Secret"), ("Tenant", "x"))!.Split(Environment.NewLine).Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("Scope", "api://x", null, null, "CloudSync:AzureEntra:Scope is 'api://x'; it must name")]
    [InlineData("Credential", "ManagedIdentity", "TenantId", "t", "CloudSync:AzureEntra:TenantId is set while Credential is ManagedIdentity, which has a tenant of its own; leave it out.")]
    [InlineData("Credential", "Environment", "TenantId", "t", "CloudSync:AzureEntra:TenantId is set while Credential is Environment, which reads AZURE_TENANT_ID; set that, or")]
    [InlineData("Credential", "Environment", "ClientId", "c", "CloudSync:AzureEntra:ClientId is set while Credential is Environment, which reads AZURE_CLIENT_ID; set that, or")]
    public void Settings_that_do_not_go_together_are_refused(string key, string value, string? key2, string? value2, string problem)
    {
        (string, string?)[] scope = key == "Scope" ? [] : [("Scope", "api://x/.default")];

        Assert.StartsWith(problem, Problems(null, [.. scope, (key, value), (key2 ?? "ClientId", value2)]), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("TenantId", "t")]
    [InlineData("ClientId", "c")]
    [InlineData("Credential", "ManagedIdentity")]
    public void Who_the_host_is_can_not_be_said_twice(string key, string value)
    {
        Assert.Equal(
            $"CloudSync:AzureEntra:{key} is set, and the credential is made in code; set it there.",
            Problems(_ => new DefaultAzureCredential(), ("Scope", "api://x/.default"), (key, value)));
    }

    [Theory]
    [InlineData(EntraCredential.Default, typeof(DefaultAzureCredential))]
    [InlineData(EntraCredential.ManagedIdentity, typeof(ManagedIdentityCredential))]
    [InlineData(EntraCredential.WorkloadIdentity, typeof(WorkloadIdentityCredential))]
    [InlineData(EntraCredential.Environment, typeof(EnvironmentCredential))]
    public void Each_choice_is_the_credential_of_Azures_that_it_names(EntraCredential choice, Type type)
    {
        Assert.IsType(type, EntraCredentials.Make(new EntraTokenOptions { Credential = choice }));
        if (choice != EntraCredential.Environment)
            Assert.IsType(type, EntraCredentials.Make(new EntraTokenOptions { Credential = choice, ClientId = "22222222-2222-2222-2222-222222222222", TenantId = "t" }));
    }

    [Fact]
    public async Task A_token_beside_another_one_is_refused_at_start()
    {
        await using var entra = await TokenEndpoint.Start();
        var services = new ServiceCollection();
        new CloudSyncConsumerBuilder("aws", services)
            .UseHttpSink(TestSink.Section(("Url", "https://example.com"), ("BearerToken", "SECRET"))).UseEntraToken(Section(("Scope", "api://x/.default")));

        Assert.Equal("CloudSync:AwsEndpoint:BearerToken is set while UseEntraToken writes Authorization; leave one of them out.", Start.Problems(services));
    }

    private static string? Problems(Func<IServiceProvider, TokenCredential>? credential, params (string Key, string? Value)[] settings)
    {
        var services = new ServiceCollection();
        new CloudSyncConsumerBuilder("azure", services).UseHttpSink(TestSink.Section(("Url", "https://example.com"))).UseEntraToken(Section(settings), credential: credential);
        return Start.Problems(services);
    }

    private static IConfigurationSection Section(params (string Key, string? Value)[] settings) =>
        new ConfigurationBuilder()
            .AddInMemoryCollection(settings.Where(s => s.Value is not null).Select(s => new KeyValuePair<string, string?>("CloudSync:AzureEntra:" + s.Key, s.Value)))
            .Build()
            .GetSection("CloudSync:AzureEntra");

    private static Task Send(IServiceProvider services, string id, CancellationToken? cancellationToken = null) =>
        services.GetRequiredKeyedService<ICloudSink>("azure").SendAsync(Messages.Json(id), cancellationToken ?? TestContext.Current.CancellationToken).AsTask();

    private static async Task UntilSentWith(IServiceProvider sink, TestEndpoint endpoint, string token)
    {
        var started = System.Diagnostics.Stopwatch.StartNew();
        while (endpoint.Requests.Last()["Authorization"] != "Bearer " + token && started.Elapsed < Eventually.Deadline)
            await Send(sink, "again");
        Assert.Equal("Bearer " + token, endpoint.Requests.Last()["Authorization"]);
    }

    private ServiceProvider Sink(TestEndpoint endpoint, TokenEndpoint entra, params (string Key, string? Value)[] settings)
    {
        var services = new ServiceCollection();
        services.AddSingleton<ILoggerFactory>(new LoggerFactory([new FakeLoggerProvider(_log)]));
        services.AddSingleton<TimeProvider>(_time);
        new CloudSyncConsumerBuilder("azure", services)
            .UseHttpSink(TestSink.Section([("Url", endpoint.Url), .. settings]))
            .UseEntraToken(Section(("Scope", "api://cloudsync/.default")), credential: _ => entra.Credential());
        return services.BuildServiceProvider(validateScopes: true);
    }
}
