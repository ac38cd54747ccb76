using CloudSync.LoadTest.Audit;
using CloudSync.LoadTest.Load;
using CloudSync.LoadTest.Results;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace CloudSync.LoadTest.Parts;

/// <summary>All that a run needs, each part in a process of its own but for the generator.</summary>
internal sealed class Stage : IAsyncDisposable
{
    /// <summary>What a message has besides its payload: key, headers, the record.</summary>
    private const int RecordBytes = 256;

    private static readonly TimeSpan RequestTimeout = TimeSpan.FromSeconds(30);
    private static readonly string[] Clouds = ["aws", "azure"];

    // In the order in which they were started; they are ended the other way round.
    private readonly List<IAsyncDisposable> _started = [];
    private readonly List<IUsed> _used = [new OwnUse()];
    private readonly Dictionary<string, Part> _consumers = [];
    private string _bootstrapServers = "";
    private Part? _api;
    private OperationMeter? _acknowledgements;

    private Stage(LoadMessages messages) => Messages = messages;

    public LoadMessages Messages { get; }

    public AcceptedLedger Ledger { get; } = new();

    public ITarget Target { get; private set; } = null!;

    public string Description { get; private set; } = "";

    /// <summary>Who takes what of the machine, the generator first.</summary>
    public IReadOnlyList<IUsed> Used => _used;

    /// <summary>The clouds whose endpoints are part of the run.</summary>
    public IReadOnlyList<string> Endpoints => [.. _consumers.Keys];

    public Part? EndpointPart { get; private set; }

    /// <summary>How far a consumer may fall behind before the brokers throw away what it has not read.</summary>
    public long LagLimit { get; private set; } = long.MaxValue;

    /// <exception cref="InvalidOperationException">A part does not start.</exception>
    public static async Task<Stage> StartAsync(Options options, Action<string> say, CancellationToken cancellationToken)
    {
        var stage = new Stage(new LoadMessages(LoadMessages.NewRun(), options.Payload, options.Keys));
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

    public Task<EndpointCount> FiguresOfAsync(string endpoint) => EndpointPart!.AskAsync<EndpointCount>($"{Parts.EndpointPart.CountQuestion} {endpoint}");

    /// <summary>How long messages took to an endpoint, since this was asked last.</summary>
    public Task<Latency> LatencyOfAsync(string endpoint) => EndpointPart!.AskAsync<Latency>($"{Parts.EndpointPart.LatencyQuestion} {endpoint}");

    /// <summary>The place of each message in the order in which they arrived at an endpoint.</summary>
    public async Task<int[]> OrderOfAsync(string endpoint)
    {
        var file = Path.GetTempFileName();
        try
        {
            await EndpointPart!.AskAsync<bool>($"{Parts.EndpointPart.OrderQuestion} {endpoint} {file}", Part.FilePatience);
            await using var stream = File.OpenRead(file);
            return Arrivals.ReadOrder(stream);
        }
        finally
        {
            File.Delete(file);
        }
    }

    public Task<ConsumerFigures> ConsumerFiguresAsync(string cloud) => _consumers[cloud].AskAsync<ConsumerFigures>(ConsumerPart.ConsumerQuestion);

    /// <summary>The numbers of the messages that a consumer has kept as dead letters.</summary>
    public Task<IReadOnlySet<long>> DeadLettersOfAsync(string cloud) => DeadLetterNumbers.ReadAsync(_bootstrapServers, DeadLetterTopic, GroupOf(cloud), Messages);

    /// <summary>What the producer has seen since this was asked last; <see langword="null"/> of an API that was there already.</summary>
    public async Task<ProducerFigures?> ProducerFiguresAsync()
    {
        if (_api is not null)
            return await _api.AskAsync<ProducerFigures?>(ApiPart.ProducerQuestion);
        if (_acknowledgements is null)
            return null;

        var (count, mean, p99) = _acknowledgements.Next();
        return new ProducerFigures(count, mean, p99);
    }

    /// <summary>Has the consumers end as hosts do that are told to stop: what they began they finish.</summary>
    public async Task StopConsumersAsync()
    {
        foreach (var consumer in _consumers.Values)
            _started.Remove(consumer);
        await Task.WhenAll(_consumers.Values.Select(async consumer => await consumer.DisposeAsync()));
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var part in Enumerable.Reverse(_started))
            await part.DisposeAsync();
        (Target as IDisposable)?.Dispose();
        _acknowledgements?.Dispose();
    }

