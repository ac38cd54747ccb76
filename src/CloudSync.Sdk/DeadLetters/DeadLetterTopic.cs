using System.Globalization;
using CloudSync.Sdk.Settings;
using Confluent.Kafka;
using Confluent.Kafka.Admin;

namespace CloudSync.Sdk;

/// <summary>
/// The dead-letter topic as a redrive sees it: from its beginning to where it ends when it is opened. Joins no group and commits nothing. One thread at a time.
/// </summary>
internal sealed class DeadLetterTopic : IDisposable
{
    private const int BatchSize = 500;
    private const int BatchBytes = 4 * 1024 * 1024;

    /// <summary>How long a read waits for the first record: what was sent meanwhile is to be marked.</summary>
    private static readonly TimeSpan Turn = TimeSpan.FromMilliseconds(500);

    private readonly DeadLetterRedriveOptions _options;
    private readonly TimeProvider _time;
    private readonly IConsumer<byte[]?, byte[]?> _client;
    private readonly IAdminClient _metadata;
    private readonly Dictionary<int, long> _open = [];
    private TimeSpan _silence;
    private volatile Error? _lastError;

    /// <exception cref="DeadLetterRedriveException">The client refuses its settings.</exception>
    public DeadLetterTopic(DeadLetterRedriveOptions options, TimeProvider time)
    {
        _options = options;
        _time = time;
        try
        {
            _client = new ConsumerBuilder<byte[]?, byte[]?>(Config(options))
                .SetErrorHandler((_, error) => _lastError = error)
                .SetLogHandler((_, _) => { })
                .Build();
            _metadata = new DependentAdminClientBuilder(_client.Handle).Build();
        }
        catch (Exception e) when (e is InvalidOperationException or ArgumentException or KafkaException)
        {
            throw new DeadLetterRedriveException($"The Kafka client refuses its settings: {e.Message.TrimEnd('.')}. Look at Kafka in the options.", e);
        }
    }

    /// <summary>Whether everything that was asked for has been read.</summary>
    public bool IsAtEnd => _open.Count == 0;

    /// <summary>The partitions with anything in them, each with where it begins and ends now.</summary>
    /// <param name="wanted">These alone; all when <see langword="null"/>.</param>
    /// <param name="cancellationToken">Ends the asking.</param>
    /// <exception cref="DeadLetterRedriveException">The brokers do not answer, or there is no such topic.</exception>
    public List<(int Partition, long Low, long High)> Bounds(IReadOnlySet<int>? wanted, CancellationToken cancellationToken)
    {
        var partitions = PartitionsOf(_options.Topic, cancellationToken)
            ?? throw new DeadLetterRedriveException($"Kafka at {_options.BootstrapServers} has no topic {_options.Topic}. Correct Topic, the name of the dead-letter topic.");
        var bounds = new List<(int, long, long)>();
        for (var partition = 0; partition < partitions; partition++)
        {
            if (wanted?.Contains(partition) == false)
                continue;

            var place = new TopicPartition(_options.Topic, partition);
            var marks = Asked(() => _client.QueryWatermarkOffsets(place, Slice), $"how much is in {_options.Topic}", cancellationToken);
            if (marks.Low < marks.High)
                bounds.Add((partition, marks.Low.Value, marks.High.Value));
        }

        return bounds;
    }

    /// <summary>How many partitions a topic has; <see langword="null"/> when there is no such topic.</summary>
    /// <exception cref="DeadLetterRedriveException">The brokers do not answer.</exception>
    public int? PartitionsOf(string topic, CancellationToken cancellationToken) => Asked<int?>(
        () =>
        {
            // Asked with the consumer's handle, which makes no topic by asking for it.
            var metadata = _metadata.GetMetadata(topic, Slice).Topics.Single();
            if (metadata.Error.Code is ErrorCode.UnknownTopicOrPart)
                return null;

            return metadata.Error.IsError ? throw new KafkaException(metadata.Error) : metadata.Partitions.Count;
        },
        $"for topic {topic}",
        cancellationToken);

