using System.Collections.Concurrent;
using System.Text;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;
using Microsoft.Extensions.Time.Testing;

namespace CloudSync.Sdk.Tests;

/// <summary>A whole pipeline with real lanes, window, breaker and store, between records that were never in Kafka and a sink of the test's making.</summary>
internal sealed class PipelineUnderTest : IDisposable
{
    private readonly Dictionary<int, PartitionProgress> _partitions = [];
    private readonly Dictionary<int, long> _offsets = [];
    private readonly ConsumerMetrics _metrics;
    private int _epoch = 1;

    public PipelineUnderTest(
        object sink, Action<CloudSyncConsumerOptions>? configure = null, TimeProvider? time = null, IErrorClassifier? classifier = null, bool withStore = true,
        Func<SyncMessage, string?>? keyOf = null, ILogger? log = null)
    {
        configure?.Invoke(Options);
        _metrics = new ConsumerMetrics("test", Options.GroupId, Options.Topic, Log);
        Clock = time as FakeTimeProvider;
        Store = new FakeStore(new InMemoryIdempotencyStore(Options.Idempotency, time ?? TimeProvider.System));
        Pipeline = new DeliveryPipeline(
            "test",
            Options,
            sink,
            withStore ? Store : null,
            classifier,
            DeadLetters,
            _metrics,
            new ConsumerHealth(),
            time ?? TimeProvider.System,
            log ?? Log,
            keyOf);
    }

    /// <summary>Defaults without chance: the same delays each time.</summary>
    public CloudSyncConsumerOptions Options { get; } = new() { GroupId = "g", Retry = { Jitter = 0 } };

    public DeliveryPipeline Pipeline { get; }

    public FakeStore Store { get; }

    public FakeDeadLetters DeadLetters { get; } = new();

    public FakeLogger Log { get; } = new();

    /// <summary>The clock, where the test drives it.</summary>
    public FakeTimeProvider? Clock { get; }

    public PartitionProgress Partition(int partition = 0)
    {
        if (!_partitions.TryGetValue(partition, out var progress))
            _partitions[partition] = progress = new PartitionProgress(Options.Topic, partition, _epoch);

        return progress;
    }

    /// <summary>The partition comes back after it was given up: from this offset on.</summary>
    public PartitionProgress Reassign(int partition, long offset)
    {
        _offsets[partition] = offset;
        return _partitions[partition] = new PartitionProgress(Options.Topic, partition, ++_epoch);
    }

    /// <summary>Reads one message for each key, in this order, at the next offsets of the partition.</summary>
    public Delivery[] Read(params string?[] keys) => Read(0, [.. keys.Select(key => (key, (string?)null))]);

    public Delivery[] Read(int partition, params (string? Key, string? Id)[] messages)
    {
        var progress = Partition(partition);
        var next = _offsets.GetValueOrDefault(partition);
        var deliveries = messages.Select(m =>
        {
            var raw = Records.Raw(next++, partition, m.Key, value: "payload", m.Id);
            progress.Track([raw]);
            return new Delivery(raw, progress, KeyLanes.LaneOf(Options.Ordering, raw));
        }).ToArray();
        _offsets[partition] = next;
        Pipeline.Accept(deliveries);
        return deliveries;
    }

    /// <summary>All that was read is settled, and nothing is left behind in memory.</summary>
    public async Task SettledAsync()
    {
        foreach (var progress in _partitions.Values)
            await Eventually.True(() => progress.Distance == 0);

        await EmptyAsync();
    }

    public async Task EmptyAsync()
    {
        await Eventually.True(() => Pipeline.Window.Messages == 0 && Pipeline.Window.Bytes == 0);
        await Eventually.True(() => Pipeline.Lanes is { InFlight: 0, Ready.Count: 0, LaneCount: 0 });
    }

    public bool Logged(int eventId) => Log.Collector.GetSnapshot().Any(record => record.Id.Id == eventId);

    public void Dispose()
    {
        Pipeline.StopDispatch();
        Pipeline.Abort();
        Pipeline.Dispose();
        Store.Dispose();
        _metrics.Dispose();
    }
}

/// <summary>A sink that does what the test says, and remembers in which order.</summary>
internal sealed class FakeSink(Func<SyncMessage, CancellationToken, ValueTask>? send = null) : ICloudSink
{
    private int _running;
    private int _mostRunning;

    public Func<SyncMessage, CancellationToken, ValueTask> Send { get; set; } = send ?? ((_, _) => default);

    /// <summary>Each call by the message's offset, in the order of their beginning.</summary>
    public ConcurrentQueue<long> Calls { get; } = new();

    /// <summary>Each call by the message's key.</summary>
    public ConcurrentQueue<string?> Keys { get; } = new();

    public ConcurrentQueue<long> Delivered { get; } = new();

    public int Running => Volatile.Read(ref _running);

    public int MostRunning => Volatile.Read(ref _mostRunning);

