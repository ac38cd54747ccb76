using System.Collections.Concurrent;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Xunit;

namespace CloudSync.Sdk.Tests.Http;

/// <summary>A real web server on a free port, which keeps what it was sent.</summary>
internal sealed class TestEndpoint : IAsyncDisposable
{
    private readonly WebApplication _app;

    private TestEndpoint(WebApplication app) => _app = app;

    public ConcurrentQueue<ReceivedRequest> Requests { get; } = [];

    /// <summary>What is answered; 202 without a body unless a test says otherwise.</summary>
    public Func<HttpContext, ReceivedRequest, Task> Answer { get; set; } = (context, _) =>
    {
        context.Response.StatusCode = 202;
        return Task.CompletedTask;
    };

    /// <summary>What is done before the body is read; whether to go on.</summary>
    public Func<HttpContext, Task<bool>> BeforeBody { get; set; } = _ => Task.FromResult(true);

    public string Url { get; private set; } = "";

    public static async Task<TestEndpoint> Start(HttpProtocols protocols = HttpProtocols.Http1, long? maxBody = null, X509Certificate2? certificate = null)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.Listen(System.Net.IPAddress.Loopback, 0, listen =>
            {
                listen.Protocols = protocols;
                if (certificate is not null)
                    listen.UseHttps(certificate);
            });
            kestrel.Limits.MaxRequestBodySize = maxBody;
            kestrel.Limits.MaxRequestHeadersTotalSize = 1024 * 1024;
        });
        var app = builder.Build();
        var endpoint = new TestEndpoint(app);
        app.Run(async context =>
        {
            if (!await endpoint.BeforeBody(context))
                return;
            var body = new MemoryStream();
            await context.Request.Body.CopyToAsync(body);
            var request = new ReceivedRequest(
                context.Request.Method,
                context.Request.Path + context.Request.QueryString,
                context.Request.Protocol,
                context.Request.Headers.ToDictionary(h => h.Key, h => h.Value.Select(v => v ?? "").ToArray(), StringComparer.OrdinalIgnoreCase),
                body.ToArray());
            endpoint.Requests.Enqueue(request);
            await endpoint.Answer(context, request);
        });
        await app.StartAsync(TestContext.Current.CancellationToken);
        endpoint.Url = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single();
        return endpoint;
    }

    public void AnswerWith(int status, string? body = null, params (string Name, string Value)[] headers) => Answer = (context, _) =>
    {
        context.Response.StatusCode = status;
        foreach (var (name, value) in headers)
            context.Response.Headers[name] = value;
        if (body is null)
            return Task.CompletedTask;
        context.Response.ContentType = "application/json";
        return context.Response.WriteAsync(body);
    };

    public async ValueTask DisposeAsync()
    {
        // A request that a test has left hanging must not hold the stop up.
        using var now = new CancellationTokenSource(TimeSpan.Zero);
        await _app.StopAsync(now.Token);
        await _app.DisposeAsync();
    }
}

internal sealed record ReceivedRequest(
    string Method, string Target, string Protocol, IReadOnlyDictionary<string, string[]> Headers, byte[] Body)
{
    public string Text => Encoding.UTF8.GetString(Body);

    /// <summary>The header's only value.</summary>
    public string this[string name] => Assert.Single(Headers[name]);
}

/// <summary>Sinks made the way a user makes them, through the registration.</summary>
internal sealed class TestSink : IAsyncDisposable
{
    private readonly ServiceProvider _services;

    private TestSink(ServiceProvider services) => _services = services;

    public IServiceProvider Services => _services;

    public ICloudSink Single => _services.GetRequiredKeyedService<ICloudSink>("aws");

    public IBatchCloudSink Batch => _services.GetRequiredKeyedService<IBatchCloudSink>("aws");

    public static TestSink To(string url, params (string Key, string? Value)[] settings) => With(null, null, [("Url", url), .. settings]);

    public static TestSink ToBatch(string url, params (string Key, string? Value)[] settings) => To(url, [("Mode", "Batch"), .. settings]);

    public static TestSink With(Action<HttpSinkOptions>? configure, Action<IServiceCollection>? more, params (string Key, string? Value)[] settings)
    {
        var services = new ServiceCollection();
        more?.Invoke(services);
        new CloudSyncConsumerBuilder("aws", services).UseHttpSink(Section(settings), configure);
        return new TestSink(services.BuildServiceProvider(validateScopes: true));
    }

    public static IConfigurationSection Section(params (string Key, string? Value)[] settings) =>
        new ConfigurationBuilder()
            .AddInMemoryCollection(settings.Select(s => new KeyValuePair<string, string?>("CloudSync:AwsEndpoint:" + s.Key, s.Value)))
            .Build()
            .GetSection("CloudSync:AwsEndpoint");

    public ValueTask DisposeAsync() => _services.DisposeAsync();
}

internal static class Messages
{
    public static MessageHeader Header(string name, string? value) => new(name, value is null ? null : Encoding.UTF8.GetBytes(value));

    public static SyncMessage Json(string id, string json = "{}", string? key = null) =>
        SyncMessage.Create(Encoding.UTF8.GetBytes(json), key, id, [Header(CloudEvents.ContentType, "application/json")]);

    public static SyncMessage[] Many(int count) => [.. Enumerable.Range(0, count).Select(i => Json($"id-{i}", $$"""{"n":{{i}}}""", $"key-{i}"))];
}
