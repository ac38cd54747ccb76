using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;

namespace Demo;

/// <summary>A cloud's endpoint on this machine, on a bad day. It writes down in the ledger what it accepts, and honours Idempotency-Key.</summary>
internal sealed class BadDayEndpoint : IAsyncDisposable
{
    // Longer than any time-out of a caller: who hangs here is not answered.
    private static readonly TimeSpan Forever = TimeSpan.FromMinutes(1);

    private readonly WebApplication _app;
    private readonly CloudLedger _ledger;
    private readonly BadDay _day;
    private readonly string _apiKeyHeader;
    private readonly string _apiKey;
    private long _refused;
    private volatile bool _isFixed;

    private BadDayEndpoint(CloudLedger ledger, BadDay day, string apiKeyHeader, string apiKey, ILoggerProvider log)
    {
        _ledger = ledger;
        _day = day;
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
        _app.Run(HandleAsync);
    }

    public string Cloud => _ledger.Name;

    public string Address => _app.Urls.First();

    public BadDay Day => _day;

    /// <summary>Requests that carried poison, answered with 400.</summary>
    public long Refused => Volatile.Read(ref _refused);

    public static async Task<BadDayEndpoint> StartAsync(
        CloudLedger ledger, BadDay day, string apiKeyHeader, string apiKey, ILoggerProvider log)
    {
        var endpoint = new BadDayEndpoint(ledger, day, apiKeyHeader, apiKey, log);
        await endpoint._app.StartAsync();
        return endpoint;
    }

    public async ValueTask DisposeAsync() => await _app.DisposeAsync();

    private Task HandleAsync(HttpContext context) => (context.Request.Method, context.Request.Path.Value) switch
    {
        ("POST", "/events") => TakeAsync(context),
        ("GET", "/ledger") => ShowAsync(context),
        ("PUT", "/down") => MakeAsync(context, Weather.Down),
        ("PUT", "/throttled") => MakeAsync(context, Weather.Throttled),
        ("PUT", "/hanging") => MakeAsync(context, Weather.HangBefore),
        ("PUT", "/cut") => MakeAsync(context, Weather.ResetBefore),
        ("PUT", "/locked") => MakeAsync(context, Weather.Locked),
        ("PUT", "/fair") => MakeAsync(context, null),
        ("PUT", "/fixed") => FixAsync(context),
        _ => AnswerAsync(context, StatusCodes.Status404NotFound),
    };

    /// <summary>For a stranger who wants to see an outage.</summary>
    private Task MakeAsync(HttpContext context, Weather? weather)
    {
        _day.Forced = weather;
        return AnswerAsync(context, StatusCodes.Status204NoContent);
    }

    /// <summary>Poison is taken from now on: the bug that refused it is mended, and dead letters can be sent again.</summary>
    private Task FixAsync(HttpContext context)
    {
        _isFixed = true;
        return AnswerAsync(context, StatusCodes.Status204NoContent);
    }

    private async Task TakeAsync(HttpContext context)
    {
        // Whoever sends again on this connection has read the answer that went before.
        var connection = context.Features.GetRequiredFeature<IConnectionItemsFeature>().Items;
        if (connection.Remove(this, out var answered))
            _ledger.AnswerRead((IReadOnlyList<string>)answered!);

        if (context.Request.Headers[_apiKeyHeader] != _apiKey)
        {
            await AnswerAsync(context, StatusCodes.Status401Unauthorized);
            return;
        }

        var isBatch = context.Request.ContentType?.StartsWith("application/cloudevents-batch+json", StringComparison.OrdinalIgnoreCase) == true;
        var items = isBatch ? Items(await ReadBodyAsync(context.Request)) : [await ItemAsync(context.Request)];
        var weather = _day.Next(items.Count);
        switch (weather)
        {
            case Weather.Down:
                await AnswerAsync(context, StatusCodes.Status503ServiceUnavailable);
                return;
            case Weather.Locked:
                await AnswerAsync(context, StatusCodes.Status401Unauthorized);
                return;
            case Weather.Throttled:
                context.Response.Headers.RetryAfter = "1";
                await AnswerAsync(context, StatusCodes.Status429TooManyRequests);
                return;
            case Weather.ResetBefore:
                context.Abort();
                return;
            case Weather.HangBefore:
                await HangAsync(context);
                return;
            case Weather.Slow:
                await Task.Delay(Random.Shared.Next(100, 400));
                break;
        }

        var statuses = items.Select(Take).ToList();
        switch (weather)
        {
            case Weather.ResetAfter:
                context.Abort();
                return;
            case Weather.HangAfter:
                await HangAsync(context);
                return;
        }

        connection[this] = items.Select(item => item.Id).ToList();
        if (isBatch)
            await AnswerAsync(context, items, statuses);
        else
            await AnswerAsync(context, statuses[0]);
    }

