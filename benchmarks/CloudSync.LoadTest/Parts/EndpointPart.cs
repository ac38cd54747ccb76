using System.Text.Json;
using CloudSync.LoadTest.Audit;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace CloudSync.LoadTest.Parts;

/// <summary>What the endpoints are to do.</summary>
/// <param name="Run">The run's name.</param>
/// <param name="PayloadBytes">Bytes of a payload.</param>
/// <param name="Names">The clouds, each of which has a path of its name.</param>
/// <param name="Latency">How long each answer takes.</param>
/// <param name="Fault">What they do wrong, to see whether the audit finds it.</param>
internal sealed record EndpointSettings(string Run, int PayloadBytes, string[] Names, TimeSpan Latency, Fault Fault = Fault.None);

/// <summary>The endpoints of all clouds, in one process.</summary>
internal static class EndpointPart
{
    public const string Name = "endpoint";

    /// <summary>Asks for the counts of a cloud: this and its name.</summary>
    public const string CountQuestion = "count";

    /// <summary>Asks for the latency since it was asked last: this and a cloud's name.</summary>
    public const string LatencyQuestion = "latency";

    /// <summary>Has the order of arrivals written into a file: this, a cloud's name and the file.</summary>
    public const string OrderQuestion = "order";

    public static async Task RunAsync(string json)
    {
        var settings = JsonSerializer.Deserialize<EndpointSettings>(json)!;
        var events = new Events(settings.Run, settings.PayloadBytes);
        var endpoints = settings.Names.ToDictionary(name => name, _ => new CloudEndpoint(events, settings.Latency, settings.Fault));
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(System.Net.IPAddress.Loopback, 0));
        await using var app = builder.Build();
        app.Run(context => endpoints.TryGetValue(context.Request.Path.Value![1..], out var endpoint) ? endpoint.HandleAsync(context) : NotFound(context));
        await app.StartAsync();
        await PartLoop.RunAsync(app.Urls.Single(), question => Task.FromResult(Answer(endpoints, question.Split(' ', 3))));
    }

    private static object? Answer(Dictionary<string, CloudEndpoint> endpoints, string[] question)
    {
        switch (question)
        {
            case [CountQuestion, var name]:
                return endpoints[name].Count;
            case [LatencyQuestion, var name]:
                return endpoints[name].NextLatency();
            case [OrderQuestion, var name, var file]:
                using (var stream = File.Create(file))
                using (var buffered = new BufferedStream(stream, 1 << 20))
                    endpoints[name].Ledger.Write(buffered);
                return true;
            default:
                return null;
        }
    }

    private static Task NotFound(HttpContext context)
    {
        context.Response.StatusCode = StatusCodes.Status404NotFound;
        return Task.CompletedTask;
    }
}
