using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using CloudSync.Sdk;
using CloudSync.Sdk.Testing;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace CloudSync.Samples.Tests.Hosting;

/// <summary>The sync hosts as a platform runs them: processes that are told to stop, and killed when they do not.</summary>
public sealed class SyncHostTests
{
    /// <summary>For what must not hang, and has no deadline of its own.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("Aws")]
    [InlineData("Azure")]
    public async Task Told_to_stop_under_load_it_finishes_what_it_began_and_leaves_the_rest_for_the_next(string cloud)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no SIGTERM.");
        const int Messages = 2_000;
        await using var kafka = Kafka();
        await using var endpoint = await HeldEndpoint.StartAsync();
        await ProduceAsync(kafka, Messages);

        // Under load: all its calls are under way when it is told to stop.
        var release = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        endpoint.Answer = _ => endpoint.Begun.Count > 200 ? release.Task : Task.CompletedTask;
        using (var host = Start(kafka, endpoint, "10s", cloud: cloud))
        {
            await host.UntilAsync(() => endpoint.Waiting == 16, "its 16 calls were under way");
            await host.SignalAsync("TERM");
            await host.UntilAsync(() => host.Output.Contains("Application is shutting down", StringComparison.Ordinal), "it had heard");
            release.SetResult();

            // Then the platform kills it.
            Assert.Equal(0, await host.ExitCodeAsync(TimeSpan.FromSeconds(10)));
            Assert.Equal(endpoint.Begun.Order(), endpoint.Answered.Order());
            AssertEveryLineIsJson(host.Output);
            Assert.Empty(host.Errors.Trim());
        }

        var first = endpoint.Answered.Count;
        Assert.InRange(first, 201, Messages - 1);
        using (var host = Start(kafka, endpoint, "10s", cloud: cloud))
        {
            await host.UntilAsync(() => endpoint.Answered.Distinct().Count() == Messages, "everything had arrived");
            await host.SignalAsync("TERM");
            Assert.Equal(0, await host.ExitCodeAsync(TimeSpan.FromSeconds(10)));
        }

