using System.Buffers;
using System.Diagnostics;
using System.Net.Http.Json;
using System.Text;
using CloudSync.Measuring;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace CloudSync.Compare.Arms;

/// <summary>What an endpoint has taken since it was asked last.</summary>
/// <param name="Messages">How many messages.</param>
/// <param name="NumberSum">The sum of their numbers.</param>
/// <param name="Seconds">From the first request to the end of the last.</param>
internal sealed record Taken(long Messages, long NumberSum, double Seconds);

/// <summary>An endpoint in a process of its own, which reads what is posted to its end, counts it, and answers 200.</summary>
internal sealed class EndpointProcess : IAsyncDisposable
{
    private static readonly HttpClient Client = new();

    private readonly Process _process;

    private EndpointProcess(Process process, string url) => (_process, Url) = (process, url);

    /// <summary>Where messages are posted, without the path.</summary>
    public string Url { get; }

    public static async Task<EndpointProcess> StartAsync()
    {
        var process = Child.Start(new Job(Http.Name, Http.Endpoint));
        return new EndpointProcess(process, await process.StandardOutput.ReadLineAsync() ?? throw new InvalidOperationException("The endpoint does not start."));
    }

    /// <summary>Asks an endpoint what it has taken, and makes it begin anew.</summary>
    public static async Task<Taken> ForgetAsync(string url) => (await Client.GetFromJsonAsync<Taken>(url + CountingEndpoint.ForgetPath))!;

    /// <summary>Waits until an endpoint has taken that many messages, and makes it begin anew.</summary>
    /// <exception cref="InvalidOperationException">Nothing has come for a minute.</exception>
    public static async Task<Taken> UntilAsync(string url, int messages)
    {
        var (seen, since) = (0L, Stopwatch.StartNew());
        while (true)
        {
            var count = await Client.GetFromJsonAsync<long>(url + CountingEndpoint.CountPath);
            if (count >= messages)
                return await ForgetAsync(url);

            if (count != seen)
                (seen, since) = (count, Stopwatch.StartNew());
            else if (since.Elapsed > TimeSpan.FromMinutes(1))
                throw new InvalidOperationException($"After {count:N0} of {messages:N0} messages nothing more was posted for a minute.");

            await Task.Delay(20);
        }
    }

    public async ValueTask DisposeAsync()
    {
        _process.StandardInput.Close();
        await _process.WaitForExitAsync();
        _process.Dispose();
    }
}

/// <summary>The endpoint itself.</summary>
internal static class CountingEndpoint
{
    public const string BatchPath = "/batch";
    public const string SinglePath = "/single";
    public const string CountPath = "/count";
    public const string ForgetPath = "/forget";

    /// <summary>What an event of a batch begins with, but for its number. Whoever writes events in another form is told that none have come.</summary>
    private static readonly byte[] Marker = """{"specversion":"1.0","id":"""u8.ToArray();

    private static long _messages;
    private static long _numbers;
    private static long _first;
    private static long _last;

    /// <summary>Runs until the process ends.</summary>
    public static async Task ServeAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(System.Net.IPAddress.Loopback, 0));
        await using var app = builder.Build();
        app.Run(HandleAsync);
        await app.StartAsync();
        Console.WriteLine(app.Urls.Single());
        await Task.Delay(Timeout.Infinite);
    }

    private static async Task HandleAsync(HttpContext context)
    {
        switch (context.Request.Path.Value)
        {
            case BatchPath:
                Begin();
                await TakeBatchAsync(context.Request);
                break;
            case SinglePath:
                Begin();
                await context.Request.Body.CopyToAsync(Stream.Null);
                Take(1, Load.NumberOf(Encoding.ASCII.GetBytes(context.Request.Headers["ce-id"].ToString())));
                break;
            case CountPath:
                await context.Response.WriteAsJsonAsync(Volatile.Read(ref _messages));
                break;
            case ForgetPath:
                await context.Response.WriteAsJsonAsync(Forget());
                break;
            default:
                context.Response.StatusCode = StatusCodes.Status404NotFound;
                break;
        }
    }

    private static async Task TakeBatchAsync(HttpRequest request)
    {
        var length = (int)request.ContentLength!.Value;
        var body = ArrayPool<byte>.Shared.Rent(length);
        await request.Body.ReadExactlyAsync(body.AsMemory(0, length));
        var (count, sum) = Count(body.AsSpan(0, length));
        ArrayPool<byte>.Shared.Return(body);
        Take(count, sum);
    }

    /// <summary>Counts the events in a body, and adds up the numbers at the end of their ids.</summary>
    internal static (int Count, long Sum) Count(ReadOnlySpan<byte> body)
    {
        var (count, sum) = (0, 0L);
        while (body.IndexOf(Marker) is var at and >= 0)
        {
            // Behind the marker come a quote and the id.
            var id = body.Slice(at + Marker.Length + 1, Load.IdLength);
            sum += Load.NumberOf(id);
            count++;

            // The payload alone is as long as this, and need not be searched.
            body = body[Math.Min(body.Length, at + Marker.Length + 1 + Load.IdLength + Load.ValueSize)..];
        }

        return (count, sum);
    }

    private static void Begin()
    {
        if (Volatile.Read(ref _first) == 0)
            Interlocked.CompareExchange(ref _first, Stopwatch.GetTimestamp(), 0);
    }

    private static void Take(int messages, long numbers)
    {
        Volatile.Write(ref _last, Stopwatch.GetTimestamp());
        Interlocked.Add(ref _numbers, numbers);
        Interlocked.Add(ref _messages, messages);
    }

    private static Taken Forget()
    {
        var taken = new Taken(_messages, _numbers, Stopwatch.GetElapsedTime(_first, _last).TotalSeconds);
        (_messages, _numbers, _first, _last) = (0, 0, 0, 0);
        return taken;
    }
}
