using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Logging;
using Xunit;

namespace CloudSync.Samples.Tests.Hosting;

/// <summary>Metrics on a port of their own, which whoever reaches the API need not reach.</summary>
public sealed class MetricsUrlTests
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_port_of_the_metrics_has_nothing_else_and_no_other_has_them()
    {
        var own = $"http://127.0.0.1:{FreePort().ToString(CultureInfo.InvariantCulture)}";
        await using var api = Create($"--Telemetry:MetricsUrl={own}", "--HTTPS_PORT=443");
        await api.StartAsync(Cancelled);
        using var client = new HttpClient(new HttpClientHandler { AllowAutoRedirect = false });
        var open = api.Urls.Single(url => url != own);

        Assert.Contains("target_info{", await client.GetStringAsync(new Uri(own + "/metrics"), Cancelled), StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.NotFound, await StatusAsync(client, own + "/health/live"));
        Assert.Equal(HttpStatusCode.NotFound, await StatusAsync(client, own + "/api/sync"));

        // Also when its sender says that it is for the other port.
        Assert.Equal(HttpStatusCode.RedirectKeepVerb, await StatusAsync(client, open + "/metrics"));
        Assert.Equal(HttpStatusCode.RedirectKeepVerb, await StatusAsync(client, open + "/metrics", new Uri(own).Authority));
        await api.StopAsync(Cancelled);
    }

    [Fact]
    public async Task Without_an_address_they_are_beside_all_else()
    {
        await using var api = Create();
        await api.StartAsync(Cancelled);
        using var client = new HttpClient();
        var open = Assert.Single(api.Urls);

        Assert.Contains("target_info{", await client.GetStringAsync(new Uri(open + "/metrics"), Cancelled), StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(client, open + "/health/live"));
        await api.StopAsync(Cancelled);
    }

    [Theory]
    [InlineData("9464")]
    [InlineData("ftp://*:9464")]
    public void What_is_no_address_stops_the_start(string url)
    {
        var error = Assert.Throws<InvalidOperationException>(() => Create($"--Telemetry:MetricsUrl={url}"));

        Assert.Equal($"Telemetry:MetricsUrl is '{url}'; it must be an address to listen at, such as http://*:9464.", error.Message);
    }

    private static WebApplication Create(params string[] settings) => IngestApi.Program.CreateHost(
        ["--Urls=http://127.0.0.1:0", "--CloudSync:Producer:BootstrapServers=127.0.0.1:1", "--Ingest:Authentication:AllowAnonymous=true", .. settings],
        Path.Combine(Repository.Root, "samples/IngestApi"),
        builder => builder.Logging.ClearProviders());

    private static async Task<HttpStatusCode> StatusAsync(HttpClient client, string url, string? host = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(url));
        request.Headers.Host = host;
        using var response = await client.SendAsync(request, Cancelled);
        return response.StatusCode;
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