    /// <summary>Whether a group has committed anything in a topic.</summary>
    /// <exception cref="DeadLetterRedriveException">The brokers do not answer, or refuse.</exception>
    public bool HasCommitted(string group, string topic, int partitions, CancellationToken cancellationToken) => Asked(
        () =>
        {
            try
            {
                var places = Enumerable.Range(0, partitions).Select(p => new TopicPartition(topic, p)).ToList();
                var offsets = _metadata.ListConsumerGroupOffsetsAsync(
                    [new ConsumerGroupTopicPartitions(group, places)], new ListConsumerGroupOffsetsOptions { RequestTimeout = Slice }).GetAwaiter().GetResult().Single().Partitions;
                if (offsets.Any(o => o.Offset.Value >= 0))
                    return true;

                return offsets.FirstOrDefault(o => o.Error.IsError) is { } bad ? throw new KafkaException(bad.Error) : false;
            }
            catch (ListConsumerGroupOffsetsException e)
            {
                throw new KafkaException(e.Results.Select(r => r.Error).FirstOrDefault(error => error.IsError) ?? e.Error, e);
            }
        },
        $"whether group {group} has committed anything in {topic}",
        cancellationToken);

    /// <summary>Begins to read these partitions, each between two offsets, the second excluded.</summary>
    public void Begin(IEnumerable<(int Partition, long From, long To)> spans)
    {
        _open.Clear();
        _silence = TimeSpan.Zero;
        var starts = new List<TopicPartitionOffset>();
        foreach (var (partition, from, to) in spans)
        {
            _open[partition] = to;
            starts.Add(new TopicPartitionOffset(_options.Topic, partition, from));
        }

        // A pause is remembered through an assignment, and what was read to its end before is wanted again.
        _client.Assign(starts);
        _client.Resume(starts.Select(s => s.TopicPartition));
    }

    /// <summary>
    /// Reads what is there, in the order of each partition: some hundred records at most, and none when the end is reached or nothing has come for half a second.
    /// </summary>
    /// <exception cref="DeadLetterRedriveException">The brokers do not answer, or refuse, or the topic has become shorter.</exception>
    public Task<List<ConsumeResult<byte[]?, byte[]?>>> ReadAsync(CancellationToken cancellationToken) => Task.Run(() => Read(cancellationToken), cancellationToken);

    public void Dispose()
    {
        _metadata.Dispose();
        _client.Close();
        _client.Dispose();
    }

    /// <summary>Short enough that a cancellation is noticed, long enough for a connection.</summary>
    private TimeSpan Slice => TimeSpan.FromSeconds(Math.Min(2, _options.Timeout.TotalSeconds));

    private List<ConsumeResult<byte[]?, byte[]?>> Read(CancellationToken cancellationToken)
    {
        var records = new List<ConsumeResult<byte[]?, byte[]?>>();
        long bytes = 0;
        for (var began = _time.GetTimestamp(); !IsAtEnd && records.Count < BatchSize && bytes < BatchBytes;)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var result = Consume(records.Count == 0 ? 100 : 0);
            if (result is null)
            {
                if (records.Count > 0)
                    break;
                if (_silence + _time.GetElapsedTime(began) > _options.Timeout)
                    throw Stalled();
                if (_time.GetElapsedTime(began) < Turn)
                    continue;

                _silence += _time.GetElapsedTime(began);
                return records;
            }

            if (!_open.TryGetValue(result.Partition.Value, out var to))
                continue;

            // A leader that came a moment ago may know of less than the one before it: the end is where it was when the run began, and nothing short of it.
            if (result.IsPartitionEOF && result.Offset < to)
                continue;

            _silence = TimeSpan.Zero;
            began = _time.GetTimestamp();
            if (!result.IsPartitionEOF && result.Offset < to)
            {
                records.Add(result);
                bytes += (result.Message.Key?.Length ?? 0) + (result.Message.Value?.Length ?? 0);
            }

            if (result.IsPartitionEOF || result.Offset >= to - 1)
            {
                _open.Remove(result.Partition.Value);
                _client.Pause([result.TopicPartition]);
            }
        }

