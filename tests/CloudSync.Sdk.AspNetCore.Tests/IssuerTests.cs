using CloudSync.Sdk.Ingest;
using CloudSync.Tests;
using Microsoft.AspNetCore.Authentication.JwtBearer;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace CloudSync.Sdk.AspNetCore.Tests;

/// <summary>Tokens of an issuer whose keys are fetched.</summary>
public sealed class IssuerTests
{
    private readonly FakeProducer _producer = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("Development", false)]
    [InlineData("Production", true)]
    public async Task What_its_key_signed_is_taken_and_what_another_signed_is_not(string environment, bool https)
    {
        var certificate = https ? TestCertificate.Make() : null;
        await using var issuer = await OpenIdIssuer.StartAsync(certificate);
        await using var another = await OpenIdIssuer.StartAsync();
        await using var door = await StartAsync(issuer, services => Trust(services, certificate), "--environment=" + environment);

        Assert.StartsWith(https ? "https:" : "http:", issuer.Address, StringComparison.Ordinal);
        Assert.Equal(202, await PostAsync(door, issuer.Token()));
        Assert.Equal(401, await PostAsync(door, issuer.Forged()));
        Assert.Equal(401, await PostAsync(door, another.Token()));
        Assert.Equal(202, await PostAsync(door, issuer.Token()));
        Assert.Equal(2, _producer.Queued.Count);
    }

    [Fact]
    public async Task Keys_come_from_nobody_whose_certificate_is_not_trusted()
    {
        await using var issuer = await OpenIdIssuer.StartAsync(TestCertificate.Make());
        await using var door = await StartAsync(issuer, _ => { }, "--environment=Production");

        Assert.Equal(503, await PostAsync(door, issuer.Token()));
        Assert.Contains(door.Log.Entries, e => e.Event == 3004);
        Assert.Equal(0, issuer.Asked);
    }

    [Fact]
    public async Task A_new_key_is_picked_up_and_the_one_before_it_is_good_no_longer()
    {
        await using var issuer = await OpenIdIssuer.StartAsync();
        await using var door = await StartAsync(issuer, _ => { });
        var before = issuer.Token();
        Assert.Equal(202, await PostAsync(door, before));

        issuer.Rotate("k2");
        var after = issuer.Token();

        // It is fetched while the first token of the new key is refused, or shortly after.
        await UntilAsync(door, after, 202);
        Assert.Equal(401, await PostAsync(door, before));
        Assert.Equal(2, issuer.Asked);
    }

    [Fact]
    public async Task While_it_is_down_at_start_requests_are_answered_with_503_and_once_it_is_up_they_are_taken()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var issuer = await OpenIdIssuer.StartAsync();
        issuer.IsUp = false;
        await using var door = await StartAsync(issuer, services => services.AddSingleton<TimeProvider>(time));

        Assert.Equal(503, await PostAsync(door, issuer.Token()));
        issuer.IsUp = true;
        Assert.Equal(503, await PostAsync(door, issuer.Token()));
        Assert.Contains(issuer.Address, Assert.Single(door.Log.Entries, e => e.Event == 3004).Text, StringComparison.Ordinal);
        Assert.Equal(0, issuer.Asked);

        time.Advance(IssuerConfiguration.Pause);
        Assert.Equal(202, await PostAsync(door, issuer.Token()));
        Assert.Single(door.Log.Entries, e => e.Event == 3004);
    }

    private Task<FrontDoor> StartAsync(OpenIdIssuer issuer, Action<IServiceCollection> configure, params string[] settings) => FrontDoor.StartAsync(
        _producer, configure, [$"--Ingest:Authentication:Authority={issuer.Address}", $"--Ingest:Authentication:Audience={Tokens.Audience}", .. settings]);

    private static async Task<int> PostAsync(FrontDoor door, string token) => (await door.PostAsync("/api/sync", """{"data":1}""", headers: ("Authorization", "Bearer " + token))).Status;

    private static async Task UntilAsync(FrontDoor door, string token, int status)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        patience.CancelAfter(TimeSpan.FromSeconds(30));
        while (await PostAsync(door, token) != status)
            await Task.Delay(20, patience.Token);
    }

    /// <summary>As a machine does that has the certificate in its store.</summary>
    private static void Trust(IServiceCollection services, TestCertificate? certificate)
    {
        if (certificate is not null)
            services.Configure<JwtBearerOptions>(TokenChecks.Scheme, bearer => bearer.BackchannelHttpHandler = new HttpClientHandler
            {
                ServerCertificateCustomValidationCallback = (_, shown, _, _) => certificate.IsThatOf(shown),
            });
    }
}
