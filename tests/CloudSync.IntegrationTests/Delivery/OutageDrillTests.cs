using System.Diagnostics;
using System.Globalization;
using System.Text;
using CloudSync.IntegrationTests.Consuming;
using CloudSync.Sdk;
using CloudSync.Tests;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;
using Xunit;

namespace CloudSync.IntegrationTests.Delivery;

/// <summary>The whole of an outage, with real requests: down in every way there is, and back. Two clouds, and one of them never notices.</summary>
public sealed class OutageDrillTests(KafkaCluster cluster)
{
    private const int Partitions = 6;
    private const int Concurrency = 8;
    private const int FailuresToOpen = 5;
    private const int MaxHeld = 2_000;

    /// <summary>Requests after the return that are looked at one by one.</summary>
    private const int Ramp = 100;
    private const string Poison = "poison";

    private static readonly TimeSpan Break = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan SinkTimeout = TimeSpan.FromSeconds(1);

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(HttpSinkMode.Single, 20_000, 0)]
    [InlineData(HttpSinkMode.Single, 20_000, 1)]
    [InlineData(HttpSinkMode.Single, 20_000, 3 * FailuresToOpen)]
    [InlineData(HttpSinkMode.Batch, 100_000, 0)]
    [InlineData(HttpSinkMode.Batch, 100_000, 1)]
    [InlineData(HttpSinkMode.Batch, 100_000, 3 * FailuresToOpen)]
    public async Task An_endpoint_that_is_down_in_every_way_costs_nothing_but_time_and_is_asked_by_one_probe_at_a_time(HttpSinkMode mode, int count, int poison)
    {
        await using var aws = await DrillEndpoint.StartAsync();
        await using var azure = await DrillEndpoint.StartAsync();
        using var topic = await TestTopic.CreateAsync(cluster, Partitions);
        using var deadLetters = await TestTopic.CreateAsync(cluster);
        var produced = 0;

        // Among the others: so many new messages in a row that fail would be an outage themselves.
        for (var i = 0; i < poison; i++)
        {
            await topic.ProduceAsync(TestRecord.Of($"{Poison}-{i}", $"{Poison}-{i}"));
            produced++;
            await ProduceAsync(100);
        }

        await ProduceAsync(count / 2);
        aws.Answer = _ => 503;
        using var clouds = new Clouds(cluster, topic, deadLetters, (aws.Url, mode), (azure.Url, HttpSinkMode.Batch));
        await clouds.StartAsync();
        var outage = Stopwatch.StartNew();

        // Each kind of outage for some probes, while more and more is produced.
        await GrowUntilAsync(() => clouds.Logged("aws", ConsumerHost.BreakerOpened) >= 3, "it answers 503");
        await aws.CloseAsync();
        await GrowUntilAsync(() => clouds.Failed("aws", ErrorType.NetworkError) >= 2, "it refuses connections");
        aws.Answer = _ => DrillEndpoint.Hang;
        await aws.OpenAsync();
        await GrowUntilAsync(() => clouds.Failed("aws", ErrorType.Timeout) >= 2, "it does not answer");
        aws.Answer = _ => 401;
        await GrowUntilAsync(() => clouds.Failed("aws", ErrorType.Authentication) >= 2, "it does not know us");
        Assert.True(clouds["aws"].NeedsAttention);
        await Eventually.TrueAsync(() => outage.Elapsed > 1.2 * clouds.PollInterval, "a member that did not poll would be out of its group", Cancelled);
        await Eventually.TrueAsync(() => azure.Taken == produced, "the other cloud has everything", Cancelled);
        Assert.Equal(0, aws.Taken);
        Assert.All(topic.Committed(clouds.Group("aws")), offset => Assert.Equal(0, offset));
        AssertOneProbeAtATime(aws.Requests);

        // It is back, and takes its time at first.
        var before = aws.Requests;
        var first = aws.Count;
        aws.Before = _ => aws.Count - first < Ramp ? Task.Delay(10) : Task.CompletedTask;
        aws.Answer = Healthy;
        var back = DrillEndpoint.Now;
        await Eventually.TrueAsync(() => aws.Taken == produced - poison, "everything is delivered", Cancelled);
        if (poison > 0)
            await Eventually.TrueAsync(PoisonIsDeadLettered, "the poison is dead-lettered", Cancelled);

        // All that was produced while the poison was waited for, too, and by both: a stop reads nothing more, and the lag is as old as a second.
        await Eventually.TrueAsync(() => aws.Taken == produced - poison && azure.Taken == produced, "both have everything", Cancelled);
        await Eventually.TrueAsync(() => clouds["aws"].Lag == 0 && clouds["azure"].Lag == 0, "the lag is zero", Cancelled);
        await clouds.StopAsync();
        var after = aws.Requests[before.Length..].SkipWhile(r => r.Arrived < back).ToArray();
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"down {back - before[0].Arrived}, {before.Length} requests; first answer {after[0].Answered - back}, everything {after[^1].Answered - back} after the return; held at most {clouds.MostHeld}");

        AssertOneProbeThenRamp(after[..Ramp]);

        // Where most batches have poison in them, some of the first ones may fail in a row by chance: that is an outage as far as anybody can tell, for one more break.
        Assert.InRange(clouds.Logged("aws", ConsumerHost.BreakerClosed), 1, mode == HttpSinkMode.Batch && poison > 1 ? 4 : 1);
        Assert.InRange(clouds.MostHeld, 1, MaxHeld + 500);
        foreach (var cloud in (string[])["aws", "azure"])
        {
            Assert.Equal(1, clouds.Logged(cloud, ConsumerHost.Assigned));
            Assert.Equal(0, clouds.Logged(cloud, ConsumerHost.Revoked) + clouds.Logged(cloud, ConsumerHost.Lost) + clouds.Logged(cloud, ConsumerHost.KafkaError));
            Assert.Equal(topic.EndOffsets(), topic.Committed(clouds.Group(cloud)));
        }

        Assert.Equal(0, clouds.Logged("azure", ConsumerHost.BreakerOpened));
        var taken = aws.Requests.Where(r => r.Status == 202).SelectMany(r => r.Ids).ToList();
        Assert.Equal(taken.Count, taken.Distinct().Count());
        Assert.Equal(
            Enumerable.Range(0, poison).Select(i => $"{Poison}-{i}").Order(StringComparer.Ordinal),
            deadLetters.ReadAll().Select(l => Encoding.UTF8.GetString(l.Message.Key!)).Order(StringComparer.Ordinal));

        async Task ProduceAsync(int more)
        {
            await topic.ProduceAsync(Enumerable.Range(produced, more).Select(i => TestRecord.Of($"{i}", $"key-{i % 5_000}")));
            produced += more;
        }

        // It gets its attempts while the endpoint takes other messages: those are what proves that the endpoint is up.
        async Task<bool> PoisonIsDeadLettered()
        {
            await ProduceAsync(10);
            return clouds.Logged("aws", ConsumerHost.DeadLettered) == poison;
        }

        // Paused, and it sees all the same how much there is to do.
        async Task GrowUntilAsync(Func<bool> condition, string what)
        {
            await ProduceAsync(count / 8);
            await Eventually.TrueAsync(condition, what, Cancelled);
            await Eventually.TrueAsync(() => clouds["aws"].Paused != PauseReasons.None, "consumption is paused", Cancelled);
            await Eventually.TrueAsync(() => clouds["aws"].Lag == produced, $"the lag is {produced}", Cancelled);
        }
    }

    /// <summary>Some messages fail as if the endpoint were down, for ever.</summary>
    private static int Healthy(DrillRequest request) => request.Ids.Any(id => id.StartsWith(Poison, StringComparison.Ordinal)) ? 503 : 202;

    private static void AssertOneProbeAtATime(DrillRequest[] requests)
    {
        // Until the breaker is open: those that were under way, and those that took the place of one that failed.
        var began = requests.OrderBy(r => r.Began).ToArray();
        var probes = Enumerable.Range(1, began.Length - 1).First(i => began[i].Began - began[i - 1].Began >= Break / 2);
        Assert.InRange(probes, FailuresToOpen, Concurrency + FailuresToOpen - 1);
        for (var i = probes + 1; i < began.Length; i++)
        {
            var (last, next) = (began[i - 1], began[i]);
            Assert.Single(next.Ids);
            if (last.Status == DrillEndpoint.Hang)
            {
                // It ends when the client loses its patience; a timer may be a little early by this clock.
                Assert.True(next.Began - last.Began >= SinkTimeout + Break - TimeSpan.FromMilliseconds(50), $"{next} follows {last}");
                continue;
            }

            Assert.Equal(1, next.UnderWay);
            Assert.True(next.Arrived - last.Answered >= Break, $"{next} follows {last}");
        }
    }

    private static void AssertOneProbeThenRamp(DrillRequest[] requests)
    {
        Assert.Equal((1, 202), (requests[0].UnderWay, requests[0].Status));
        Assert.Single(requests[0].Ids);
        Assert.True(requests[1].Arrived >= requests[0].Answered, "nothing is sent while the probe is out");

        // One more for each answer.
        foreach (var request in requests[1..])
            Assert.InRange(request.UnderWay, 1, Math.Min(Concurrency, requests.Count(r => r.Answered <= request.Arrived)));

        Assert.Contains(requests, r => r.UnderWay == Concurrency);
    }

    /// <summary>Both consumers in one host, as a user has them.</summary>
    private sealed class Clouds : IDisposable
    {
        private readonly IHost _host;
        private readonly CancellationTokenSource _end = new();
        private readonly Dictionary<string, string> _groups = [];
        private Task _watching = Task.CompletedTask;
        private int _mostHeld;

        public Clouds(KafkaCluster cluster, TestTopic topic, TestTopic deadLetters, (string Url, HttpSinkMode Mode) aws, (string Url, HttpSinkMode Mode) azure)
        {
            PollInterval = cluster.SessionTimeout;
            var builder = Host.CreateApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
            builder.Logging.AddFakeLogging();
            foreach (var (name, endpoint) in (ReadOnlySpan<(string, (string Url, HttpSinkMode Mode))>)[("aws", aws), ("azure", azure)])
            {
                var group = _groups[name] = KafkaCluster.UniqueName(name);
                builder.Services.AddCloudSyncConsumer(name)
                    .UseHttpSink(
                        new ConfigurationBuilder().Build().GetSection("none"),
                        http => (http.Url, http.Mode) = endpoint,
                        client => client.AddHttpMessageHandler(() => new StampHandler()))
                    .Configure(options =>
                    {
                        ConsumerHost.Configure(options, cluster, topic, group);
                        options.DeadLetters.Topic = deadLetters.Name;
                        options.Kafka["max.poll.interval.ms"] = PollInterval.TotalMilliseconds.ToString(CultureInfo.InvariantCulture);
                        options.DrainTimeout = TimeSpan.FromSeconds(2);
                        options.MaxConcurrency = Concurrency;
                        options.MaxBatchSize = 50;
                        options.MaxHeldMessages = MaxHeld;
                        options.SinkTimeout = SinkTimeout;

                        // Longer than the client needs to fetch again after a pause: when nothing else is tried between two tries of a message, that is an outage.
                        (options.Retry.InitialDelay, options.Retry.MaxDelay) = (TimeSpan.FromMilliseconds(700), TimeSpan.FromSeconds(1));
                        options.Breaker.FailuresToOpen = FailuresToOpen;
                        options.Breaker.BreakDuration = Break;
                    });
            }

            _host = builder.Build();
        }

        /// <summary>How long a member may go without a poll.</summary>
        public TimeSpan PollInterval { get; }

        public int MostHeld => Volatile.Read(ref _mostHeld);

        public ConsumerStatus this[string cloud] => _host.Services.GetRequiredKeyedService<ICloudSyncConsumer>(cloud).Status;

        public string Group(string cloud) => _groups[cloud];

        public async Task StartAsync()
        {
            await _host.StartAsync(Cancelled);
            await Eventually.TrueAsync(() => this["aws"].Partitions == Partitions && this["azure"].Partitions == Partitions, "both own all partitions", Cancelled);
            _watching = Task.Run(WatchAsync);
        }

        public async Task StopAsync()
        {
            await _end.CancelAsync();
            await _watching;
            await _host.StopAsync(Cancelled).WaitAsync(Eventually.Bound);
        }

        public int Logged(string cloud, int eventId) => Records(cloud).Count(r => r.Id.Id == eventId);

        /// <summary>How often the breaker was opened, or held open, by failures of this kind.</summary>
        public int Failed(string cloud, ErrorType type) =>
            Records(cloud).Count(r => r.Id.Id == ConsumerHost.BreakerOpened && r.StructuredState!.Any(s => s.Key == "ErrorType" && s.Value == type.ToString()));

        public void Dispose()
        {
            _end.Cancel();
            _host.StopAsync(new CancellationTokenSource(TimeSpan.FromSeconds(5)).Token).GetAwaiter().GetResult();
            foreach (var record in _host.Services.GetFakeLogCollector().GetSnapshot())
                TestContext.Current.TestOutputHelper?.WriteLine($"{record.Timestamp:HH:mm:ss.fff} {record.Category} {record.Id.Id} {record.Message}");

            _host.Dispose();
            _end.Dispose();
        }

        /// <summary>What must hold the whole time.</summary>
        private async Task WatchAsync()
        {
            for (; !_end.IsCancellationRequested; await Task.Delay(5, CancellationToken.None))
            {
                Volatile.Write(ref _mostHeld, Math.Max(_mostHeld, Math.Max(this["aws"].Held, this["azure"].Held)));
                Assert.Equal((Partitions, Partitions), (this["aws"].Partitions, this["azure"].Partitions));
            }
        }

        private IEnumerable<FakeLogRecord> Records(string cloud) =>
            _host.Services.GetFakeLogCollector().GetSnapshot().Where(r => r.Category == $"CloudSync.Consumer.{cloud}");
    }
}