    private int Take(Item item)
    {
        if (!_isFixed && item.Data.AsSpan().IndexOf("\"poison\":true"u8) >= 0)
        {
            Interlocked.Increment(ref _refused);
            return StatusCodes.Status400BadRequest;
        }

        _ledger.Accept(item.Id, item.IdempotencyKey, item.Data);
        return StatusCodes.Status202Accepted;
    }

    /// <summary>One message: the envelope in the headers, the payload in the body.</summary>
    private static async Task<Item> ItemAsync(HttpRequest request) =>
        new(request.Headers["ce-id"].ToString(), request.Headers["Idempotency-Key"].FirstOrDefault(), await ReadBodyAsync(request));

    /// <summary>Many messages. Their batch may come again in another company, so the id of each is its own idempotency key.</summary>
    private static List<Item> Items(byte[] body)
    {
        using var json = JsonDocument.Parse(body);
        return [.. json.RootElement.EnumerateArray().Select(e =>
        {
            var id = e.GetProperty("id").GetString()!;
            return new Item(id, id, e.TryGetProperty("data", out var data) ? Encoding.UTF8.GetBytes(data.GetRawText()) : e.GetProperty("data_base64").GetBytesFromBase64());
        })];
    }

    /// <summary>For a stranger who has put a record into the topic and wants to see it arrive.</summary>
    private async Task ShowAsync(HttpContext context)
    {
        var buffer = new System.Buffers.ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true }))
        {
            json.WriteStartObject();
            json.WriteString("cloud", _ledger.Name);
            json.WriteNumber("acceptedOfThisRun", _ledger.Accepted);
            json.WriteNumber("acceptedFromElsewhere", _ledger.Foreign);
            json.WriteNumber("repeatedAfterALostAnswer", _ledger.Repeated);
            json.WriteNumber("deadLettered", _ledger.DeadLettered);
            json.WriteStartArray("lastFromElsewhere");
            foreach (var foreign in _ledger.LastForeign().Reverse())
            {
                json.WriteStartObject();
                json.WriteString("at", foreign.At);
                json.WriteString("id", foreign.Id);
                json.WriteNumber("bytes", foreign.Bytes);
                json.WriteString("beginning", foreign.Beginning);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteStartArray("lastIds");
            foreach (var id in _ledger.Last().Reverse())
                json.WriteStringValue(id);
            json.WriteEndArray();
            json.WriteEndObject();
        }

        context.Response.ContentType = "application/json";
        await context.Response.Body.WriteAsync(buffer.WrittenMemory);
    }

    private static async Task<byte[]> ReadBodyAsync(HttpRequest request)
    {
        using var buffer = new MemoryStream((int)(request.ContentLength ?? 0));
        await request.Body.CopyToAsync(buffer, request.HttpContext.RequestAborted);
        return buffer.ToArray();
    }

    private static Task AnswerAsync(HttpContext context, int status)
    {
        context.Response.StatusCode = status;
        context.Response.ContentLength = 0;
        return Task.CompletedTask;
    }

    private static async Task AnswerAsync(HttpContext context, List<Item> items, List<int> statuses)
    {
        context.Response.StatusCode = statuses.TrueForAll(s => s == StatusCodes.Status202Accepted)
            ? StatusCodes.Status202Accepted
            : StatusCodes.Status207MultiStatus;
        context.Response.ContentType = "application/json";
        await using var json = new Utf8JsonWriter(context.Response.BodyWriter);
        json.WriteStartObject();
        json.WriteStartArray("results");
        for (var i = 0; i < items.Count; i++)
        {
            json.WriteStartObject();
            json.WriteString("id", items[i].Id);
            json.WriteNumber("status", statuses[i]);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static async Task HangAsync(HttpContext context)
    {
        await Task.Delay(Forever, context.RequestAborted).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        context.Abort();
    }

    private readonly record struct Item(string Id, string? IdempotencyKey, byte[] Data);
}
