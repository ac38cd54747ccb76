using System.Buffers;
using System.Runtime.InteropServices;
using Confluent.Kafka;

namespace CloudSync.Sdk.Testing;

/// <summary>
/// A Kafka cluster inside the process, for tests and demos: nothing to install, started in milliseconds, and able to fail on demand. It is the mock cluster
/// of librdkafka, the library under Confluent.Kafka; its brokers listen on free ports of 127.0.0.1, so other processes on the machine can use it too.
/// </summary>
/// <remarks>
/// <para>What it is not:</para>
/// <list type="bullet">
/// <item>It keeps nothing on disk, and of each partition only the newest 5 MB (as they came over the wire, compressed or not) or 100,000 batches. Older ones
/// fall out, read or not.</item>
/// <item>It has no admin requests: make topics with <see cref="CreateTopic"/>. A topic that a client asks for and that does not exist appears by itself, with 4
/// partitions.</item>
/// <item>It does not recognise what an idempotent producer sends twice, unless the producer is transactional.</item>
/// <item>A rebalance of a group that has members already, or whose last one has just left, takes the members' <c>session.timeout.ms</c> less one second, even when all of them are back sooner: give
/// them a short one, such as 3,000. Members that start together, within <see cref="EmbeddedKafkaOptions.InitialRebalanceDelay"/>, need no rebalance.</item>
/// <item>librdkafka's clients work with it, so Confluent's and <c>kcat</c>; Apache Kafka's Java tools of version 4 do not.</item>
/// <item>It has the memory and the speed of one process and no replication. A figure measured against it says nothing about Kafka.</item>
/// </list>
/// <para>All members may be called from any thread.</para>
/// </remarks>
/// <example>
/// <code>
/// await using var kafka = EmbeddedKafka.Start();
/// kafka.CreateTopic("data-topic", partitions: 12);
/// using var producer = new ProducerBuilder&lt;string, string&gt;(new ProducerConfig { BootstrapServers = kafka.BootstrapServers }).Build();
/// </code>
/// </example>
public sealed class EmbeddedKafka : IAsyncDisposable
{
    private const int AllBrokers = -1;
    private const int MaxTopicLength = 249;

    private static readonly SearchValues<char> TopicCharacters =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");

    private readonly MockClusterHandle _cluster;
    private readonly Lazy<Task> _disposal;

    private EmbeddedKafka(EmbeddedKafkaOptions options)
    {
        BrokerCount = options.Brokers;
        _cluster = new MockClusterHandle(options.Brokers);

        // On another thread, for the native side waits for its own to end. One task for all who dispose, so that all of them wait.
        _disposal = new Lazy<Task>(() => Task.Run(_cluster.Dispose));
        MockLibRdKafka.SetInitialRebalanceDelay(_cluster, Math.Max(1, (int)options.InitialRebalanceDelay.TotalMilliseconds));
        unsafe
        {
            BootstrapServers = Marshal.PtrToStringUTF8((nint)MockLibRdKafka.Bootstraps(_cluster))!;
        }
    }

    /// <summary>The addresses of all brokers, <c>127.0.0.1:port</c> separated by commas. They stay the same while the cluster lives.</summary>
    public string BootstrapServers { get; }

    /// <summary>How many brokers there are. Their ids are 1 to this number.</summary>
    public int BrokerCount { get; }

    /// <summary>Starts a cluster.</summary>
    /// <param name="options">How it is made; the defaults when <see langword="null"/>.</param>
    /// <returns>The cluster, ready for clients. It lives until it is disposed of, or the process ends.</returns>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    /// <exception cref="DllNotFoundException">The native library of Confluent.Kafka can't be loaded on this system.</exception>
    /// <exception cref="InvalidOperationException">The cluster can't be started, for want of a free port or of memory.</exception>
    public static EmbeddedKafka Start(EmbeddedKafkaOptions? options = null)
    {
        options ??= new EmbeddedKafkaOptions();
        options.Validate();
        return new EmbeddedKafka(options);
    }

