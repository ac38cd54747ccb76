using CloudSync.Sdk.Testing;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Xunit;

namespace CloudSync.Sdk.AspNetCore.Tests;

/// <summary>Live, ready, and the details for who may see them.</summary>
public sealed class HealthTests
{
    [Fact]
    public async Task Ready_is_who_has_kafka_and_its_topic_and_live_is_anybody()
    {
        await using var kafka = EmbeddedKafka.Start();
        kafka.CreateTopic("data-topic", partitions: 3);
        await using var door = await FrontDoor.StartAsync(null, $"--CloudSync:Producer:BootstrapServers={kafka.BootstrapServers}");
        await using var without = await FrontDoor.StartAsync(null);

        var ready = await door.GetAsync("/health/ready");
        Assert.Equal((200, """{"status":"healthy"}"""), (ready.Status, ready.Text));
        Assert.Equal((503, """{"status":"unhealthy"}"""), ((await without.GetAsync("/health/ready")) is var r ? (r.Status, r.Text) : default));
        Assert.Equal((200, 200), ((await door.GetAsync("/health/live")).Status, (await without.GetAsync("/health/live")).Status));

        var kafkaOf = (await door.GetAsync("/api/health")).Json.GetProperty("checks").EnumerateArray().Single(c => c.GetProperty("name").GetString() == "cloudsync-producer");
        Assert.Equal("3", kafkaOf.GetProperty("data").GetProperty("partitions").GetString());
    }

