using System.Globalization;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;

namespace Demo.Copies;

/// <summary>
/// A cloud's endpoint on this machine that honours Idempotency-Key and asks the ledger whether to answer. Each process that delivers has an address of its own, so
/// the ledger knows who sent what.
/// </summary>
internal sealed class CopiesEndpoint : IAsyncDisposable
{
    // Long enough that the copies of a message meet while one of them is under way.
    private static readonly TimeSpan Work = TimeSpan.FromMilliseconds(5);

    private readonly WebApplication _app;
    private readonly EndpointLedger _ledger;
    private readonly string _apiKeyHeader;
    private readonly string _apiKey;

    private CopiesEndpoint(EndpointLedger ledger, string apiKeyHeader, string apiKey, ILoggerProvider log)
    {
        _ledger = ledger;
        _apiKeyHeader = apiKeyHeader;
        _apiKey = apiKey;

        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Logging.AddProvider(log).SetMinimumLevel(LogLevel.Warning);
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Listen(System.Net.IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http1);
        });
        _app = builder.Build();
        _app.Run(TakeAsync);
    }

    public static async Task<CopiesEndpoint> StartAsync(EndpointLedger ledger, string apiKeyHeader, string apiKey, ILoggerProvider log)
    {
        var endpoint = new CopiesEndpoint(ledger, apiKeyHeader, apiKey, log);
        await endpoint._app.StartAsync();
        return endpoint;
    }

    /// <summary>Where one life of a process sends to.</summary>
    public string AddressOf(int life) => string.Create(CultureInfo.InvariantCulture, $"{_app.Urls.First()}/lives/{life}");

    public async ValueTask DisposeAsync() => await _app.DisposeAsync();

    private async Task TakeAsync(HttpContext context)
    {
        context.Response.ContentLength = 0;
        if (!int.TryParse(context.Request.Path.Value?.Split('/')[^1], NumberStyles.None, CultureInfo.InvariantCulture, out var life) || life >= EndpointLedger.Lives)
        {
            context.Response.StatusCode = StatusCodes.Status404NotFound;
            return;
        }

        if (context.Request.Headers[_apiKeyHeader] != _apiKey)
        {
            context.Response.StatusCode = StatusCodes.Status401Unauthorized;
            return;
        }

        var arrivals = await ReadAsync(context.Request);
        if (!_ledger.Arrive(life, arrivals))
        {
            // Its sender will be killed; until then it waits.
            await Task.Delay(Timeout.InfiniteTimeSpan, context.RequestAborted).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            return;
        }

        await Task.Delay(Work, CancellationToken.None);
        _ledger.Answer(life, arrivals);

        // A batch that is answered with a plain 202 was taken whole.
        context.Response.StatusCode = StatusCodes.Status202Accepted;
    }

    private static async Task<IReadOnlyList<Arrival>> ReadAsync(HttpRequest request)
    {
        using var buffer = new MemoryStream((int)(request.ContentLength ?? 0));
        await request.Body.CopyToAsync(buffer, request.HttpContext.RequestAborted);
        var body = buffer.ToArray();
        if (request.ContentType?.StartsWith("application/cloudevents-batch+json", StringComparison.OrdinalIgnoreCase) != true)
            return [new Arrival(Header(request, "ce-id") ?? "", Header(request, "Idempotency-Key"), Header(request, "ce-partitionkey"), body)];

        // A batch may come again in another company, so the id of each message is its own idempotency key.
        using var json = JsonDocument.Parse(body);
        return [.. json.RootElement.EnumerateArray().Select(e =>
        {
            var id = e.GetProperty("id").GetString()!;
            var key = e.TryGetProperty("partitionkey", out var k) ? k.GetString() : null;
            return new Arrival(id, id, key, e.TryGetProperty("data", out var data) ? Encoding.UTF8.GetBytes(data.GetRawText()) : []);
        })];
    }

    private static string? Header(HttpRequest request, string name) => request.Headers[name].FirstOrDefault();
}