        // What the first had delivered was committed, and came to the second no more.
        Assert.Equal(Messages, endpoint.Begun.Count);
    }

    [Fact]
    public async Task A_call_that_outlasts_the_grace_time_is_given_up_in_time_and_its_message_comes_again()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no SIGTERM.");
        await using var kafka = Kafka();
        await using var endpoint = await HeldEndpoint.StartAsync();
        await ProduceAsync(kafka, 20);
        endpoint.Answer = id => id == "7" ? Task.Delay(Timeout.Infinite, Cancelled) : Task.CompletedTask;
        using (var host = Start(kafka, endpoint, "5s"))
        {
            await host.UntilAsync(() => endpoint.Answered.Count == 19 && endpoint.Waiting == 1, "all but one were answered");
            await host.SignalAsync("TERM");
            Assert.Equal(0, await host.ExitCodeAsync(TimeSpan.FromSeconds(5)));
        }

        endpoint.Answer = _ => Task.CompletedTask;
        using var next = Start(kafka, endpoint, "5s");
        await next.UntilAsync(() => endpoint.Answered.Contains("7"), "the one had come again");
    }

    [Fact]
    public async Task Wrong_settings_are_said_once_without_a_stack_and_the_exit_code_is_1()
    {
        using var host = SampleProcess.Start(
            "AwsSyncHost", [new("CloudSync__Aws__DrainTimeout", "29s"), new("CloudSync__Aws__MaxConcurency", "3"), new("CloudSync__AwsEndpoint__ApiKey", "k")], "--Urls=http://127.0.0.1:0");

        Assert.Equal(1, await host.ExitCodeAsync(Patience));
        Assert.Equal(
            [
                "2 settings are wrong:",
                "CloudSync:Aws:MaxConcurency is not a setting; did you mean MaxConcurrency?",
                "CloudSync:Aws:DrainTimeout is 00:00:29; it must be at most 00:00:24: the platform kills the process after GraceTime, 00:00:30, of which 00:00:03 are kept for the last commit and as much "
                + "for the end of the process. Leave it out, or raise GraceTime together with what the platform gives.",
            ],
            host.Errors.Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries));
        Assert.Empty(host.Output.Trim());
    }

    [Fact]
    public async Task Settings_come_from_the_file_the_environment_the_secrets_and_the_command_line_and_the_last_wins()
    {
        var secrets = Directory.CreateTempSubdirectory("cloudsync-secrets-");
        try
        {
            await File.WriteAllTextAsync(Path.Combine(secrets.FullName, "CloudSync__AwsEndpoint__ApiKey"), "of the file\n", Cancelled);
            await File.WriteAllTextAsync(Path.Combine(secrets.FullName, "CloudSync__Aws__Kafka__sasl.password"), "of the file\n", Cancelled);
            await using var app = AwsSyncHost.Program.CreateHost(
                [$"--Secrets:Directory={secrets.FullName}", "--CloudSync:Aws:Kafka:sasl.password=of the command line"], SettingsOf("AwsSyncHost"));

            Assert.Equal("data-topic", app.Configuration["CloudSync:Aws:Topic"]);
            Assert.Equal("of the file", app.Configuration["CloudSync:AwsEndpoint:ApiKey"]);
            Assert.Equal("of the command line", app.Configuration["CloudSync:Aws:Kafka:sasl.password"]);
        }
        finally
        {
            secrets.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task It_answers_for_itself_and_can_be_asked_without_a_shell()
    {
        await using var kafka = Kafka();
        await using var endpoint = await HeldEndpoint.StartAsync();
        await ProduceAsync(kafka, 10);
        var url = $"http://127.0.0.1:{FreePort().ToString(CultureInfo.InvariantCulture)}";
        using (var host = Start(kafka, endpoint, "10s", url))
        {
            await host.UntilAsync(() => endpoint.Answered.Count == 10, "everything had arrived");
            using var client = new HttpClient { BaseAddress = new Uri(url) };
            Assert.Equal("""{"status":"healthy"}""", await client.GetStringAsync("/health/live", Cancelled));
            Assert.Equal("""{"status":"healthy"}""", await client.GetStringAsync("/health/ready", Cancelled));
            Assert.Contains("cloudsync_consumer_delivered_total{", await client.GetStringAsync("/metrics", Cancelled), StringComparison.Ordinal);
            using var asked = SampleProcess.Start("AwsSyncHost", [new("Urls", url)], "--health");
            Assert.Equal(0, await asked.ExitCodeAsync(Patience));
        }

        using var askedInVain = SampleProcess.Start("AwsSyncHost", [new("Urls", url)], "--health");
        Assert.Equal(1, await askedInVain.ExitCodeAsync(Patience));
    }

    private static string SettingsOf(string sample) => Path.Combine(Repository.Root, "samples", sample);

    private static EmbeddedKafka Kafka()
    {
        var kafka = EmbeddedKafka.Start();
        kafka.CreateTopic("data-topic", partitions: 3);
        kafka.CreateTopic("data-topic-dlq", partitions: 3);
        return kafka;
    }

    private static async Task ProduceAsync(EmbeddedKafka kafka, int messages)
    {
        var services = new ServiceCollection();
        services.AddCloudSyncProducer(options => options.BootstrapServers = kafka.BootstrapServers);
        await using var provider = services.BuildServiceProvider();
        var producer = provider.GetRequiredService<ICloudSyncProducer>();
        for (var i = 0; i < messages; i++)
            await producer.EnqueueAsync(new OutgoingMessage("{}"u8.ToArray()) { Id = i.ToString(CultureInfo.InvariantCulture), Key = $"key-{i}" }, cancellationToken: Cancelled);

        await producer.FlushAsync(Cancelled);
    }

    private static SampleProcess Start(EmbeddedKafka kafka, HeldEndpoint endpoint, string graceTime, string url = "http://127.0.0.1:0", string cloud = "Aws") => SampleProcess.Start(
        $"{cloud}SyncHost",
        [
            new("Urls", url), new("CloudSync__Host__GraceTime", graceTime), new($"CloudSync__{cloud}__BootstrapServers", kafka.BootstrapServers),
            new($"CloudSync__{cloud}__Kafka__session__timeout__ms", "6000"), new($"CloudSync__{cloud}__Kafka__heartbeat__interval__ms", "500"),
            new($"CloudSync__{cloud}Endpoint__Url", endpoint.Url), new($"CloudSync__{cloud}Endpoint__ApiKey", "key"),
            // The endpoint of the test takes messages one by one.
            new($"CloudSync__{cloud}Endpoint__Mode", "Single"),
        ]);

    private static void AssertEveryLineIsJson(string output)
    {
        foreach (var line in output.Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries))
            using (JsonDocument.Parse(line))
            {
            }
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
