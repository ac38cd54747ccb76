using System.Diagnostics;
using System.Globalization;
using CloudSync.Measuring;
using Confluent.Kafka;

namespace CloudSync.LoadTest.Parts;

/// <summary>The brokers: given ones, else one started from KAFKA_HOME, else the embedded ones, in a process of their own.</summary>
internal sealed class Brokers : IUsed, IAsyncDisposable
{
    /// <summary>What is kept of a partition: by the embedded brokers always, by others as the topic says, for a run of an hour must not fill the disk.</summary>
    private const long EmbeddedPartitionBytes = 5 * 1024 * 1024;
    private const long PartitionBytes = 256 * 1024 * 1024;
    private const long SegmentBytes = 32 * 1024 * 1024;

    private readonly BenchmarkKafka? _real;
    private readonly Part? _embedded;
    private readonly Action<string> _say;

    private Brokers(string bootstrapServers, string description, BenchmarkKafka? real, Part? embedded, Action<string> say)
    {
        (BootstrapServers, Description, _say) = (bootstrapServers, description, say);
        (_real, _embedded) = (real, embedded);
    }

    public string Name => "broker";

    public string BootstrapServers { get; }

    public string Description { get; }

    public bool IsEmbedded => _embedded is not null;

    /// <summary>Bytes that are kept of each partition of a topic of messages, read or not; older ones fall out.</summary>
    public long KeptBytes => IsEmbedded ? EmbeddedPartitionBytes : PartitionBytes;

    /// <summary>Whether what they take of the machine can be told: not of brokers that were there already.</summary>
    public bool IsOurs => IsEmbedded || _real!.ProcessIds.Count > 0;

    /// <param name="given">The addresses of brokers that are there.</param>
    /// <param name="say">Told what could not be cleaned up in the end.</param>
    /// <param name="cancellationToken">Ends the start.</param>
    /// <exception cref="InvalidOperationException">They do not start.</exception>
    public static async Task<Brokers> StartAsync(string? given, Action<string> say, CancellationToken cancellationToken)
    {
        if (given is null && BenchmarkKafka.Home is null)
        {
            var embedded = await Part.StartAsync(EmbeddedKafkaPart.Name, "", cancellationToken);
            return new Brokers(embedded.Address, "the embedded Kafka, which is no measure of a real one", null, embedded, say);
        }

        // As often as that they look for what is old, where they are started here: the default is five minutes, in which a disk can fill up.
        var real = await BenchmarkKafka.StartAsync(given, "log.retention.check.interval.ms=5000", "log.segment.delete.delay.ms=1000");
        return new Brokers(real.BootstrapServers, real.Description, real, null, say);
    }

    /// <summary>Makes a topic that keeps <see cref="KeptBytes"/> of each partition.</summary>
    public Task<IAsyncDisposable> CreateMessageTopicAsync(string name, int partitions) => CreateTopicAsync(name, partitions, new Dictionary<string, string>
    {
        ["retention.bytes"] = PartitionBytes.ToString(CultureInfo.InvariantCulture), ["segment.bytes"] = SegmentBytes.ToString(CultureInfo.InvariantCulture),
    });

    /// <returns>What deletes it again.</returns>
    public async Task<IAsyncDisposable> CreateTopicAsync(string name, int partitions, Dictionary<string, string>? settings = null)
    {
        if (_embedded is not null)
            await _embedded.AskAsync<bool>($"{EmbeddedKafkaPart.TopicQuestion} {name} {partitions}");
        else
            await CreateAsync(name, partitions, settings);
        return new CreatedTopic($"{name} on Kafka at {BootstrapServers}", () => _real?.DeleteTopicAsync(name) ?? Task.CompletedTask, _say);
    }

    public Task<Use> UseAsync()
    {
        if (_embedded is not null)
            return _embedded.UseAsync();

        return Task.FromResult(UseOf(_real!.ProcessIds));
    }

    /// <exception cref="InvalidOperationException">One of the processes has ended.</exception>
    internal static Use UseOf(IReadOnlyList<int> processIds)
    {
        var (seconds, bytes) = (0.0, 0L);
        try
        {
            foreach (var id in processIds)
            {
                using var process = Process.GetProcessById(id);
                (seconds, bytes) = (seconds + process.TotalProcessorTime.TotalSeconds, bytes + process.WorkingSet64);
            }
        }
        catch (Exception e) when (e is ArgumentException or InvalidOperationException)
        {
            throw new InvalidOperationException("The broker has ended.", e);
        }

        return new Use(seconds, bytes / 1024.0 / 1024, null, null);
    }

    public async ValueTask DisposeAsync()
    {
        if (_embedded is not null)
            await _embedded.DisposeAsync();
        if (_real is not null)
            await _real.DisposeAsync();
    }

    private async Task CreateAsync(string name, int partitions, Dictionary<string, string>? settings)
    {
        try
        {
            await _real!.CreateTopicAsync(name, partitions, settings);
        }
        catch (KafkaException e)
        {
            throw new InvalidOperationException($"Kafka at {BootstrapServers} does not make the topic {name}: {e.Message}. Look whether it is there, and lets this machine in.", e);
        }
    }

    /// <summary>Brokers that were there before are left as they were.</summary>
    internal sealed class CreatedTopic(string what, Func<Task> delete, Action<string> say) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            try
            {
                await delete();
            }
            catch (KafkaException e)
            {
                // What was measured is worth more than a topic that stays.
                say($"The topic {what} is not deleted: {e.Message.TrimEnd('.')}. Delete it by hand.");
            }
        }
    }
}
