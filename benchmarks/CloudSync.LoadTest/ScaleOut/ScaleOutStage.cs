using System.Globalization;
using CloudSync.LoadTest.Audit;
using CloudSync.LoadTest.Load;
using CloudSync.LoadTest.Parts;
using CloudSync.Measuring;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace CloudSync.LoadTest.ScaleOut;

/// <summary>What the group needs: brokers, a Redis that it shares, an endpoint, and a producer, which is in this process.</summary>
internal sealed class ScaleOutStage : IAsyncDisposable
{
    private const string Cloud = "aws";

    /// <summary>What the embedded brokers keep of a partition.</summary>
    private const long EmbeddedPartitionBytes = 5 * 1024 * 1024;

    /// <summary>What a message has besides its payload: key, headers, the record.</summary>
    private const int RecordBytes = 256;

    // In the order in which they were started; they are ended the other way round.
    private readonly List<IAsyncDisposable> _started = [];
    private readonly List<IUsed> _used = [new OwnUse()];
    private string _bootstrapServers = "";
    private Part _endpoint = null!;

    private ScaleOutStage(LoadMessages messages) => Messages = messages;

    public LoadMessages Messages { get; }

    public AcceptedLedger Ledger { get; } = new();

    /// <summary>Who takes what of the machine, without the group.</summary>
    public IReadOnlyList<IUsed> Used => _used;

    public Group Group { get; private set; } = null!;

    public Supply Supply { get; private set; } = null!;

    public GroupCapacity Capacity { get; private set; } = null!;

    public string Description { get; private set; } = "";

    /// <summary>How many messages may be accepted and not arrived before the brokers throw away what was not read, though all of them stood in a quarter of the partitions.</summary>
    public long MostOutstanding { get; private set; } = long.MaxValue;

    /// <exception cref="InvalidOperationException">A part does not start.</exception>
    public static async Task<ScaleOutStage> StartAsync(Options options, Action<string> say, CancellationToken cancellationToken)
    {
        var stage = new ScaleOutStage(new LoadMessages(LoadMessages.NewRun(), options.Payload, options.Keys));
        try
        {
            await stage.StartPartsAsync(options, say, cancellationToken);
            return stage;
        }
        catch
        {
            await stage.DisposeAsync();
            throw;
        }
    }

    /// <summary>Different messages that have arrived.</summary>
    public Task<long> ArrivedAsync() => _endpoint.AskAsync<long>(LoggingEndpointPart.ArrivedQuestion);

    public async Task<IReadOnlyList<Call>> CallsAsync()
    {
        var file = Path.GetTempFileName();
        try
        {
            await _endpoint.AskAsync<bool>($"{LoggingEndpointPart.LogQuestion} {file}", Part.FilePatience);
            await using var stream = new BufferedStream(File.OpenRead(file), 1 << 20);
            return CallLog.Read(stream);
        }
        finally
        {
            File.Delete(file);
        }
    }

    /// <summary>The numbers of the messages that the group has kept as dead letters.</summary>
    public Task<IReadOnlySet<long>> DeadLettersAsync() => DeadLetterNumbers.ReadAsync(_bootstrapServers, $"load-{Messages.Run}-dlq", $"{Cloud}-{Messages.Run}", Messages);

    public async ValueTask DisposeAsync()
    {
        foreach (var part in Enumerable.Reverse(_started))
            await part.DisposeAsync();
    }

    private async Task StartPartsAsync(Options options, Action<string> say, CancellationToken cancellationToken)
    {
        var brokers = Add(await Brokers.StartAsync(options.Kafka, say, cancellationToken));
        _bootstrapServers = brokers.BootstrapServers;
        var (topic, deadLetters) = ($"load-{Messages.Run}", $"load-{Messages.Run}-dlq");
        Add(await brokers.CreateTopicAsync(topic, options.Partitions));
        Add(await brokers.CreateTopicAsync(deadLetters, 1, new Dictionary<string, string> { ["message.timestamp.type"] = "LogAppendTime" }));
        if (brokers.IsOurs)
            _used.Add(brokers);
        if (brokers.IsEmbedded)
            MostOutstanding = EmbeddedPartitionBytes * options.Partitions / 4 / (options.Payload + RecordBytes);
        var redis = Add(await BenchmarkRedis.StartAsync());
        Capacity = GroupCapacity.Of(options.Consumer, options.EndpointLatency, brokers.IsEmbedded);
        _endpoint = Add(await Part.StartAsync(LoggingEndpointPart.Name, new LoggingEndpointSettings(Messages.Run, options.Payload, options.EndpointLatency), cancellationToken));
        _used.Add(_endpoint);
        Supply = new Supply(new ProducerTarget(Add(Producer(options, brokers.BootstrapServers, topic)).GetRequiredService<ICloudSyncProducer>(), Messages, Ledger), Ledger);
        Group = Add(new Group(number => new ConsumerSettings(
            Cloud, brokers.BootstrapServers, topic, deadLetters, $"{Cloud}-{Messages.Run}", string.Create(CultureInfo.InvariantCulture, $"{_endpoint.Address}/{number}"), redis.Address, Capacity.Settings)));
        Description = $"{brokers.Description}; {redis.Description}";
    }

    private static ServiceProvider Producer(Options options, string bootstrapServers, string topic)
    {
        var settings = new ConfigurationBuilder().AddInMemoryCollection(
            [.. options.Producer.Select(pair => KeyValuePair.Create(pair.Key, (string?)pair.Value)), new("BootstrapServers", bootstrapServers), new("Topic", topic)]).Build();
        var services = new ServiceCollection().AddLogging(logging => logging.SetMinimumLevel(LogLevel.Warning).AddConsole(console => console.LogToStandardErrorThreshold = LogLevel.Trace));
        services.AddCloudSyncProducer(settings);
        return services.BuildServiceProvider();
    }

    private T Add<T>(T part)
        where T : IAsyncDisposable
    {
        _started.Add(part);
        return part;
    }
}
