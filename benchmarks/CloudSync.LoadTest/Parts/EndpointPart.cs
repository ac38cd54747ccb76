using System.Buffers;
using System.Text.Json;
using CloudSync.LoadTest.Audit;
using CloudSync.LoadTest.Load;
using CloudSync.LoadTest.Measuring;
using CloudSync.LoadTest.Results;
using HdrHistogram;
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

/// <summary>What an endpoint does wrong with one message in <see cref="Endpoint.FaultEvery"/>.</summary>
internal enum Fault
{
    None,
    Drop,
    Repeat,
    Reorder,
}

/// <summary>What an endpoint has seen.</summary>
/// <param name="Arrived">Different messages, in all.</param>
/// <param name="Duplicates">Arrivals of one that was there already, in all.</param>
/// <param name="Invented">Arrivals of what is no message of the run, in all.</param>
/// <param name="Calls">Requests, in all.</param>
/// <param name="BusySeconds">Their time, added up: with calls at the same time, more than a second in a second.</param>
internal sealed record EndpointCount(long Arrived, long Duplicates, long Invented, long Calls, double BusySeconds);

/// <summary>One cloud's endpoint: it reads what is posted, notes each message, and answers 200.</summary>
internal sealed class Endpoint(Events events, TimeSpan latency, Fault fault)
{
    public const int FaultEvery = 100_000;

    private const int MostEvents = 512;

    private readonly ArrivalLedger _ledger = new();
    private readonly Lock _lock = new();
    private LongHistogram _latency = Histograms.New();
    private long _calls;
    private long _busyTicks;
    private long _heldBack = -1;

    public EndpointCount Count => new(_ledger.Arrived, _ledger.Duplicates, _ledger.Invented, Volatile.Read(ref _calls), TimeSpan.FromTicks(Volatile.Read(ref _busyTicks)).TotalSeconds);

    public ArrivalLedger Ledger => _ledger;

    public async Task HandleAsync(HttpContext context)
    {
        var began = TimeProvider.System.GetTimestamp();
        var length = (int)(context.Request.ContentLength ?? 0);
        var body = ArrayPool<byte>.Shared.Rent(length);
        try
        {
            await context.Request.Body.ReadExactlyAsync(body.AsMemory(0, length), context.RequestAborted);
            if (latency > TimeSpan.Zero)
                await Task.Delay(latency);
            if (!TryTake(body.AsSpan(0, length)))
                context.Response.StatusCode = StatusCodes.Status400BadRequest;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(body);
            Interlocked.Increment(ref _calls);
            Interlocked.Add(ref _busyTicks, TimeProvider.System.GetElapsedTime(began).Ticks);
        }
    }

    /// <summary>How long messages took from when they were due until they arrived, since this was asked last.</summary>
    public Latency NextLatency()
    {
        lock (_lock)
        {
            var summary = Histograms.Summary(_latency);
            _latency = Histograms.New();
            return summary;
        }
    }

    private bool TryTake(ReadOnlySpan<byte> body)
    {
        var messages = ArrayPool<(long Number, long Due)>.Shared.Rent(MostEvents);
        var foreign = events.Read(body, ref messages, out var count);
        var now = LoadMessages.Microseconds(DateTimeOffset.UtcNow);
        foreach (var (number, _) in messages.AsSpan(0, count))
            Note(number);
        lock (_lock)
            foreach (var (_, due) in messages.AsSpan(0, count))
                Histograms.Record(_latency, TimeSpan.FromMicroseconds(now - due), 1);
        ArrayPool<(long Number, long Due)>.Shared.Return(messages);
        if (foreign > 0)
            _ledger.AddInvented(foreign);
        return count + foreign > 0;
    }

    private void Note(long number)
    {
        if (fault == Fault.None || number % FaultEvery != FaultEvery / 2)
        {
            if (fault == Fault.Reorder)
                NoteHeldBack(number);
            _ledger.Add(number);
            return;
        }

        switch (fault)
        {
            case Fault.Repeat:
                _ledger.Add(number);
                _ledger.Add(number);
                break;
            case Fault.Reorder:
                Volatile.Write(ref _heldBack, number);
                break;
        }
    }

    /// <summary>A message that is held back comes when many others have come, one of its own key among them.</summary>
    private void NoteHeldBack(long number)
    {
        var held = Volatile.Read(ref _heldBack);
        if (held >= 0 && number > held + FaultEvery / 4 && Interlocked.CompareExchange(ref _heldBack, -1, held) == held)
            _ledger.Add(held);
    }
}

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
        var endpoints = settings.Names.ToDictionary(name => name, _ => new Endpoint(events, settings.Latency, settings.Fault));
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(System.Net.IPAddress.Loopback, 0));
        await using var app = builder.Build();
        app.Run(context => endpoints.TryGetValue(context.Request.Path.Value![1..], out var endpoint) ? endpoint.HandleAsync(context) : NotFound(context));
        await app.StartAsync();
        await PartLoop.RunAsync(app.Urls.Single(), question => Task.FromResult(Answer(endpoints, question.Split(' ', 3))));
    }

    private static object? Answer(Dictionary<string, Endpoint> endpoints, string[] question)
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
