using System.Diagnostics;
using CloudSync.LoadTest.Audit;
using CloudSync.LoadTest.Load;
using CloudSync.LoadTest.Measuring;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Xunit;

namespace CloudSync.LoadTest.Tests.Load;

public sealed class OpenLoopTests
{
    private static readonly TimeSpan Duration = TimeSpan.FromSeconds(3);

    private readonly AcceptedLedger _ledger = new();
    private readonly Recorder _recorder = new();
    private readonly LoadMessages _messages = new("run", 256, 100);

    [Fact]
    public async Task A_stall_of_a_second_is_seen_by_all_who_would_have_come_meanwhile()
    {
        // A closed loop of as many clients would have seen it 64 times, and not sent the others.
        var stall = new Stall(after: 500, TimeSpan.FromSeconds(1));
        await using var api = await ApiAsync(stall.PassAsync);
        using var target = Target(api, inFlight: 64);

        var due = await RunAsync(target, rate: 500);

        var latency = _recorder.Latency();
        Assert.Equal(1_500, due);
        Assert.Equal(1_500, latency.Count);
        Assert.True(latency.Max >= 990, $"max {latency.Max} ms");
        Assert.True(latency.P99 >= 900, $"P99 {latency.P99} ms");
        // More than the 64 that were under way: a twentieth are 75.
        Assert.True(latency.P95 >= 500, $"P95 {latency.P95} ms");
    }

    [Fact]
    public async Task What_finds_no_place_until_the_end_is_not_left_out()
    {
        var never = new TaskCompletionSource();
        await using var api = await ApiAsync(() => never.Task);
        using var target = Target(api, inFlight: 4);

        var due = await new OpenLoop(target, _ledger).RunAsync(100, 1, Duration, _recorder, TestContext.Current.CancellationToken);
        var latency = _recorder.Latency();
        never.SetResult();
        await target.UntilAnsweredAsync();

        Assert.Equal(300, due);
        Assert.Equal((4, 4), (_recorder.Begun, _recorder.MaxInFlight));
        Assert.Equal(296, latency.Count);
        Assert.True(latency.Max >= 2_900, $"max {latency.Max} ms");
        Assert.InRange(latency.P50, 1_300, 1_700);
    }

    [Fact]
    public async Task A_generator_that_is_itself_late_says_so()
    {
        var target = new Sluggish(TimeSpan.FromSeconds(1));

        var due = await RunAsync(target, rate: 100);

        Assert.Equal(300, due);
        Assert.True(_recorder.Lateness().P99 >= 900, $"{_recorder.Lateness().P99} ms");
        Assert.True(_recorder.MaxInFlight < target.InFlightLimit);
    }

    [Fact]
    public async Task Who_waits_for_a_place_is_not_blamed_for_it()
    {
        await using var api = await ApiAsync(() => Task.Delay(100));
        using var target = Target(api, inFlight: 1);

        await RunAsync(target, rate: 100);

        var (latency, lateness) = (_recorder.Latency(), _recorder.Lateness());
        Assert.True(latency.P99 >= 1_000, $"P99 {latency.P99} ms");
        Assert.True(lateness.P50 < latency.P50 / 4, $"late {lateness.P50} of {latency.P50} ms");
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(100, 500)]
    public async Task It_takes_all_of_its_time_though_the_last_is_due_before(int rate, int batchSize)
    {
        var since = Stopwatch.StartNew();

        await new OpenLoop(new Sluggish(TimeSpan.Zero), _ledger).RunAsync(rate, batchSize, TimeSpan.FromSeconds(1), _recorder, TestContext.Current.CancellationToken);

        Assert.True(since.ElapsedMilliseconds >= 999, $"{since.ElapsedMilliseconds} ms");
    }

    [Fact]
    public async Task An_answer_that_never_ends_is_a_time_out()
    {
        using var listener = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
        listener.Start();
        using var target = new ApiTarget(new Uri($"http://{listener.LocalEndpoint}"), null, 4, TimeSpan.FromSeconds(1), _messages, _ledger);
        var running = new OpenLoop(target, _ledger).RunAsync(1, 1, TimeSpan.FromSeconds(1), _recorder, TestContext.Current.CancellationToken);
        using var socket = await listener.AcceptSocketAsync(TestContext.Current.CancellationToken);
        await socket.ReceiveAsync(new byte[4096]);
        await socket.SendAsync("HTTP/1.1 202 Accepted\r\nContent-Length: 100\r\n\r\n{"u8.ToArray());

        await running;
        await target.UntilAnsweredAsync().WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);

