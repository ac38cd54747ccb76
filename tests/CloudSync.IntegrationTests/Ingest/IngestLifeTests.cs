using System.Net;
using System.Text;
using CloudSync.IntegrationTests.Consuming;
using CloudSync.Sdk;
using CloudSync.Sdk.Testing;
using CloudSync.Tests;
using Xunit;

namespace CloudSync.IntegrationTests.Ingest;

/// <summary>What becomes of messages that clients are posting to the API when its process ends, and when its Kafka does.</summary>
public sealed class IngestLifeTests(KafkaCluster cluster)
{
    private static readonly TimeSpan GraceTime = TimeSpan.FromSeconds(30);

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task After_a_SIGTERM_under_load_every_message_that_was_accepted_is_in_Kafka()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Needs the signal TERM.");
        using var topic = await TestTopic.CreateAsync(cluster, partitions: 6);
        using var api = await IngestProcess.StartAsync(topic.BootstrapServers, topic.Name, "--Ingest:DrainDelay=00:00:01");
        await using var clients = new PostingClients(api.Address, clients: 16);
        await Eventually.TrueAsync(() => clients.AcceptedCount > 2_000, "2,000 messages are accepted", Cancelled);

        await api.TerminateAsync();
        await clients.Ended.WaitAsync(GraceTime, Cancelled);

        Assert.Equal(0, await api.ExitCodeAsync(GraceTime));
        AssertAllThere(clients, topic);
    }

    [Fact]
    public async Task While_Kafka_is_away_the_API_answers_503_in_time_holds_no_more_than_it_may_and_recovers_by_itself()
    {
        await using var kafka = await BreakableKafka.StartAsync();
        using var topic = new TestTopic(kafka.BootstrapServers, "data-topic", 6);
        using var api = await IngestProcess.StartAsync(
            topic.BootstrapServers, topic.Name, "--Ingest:ProduceTimeout=2s", "--CloudSync:Producer:BufferBytes=4194304", "--CloudSync:Producer:DeliveryTimeout=10s");
        await using var clients = new PostingClients(api.Address, clients: 32, payloadBytes: 10_000);
        await Eventually.TrueAsync(() => clients.AcceptedCount > 500, "500 messages are accepted", Cancelled);
        using var client = new HttpClient { BaseAddress = api.Address };
        Assert.Equal(HttpStatusCode.OK, await ReadyAsync(client));

        var before = api.WorkingSet;
        await kafka.TakeDownAsync();
        await Eventually.TrueAsync(() => clients.Statuses.GetValueOrDefault(503) > 100, "100 requests are answered with 503", Cancelled);
        await Eventually.TrueAsync(async () => await ReadyAsync(client) == HttpStatusCode.ServiceUnavailable, "the API is not ready", Cancelled);
        var grown = api.WorkingSet - before;

        await kafka.BringUpAsync();
        var accepted = clients.AcceptedCount;
        await Eventually.TrueAsync(() => clients.AcceptedCount > accepted + 500, "500 more messages are accepted", Cancelled);
        await Eventually.TrueAsync(async () => await ReadyAsync(client) == HttpStatusCode.OK, "the API is ready again", Cancelled);
        await clients.StopAsync();
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{string.Join(", ", clients.Statuses.Select(s => $"{s.Value} × {s.Key}"))}; the working set grew by {grown / 1024 / 1024} MiB from {before / 1024 / 1024} MiB.");

        Assert.Empty(clients.Unanswered);
        Assert.Equal(0, clients.WithoutRetryAfter);

        // A hundred times and more of what was posted meanwhile would not fit: what is bounded is the buffer, and the requests that wait.
        Assert.True(grown < 256 * 1024 * 1024, $"The working set grew by {grown:N0} bytes.");
        AssertAllThere(clients, topic);
    }

    private static async Task<HttpStatusCode> ReadyAsync(HttpClient client)
    {
        using var answer = await client.GetAsync(new Uri("/health/ready", UriKind.Relative), Cancelled);
        return answer.StatusCode;
    }

    private static void AssertAllThere(PostingClients clients, TestTopic topic)
    {
        var there = topic.ReadAll().ToDictionary(
            record => (record.Partition.Value, record.Offset.Value), record => Encoding.UTF8.GetString(record.Message.Headers.GetLastBytes(CloudEvents.Id)));

        Assert.All(clients.Accepted, accepted => Assert.Equal(accepted.Id, there.GetValueOrDefault((accepted.Partition, accepted.Offset))));
        Assert.Empty(clients.Refused.Intersect(there.Values));
    }

    /// <summary>A Kafka of the test's own: a real broker that is killed, where there is one to start, and away for half a minute; else the embedded one, and only until it is noticed.</summary>
    private sealed class BreakableKafka : IAsyncDisposable
    {
        private static readonly TimeSpan RealOutage = TimeSpan.FromSeconds(30);

        private readonly EmbeddedKafka? _embedded;
        private readonly StartedKafka? _started;

        private BreakableKafka(EmbeddedKafka? embedded, StartedKafka? started) => (_embedded, _started) = (embedded, started);

        public string BootstrapServers => _embedded?.BootstrapServers ?? _started!.BootstrapServers;

        public static async Task<BreakableKafka> StartAsync()
        {
            if (Environment.GetEnvironmentVariable("KAFKA_HOME") is not { Length: > 0 } home)
            {
                var embedded = EmbeddedKafka.Start();
                embedded.CreateTopic("data-topic", partitions: 6);
                return new BreakableKafka(embedded, null);
            }

            var started = await StartedKafka.StartAsync(home);
            using var topic = new TestTopic(started.BootstrapServers, "data-topic", 6);
            await topic.MakeAsync();
            return new BreakableKafka(null, started);
        }

        public async Task TakeDownAsync()
        {
            _embedded?.TakeAllBrokersDown();
            if (_started is null)
                return;

            await _started.RunAsync("kill", "1");
            await Task.Delay(RealOutage, Cancelled);
        }

        public async Task BringUpAsync()
        {
            _embedded?.BringAllBrokersUp();
            if (_started is not null)
                await _started.RunAsync("start", "1");
        }

        public async ValueTask DisposeAsync()
        {
            if (_embedded is not null)
                await _embedded.DisposeAsync();
            if (_started is not null)
                await _started.DisposeAsync();
        }
    }
}