    [Fact]
    public async Task Details_are_for_administrators_alone()
    {
        using var tokens = new Tokens();
        await using var door = await FrontDoor.StartAsync(null, [.. tokens.Settings, "--environment=Production"]);

        Assert.Equal(401, (await door.GetAsync("/api/health")).Status);
        var forbidden = await door.GetAsync("/api/health", ("Authorization", "Bearer " + tokens.Good("sync:write")));
        Assert.Equal((403, "Bearer error=\"insufficient_scope\", scope=\"sync:admin\""), (forbidden.Status, forbidden.Headers["WWW-Authenticate"]));
        var answer = await door.GetAsync("/api/health", ("Authorization", "Bearer " + tokens.Good("sync:admin")));
        Assert.Equal(503, answer.Status);
        Assert.Contains("BootstrapServers", answer.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Where_nobody_is_asked_for_a_token_details_are_kept_back()
    {
        await using var door = await FrontDoor.StartAsync(null, "--environment=Production", "--Ingest:Authentication:AllowAnonymous=true");
        var answer = await door.GetAsync("/api/health");

        Assert.Equal(503, answer.Status);
        Assert.Contains("cloudsync-producer", answer.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("BootstrapServers", answer.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Once_a_stop_has_begun_it_is_not_ready_and_goes_on_taking_requests_for_a_while()
    {
        await using var kafka = EmbeddedKafka.Start();
        kafka.CreateTopic("data-topic");
        await using var door = await FrontDoor.StartAsync(null, $"--CloudSync:Producer:BootstrapServers={kafka.BootstrapServers}", "--Ingest:DrainDelay=00:01:00", "--CloudSync:Host:GraceTime=00:02:00");
        Assert.Equal(200, (await door.GetAsync("/health/ready")).Status);

        using var enough = new CancellationTokenSource();
        var stop = door.App.StopAsync(enough.Token);

        Assert.Equal(503, (await door.GetAsync("/health/ready")).Status);
        Assert.Equal(200, (await door.GetAsync("/health/live")).Status);
        Assert.Equal(202, (await door.PostAsync("/api/sync", """{"data":1}""")).Status);
        await enough.CancelAsync();
        await stop.ContinueWith(_ => { }, TestContext.Current.CancellationToken, TaskContinuationOptions.None, TaskScheduler.Default);
        await Assert.ThrowsAsync<HttpRequestException>(() => door.GetAsync("/health/live"));
    }

    [Fact]
    public async Task The_delay_is_a_part_of_the_grace_time()
    {
        await using var door = await FrontDoor.StartAsync(new FakeProducer(), "--CloudSync:Host:GraceTime=00:00:30", "--Ingest:DrainDelay=00:00:10");

        Assert.Equal(TimeSpan.FromSeconds(14), door.App.Services.GetRequiredService<IOptions<CloudSyncProducerOptions>>().Value.FlushTimeout);
    }

    /// <summary>The delay is taken out of the time to flush at start. Whoever stops first, it is not taken out a second time.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task The_delay_is_paid_once_whatever_was_registered_first(bool ingestFirst)
    {
        var (delay, flush) = (TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(2));
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Services.AddCloudSyncGraceTime().Configure<CloudSyncHostOptions>(host => host.GraceTime = flush + delay + TimeSpan.FromSeconds(2));
        if (ingestFirst)
            AddIngest();
        builder.Services.AddCloudSyncProducer(options => options.BootstrapServers = "127.0.0.1:1");
        if (!ingestFirst)
            AddIngest();
        await using var app = builder.Build();
        Assert.Equal(flush, app.Services.GetRequiredService<IOptions<CloudSyncProducerOptions>>().Value.FlushTimeout);
        await app.StartAsync(TestContext.Current.CancellationToken);
        await app.Services.GetRequiredService<ICloudSyncProducer>().EnqueueAsync(new OutgoingMessage("{}"u8.ToArray()), cancellationToken: TestContext.Current.CancellationToken);

        var since = TimeProvider.System.GetTimestamp();
        await app.StopAsync(TestContext.Current.CancellationToken);

        Assert.True(TimeProvider.System.GetElapsedTime(since) > delay + flush - TimeSpan.FromMilliseconds(200));
        Assert.Equal(TimeSpan.Zero, app.Services.GetRequiredService<DrainsLater>().Left());

        void AddIngest() => builder.Services.AddCloudSyncIngest(options => (options.DrainDelay, options.Authentication.AllowAnonymous) = (delay, true));
    }

    [Theory]
    [InlineData("00:00:22", "00:00:01", "Ingest:DrainDelay is 00:00:22; it must be at most 00:00:21: the platform kills the process after GraceTime, 00:00:30")]
    [InlineData("00:00:10", "00:00:15", "CloudSync:Producer:FlushTimeout is 00:00:15; it must be at most 00:00:14: the platform kills the process after GraceTime, 00:00:30, of which 00:00:10 pass before (DrainDelay)")]
    public async Task A_delay_that_does_not_fit_into_the_grace_time_stops_the_start(string delay, string flush, string expected)
    {
        var error = await Assert.ThrowsAsync<OptionsValidationException>(() => FrontDoor.StartAsync(
            new FakeProducer(), "--CloudSync:Host:GraceTime=00:00:30", $"--Ingest:DrainDelay={delay}", $"--CloudSync:Producer:FlushTimeout={flush}"));

        Assert.StartsWith(expected, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_host_of_consumers_alone_has_health_without_an_ingest_api()
    {
        await using var kafka = EmbeddedKafka.Start();
        kafka.CreateTopic("data-topic");
        kafka.CreateTopic("data-topic-dlq");
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Services.AddCloudSyncConsumer("aws").UseSink(_ => new RecordingSink()).Configure(options => options.BootstrapServers = kafka.BootstrapServers);
        await using var app = builder.Build();
        app.MapCloudSyncHealth();
        await app.StartAsync(TestContext.Current.CancellationToken);
        using var client = new HttpClient { BaseAddress = new Uri(app.Urls.First()) };

        Assert.Equal("""{"status":"healthy"}""", await client.GetStringAsync(new Uri("/health/live", UriKind.Relative), TestContext.Current.CancellationToken));
        Assert.Equal("""{"status":"healthy"}""", await client.GetStringAsync(new Uri("/health/ready", UriKind.Relative), TestContext.Current.CancellationToken));
        Assert.Equal(
            """{"status":"healthy","checks":[{"name":"cloudsync-aws","status":"healthy"}]}""",
            await client.GetStringAsync(new Uri("/api/health", UriKind.Relative), TestContext.Current.CancellationToken));
    }
}