        Assert.Equal("time-out", _recorder.Errors.Single().Key);
        Assert.True(_recorder.Latency().Max >= 990, $"{_recorder.Latency().Max} ms");
    }

    [Fact]
    public async Task It_ends_at_once_when_it_is_interrupted()
    {
        using var interrupt = new CancellationTokenSource();
        var running = new OpenLoop(new Sluggish(TimeSpan.Zero), _ledger).RunAsync(1, 1, TimeSpan.FromHours(1), _recorder, interrupt.Token);
        Assert.True(SpinWait.SpinUntil(() => _recorder.Begun > 0, TimeSpan.FromSeconds(30)));

        await interrupt.CancelAsync();

        Assert.InRange(await running.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken), 1, 60);
    }

    [Fact]
    public async Task A_503_that_is_not_Kafkas_is_an_error_and_no_full_queue()
    {
        await using var api = await ApiAsync(() => Task.CompletedTask, () => 503);
        using var target = Target(api, inFlight: 1);

        await RunAsync(target, rate: 100);

        Assert.Equal(("HTTP 503", _recorder.Begun), (_recorder.Errors.Single().Key, _recorder.Errors.Single().Value));
        Assert.Equal(0, _recorder.QueueFull);
    }

    [Fact]
    public async Task What_is_said_of_all_that_follow_counts_for_each()
    {
        await using var api = await ApiAsync(
            () => Task.CompletedTask, () => 207, """{"accepted":1,"failed":2,"results":[{"status":202,"partition":0,"offset":1},{"status":400},{"status":503,"rest":true}]}""");
        using var target = Target(api, inFlight: 1);

        await new OpenLoop(target, _ledger).RunAsync(5, 5, TimeSpan.FromSeconds(1), _recorder, TestContext.Current.CancellationToken);
        await target.UntilAnsweredAsync();

        Assert.Equal((1, 3), (_recorder.Accepted, _recorder.QueueFull));
        Assert.Equal([new("HTTP 400", 1)], _recorder.Errors);
    }

    [Fact]
    public async Task Errors_are_told_by_their_kind()
    {
        var count = 0;
        await using var api = await ApiAsync(() => Task.CompletedTask, () => ++count % 2 == 0 ? 503 : 429, """{"status":503,"detail":"Kafka has not taken the message."}""");
        using var target = Target(api, inFlight: 1);

        var due = await RunAsync(target, rate: 100);

        var (kind, refused) = _recorder.Errors.Single();
        Assert.Equal("HTTP 429", kind);
        Assert.Equal(_recorder.Begun, refused + _recorder.QueueFull);
        Assert.InRange(refused - _recorder.QueueFull, 0, 1);
        // What found no place until the end has a latency, and what was refused has none.
        Assert.Equal((0, due - _recorder.Begun), (_recorder.Accepted, _recorder.Latency().Count));
    }

    [Fact]
    public async Task Where_nobody_listens_it_is_said()
    {
        using var target = new ApiTarget(new Uri("http://127.0.0.1:1"), null, 16, TimeSpan.FromSeconds(5), _messages, _ledger);

        await RunAsync(target, rate: 10);

        Assert.Equal("ConnectionError", _recorder.Errors.Single().Key);
    }

    private async Task<long> RunAsync(ITarget target, int rate)
    {
        var due = await new OpenLoop(target, _ledger).RunAsync(rate, 1, Duration, _recorder, TestContext.Current.CancellationToken);
        await target.UntilAnsweredAsync();
        return due;
    }

    private ApiTarget Target(WebApplication api, int inFlight) => new(new Uri(api.Urls.Single()), null, inFlight, TimeSpan.FromSeconds(30), _messages, _ledger);

    private static async Task<WebApplication> ApiAsync(Func<Task> answer, Func<int>? status = null, string? body = null)
    {
        var offset = 0L;
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(System.Net.IPAddress.Loopback, 0));
        var app = builder.Build();
        app.MapPost("/api/sync/{batch?}", async (HttpContext context) =>
        {
            await answer();
            context.Response.StatusCode = status?.Invoke() ?? 202;
            await context.Response.WriteAsync(body ?? $$"""{"status":202,"partition":0,"offset":{{Interlocked.Increment(ref offset)}}}""");
        });
        await app.StartAsync(TestContext.Current.CancellationToken);
        return app;
    }

    /// <summary>All who come within a second after the first so many wait for its end.</summary>
    private sealed class Stall(int after, TimeSpan length)
    {
        private readonly Lock _lock = new();
        private int _count;
        private Task _over = Task.CompletedTask;

        public Task PassAsync()
        {
            lock (_lock)
            {
                if (++_count == after)
                    _over = Task.Delay(length);
                return _over;
            }
        }
    }

    /// <summary>A generator that does something else for a while.</summary>
    private sealed class Sluggish(TimeSpan pause) : ITarget
    {
        public int InFlightLimit => 1_000;

        public void Begin(in Request request, Recorder recorder, CancellationToken cancellationToken)
        {
            recorder.Began(request.Count, Stopwatch.GetElapsedTime(request.Due));
            recorder.Acknowledged(request.Count, request.Due);
            recorder.Ended();
            if (request.First == 100)
                Thread.Sleep(pause);
        }

        public Task UntilAnsweredAsync() => Task.CompletedTask;
    }
}