        return records;
    }

    private ConsumeResult<byte[]?, byte[]?>? Consume(int milliseconds)
    {
        try
        {
            return _client.Consume(milliseconds);
        }
        catch (ConsumeException e) when (e.Error.IsFatal || e.Error.Code is ErrorCode.TopicAuthorizationFailed or ErrorCode.UnknownTopicOrPart)
        {
            throw new DeadLetterRedriveException($"{_options.Topic} can't be read: {e.Error.Reason}", e);
        }
        catch (ConsumeException e)
        {
            // It may pass, and when it does not, the wait for an answer ends and names it.
            _lastError = e.Error;
            return null;
        }
    }

    private T Asked<T>(Func<T> ask, string what, CancellationToken cancellationToken)
    {
        for (var began = _time.GetTimestamp(); ;)
        {
            cancellationToken.ThrowIfCancellationRequested();
            try
            {
                return ask();
            }
            catch (KafkaException e) when (e.Error.Code is ErrorCode.TopicAuthorizationFailed or ErrorCode.GroupAuthorizationFailed)
            {
                throw new DeadLetterRedriveException($"Kafka was asked {what} and refused: {e.Error.Reason}", e);
            }
            catch (KafkaException e) when (_time.GetElapsedTime(began) > _options.Timeout || _lastError?.Code is ErrorCode.Local_Authentication)
            {
                throw NoAnswer($"was asked {what} and has not answered", e);
            }
            catch (KafkaException e)
            {
                // Leaders move, and a topic that was made a moment ago has none yet. What fails at once is not asked for again at once.
                if (e.Error.Code is not (ErrorCode.Local_TimedOut or ErrorCode.Local_Transport))
                    _lastError = e.Error;

                cancellationToken.WaitHandle.WaitOne(100);
            }
        }
    }

    /// <summary>Nothing has come for as long as the brokers may take: because they say nothing, or because there is nothing any more where something was.</summary>
    private DeadLetterRedriveException Stalled()
    {
        try
        {
            foreach (var (partition, to) in _open)
            {
                var end = _client.QueryWatermarkOffsets(new TopicPartition(_options.Topic, partition), Slice).High.Value;
                if (end < to)
                    return new DeadLetterRedriveException(string.Create(
                        CultureInfo.InvariantCulture,
                        $"Partition {partition} of {_options.Topic} ended at {to} when the run began, and ends at {end} now: a broker without its last records has become the leader, or the topic was made anew. Start again, when the brokers are whole."));
            }
        }
        catch (KafkaException e)
        {
            return NoAnswer($"sent nothing of {_options.Topic}", e);
        }

        return NoAnswer($"sent nothing of {_options.Topic}", null);
    }

    private DeadLetterRedriveException NoAnswer(string what, KafkaException? cause) => new(
        $"Kafka at {_options.BootstrapServers} {what} within {SettingText.Format(_options.Timeout)} (Timeout): {_lastError?.Reason ?? cause?.Error.Reason ?? "it is silent"}. "
        + "Look at the brokers, BootstrapServers and the security settings under Kafka.",
        cause);

    private static ConsumerConfig Config(DeadLetterRedriveOptions options)
    {
        var config = new ConsumerConfig
        {
            ClientId = "cloudsync-redrive",
            GroupId = "cloudsync-redrive",
            AutoOffsetReset = AutoOffsetReset.Earliest,
            QueuedMaxMessagesKbytes = 16 * 1024,
            FetchWaitMaxMs = 100,

            // A low rate leaves the client alone for as long as it takes to send what was read.
            MaxPollIntervalMs = 86_400_000,
        };

        // As for the consumers: a fetcher whose queue was full once would be idle for a second.
        config.Set("fetch.queue.backoff.ms", "10");
        foreach (var (key, value) in options.Kafka)
            config.Set(key, value);

        config.BootstrapServers = options.BootstrapServers;
        config.EnableAutoCommit = false;
        config.EnableAutoOffsetStore = false;
        config.EnablePartitionEof = true;
        return config;
    }
}
