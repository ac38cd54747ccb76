using System.Collections.Concurrent;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace CloudSync.Samples.Tests.Hosting;

/// <summary>An endpoint that keeps back its answers when it is told to, and remembers what came.</summary>
internal sealed class HeldEndpoint : IAsyncDisposable
{
    private readonly WebApplication _app;
    private int _waiting;

    private HeldEndpoint(WebApplication app) => _app = app;

    /// <summary>What a message waits for before it is answered.</summary>
    public Func<string, Task> Answer { get; set; } = _ => Task.CompletedTask;

    /// <summary>Every message that came, in the order of coming, as often as it came.</summary>
    public ConcurrentQueue<string> Begun { get; } = new();

    /// <summary>Those that were answered, to somebody who was still there.</summary>
    public ConcurrentQueue<string> Answered { get; } = new();

    public int Waiting => Volatile.Read(ref _waiting);

    public string Url => _app.Urls.First() + "/events";

    public static async Task<HeldEndpoint> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        var app = builder.Build();
        app.Urls.Add("http://127.0.0.1:0");
        var endpoint = new HeldEndpoint(app);
        app.MapPost("/events", endpoint.ReceiveAsync);
        await app.StartAsync();
        return endpoint;
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private async Task ReceiveAsync(HttpContext context)
    {
        var id = context.Request.Headers["ce-id"].ToString();
        Begun.Enqueue(id);
        Interlocked.Increment(ref _waiting);
        try
        {
            await Answer(id).WaitAsync(context.RequestAborted);
        }
        catch (OperationCanceledException)
        {
            return;
        }
        finally
        {
            Interlocked.Decrement(ref _waiting);
        }

        context.Response.StatusCode = StatusCodes.Status202Accepted;
        if (!context.RequestAborted.IsCancellationRequested)
            Answered.Enqueue(id);
    }
}
