using System.Diagnostics;
using CloudSync.Sdk.Testing;
using CloudSync.Tests;
using Confluent.Kafka;
using Confluent.Kafka.Admin;
using Xunit;

[assembly: AssemblyFixture(typeof(KafkaCluster))]

namespace CloudSync.Tests;

/// <summary>Where the tests' Kafka comes from.</summary>
public enum KafkaKind
{
    /// <summary>Somebody else's cluster, at the address in <c>CLOUDSYNC_TEST_KAFKA</c>.</summary>
    Given,

    /// <summary>Apache Kafka, started by the tests from <c>KAFKA_HOME</c> and stopped after them.</summary>
    Started,

    /// <summary>librdkafka's mock cluster, in the process of the tests.</summary>
    Embedded,
}

/// <summary>
/// The Kafka of a test process: a given address, else real brokers where they can be started, else the embedded cluster. Ask for it in the constructor of a test
/// class. All tests share it, so each makes its own topics and groups; a test that breaks brokers starts an <see cref="EmbeddedKafka"/> of its own.
/// </summary>
public sealed class KafkaCluster : IAsyncLifetime
{
    private const string AddressVariable = "CLOUDSYNC_TEST_KAFKA";
    private const string HomeVariable = "KAFKA_HOME";

    private readonly List<string> _topics = [];
    private StartedKafka? _started;
    private IAdminClient? _admin;

    /// <summary>Where it comes from.</summary>
    public KafkaKind Kind { get; private set; }

    /// <summary>Where it comes from, in words.</summary>
    public string Description { get; private set; } = "";

    /// <summary>The addresses, for clients.</summary>
    public string BootstrapServers { get; private set; } = "";

    /// <summary>The embedded cluster; <see langword="null"/> when Kafka is a real one.</summary>
    public EmbeddedKafka? Embedded { get; private set; }

    /// <summary>The shortest session time-out that is safe here. The embedded cluster waits for it in every rebalance; a real one allows no less by default.</summary>
    public TimeSpan SessionTimeout => TimeSpan.FromSeconds(Kind == KafkaKind.Embedded ? 3 : 6);

    /// <summary>Makes a name that no other test uses, for a topic or a group.</summary>
    /// <param name="what">How it begins.</param>
    public static string UniqueName(string what) => $"{what}-{Guid.NewGuid():N}";

    /// <summary>Makes a topic that no other test uses.</summary>
    /// <param name="partitions">The number of partitions.</param>
    /// <param name="settings">The topic's settings, by Kafka's names. The embedded cluster has none: a test that needs them is skipped there.</param>
    /// <returns>Its name. It has a leader for every partition.</returns>
    public async Task<string> CreateTopicAsync(int partitions = 1, Dictionary<string, string>? settings = null)
    {
        var topic = UniqueName("test");
        if (Embedded is not null)
        {
            if (settings is not null)
                throw new NotSupportedException("The embedded cluster's topics have no settings.");

            Embedded.CreateTopic(topic, partitions);
            return topic;
        }

        await _admin!.CreateTopicsAsync([new TopicSpecification { Name = topic, NumPartitions = partitions, ReplicationFactor = -1, Configs = settings }]);
        lock (_topics)
            _topics.Add(topic);

        // The controller has answered; the brokers learn of the topic a little later.
        var deadline = Stopwatch.StartNew();
        while (!HasLeaders(topic, partitions))
        {
            if (deadline.Elapsed > TimeSpan.FromSeconds(30))
                throw new TimeoutException($"Topic {topic} has no leader for each of its {partitions} partitions after 30 s.");

            await Task.Delay(50);
        }

        return topic;
    }

    /// <inheritdoc/>
    public async ValueTask InitializeAsync()
    {
        if (Environment.GetEnvironmentVariable(AddressVariable) is { Length: > 0 } address)
        {
            Connect(KafkaKind.Given, address);
            Describe($"{address}, from {AddressVariable}");
        }
        else if (await TryStartAsync() is { } started)
        {
            _started = started;
            Connect(KafkaKind.Started, started.BootstrapServers);
            Describe($"Apache Kafka from {HomeVariable}, at {started.BootstrapServers}");
        }
        else
        {
            Kind = KafkaKind.Embedded;
            Embedded = EmbeddedKafka.Start(new EmbeddedKafkaOptions { Brokers = 3 });
            BootstrapServers = Embedded.BootstrapServers;
            Describe("embedded (librdkafka's mock cluster)");
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        try
        {
            // Brokers that end with the tests take their topics with them.
            if (Kind == KafkaKind.Given && _topics.Count > 0)
                await _admin!.DeleteTopicsAsync(_topics);
        }
        finally
        {
            _admin?.Dispose();
            if (_started is not null)
                await _started.DisposeAsync();

            if (Embedded is not null)
                await Embedded.DisposeAsync();
        }
    }

    private static async Task<StartedKafka?> TryStartAsync()
    {
        if (Environment.GetEnvironmentVariable(HomeVariable) is not { Length: > 0 } home)
            return null;

        try
        {
            return await StartedKafka.StartAsync(home);
        }
        catch (InvalidOperationException e)
        {
            Console.WriteLine($"{HomeVariable} is set to {home}, and no Kafka can be started from it: {e.Message}");
            return null;
        }
    }

    /// <summary>On the console, for who runs the program of the tests. <c>dotnet test</c> hides that; there, <see cref="Description"/> is in a test's output.</summary>
    private void Describe(string what)
    {
        Description = what;
        Console.WriteLine($"Kafka for these tests: {what}");
    }

    private void Connect(KafkaKind kind, string address)
    {
        Kind = kind;
        BootstrapServers = address;
        _admin = new AdminClientBuilder(new AdminClientConfig { BootstrapServers = address }).SetLogHandler((_, _) => { }).Build();
        try
        {
            _admin.GetMetadata(TimeSpan.FromSeconds(20));
        }
        catch (KafkaException e)
        {
            throw new InvalidOperationException($"No Kafka answers at {address} ({(kind == KafkaKind.Given ? AddressVariable : HomeVariable)}): {e.Error.Reason}", e);
        }
    }

    private bool HasLeaders(string topic, int partitions)
    {
        var metadata = _admin!.GetMetadata(topic, TimeSpan.FromSeconds(10)).Topics.Single();
        return metadata.Partitions.Count == partitions && metadata.Partitions.All(p => p.Leader >= 0);
    }
}
