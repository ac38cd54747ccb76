using CloudSync.Sdk.Testing;
using CloudSync.Tests;
using Confluent.Kafka;
using Confluent.Kafka.Admin;

namespace CloudSync.Measuring;

/// <summary>The brokers: given ones, else one started from KAFKA_HOME, else the embedded ones, which are no measure of a real cluster.</summary>
internal sealed class BenchmarkKafka : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(15);

    private readonly EmbeddedKafka? _embedded;
    private readonly StartedKafka? _started;

    private BenchmarkKafka(string bootstrapServers, string description, EmbeddedKafka? embedded = null, StartedKafka? started = null)
    {
        (BootstrapServers, Description) = (bootstrapServers, description);
        (_embedded, _started) = (embedded, started);
    }

    public string BootstrapServers { get; }

    public string Description { get; }

    /// <summary>Whether they keep only the newest 5 MB of each partition.</summary>
    public bool IsEmbedded => _embedded is not null;

    /// <summary>The processes of brokers that were started here.</summary>
    public IReadOnlyList<int> ProcessIds => _started?.ProcessIds ?? [];

    /// <summary>The folder of a Kafka distribution, or <see langword="null"/>.</summary>
    public static string? Home => Environment.GetEnvironmentVariable("KAFKA_HOME") is { Length: > 0 } home ? home : null;

    /// <param name="given">The addresses of brokers that are there.</param>
    /// <param name="settings">Settings of a broker that is started here, as <c>name=value</c>.</param>
    public static async Task<BenchmarkKafka> StartAsync(string? given, params string[] settings)
    {
        if (given is not null)
            return new BenchmarkKafka(given, $"the brokers at {given}");

        if (Home is { } home)
        {
            var started = await StartedKafka.StartAsync(home, settings);
            return new BenchmarkKafka(started.BootstrapServers, "one broker, started from KAFKA_HOME", started: started);
        }

        var embedded = EmbeddedKafka.Start();
        return new BenchmarkKafka(embedded.BootstrapServers, "the embedded Kafka, which is no measure of a real one", embedded);
    }

    /// <param name="name">Its name.</param>
    /// <param name="partitions">How many it has.</param>
    /// <param name="settings">Its settings; the embedded brokers know none.</param>
    public async Task CreateTopicAsync(string name, int partitions, Dictionary<string, string>? settings = null)
    {
        if (_embedded is not null)
        {
            _embedded.CreateTopic(name, partitions);
            return;
        }

        using var admin = Admin();
        await admin.CreateTopicsAsync(
            [new TopicSpecification { Name = name, NumPartitions = partitions, ReplicationFactor = -1, Configs = settings }], new CreateTopicsOptions { RequestTimeout = Patience, OperationTimeout = Patience });
    }

    /// <summary>Gives back the disk of a topic that nobody needs any more. The embedded ones have none.</summary>
    public async Task DeleteTopicAsync(string name)
    {
        if (_embedded is not null)
            return;

        using var admin = Admin();
        await admin.DeleteTopicsAsync([name], new DeleteTopicsOptions { RequestTimeout = Patience, OperationTimeout = Patience });
    }

    /// <summary>What it says of addresses that nobody listens at is said by whoever calls it.</summary>
    private IAdminClient Admin() => new AdminClientBuilder(new AdminClientConfig { BootstrapServers = BootstrapServers }).SetLogHandler((_, _) => { }).SetErrorHandler((_, _) => { }).Build();

    public async ValueTask DisposeAsync()
    {
        if (_embedded is not null)
            await _embedded.DisposeAsync();

        if (_started is not null)
            await _started.DisposeAsync();
    }
}
