using System.Diagnostics.Metrics;
using System.Globalization;
using CloudSync.Sdk;
using CloudSync.Tests;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;
using Xunit;

namespace CloudSync.IntegrationTests.Consuming;

/// <summary>A consumer in a host of its own, put together as a user does it. What it logged goes to the test's output when it ends.</summary>
internal sealed class ConsumerHost : IAsyncDisposable
{
    public const int Assigned = 1003;
    public const int Revoked = 1004;
    public const int Lost = 1005;
    public const int DistanceReached = 1008;
    public const int KafkaError = 1010;
    public const int BackInGroup = 1015;
    public const int FirstSkipped = 1018;
    public const int WillRetry = 1101;
    public const int DeadLettered = 1102;
    public const int DeadLetterFailed = 1103;
    public const int BreakerOpened = 1104;
    public const int BreakerClosed = 1105;
    public const int CallAbandoned = 1111;
    public const int AbandonedEnded = 1112;
    public const int EndpointHeld = 1114;
    public const int BatchTakenApart = 1115;
    public const int DeadLetterBare = 1110;
    public const int LettersMayBeDeleted = 1120;
    public const int StoreAnswers = 1122;
    public const int DeliversAnyway = 1123;

    private readonly IHost _host;
    private readonly string _name;

    private ConsumerHost(IHost host, string name, string group)
    {
        _host = host;
        _name = name;
        Group = group;
    }

    public string Group { get; }

    public IServiceProvider Services => _host.Services;

    public PauseReasons PauseReasons => _host.Services.GetRequiredKeyedService<CloudSyncConsumer>(_name).PauseReasons;

    /// <summary>Messages in memory.</summary>
    public int Held => (int)Gauge("cloudsync.consumer.held");

    /// <summary>Partitions owned.</summary>
    public int Partitions => (int)Gauge("cloudsync.consumer.partitions");

    /// <summary>Starts a consumer.</summary>
    /// <param name="cluster">The cluster that all tests share: it knows which session time-out is safe.</param>
    /// <param name="topic">What it reads, of whichever cluster.</param>
    /// <param name="sink">Where it delivers to, single messages or batches: a sink that is both is given single ones.</param>
    /// <param name="configure">Changes the options.</param>
    /// <param name="build">Completes the registration.</param>
    /// <param name="group">The group; a new one when <see langword="null"/>.</param>
    public static async Task<ConsumerHost> StartAsync(
        KafkaCluster cluster,
        TestTopic topic,
        object sink,
        Action<CloudSyncConsumerOptions>? configure = null,
        Action<CloudSyncConsumerBuilder>? build = null,
        string? group = null)
    {
        var name = KafkaCluster.UniqueName("test");
        group ??= KafkaCluster.UniqueName("group");
        var builder = Host.CreateApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        builder.Logging.AddFakeLogging();
        var consumer = builder.Services.AddCloudSyncConsumer(name);
        if (sink is ICloudSink single)
            consumer.UseSink(_ => single);
        else
            consumer.UseBatchSink(_ => (IBatchCloudSink)sink);

        consumer.Configure(options => Configure(options, cluster, topic, group));
        if (configure is not null)
            consumer.Configure(configure);

        build?.Invoke(consumer);
        var host = builder.Build();
        await host.StartAsync(TestContext.Current.CancellationToken);
        return new ConsumerHost(host, name, group);
    }

    /// <summary>What a test's consumer has in common with the others': it reads this topic, and does not make the test wait.</summary>
    public static void Configure(CloudSyncConsumerOptions options, KafkaCluster cluster, TestTopic topic, string group)
    {
        options.BootstrapServers = topic.BootstrapServers;
        options.ReadInBatches = TestReader.ReadsInBatches;
        options.Topic = topic.Name;
        options.GroupId = group;
        options.DeadLetters.Topic = topic.Name + "-dlq";
        options.CommitInterval = TimeSpan.FromMilliseconds(100);
        options.DrainTimeout = TimeSpan.FromSeconds(10);
        options.Retry.InitialDelay = TimeSpan.FromMilliseconds(50);
        options.Retry.MaxDelay = TimeSpan.FromMilliseconds(500);
        options.Kafka["session.timeout.ms"] = cluster.SessionTimeout.TotalMilliseconds.ToString(CultureInfo.InvariantCulture);
        options.Kafka["heartbeat.interval.ms"] = "500";
        options.Kafka["fetch.min.bytes"] = "1";
    }

    /// <summary>How often something was logged.</summary>
    public int Logged(int eventId) => Records.Count(r => r.Id.Id == eventId);

    /// <summary>What was logged under an event id, as it reads.</summary>
    public string[] LoggedText(int eventId) => [.. Records.Where(r => r.Id.Id == eventId).Select(r => r.Message)];

    /// <summary>Waits until something was logged.</summary>
    public Task UntilLoggedAsync(int eventId, int times = 1) => Eventually.TrueAsync(
        () => Logged(eventId) >= times, $"event {eventId} was logged {times} times", TestContext.Current.CancellationToken);

    /// <summary>Waits until it owns so many partitions.</summary>
    public Task UntilOwnsAsync(int partitions) => Eventually.TrueAsync(
        () => Partitions == partitions, $"it owns {partitions} partitions", TestContext.Current.CancellationToken);

    /// <summary>Stops it as a host does.</summary>
    public Task StopAsync() => _host.StopAsync(TestContext.Current.CancellationToken).WaitAsync(Eventually.Bound);

    public async ValueTask DisposeAsync()
    {
        await _host.StopAsync(new CancellationTokenSource(TimeSpan.FromSeconds(5)).Token);
        var output = TestContext.Current.TestOutputHelper;
        foreach (var record in Records)
            output?.WriteLine($"{record.Timestamp:HH:mm:ss.fff} {_name[..9]} {record.Id.Id} {record.Message} {record.Exception?.Message}");

        _host.Dispose();
    }

    private IReadOnlyList<FakeLogRecord> Records => _host.Services.GetFakeLogCollector().GetSnapshot();

    /// <summary>What a figure of this consumer is now, as anybody sees it who listens to its metrics.</summary>
    private double Gauge(string instrument)
    {
        var value = double.NaN;
        using var listener = new MeterListener();
        listener.InstrumentPublished = (published, self) =>
        {
            if (published.Meter.Name == "CloudSync.Sdk" && published.Name == instrument)
                self.EnableMeasurementEvents(published);
        };
        listener.SetMeasurementEventCallback<double>((_, measured, tags, _) =>
        {
            foreach (var tag in tags)
            {
                if (tag is { Key: "cloudsync.consumer" } && Equals(tag.Value, _name))
                    value = measured;
            }
        });
        listener.Start();
        listener.RecordObservableInstruments();
        return double.IsNaN(value) ? throw new InvalidOperationException($"{_name} publishes no {instrument}.") : value;
    }
}