    public async ValueTask SendAsync(SyncMessage message, CancellationToken cancellationToken)
    {
        var running = Interlocked.Increment(ref _running);
        for (int most; (most = Volatile.Read(ref _mostRunning)) < running && Interlocked.CompareExchange(ref _mostRunning, running, most) != most;)
        {
        }

        Calls.Enqueue(message.Offset);
        Keys.Enqueue(message.Key is { } key ? Encoding.UTF8.GetString(key.Span) : null);
        try
        {
            await Send(message, cancellationToken);
            Delivered.Enqueue(message.Offset);
        }
        finally
        {
            Interlocked.Decrement(ref _running);
        }
    }
}

/// <summary>A batch sink that does what the test says.</summary>
internal sealed class FakeBatchSink(Func<IReadOnlyList<SyncMessage>, CancellationToken, ValueTask<IReadOnlyList<SinkResult>>> send) : IBatchCloudSink
{
    public ConcurrentQueue<long[]> Calls { get; } = new();

    public Func<IReadOnlyList<SyncMessage>, CancellationToken, ValueTask<IReadOnlyList<SinkResult>>> Send { get; set; } = send;

    public ValueTask<IReadOnlyList<SinkResult>> SendAsync(IReadOnlyList<SyncMessage> messages, CancellationToken cancellationToken)
    {
        Calls.Enqueue([.. messages.Select(m => m.Offset)]);
        return Send(messages, cancellationToken);
    }
}

/// <summary>Keeps what it is given, unless the test says otherwise.</summary>
internal sealed class FakeDeadLetters : IDeadLetterWriter
{
    private int _writes;

    public Func<Delivery, CancellationToken, Task> Write { get; set; } = (_, _) => Task.CompletedTask;

    public ConcurrentQueue<Delivery> Written { get; } = new();

    public int Writes => Volatile.Read(ref _writes);

    public async Task WriteAsync(Delivery delivery, CancellationToken cancellationToken)
    {
        Interlocked.Increment(ref _writes);
        await Write(delivery, cancellationToken);
        Written.Enqueue(delivery);
    }
}

/// <summary>The in-memory store, which fails or answers nothing when the test says so.</summary>
internal sealed class FakeStore(InMemoryIdempotencyStore inner) : IIdempotencyStore, IDisposable
{
    private int _claims;
    private int _releases;
    private int _extensions;

    public Func<Task>? BeforeClaim { get; set; }

    public Func<Task>? BeforeComplete { get; set; }

    public Func<Task>? BeforeRelease { get; set; }

    public Func<Task>? BeforeExtend { get; set; }

    /// <summary>The token of the last extension.</summary>
    public CancellationToken LastExtension { get; private set; }

    /// <summary>Whether claims are left unanswered: the results stay at their default.</summary>
    public bool LeavesUnanswered { get; set; }

    /// <summary>Whether calls are refused whose token is cancelled.</summary>
    public bool HeedsItsToken { get; set; }

    public int Claims => Volatile.Read(ref _claims);

    public int Releases => Volatile.Read(ref _releases);

    public int Extensions => Volatile.Read(ref _extensions);

    public IdempotencyStatistics Statistics => inner.Statistics;

    public async ValueTask ClaimAsync(
        ReadOnlyMemory<IdempotencyKey> keys, TimeSpan lease, Memory<ClaimResult> results, CancellationToken cancellationToken)
    {
        Interlocked.Increment(ref _claims);
        if (BeforeClaim is { } before)
            await before();

        if (!LeavesUnanswered)
            await inner.ClaimAsync(keys, lease, results, cancellationToken);
    }

    public async ValueTask CompleteAsync(ReadOnlyMemory<IdempotencyClaim> claims, Memory<bool> results, CancellationToken cancellationToken)
    {
        if (HeedsItsToken)
            cancellationToken.ThrowIfCancellationRequested();

        if (BeforeComplete is { } before)
            await before();

        // Another store may have no room for what no claim ever gave.
        foreach (var claim in claims.Span)
            ArgumentOutOfRangeException.ThrowIfNegative(claim.Token);

        await inner.CompleteAsync(claims, results, cancellationToken);
    }

    public async ValueTask ReleaseAsync(ReadOnlyMemory<IdempotencyClaim> claims, CancellationToken cancellationToken)
    {
        if (BeforeRelease is { } before)
            await before();

        await inner.ReleaseAsync(claims, cancellationToken);
        Interlocked.Add(ref _releases, claims.Length);
    }

    public async ValueTask ExtendAsync(
        ReadOnlyMemory<IdempotencyClaim> claims, TimeSpan lease, Memory<bool> results, CancellationToken cancellationToken)
    {
        LastExtension = cancellationToken;
        if (BeforeExtend is { } before)
            await before();

        await inner.ExtendAsync(claims, lease, results, cancellationToken);
        Interlocked.Add(ref _extensions, claims.Length);
    }

    public void Dispose() => inner.Dispose();
}
