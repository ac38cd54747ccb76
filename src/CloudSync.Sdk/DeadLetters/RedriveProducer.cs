using Confluent.Kafka;

namespace CloudSync.Sdk;

/// <summary>The Kafka client of a redrive, for the letters and for their markers.</summary>
internal sealed class RedriveProducer : IDisposable
{
    private readonly IProducer<byte[]?, byte[]?> _client;
    private volatile Error? _lastError;

    /// <exception cref="DeadLetterRedriveException">The client refuses its settings.</exception>
    public RedriveProducer(DeadLetterRedriveOptions options)
    {
        try
        {
            _client = new ProducerBuilder<byte[]?, byte[]?>(Config(options)).SetErrorHandler((_, error) => _lastError = error).SetLogHandler((_, _) => { }).Build();
        }
        catch (Exception e) when (e is InvalidOperationException or ArgumentException or KafkaException)
        {
            throw new DeadLetterRedriveException($"The Kafka client refuses its settings: {e.Message.TrimEnd('.')}. Look at Kafka in the options.", e);
        }
    }

    /// <summary>Sends a record and returns when all in-sync replicas have it.</summary>
    /// <exception cref="KafkaException">It was not acknowledged.</exception>
    public async Task ProduceAsync(TopicPartition place, Message<byte[]?, byte[]?> message)
    {
        try
        {
            var report = await _client.ProduceAsync(place, message);
            if (report.Status != PersistenceStatus.Persisted)
                throw new KafkaException(new Error(ErrorCode.Local_Fail, $"It was not acknowledged ({report.Status})"));
        }
        catch (KafkaException e) when (e.Error.Code == ErrorCode.Local_MsgTimedOut && _lastError is { } error)
        {
            // A wrong password, a broker that is gone: the record itself knows only that its time was over.
            throw new KafkaException(new Error(e.Error.Code, $"{e.Error.Reason}; before that, the client said: {error.Reason}"), e);
        }
    }

    /// <summary>Nothing is left to flush: every record was awaited.</summary>
    public void Dispose() => _client.Dispose();

    internal static ProducerConfig Config(DeadLetterRedriveOptions options)
    {
        var config = new ProducerConfig
        {
            ClientId = "cloudsync-redrive",

            // Where a partition is gone, a key goes where the SDK's producer sends it.
            Partitioner = Partitioner.Murmur2Random,
        };
        LetterSending.SetDefaults(config);
        foreach (var (key, value) in options.Kafka)
            config.Set(key, value);

        config.BootstrapServers = options.BootstrapServers;
        config.Acks = Acks.All;
        config.EnableIdempotence = true;
        config.MessageTimeoutMs = (int)options.Timeout.TotalMilliseconds;
        return config;
    }
}
