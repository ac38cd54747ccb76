using CloudSync.Tests;
using Xunit;

namespace CloudSync.Sdk.AspNetCore.Tests;

/// <summary>Where https is set up, outside of Development, nobody posts over http twice: on a real Kestrel with a certificate.</summary>
public sealed class HttpsTests : IAsyncLifetime
{
    private readonly TestCertificate _certificate = TestCertificate.Make();
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("cloudsync-https-");
    private readonly FakeProducer _producer = new();
    private string[] _settings = [];

    public async ValueTask InitializeAsync()
    {
        var (certificate, key) = await _certificate.WriteAsync(_folder.FullName);
        _settings = [$"--Kestrel:Certificates:Default:Path={certificate}", $"--Kestrel:Certificates:Default:KeyPath={key}", "--Ingest:Authentication:AllowAnonymous=true"];
    }

    public ValueTask DisposeAsync()
    {
        _folder.Delete(recursive: true);
        return ValueTask.CompletedTask;
    }

    [Theory]
    [InlineData("--Urls=http://127.0.0.1:0;https://127.0.0.1:0")]
    [InlineData("--Kestrel:Endpoints:Plain:Url=http://127.0.0.1:0", "--Kestrel:Endpoints:Tls:Url=https://127.0.0.1:0")]
    public async Task Http_is_sent_to_https_where_the_answer_says_to_stay_there(params string[] addresses)
    {
        await using var door = await StartAsync("Production", addresses);
        using var client = Client();
        var (http, https) = (AddressOf(door, "http:"), AddressOf(door, "https:"));

        using var redirected = await PostAsync(client, http);
        Assert.Equal(307, (int)redirected.StatusCode);
        Assert.Equal($"https://door.example:{https.Port}/api/sync", redirected.Headers.Location?.ToString());
        Assert.False(redirected.Headers.Contains("Strict-Transport-Security"));
        Assert.Empty(_producer.Queued);

        using var taken = await PostAsync(client, https);
        Assert.Equal(202, (int)taken.StatusCode);
        Assert.StartsWith("max-age=", Assert.Single(taken.Headers.GetValues("Strict-Transport-Security")), StringComparison.Ordinal);
        Assert.Single(_producer.Queued);
    }

    [Fact]
    public async Task Where_somebody_in_front_speaks_https_its_port_is_enough()
    {
        await using var door = await StartAsync("Production", "--HTTPS_PORT=443");
        using var client = Client();

        using var redirected = await PostAsync(client, AddressOf(door, "http:"));
        Assert.Equal((307, "https://door.example/api/sync"), ((int)redirected.StatusCode, redirected.Headers.Location?.ToString()));
    }

    [Theory]
    [InlineData("Development", "--Urls=http://127.0.0.1:0;https://127.0.0.1:0")]
    [InlineData("Production", "--Urls=http://127.0.0.1:0")]
    public async Task In_development_and_where_https_is_not_set_up_http_is_taken(string environment, string urls)
    {
        await using var door = await StartAsync(environment, urls);
        using var client = Client();

        foreach (var address in door.App.Urls)
        {
            using var taken = await PostAsync(client, new Uri(address));
            Assert.Equal(202, (int)taken.StatusCode);
            Assert.False(taken.Headers.Contains("Strict-Transport-Security"));
        }

        Assert.Equal(door.App.Urls.Count, _producer.Queued.Count);
    }

    private Task<FrontDoor> StartAsync(string environment, params string[] addresses) => FrontDoor.StartAsync(_producer, ["--environment=" + environment, .. _settings, .. addresses]);

    private static Uri AddressOf(FrontDoor door, string scheme) => new(door.App.Urls.Single(url => url.StartsWith(scheme, StringComparison.Ordinal)));

    private HttpClient Client() => new(new HttpClientHandler
    {
        AllowAutoRedirect = false,
        ServerCertificateCustomValidationCallback = (_, shown, _, _) => _certificate.IsThatOf(shown),
    });

    /// <summary>As to a host of that name: browsers are never told to stay with https on localhost.</summary>
    private static async Task<HttpResponseMessage> PostAsync(HttpClient client, Uri address)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(address, "/api/sync")) { Content = new StringContent("""{"data":1}""", new System.Net.Http.Headers.MediaTypeHeaderValue("application/json")) };
        request.Headers.Host = "door.example" + (address.Scheme == "https" ? $":{address.Port}" : "");
        return await client.SendAsync(request, TestContext.Current.CancellationToken);
    }
}
