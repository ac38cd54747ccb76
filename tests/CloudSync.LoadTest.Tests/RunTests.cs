using System.Diagnostics;
using System.Globalization;
using CloudSync.LoadTest.Parts;
using CloudSync.LoadTest.Results;
using CloudSync.LoadTest.Views;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Xunit;

namespace CloudSync.LoadTest.Tests;

public sealed class RunTests
{
    [Fact]
    public async Task The_whole_path_is_measured_and_audited_with_nothing_installed()
    {
        using var output = new StringWriter();

        var result = await RunAsync(output, "--steps", "20,100", "--duration", "2", "--warm-up", "1");

        Assert.True(result.IsGreen, string.Join("; ", result.Audit.SelectMany(audit => audit.Examples)));
        Assert.Equal(["aws", "azure"], result.Audit.Select(audit => audit.Endpoint));
        Assert.Equal([20, 100], result.Steps.Select(step => step.Asked));
        Assert.Null(result.Ended);
        Assert.All(result.Audit, audit => Assert.True(audit.Accepted >= 240 && audit.Arrived == audit.Accepted, $"{audit.Arrived} of {audit.Accepted}"));
        Assert.All(result.Steps, step =>
        {
            Assert.Equal(["api", "aws", "azure", "broker", "client", "endpoint"], step.Parts.Select(part => part.Name).Order(StringComparer.Ordinal));
            Assert.Equal(step.Asked * 2, step.Due);
            // A generator without a processor may not come to the last ones in time, and says so.
            Assert.Equal(step.Sent, step.Accepted);
            Assert.All(step.Endpoints, endpoint => Assert.NotNull(endpoint.DrainSeconds));
            Assert.All(step.Endpoints, endpoint => Assert.Equal(step.Accepted, endpoint.Latency.Count));
        });
        Assert.Contains("100/s:", output.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Bare_hosts_carry_the_same_messages_as_a_baseline()
    {
        var result = await RunAsync(TextWriter.Null, "--hosts", "bare", "--steps", "100", "--duration", "2", "--warm-up", "1");

        var step = result.Steps.Single();
        Assert.True(result.IsGreen, string.Join("; ", result.Audit.SelectMany(audit => audit.Examples)));
        Assert.Equal((200, step.Sent), (step.Due, step.Accepted));
        Assert.All(result.Audit, audit => Assert.Equal(audit.Accepted, audit.Arrived));
        Assert.EndsWith(", with bare hosts", result.Info.Description, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_producer_alone_is_measured_without_endpoints()
    {
        var result = await RunAsync(TextWriter.Null, "--target", "producer", "--steps", "1000", "--duration", "1", "--warm-up", "1");

        var step = result.Steps.Single();
        Assert.Equal((1_000, step.Sent), (step.Due, step.Accepted));
        Assert.Empty(result.Audit);
        Assert.Equal(["client", "broker"], step.Parts.Select(part => part.Name));
    }

    [Fact]
    public async Task It_ends_by_itself_when_two_steps_in_a_row_fall_far_short()
    {
        // One request at a time, each of which waits for the producer's linger: some 150 a second at best.
        var result = await RunAsync(TextWriter.Null, "--target", "api", "--steps", "5,3000,4000,5000", "--duration", "1", "--warm-up", "1", "--in-flight", "1", "--batch", "1");

        Assert.Equal([5, 3_000, 4_000], result.Steps.Select(step => step.Asked));
        Assert.StartsWith("Two steps in a row got less than 80 %", result.Ended, StringComparison.Ordinal);
        Assert.True(result.Highest < 3_000);
        Assert.NotEqual(Limit.Nothing, result.Steps[^1].Limit.Part);
    }

    [Fact]
    public async Task A_path_with_a_long_latency_holds_its_rate_all_the_same()
    {
        await using var api = await ApiAsync(TimeSpan.FromMilliseconds(300));

        var result = await RunAsync(TextWriter.Null, "--target", "api", "--api", api.Urls.Single(), "--steps", "100", "--duration", "2", "--warm-up", "1");

        Assert.Equal(100, result.Highest);
        Assert.Equal(Limit.Nothing, result.Steps.Single().Limit.Part);
    }

    [Fact]
    public async Task A_part_that_dies_ends_the_run_red_with_what_was_measured()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Only Linux says whose child a process is.");
        var result = await new Run(Options.Parse(["--steps", "20,100,200", "--duration", "1", "--warm-up", "1"], _ => null), new KillsEndpointAfterAStep())
            .RunAsync(1, TestContext.Current.CancellationToken);

        Assert.Equal(20, result.Steps[0].Asked);
        Assert.Equal("The process of endpoint has ended. That was in the step of 100 a second, of which no figures are left.", result.Ended);
        Assert.False(result.IsGreen);
    }

    [Fact]
    public async Task A_message_that_comes_again_after_all_has_arrived_is_found()
    {
        // Each call ends as a time-out, and its message arrives all the same: it is tried again, comes a second time, and is kept as a dead letter.
        var result = await RunAsync(
            TextWriter.Null, "--steps", "1", "--duration", "1", "--warm-up", "1", "--endpoint-ms", "1500", "--consumer", "SinkTimeout=00:00:01", "--consumer", "Errors:Timeout:Breaker=None",
            "--consumer", "Errors:Timeout:MaxRetryAttempts=1", "--consumer", "Errors:Timeout:InitialDelay=00:00:02");

        Assert.Equal(["aws", "azure"], result.Audit.Select(audit => audit.Endpoint));
        Assert.All(result.Audit, audit => Assert.Equal((2, 2, 2), (audit.Accepted, audit.Duplicates, audit.DeadLetters)));
        Assert.False(result.IsGreen);
    }

    [Fact]
    public async Task An_api_that_is_not_there_is_said()
    {
        var error = await Assert.ThrowsAsync<InvalidOperationException>(() => RunAsync(TextWriter.Null, "--target", "api", "--api", "http://127.0.0.1:1", "--steps", "10", "--warm-up", "1"));

        Assert.Equal("Nothing was accepted in the warm-up: ConnectionError × 10. Asked was the API at http://127.0.0.1:1/.", error.Message);
    }

    private static Task<RunResult> RunAsync(TextWriter output, params string[] args) =>
        new Run(Options.Parse(args, _ => null), new PlainView(output)).RunAsync(1, TestContext.Current.CancellationToken);

    [Fact]
    public async Task Brokers_that_are_not_there_are_said_with_their_address()
    {
        var error = await Assert.ThrowsAsync<InvalidOperationException>(() => RunAsync(TextWriter.Null, "--kafka", "127.0.0.1:1", "--steps", "10"));

        Assert.StartsWith("Kafka at 127.0.0.1:1 does not make the topic load-", error.Message, StringComparison.Ordinal);
    }

    private static async Task<WebApplication> ApiAsync(TimeSpan latency)
    {
        var offset = 0L;
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(System.Net.IPAddress.Loopback, 0));
        var app = builder.Build();
        app.MapPost("/api/sync", async (HttpContext context) =>
        {
            await Task.Delay(latency);
            context.Response.StatusCode = 202;
            await context.Response.WriteAsync($$"""{"status":202,"partition":0,"offset":{{Interlocked.Increment(ref offset)}}}""");
        });
        await app.StartAsync(TestContext.Current.CancellationToken);
        return app;
    }

    private sealed class KillsEndpointAfterAStep : IProgressView
    {
        public void Say(string text)
        {
        }

        public void Begin(int number, int count, int rate)
        {
        }

        public void Second(int rate, TimeSpan elapsed, TimeSpan duration, SecondResult second)
        {
        }

        public void End(StepResult step)
        {
            foreach (var process in Process.GetProcessesByName("dotnet"))
                using (process)
                    if (IsEndpointOfOurs(process.Id))
                        process.Kill();
        }

        private static bool IsEndpointOfOurs(int id)
        {
            try
            {
                // Behind the program's name in brackets: state, parent …
                var stat = File.ReadAllText($"/proc/{id}/stat");
                return int.Parse(stat[(stat.LastIndexOf(')') + 2)..].Split(' ')[1], CultureInfo.InvariantCulture) == Environment.ProcessId
                    && File.ReadAllText($"/proc/{id}/cmdline").Contains($"\0{EndpointPart.Name}\0", StringComparison.Ordinal);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // It has ended meanwhile.
                return false;
            }
        }
    }
}
