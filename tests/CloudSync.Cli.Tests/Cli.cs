using System.Text;
using CloudSync.Sdk;
using CloudSync.Sdk.Testing;
using Confluent.Kafka;
using Spectre.Console.Testing;
using Xunit;

namespace CloudSync.Cli.Tests;

/// <summary>The command line on a Kafka of its own, with a terminal of its own.</summary>
internal sealed class Cli : IAsyncDisposable
{
    public const string Topic = "data-topic";
    public const string DeadLetters = "data-topic-dlq";

    private readonly EmbeddedKafka _kafka = EmbeddedKafka.Start(new EmbeddedKafkaOptions { Brokers = 1 });
    private readonly IProducer<byte[]?, byte[]?> _producer;

    public Cli()
    {
        _kafka.CreateTopic(Topic);
        _kafka.CreateTopic(DeadLetters);
        Committed("aws-sync-group", "azure-sync-group");
        _producer = new ProducerBuilder<byte[]?, byte[]?>(new ProducerConfig { BootstrapServers = _kafka.BootstrapServers, LingerMs = 0 }).Build();
    }

    public string BootstrapServers => _kafka.BootstrapServers;

    /// <summary>What came out, and on which side; the exit code.</summary>
    public sealed record Run(int ExitCode, string Output, string Error);

    /// <summary>Runs a command.</summary>
    /// <param name="line">The command line, parts separated by blanks.</param>
    /// <param name="answer">What somebody at the terminal answers; nobody is there when <see langword="null"/>.</param>
    /// <param name="environment">Variables besides the address.</param>
    /// <param name="cancellationToken">Ctrl-C.</param>
    public Task<Run> RunAsync(
        string line, string? answer = null, IReadOnlyDictionary<string, string>? environment = null, CancellationToken cancellationToken = default) => RunOnAsync(
            _kafka.BootstrapServers, line, answer, environment, cancellationToken);

    /// <summary>Runs a command with an address, or none, in the environment.</summary>
    public static async Task<Run> RunOnAsync(
        string? address, string line, string? answer = null, IReadOnlyDictionary<string, string>? environment = null, CancellationToken cancellationToken = default)
    {
        using var console = new TestConsole();
        console.Profile.Width = 300;
        console.Profile.Capabilities.Interactive = answer is not null;
        if (answer is not null)
            console.Input.PushTextWithEnter(answer);

        var variables = new Dictionary<string, string>(environment ?? new Dictionary<string, string>());
        if (address is not null)
            variables["CLOUDSYNC_BOOTSTRAP_SERVERS"] = address;

        using var error = new StringWriter();
        var code = await CommandLine.RunAsync(
            line.Split(' ', StringSplitOptions.RemoveEmptyEntries), new Surroundings(console, error, variables, TimeProvider.System), cancellationToken);
        TestContext.Current.TestOutputHelper?.WriteLine($"$ cloudsync {line}\n{console.Output}{error}exit {code}\n");
        return new Run(code, console.Output, error.ToString());
    }

    /// <summary>Writes a dead letter as the SDK does.</summary>
    public Task WriteAsync(string id, string group = "aws-sync-group", string reason = "The endpoint refuses it.", string key = "customer-17", string payload = "secret payload", string topic = Topic) =>
        WriteRecordAsync(key, payload,
            (CloudEvents.Id, id),
            (DeadLetterHeaders.ErrorType, "ValidationError"),
            (DeadLetterHeaders.ExceptionMessage, reason),
            (DeadLetterHeaders.Attempts, "3"),
            (DeadLetterHeaders.LastFailure, "2026-11-23T10:00:00.000Z"),
            (DeadLetterHeaders.Topic, topic),
            (DeadLetterHeaders.Partition, "0"),
            (DeadLetterHeaders.Offset, "42"),
            (DeadLetterHeaders.ConsumerGroup, group),
            (DeadLetterHeaders.Consumer, group.Split('-')[0]),
            (DeadLetterHeaders.MessageId, id));

    /// <summary>Writes any record into the dead-letter topic.</summary>
    public Task WriteRecordAsync(string? key, string? payload, params (string Name, string Value)[] headers) => _producer.ProduceAsync(DeadLetters, new Message<byte[]?, byte[]?>
    {
        Key = key is null ? null : Encoding.UTF8.GetBytes(key),
        Value = payload is null ? null : Encoding.UTF8.GetBytes(payload),
        Headers = [.. headers.Select(h => new Header(h.Name, Encoding.UTF8.GetBytes(h.Value)))],
    });

    /// <summary>Groups that have read the topic.</summary>
    private void Committed(params string[] groups)
    {
        foreach (var group in groups)
        {
            using var client = new ConsumerBuilder<byte[], byte[]>(new ConsumerConfig { BootstrapServers = _kafka.BootstrapServers, GroupId = group }).Build();
            client.Commit([new TopicPartitionOffset(Topic, 0, 0)]);
        }
    }

    /// <summary>How many records there are in the topic that letters go back to.</summary>
    public long SentBack()
    {
        using var client = new ConsumerBuilder<byte[], byte[]>(new ConsumerConfig { BootstrapServers = _kafka.BootstrapServers, GroupId = "test" }).Build();
        return client.QueryWatermarkOffsets(new TopicPartition(Topic, 0), TimeSpan.FromSeconds(20)).High.Value;
    }

    public async ValueTask DisposeAsync()
    {
        _producer.Dispose();
        await _kafka.DisposeAsync();
    }
}
