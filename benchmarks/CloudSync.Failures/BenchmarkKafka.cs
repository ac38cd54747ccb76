using CloudSync.Sdk.Testing;
using CloudSync.Tests;
using Confluent.Kafka;
using Confluent.Kafka.Admin;

namespace CloudSync.Failures;

/// <summary>The brokers: given ones, else one started from KAFKA_HOME, else the embedded ones, which are no measure of a real cluster.</summary>
internal sealed class BenchmarkKafka : IAsyncDisposable
{
    private readonly EmbeddedKafka? _embedded;
    private readonly StartedKafka? _started;

    private BenchmarkKafka(string bootstrapServers, string description, EmbeddedKafka? embedded = null, StartedKafka? started = null)
    {
        (BootstrapServers, Description) = (bootstrapServers, description);
        (_embedded, _started) = (embedded, started);
    }

    public string BootstrapServers { get; }

    public string Description { get; }

    public static async Task<BenchmarkKafka> StartAsync(string? given)
    {
        if (given is not null)
            return new BenchmarkKafka(given, $"the brokers at {given}");

        if (Environment.GetEnvironmentVariable("KAFKA_HOME") is { Length: > 0 } home)
        {
            var started = await StartedKafka.StartAsync(home);
            return new BenchmarkKafka(started.BootstrapServers, "one broker, started from KAFKA_HOME", started: started);
        }

        var embedded = EmbeddedKafka.Start();
        return new BenchmarkKafka(embedded.BootstrapServers, "the embedded Kafka, which is no measure of a real one", embedded);
    }

    /// <summary>Makes a topic, and the one for its dead letters.</summary>
    public async Task<string> CreateTopicAsync()
    {
        var topic = $"failures-{Guid.NewGuid():N}";
        string[] names = [topic, topic + "-dlq"];
        if (_embedded is not null)
        {
            foreach (var name in names)
                _embedded.CreateTopic(name, Load.Partitions);

            return topic;
        }

        using var admin = new AdminClientBuilder(new AdminClientConfig { BootstrapServers = BootstrapServers }).Build();
        await admin.CreateTopicsAsync(names.Select(name => new TopicSpecification { Name = name, NumPartitions = Load.Partitions, ReplicationFactor = -1 }));
        return topic;
    }

    public async ValueTask DisposeAsync()
    {
        if (_embedded is not null)
            await _embedded.DisposeAsync();

        if (_started is not null)
            await _started.DisposeAsync();
    }
}
