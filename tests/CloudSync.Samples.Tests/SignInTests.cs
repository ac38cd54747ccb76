using System.Collections.Concurrent;
using System.Globalization;
using CloudSync.Sdk;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Xunit;

namespace CloudSync.Samples.Tests;

/// <summary>The hosts sign in where their settings say so, and are as they were where not.</summary>
public sealed class SignInTests : IAsyncLifetime
{
    private static readonly string[] Aws = ["--CloudSync:Aws:BootstrapServers=localhost:1"];
    private static readonly string[] Azure = ["--CloudSync:Azure:BootstrapServers=localhost:1"];

    private readonly Dictionary<string, string?> _before = [];
    private readonly ConcurrentQueue<(string Path, string Authorization)> _requests = [];
    private WebApplication _cloud = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private string Url => _cloud.Urls.Single();

    public async ValueTask InitializeAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        _cloud = builder.Build();
        _cloud.Run(context =>
        {
            _requests.Enqueue((context.Request.Path, context.Request.Headers.Authorization.ToString()));
            if (context.Request.Path != "/identity")
                return Task.CompletedTask;

            var expiresOn = DateTimeOffset.UtcNow.AddHours(1).ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
            return context.Response.WriteAsync(
                $$"""{"access_token":"of-the-identity","expires_on":"{{expiresOn}}","resource":"{{context.Request.Query["resource"]}}","token_type":"Bearer"}""", context.RequestAborted);
        });
        await _cloud.StartAsync(Cancellation);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var (name, value) in _before)
            Environment.SetEnvironmentVariable(name, value);
        await _cloud.DisposeAsync();
    }

    [Fact]
    public async Task Without_their_sections_they_send_a_key_alone()
    {
        using var aws = AwsSyncHost.Program.CreateHost([.. Aws, $"--CloudSync:AwsEndpoint:Url={Url}/in", "--CloudSync:AwsEndpoint:Headers:Authorization=Basic x"]);
        using var azure = AzureSyncHost.Program.CreateHost([.. Azure, $"--CloudSync:AzureEndpoint:Url={Url}/in", "--CloudSync:AzureEndpoint:Mode=Single"]);

        await Send(aws.Services, "aws");
        await Send(azure.Services, "azure");

        Assert.Equal([("/in", "Basic x"), ("/in", "")], _requests);
    }

    [Fact]
    public async Task The_host_for_AWS_signs_its_requests()
    {
        Set("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE");
        Set("AWS_SECRET_ACCESS_KEY", "SECRET");
        using var host = AwsSyncHost.Program.CreateHost([.. Aws, $"--CloudSync:AwsEndpoint:Url={Url}/in", "--CloudSync:AwsSignature:Region=eu-central-1"]);

        await Send(host.Services, "aws");

        Assert.StartsWith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/", Assert.Single(_requests).Authorization, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_host_for_Azure_sends_the_token_of_its_managed_identity()
    {
        Set("IDENTITY_ENDPOINT", Url + "/identity");
        Set("IDENTITY_HEADER", "x");
        using var host = AzureSyncHost.Program.CreateHost(
            [
                .. Azure, $"--CloudSync:AzureEndpoint:Url={Url}/in", "--CloudSync:AzureEndpoint:Mode=Single", "--CloudSync:AzureEntra:Scope=api://x/.default",
                "--CloudSync:AzureEntra:Credential=ManagedIdentity",
            ]);

        await Send(host.Services, "azure");
        await Send(host.Services, "azure");

        Assert.Equal([("/identity", ""), ("/in", "Bearer of-the-identity"), ("/in", "Bearer of-the-identity")], _requests);
    }

    [Fact]
    public void Two_ways_to_sign_in_are_refused_at_start()
    {
        using var aws = AwsSyncHost.Program.CreateHost(
            [.. Aws, $"--CloudSync:AwsEndpoint:Url={Url}", "--CloudSync:AwsEndpoint:BearerToken=SECRET", "--CloudSync:AwsSignature:Region=eu-central-1"]);
        using var azure = AzureSyncHost.Program.CreateHost(
            [.. Azure, $"--CloudSync:AzureEndpoint:Url={Url}", "--CloudSync:AzureEndpoint:Headers:Authorization=SECRET", "--CloudSync:AzureEntra:Scope=api://x/.default"]);

        Assert.Equal("CloudSync:AwsEndpoint:BearerToken is set while SignWithAws writes Authorization; leave one of them out.", Problem(aws.Services));
        Assert.Equal("CloudSync:AzureEndpoint:Headers:Authorization names the header 'Authorization', which UseEntraToken writes; leave one of them out.", Problem(azure.Services));
    }

    private static string Problem(IServiceProvider services) =>
        Assert.Throws<OptionsValidationException>(() => services.GetRequiredService<IStartupValidator>().Validate()).Message;

    private static async Task Send(IServiceProvider services, string name) =>
        await services.GetRequiredKeyedService<ICloudSink>(name).SendAsync(SyncMessage.Create("{}"u8.ToArray(), "key", "id", []), Cancellation);

    private void Set(string name, string value)
    {
        _before[name] = Environment.GetEnvironmentVariable(name);
        Environment.SetEnvironmentVariable(name, value);
    }
}
