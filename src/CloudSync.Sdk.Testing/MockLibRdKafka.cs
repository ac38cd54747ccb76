using System.Runtime.InteropServices;
using Confluent.Kafka;

namespace CloudSync.Sdk.Testing;

/// <summary>librdkafka's functions for its mock cluster, in the library that Confluent.Kafka ships. See <c>rdkafka_mock.h</c>, which documents each.</summary>
/// <remarks>The functions that take a variable number of arguments are left out: their calling convention can't be written portably.</remarks>
internal static unsafe partial class MockLibRdKafka
{
    private const string Library = "librdkafka";
    private const int TypeProducer = 0;
    private const int ErrorStringLength = 512;

    static MockLibRdKafka() =>
        NativeLibrary.SetDllImportResolver(typeof(MockLibRdKafka).Assembly, (name, _, searchPath) => name == Library ? LibRdKafka.Load(searchPath) : 0);

    /// <summary>A client that the cluster lives in. It connects to nothing.</summary>
    /// <exception cref="DllNotFoundException">The library can't be loaded here.</exception>
    public static nint NewClient()
    {
        var text = stackalloc byte[ErrorStringLength];
        var conf = LibRdKafka.NewConf();

        // Only what is broken: without bootstrap servers, which this client does not need, every cluster would begin with a notice on stderr.
        LibRdKafka.SetConf(conf, "log_level", "3", text, ErrorStringLength);

        var client = LibRdKafka.NewClient(TypeProducer, conf, text, ErrorStringLength);
        if (client != 0)
            return client;

        LibRdKafka.DestroyConf(conf);
        throw new InvalidOperationException($"librdkafka could not make a client for the embedded cluster: {Marshal.PtrToStringUTF8((nint)text)}");
    }

    [LibraryImport(Library, EntryPoint = "rd_kafka_mock_cluster_new")]
    public static partial nint NewCluster(nint client, int brokers);

    [LibraryImport(Library, EntryPoint = "rd_kafka_mock_cluster_destroy")]
    public static partial void DestroyCluster(nint cluster);

    /// <summary>Belongs to the cluster: not to be freed.</summary>
    [LibraryImport(Library, EntryPoint = "rd_kafka_mock_cluster_bootstraps")]
    public static partial byte* Bootstraps(MockClusterHandle cluster);

    [LibraryImport(Library, EntryPoint = "rd_kafka_mock_group_initial_rebalance_delay_ms")]
    public static partial void SetInitialRebalanceDelay(MockClusterHandle cluster, int milliseconds);

    [LibraryImport(Library, EntryPoint = "rd_kafka_mock_topic_create", StringMarshalling = StringMarshalling.Utf8)]
    public static partial ErrorCode CreateTopic(MockClusterHandle cluster, string topic, int partitions, int replicationFactor);

    [LibraryImport(Library, EntryPoint = "rd_kafka_mock_partition_set_leader", StringMarshalling = StringMarshalling.Utf8)]
    public static partial ErrorCode SetLeader(MockClusterHandle cluster, string topic, int partition, int brokerId);

    [LibraryImport(Library, EntryPoint = "rd_kafka_mock_partition_delete_records", StringMarshalling = StringMarshalling.Utf8)]
    public static partial ErrorCode DeleteRecords(MockClusterHandle cluster, string topic, int partition, long beforeOffset);

    [LibraryImport(Library, EntryPoint = "rd_kafka_mock_coordinator_set", StringMarshalling = StringMarshalling.Utf8)]
    public static partial ErrorCode SetCoordinator(MockClusterHandle cluster, string keyType, string key, int brokerId);

    [LibraryImport(Library, EntryPoint = "rd_kafka_mock_broker_set_down")]
    public static partial ErrorCode SetDown(MockClusterHandle cluster, int brokerId);

    [LibraryImport(Library, EntryPoint = "rd_kafka_mock_broker_set_up")]
    public static partial ErrorCode SetUp(MockClusterHandle cluster, int brokerId);

    [LibraryImport(Library, EntryPoint = "rd_kafka_mock_broker_set_rtt")]
    public static partial ErrorCode SetRoundTrip(MockClusterHandle cluster, int brokerId, int milliseconds);

    [LibraryImport(Library, EntryPoint = "rd_kafka_mock_push_request_errors_array")]
    public static partial void PushErrors(MockClusterHandle cluster, short apiKey, nuint count, ErrorCode* errors);

    [LibraryImport(Library, EntryPoint = "rd_kafka_mock_clear_request_errors")]
    public static partial void ClearErrors(MockClusterHandle cluster, short apiKey);
}

/// <summary>A mock cluster and the client that it lives in. A call that is under way keeps both alive, whoever disposes of them meanwhile.</summary>
internal sealed class MockClusterHandle : SafeHandle
{
    private readonly nint _client;

    public MockClusterHandle(int brokers)
        : base(0, ownsHandle: true)
    {
        _client = MockLibRdKafka.NewClient();
        SetHandle(MockLibRdKafka.NewCluster(_client, brokers));
        if (IsInvalid)
        {
            LibRdKafka.DestroyClient(_client);
            throw new InvalidOperationException($"librdkafka could not start an embedded cluster of {brokers} brokers. Are there free ports on 127.0.0.1?");
        }

        // A cluster that nobody refers to any more is still in use when somebody has its address. Better one that lasts as long as the process
        // than one that vanishes at the next garbage collection.
        GC.SuppressFinalize(this);
    }

    public override bool IsInvalid => handle == 0;

    protected override bool ReleaseHandle()
    {
        MockLibRdKafka.DestroyCluster(handle);
        LibRdKafka.DestroyClient(_client);
        return true;
    }
}
