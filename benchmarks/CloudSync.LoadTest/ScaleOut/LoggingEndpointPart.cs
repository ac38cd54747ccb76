using System.Buffers;
using System.Globalization;
using System.Text.Json;
using CloudSync.LoadTest.Audit;
using CloudSync.LoadTest.Parts;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace CloudSync.LoadTest.ScaleOut;

/// <param name="Run">The run's name.</param>
/// <param name="PayloadBytes">Bytes of a payload.</param>
/// <param name="Latency">How long each answer takes.</param>
internal sealed record LoggingEndpointSettings(string Run, int PayloadBytes, TimeSpan Latency);

/// <summary>An endpoint that keeps a log of all requests. Each process of the group has a path of its own, its number, so that it is known who sent what.</summary>
internal static class LoggingEndpointPart
{
    public const string Name = "logging-endpoint";

    /// <summary>Asks how many different messages have arrived.</summary>
    public const string ArrivedQuestion = "arrived";

    /// <summary>Has the log written into a file: this and the file.</summary>
    public const string LogQuestion = "log";

    public static async Task RunAsync(string json)
    {
        var settings = JsonSerializer.Deserialize<LoggingEndpointSettings>(json)!;
        var (log, events) = (new CallLog(), new Events(settings.Run, settings.PayloadBytes));
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(System.Net.IPAddress.Loopback, 0));
        await using var app = builder.Build();
        app.Run(context => TakeAsync(context, settings, events, log));
        await app.StartAsync();
        await PartLoop.RunAsync(app.Urls.Single(), question => Task.FromResult(Answer(log, question.Split(' ', 2))));
    }

    private static object? Answer(CallLog log, string[] question)
    {
        switch (question)
        {
            case [ArrivedQuestion]:
                return log.Arrived;
            case [LogQuestion, var file]:
                using (var stream = new BufferedStream(File.Create(file), 1 << 20))
                    log.Write(stream);
                return true;
            default:
                return null;
        }
    }

    private static async Task TakeAsync(HttpContext context, LoggingEndpointSettings settings, Events events, CallLog log)
    {
        if (!int.TryParse(context.Request.Path.Value.AsSpan(1), NumberStyles.None, CultureInfo.InvariantCulture, out var member))
        {
            context.Response.StatusCode = StatusCodes.Status404NotFound;
            return;
        }

        var place = await ReadAsync(context.Request, member, settings.Run, events, log);
        await Task.Delay(settings.Latency);
        if (!context.RequestAborted.IsCancellationRequested)
            log.Answer(place);
    }

    private static async Task<int> ReadAsync(HttpRequest request, int member, string run, Events events, CallLog log)
    {
        var length = (int)(request.ContentLength ?? 0);
        var body = ArrayPool<byte>.Shared.Rent(length);
        var messages = ArrayPool<(long Number, long Due)>.Shared.Rent(1);
        await request.Body.ReadExactlyAsync(body.AsMemory(0, length), request.HttpContext.RequestAborted);
        var foreign = events.Read(body.AsSpan(0, length), ref messages, out var count);
        long[] numbers = [.. messages.Take(count).Select(message => message.Number)];
        var place = log.Begin(member, request.Headers["Idempotency-Key"] == BatchKey.Of(run, numbers), foreign, numbers);
        ArrayPool<(long Number, long Due)>.Shared.Return(messages);
        ArrayPool<byte>.Shared.Return(body);
        return place;
    }
}
