using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace CloudSync.Sdk.AspNetCore.Tests;

/// <summary>The sample API on a real Kestrel, with the producer that it is given, else with its own.</summary>
internal sealed class FrontDoor : IAsyncDisposable
{
    private FrontDoor(WebApplication app, LogOfTheTest log)
    {
        (App, Log) = (app, log);
        Client = new HttpClient { BaseAddress = new Uri(app.Urls.First()) };
    }

    public WebApplication App { get; }

    public HttpClient Client { get; }

    public LogOfTheTest Log { get; }

    public static Task<FrontDoor> StartAsync(ICloudSyncProducer? producer, params string[] settings) => StartAsync(producer, _ => { }, settings);

    public static async Task<FrontDoor> StartAsync(ICloudSyncProducer? producer, Action<IServiceCollection> configure, params string[] settings)
    {
        var log = new LogOfTheTest();
        var app = IngestApi.Program.CreateHost(
            ["--Urls=http://127.0.0.1:0", "--CloudSync:Producer:BootstrapServers=127.0.0.1:1", "--Ingest:RateLimit:TokensPerSecond=0", "--environment=Development", .. settings],
            configure: builder =>
            {
                builder.Logging.ClearProviders().AddProvider(log).SetMinimumLevel(LogLevel.Trace);
                builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(10));
                configure(builder.Services);
                if (producer is null)
                    return;

                builder.Services.RemoveAll<ICloudSyncProducer>();
                builder.Services.AddSingleton(producer);
            });
        try
        {
            await app.StartAsync();
        }
        catch
        {
            await app.DisposeAsync();
            throw;
        }

        return new FrontDoor(app, log);
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await App.DisposeAsync();
    }

    public async Task<Answer> PostAsync(string path, string body, string contentType = "application/json", params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(path, UriKind.Relative)) { Content = new ByteArrayContent(System.Text.Encoding.UTF8.GetBytes(body)) };
        if (contentType.Length > 0)
            request.Content.Headers.TryAddWithoutValidation("Content-Type", contentType);
        foreach (var (name, value) in headers)
            request.Headers.TryAddWithoutValidation(name, value);
        return await SendAsync(request);
    }

    public async Task<Answer> GetAsync(string path, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(path, UriKind.Relative));
        foreach (var (name, value) in headers)
            request.Headers.TryAddWithoutValidation(name, value);
        return await SendAsync(request);
    }

    private async Task<Answer> SendAsync(HttpRequestMessage request)
    {
        using var response = await Client.SendAsync(request);
        var text = await response.Content.ReadAsStringAsync();
        var headers = response.Headers.Concat(response.Content.Headers).ToDictionary(h => h.Key, h => string.Join(", ", h.Value), StringComparer.OrdinalIgnoreCase);
        return new Answer((int)response.StatusCode, headers, text);
    }
}

/// <summary>What came back.</summary>
internal sealed record Answer(int Status, IReadOnlyDictionary<string, string> Headers, string Text)
{
    public JsonElement Json => JsonDocument.Parse(Text).RootElement;

    public bool IsProblem => Headers.GetValueOrDefault("Content-Type") == "application/problem+json" && Json.GetProperty("status").GetInt32() == Status
        && Json.TryGetProperty("type", out _) && Json.TryGetProperty("title", out _);

    /// <summary>The results of a batch: id and status of each, <c>*</c> behind the one that stands for all that follow.</summary>
    public string Results => string.Join(' ', Json.GetProperty("results").EnumerateArray().Select(result =>
        $"{(result.TryGetProperty("id", out var id) ? id.GetString() : "-")}:{result.GetProperty("status")}{(result.TryGetProperty("rest", out _) ? "*" : "")}"));
}
