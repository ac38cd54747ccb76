using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace CloudSync.IntegrationTests.Delivery;

/// <summary>
/// An endpoint that answers as it is told, and writes every request down. What a consumer must not do to an endpoint is asserted here, where it would hurt, and not at the sink.
/// </summary>
internal sealed class DrillEndpoint : IAsyncDisposable
{
    /// <summary>The answer that never comes.</summary>
    public const int Hang = 0;

    private readonly Lock _gate = new();
    private readonly List<DrillRequest> _requests = [];
    private readonly HashSet<string> _taken = [];
    private readonly int _port;
    private WebApplication? _app;
    private int _underWay;

    private DrillEndpoint(int port) => _port = port;

    public string Url => $"http://127.0.0.1:{_port}/";

    /// <summary>The status of the answer, or <see cref="Hang"/>.</summary>
    public Func<DrillRequest, int> Answer { get; set; } = _ => StatusCodes.Status202Accepted;

    /// <summary>Awaited before an answer is decided: holds requests back.</summary>
    public Func<DrillRequest, Task> Before { get; set; } = _ => Task.CompletedTask;

    /// <summary>Seconds, in the answers with 429.</summary>
    public int RetryAfter { get; set; } = 1;

    /// <summary>What has come so far, in that order.</summary>
    public DrillRequest[] Requests
    {
        get
        {
            lock (_gate)
                return [.. _requests];
        }
    }

    public int Count
    {
        get
        {
            lock (_gate)
                return _requests.Count;
        }
    }

    /// <summary>Requests that have come and are not answered.</summary>
    public int UnderWay
    {
        get
        {
            lock (_gate)
                return _underWay;
        }
    }

    /// <summary>Different messages that were taken.</summary>
    public int Taken
    {
        get
        {
            lock (_gate)
                return _taken.Count;
        }
    }

    public static TimeSpan Now => Stopwatch.GetElapsedTime(0);

    public static async Task<DrillEndpoint> StartAsync()
    {
        var endpoint = new DrillEndpoint(FreePort());
        await endpoint.OpenAsync();
        return endpoint;
    }

    /// <summary>Listens. What was written down before stays.</summary>
    public async Task OpenAsync()
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseUrls(Url);
        builder.Services.Configure<Microsoft.Extensions.Hosting.HostOptions>(o => o.ShutdownTimeout = TimeSpan.Zero);
        _app = builder.Build();
        _app.Run(TakeAsync);
        await _app.StartAsync(TestContext.Current.CancellationToken);
    }

    /// <summary>Nobody listens any more: connections break, and new ones are refused.</summary>
    public async Task CloseAsync()
    {
        if (_app is { } app)
            await app.DisposeAsync();

        _app = null;
    }

    public ValueTask DisposeAsync() => new(CloseAsync());

    /// <summary>Below the ports that the system gives to outgoing connections: one of those could take it while nobody listens.</summary>
    private static int FreePort()
    {
        while (true)
        {
            var port = Random.Shared.Next(10_000, 20_000);
            try
            {
                using var probe = new TcpListener(IPAddress.Loopback, port);
                probe.Start();
                return port;
            }
            catch (SocketException)
            {
                // Somebody has it.
            }
        }
    }

    private async Task TakeAsync(HttpContext context)
    {
        var request = new DrillRequest { Ids = await IdsAsync(context.Request), Began = StampHandler.Read(context.Request) };
        lock (_gate)
        {
            request.Arrived = Now;
            request.UnderWay = ++_underWay;
            _requests.Add(request);
        }

        try
        {
            await Before(request);
            request.Status = Answer(request);
            if (request.Status == Hang)
            {
                await Task.Delay(Timeout.Infinite, context.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default);
                return;
            }

            context.Response.StatusCode = request.Status;
            if (request.Status == StatusCodes.Status429TooManyRequests)
                context.Response.Headers.RetryAfter = RetryAfter.ToString(CultureInfo.InvariantCulture);
        }
        finally
        {
            // Before the answer leaves: whatever the client does in the light of it comes later.
            lock (_gate)
            {
                _underWay--;
                request.Answered = Now;
                if (request.Status == StatusCodes.Status202Accepted)
                    _taken.UnionWith(request.Ids);
            }
        }
    }

    private static async Task<string[]> IdsAsync(HttpRequest request)
    {
        if (request.ContentType?.StartsWith("application/cloudevents-batch+json", StringComparison.Ordinal) is not true)
        {
            await request.Body.CopyToAsync(Stream.Null);
            return [request.Headers["ce-id"].ToString()];
        }

        using var batch = await JsonDocument.ParseAsync(request.Body);
        return [.. batch.RootElement.EnumerateArray().Select(e => e.GetProperty("id").GetString()!)];
    }
}

/// <summary>One request at a <see cref="DrillEndpoint"/>. All times are by one clock, which the client's own uses too.</summary>
internal sealed class DrillRequest
{
    /// <summary>The messages in it.</summary>
    public required string[] Ids { get; init; }

    /// <summary>When the client began the call.</summary>
    public required TimeSpan Began { get; init; }

    /// <summary>When it was here.</summary>
    public TimeSpan Arrived { get; set; }

    /// <summary>How many were here then and not answered, itself included.</summary>
    public int UnderWay { get; set; }

    /// <summary>What it was answered; <see cref="DrillEndpoint.Hang"/> while it is not.</summary>
    public int Status { get; set; }

    /// <summary>For a test that lets single requests go.</summary>
    public TaskCompletionSource Release { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>When it was answered, or the client gave it up.</summary>
    public TimeSpan Answered { get; set; }

    public override string ToString() => $"{Status} to {Ids[0]} and {Ids.Length - 1} more, began {Began}, arrived {Arrived} as one of {UnderWay}, answered {Answered}";
}

/// <summary>Writes into each request when the client began it.</summary>
internal sealed class StampHandler : DelegatingHandler
{
    private const string Header = "x-began";

    public static TimeSpan Read(HttpRequest request) =>
        long.TryParse(request.Headers[Header], CultureInfo.InvariantCulture, out var ticks) ? TimeSpan.FromTicks(ticks) : default;

    protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        request.Headers.Add(Header, DrillEndpoint.Now.Ticks.ToString(CultureInfo.InvariantCulture));
        return base.SendAsync(request, cancellationToken);
    }
}