    /// <summary>Makes a topic.</summary>
    /// <param name="name">Its name: 1 to 249 of the characters <c>a-z A-Z 0-9 . _ -</c>.</param>
    /// <param name="partitions">The number of partitions, from 1 to 10,000. Their leaders are spread over the brokers.</param>
    /// <exception cref="ArgumentException">Kafka does not allow this name.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="partitions"/> is out of its range.</exception>
    /// <exception cref="InvalidOperationException">There is a topic of this name; perhaps a client asked for it and it appeared by itself.</exception>
    /// <exception cref="ObjectDisposedException">The cluster has been disposed of.</exception>
    public void CreateTopic(string name, int partitions = 1)
    {
        ThrowIfNotATopic(name);
        ArgumentOutOfRangeException.ThrowIfLessThan(partitions, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(partitions, 10_000);
        ThrowIfDisposed();

        var error = MockLibRdKafka.CreateTopic(_cluster, name, partitions, Math.Min(3, BrokerCount));
        if (error == ErrorCode.TopicAlreadyExists)
        {
            throw new InvalidOperationException(
                $"Topic '{name}' exists already in the embedded cluster. A topic appears by itself, with 4 partitions, when a client asks for it: create it "
                + "before the first client uses it, and give each test a topic of its own.");
        }

        ThrowOn(error, $"Topic '{name}' with {partitions} partitions could not be made");
    }

    /// <summary>
    /// Cuts a broker's connections and refuses new ones. Its partitions keep it as their leader, so nobody can read or write them until
    /// <see cref="BringBrokerUp"/> or <see cref="SetLeader"/>. Does nothing to a broker that is down already.
    /// </summary>
    /// <param name="brokerId">The broker.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such broker.</exception>
    /// <exception cref="ObjectDisposedException">The cluster has been disposed of.</exception>
    public void TakeBrokerDown(int brokerId)
    {
        ThrowIfNotABroker(brokerId);
        ThrowOn(MockLibRdKafka.SetDown(_cluster, brokerId), $"Broker {brokerId} could not be taken down");
    }

    /// <summary>Cuts the connections of all brokers and refuses new ones.</summary>
    /// <exception cref="ObjectDisposedException">The cluster has been disposed of.</exception>
    public void TakeAllBrokersDown()
    {
        ThrowIfDisposed();
        ThrowOn(MockLibRdKafka.SetDown(_cluster, AllBrokers), "The brokers could not be taken down");
    }

    /// <summary>Lets clients connect to a broker again, on the same port. What it held is still there. Does nothing to a broker that is up.</summary>
    /// <param name="brokerId">The broker.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such broker.</exception>
    /// <exception cref="ObjectDisposedException">The cluster has been disposed of.</exception>
    public void BringBrokerUp(int brokerId)
    {
        ThrowIfNotABroker(brokerId);
        ThrowOn(MockLibRdKafka.SetUp(_cluster, brokerId), $"Broker {brokerId} could not be brought up");
    }

    /// <summary>Lets clients connect to every broker again.</summary>
    /// <exception cref="ObjectDisposedException">The cluster has been disposed of.</exception>
    public void BringAllBrokersUp()
    {
        ThrowIfDisposed();
        ThrowOn(MockLibRdKafka.SetUp(_cluster, AllBrokers), "The brokers could not be brought up");
    }

    /// <summary>Holds back every answer of all brokers for a while.</summary>
    /// <param name="latency">For how long, in whole milliseconds, up to ten minutes; zero for not at all.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="latency"/> is out of its range.</exception>
    /// <exception cref="ObjectDisposedException">The cluster has been disposed of.</exception>
    public void SetLatency(TimeSpan latency)
    {
        ThrowIfDisposed();
        ThrowOn(MockLibRdKafka.SetRoundTrip(_cluster, AllBrokers, Milliseconds(latency)), $"A latency of {latency} could not be set");
    }

    /// <summary>Holds back every answer of one broker for a while.</summary>
    /// <param name="brokerId">The broker.</param>
    /// <param name="latency">For how long, in whole milliseconds, up to ten minutes; zero for not at all.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such broker, or <paramref name="latency"/> is out of its range.</exception>
    /// <exception cref="ObjectDisposedException">The cluster has been disposed of.</exception>
    public void SetLatency(int brokerId, TimeSpan latency)
    {
        ThrowIfNotABroker(brokerId);
        ThrowOn(MockLibRdKafka.SetRoundTrip(_cluster, brokerId, Milliseconds(latency)), $"A latency of {latency} could not be set for broker {brokerId}");
    }

    /// <summary>Makes a broker the leader of a partition, as after a failover. A topic that does not exist appears, with 4 partitions.</summary>
    /// <param name="topic">The topic.</param>
    /// <param name="partition">The partition.</param>
    /// <param name="brokerId">The new leader, which need not be up.</param>
    /// <exception cref="ArgumentException">Kafka does not allow this name.</exception>
    /// <exception cref="ArgumentOutOfRangeException">There is no such partition or broker.</exception>
    /// <exception cref="ObjectDisposedException">The cluster has been disposed of.</exception>
    public void SetLeader(string topic, int partition, int brokerId)
    {
        ThrowIfNotATopic(topic);
        ArgumentOutOfRangeException.ThrowIfNegative(partition);
        ThrowIfNotABroker(brokerId);

        // Never 'no leader', which the native side also knows: its answer to a producer then reads through a null pointer and ends the process.
        var error = MockLibRdKafka.SetLeader(_cluster, topic, partition, brokerId);
        ThrowIfNoSuchPartition(error, topic, partition);
        ThrowOn(error, $"The leader of {topic} [{partition}] could not be set to broker {brokerId}");
    }

    /// <summary>Makes a broker the coordinator of a consumer group. Without this, the group's name decides.</summary>
    /// <param name="groupId">The group. Its members find the new coordinator when the old one refuses them or is down.</param>
    /// <param name="brokerId">The new coordinator, which need not be up.</param>
    /// <exception cref="ArgumentException"><paramref name="groupId"/> is empty.</exception>
    /// <exception cref="ArgumentOutOfRangeException">There is no such broker.</exception>
    /// <exception cref="ObjectDisposedException">The cluster has been disposed of.</exception>
    public void SetGroupCoordinator(string groupId, int brokerId)
    {
        ArgumentException.ThrowIfNullOrEmpty(groupId);
        ThrowIfNotABroker(brokerId);
        ThrowOn(MockLibRdKafka.SetCoordinator(_cluster, "group", groupId, brokerId), $"The coordinator of group '{groupId}' could not be set to broker {brokerId}");
    }

    /// <summary>Deletes the beginning of a partition, as retention does: a consumer that still wants it is told that its offset is out of range.</summary>
    /// <param name="topic">The topic.</param>
    /// <param name="partition">The partition.</param>
    /// <param name="beforeOffset">The offset that becomes the first one; no further than the partition's end.</param>
    /// <exception cref="ArgumentException">Kafka does not allow this name.</exception>
    /// <exception cref="ArgumentOutOfRangeException">There is no such partition, or it is not that long.</exception>
    /// <exception cref="ObjectDisposedException">The cluster has been disposed of.</exception>
    public void DeleteRecords(string topic, int partition, long beforeOffset)
    {
        ThrowIfNotATopic(topic);
        ArgumentOutOfRangeException.ThrowIfNegative(partition);
        ArgumentOutOfRangeException.ThrowIfNegative(beforeOffset);
        ThrowIfDisposed();

        var error = MockLibRdKafka.DeleteRecords(_cluster, topic, partition, beforeOffset);
        ThrowIfNoSuchPartition(error, topic, partition);
        if (error == ErrorCode.OffsetOutOfRange)
            throw new ArgumentOutOfRangeException(nameof(beforeOffset), beforeOffset, $"{topic} [{partition}] ends before this offset.");

        ThrowOn(error, $"The records of {topic} [{partition}] before offset {beforeOffset} could not be deleted");
    }

    /// <summary>
    /// Answers the next requests of a kind with errors: the first request to arrive with the first error, the next with the second, and so on, whichever client and
    /// broker it comes from and goes to. Then requests succeed again. Errors of several calls queue up.
    /// </summary>
    /// <param name="request">The kind of request.</param>
    /// <param name="errors">
    /// Errors that a broker can answer with; <see cref="ErrorCode.NoError"/> lets one request through, and <see cref="ErrorCode.Local_Transport"/> cuts its
    /// connection instead of an answer. What was asked is not done. (To lose the answer of something that was done: <see cref="SetLatency(TimeSpan)"/>, then
    /// <see cref="TakeBrokerDown"/> while the answer waits.) Clients retry most errors: give one often enough to outlast that.
    /// </param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such kind of request.</exception>
    /// <exception cref="ArgumentException">An error is one that only a client can have.</exception>
    /// <exception cref="ObjectDisposedException">The cluster has been disposed of.</exception>
    public unsafe void FailRequests(EmbeddedKafkaRequest request, params ReadOnlySpan<ErrorCode> errors)
    {
        ThrowIfNotARequest(request);
        foreach (var error in errors)
        {
            if (error < ErrorCode.Unknown && error != ErrorCode.Local_Transport)
            {
                throw new ArgumentException(
                    $"{error} is an error of the client's own, which no broker answers with. Of those, only {ErrorCode.Local_Transport} can be injected: it cuts "
                    + "the connection.",
                    nameof(errors));
            }
        }

        ThrowIfDisposed();
        fixed (ErrorCode* first = errors)
            MockLibRdKafka.PushErrors(_cluster, (short)request, (nuint)errors.Length, first);
    }

    /// <summary>Forgets the errors that <see cref="FailRequests"/> has queued for a kind of request.</summary>
    /// <param name="request">The kind of request.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such kind of request.</exception>
    /// <exception cref="ObjectDisposedException">The cluster has been disposed of.</exception>
    public void ClearFailures(EmbeddedKafkaRequest request)
    {
        ThrowIfNotARequest(request);
        ThrowIfDisposed();
        MockLibRdKafka.ClearErrors(_cluster, (short)request);
    }

    /// <summary>Forgets the errors that <see cref="FailRequests"/> has queued for all kinds of request.</summary>
    /// <exception cref="ObjectDisposedException">The cluster has been disposed of.</exception>
    public void ClearFailures()
    {
        foreach (var request in Enum.GetValues<EmbeddedKafkaRequest>())
            ClearFailures(request);
    }

    /// <summary>
    /// Stops the cluster and frees its memory. Clients that still use it lose their connections and try to get them back until they are disposed of
    /// themselves. May be called more than once.
    /// </summary>
    public ValueTask DisposeAsync() => new(_disposal.Value);

    private static int Milliseconds(TimeSpan latency)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(latency, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(latency, TimeSpan.FromMinutes(10));
        return (int)latency.TotalMilliseconds;
    }

    private static void ThrowIfNotATopic(string name)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        if (name.Length > MaxTopicLength || name is "." or ".." || name.AsSpan().ContainsAnyExcept(TopicCharacters))
        {
            throw new ArgumentException(
                $"'{name}' is not a name that Kafka allows for a topic: 1 to {MaxTopicLength} of the characters a-z, A-Z, 0-9, '.', '_' and '-'.", nameof(name));
        }
    }

    private static void ThrowIfNotARequest(EmbeddedKafkaRequest request)
    {
        if (!Enum.IsDefined(request))
            throw new ArgumentOutOfRangeException(nameof(request), request, "This is not a kind of request that the embedded cluster can fail.");
    }

    private void ThrowIfNotABroker(int brokerId)
    {
        ThrowIfDisposed();
        if (brokerId < 1 || brokerId > BrokerCount)
            throw new ArgumentOutOfRangeException(nameof(brokerId), brokerId, $"There is no such broker: the embedded cluster has 1 to {BrokerCount}.");
    }

    private static void ThrowIfNoSuchPartition(ErrorCode error, string topic, int partition)
    {
        if (error == ErrorCode.UnknownTopicOrPart)
            throw new ArgumentOutOfRangeException(nameof(partition), partition, $"The embedded cluster has no such partition of topic '{topic}'.");
    }

    private static void ThrowOn(ErrorCode error, string what)
    {
        if (error != ErrorCode.NoError)
            throw new InvalidOperationException($"{what}: {error.GetReason()} ({error}).");
    }

    private void ThrowIfDisposed() => ObjectDisposedException.ThrowIf(_cluster.IsClosed, this);
}