    private async Task StartPartsAsync(Options options, Action<string> say, CancellationToken cancellationToken)
    {
        if (options.Api is { } address)
        {
            Description = $"the API at {Secrets.Hide(address)}";
            Target = new ApiTarget(address, options.Token, options.InFlight, RequestTimeout, Messages, Ledger);
            return;
        }

        var brokers = Add(await Brokers.StartAsync(options.Kafka, say, cancellationToken));
        if (brokers.IsOurs)
            _used.Add(brokers);
        _bootstrapServers = brokers.BootstrapServers;
        var topic = $"load-{Messages.Run}";
        Add(await brokers.CreateMessageTopicAsync(topic, options.Partitions));
        Description = options.IsBare ? $"{brokers.Description}, with bare hosts" : brokers.Description;
        if (options.Target == LoadTest.Target.Producer)
        {
            StartProducer(options, brokers, topic);
            return;
        }

        if (options.Target == LoadTest.Target.Path)
            await StartConsumersAsync(options, brokers, topic, cancellationToken);
        _api = Add(await Part.StartAsync(ApiPart.Name, new ApiSettings(brokers.BootstrapServers, topic, [.. SettingsOf("CloudSync:Producer", options.Producer), .. SettingsOf("Ingest", options.Ingest)], options.IsBare), cancellationToken));
        _used.Insert(1, _api);
        Target = new ApiTarget(new Uri(_api.Address), token: null, options.InFlight, RequestTimeout, Messages, Ledger);
    }

    private void StartProducer(Options options, Brokers brokers, string topic)
    {
        _acknowledgements = new OperationMeter("messaging.client.operation.duration");
        var settings = new ConfigurationBuilder().AddInMemoryCollection(
        [
            .. options.Producer.Select(pair => KeyValuePair.Create(pair.Key, (string?)pair.Value)), new("BootstrapServers", brokers.BootstrapServers), new("Topic", topic),
        ]).Build();
        var services = new ServiceCollection().AddLogging(logging => logging.SetMinimumLevel(LogLevel.Warning).AddConsole(console => console.LogToStandardErrorThreshold = LogLevel.Trace));
        services.AddCloudSyncProducer(settings);
        Target = new ProducerTarget(Add(services.BuildServiceProvider()).GetRequiredService<ICloudSyncProducer>(), Messages, Ledger);
    }

    private async Task StartConsumersAsync(Options options, Brokers brokers, string topic, CancellationToken cancellationToken)
    {
        Add(await brokers.CreateTopicAsync(DeadLetterTopic, 1, new Dictionary<string, string> { ["message.timestamp.type"] = "LogAppendTime" }));
        LagLimit = brokers.KeptBytes * options.Partitions / (options.Payload + RecordBytes);
        EndpointPart = Add(await Part.StartAsync(Parts.EndpointPart.Name, new EndpointSettings(Messages.Run, options.Payload, Clouds, options.EndpointLatency, options.Fault), cancellationToken));
        foreach (var cloud in Clouds)
        {
            var settings = new ConsumerSettings(
                cloud, brokers.BootstrapServers, topic, DeadLetterTopic, GroupOf(cloud), $"{EndpointPart.Address}/{cloud}", Redis: null, options.Consumer.ToDictionary(), options.IsBare);
            _consumers[cloud] = Add(await Part.StartAsync(cloud, settings, cancellationToken));
        }

        _used.AddRange(_consumers.Values);
        _used.Add(EndpointPart);
    }

    private string DeadLetterTopic => $"load-{Messages.Run}-dlq";

    private string GroupOf(string cloud) => $"{cloud}-{Messages.Run}";

    private T Add<T>(T part)
        where T : IAsyncDisposable
    {
        _started.Add(part);
        return part;
    }

    private static IEnumerable<string> SettingsOf(string section, IReadOnlyList<KeyValuePair<string, string>> settings) => settings.Select(setting => $"--{section}:{setting.Key}={setting.Value}");
}
