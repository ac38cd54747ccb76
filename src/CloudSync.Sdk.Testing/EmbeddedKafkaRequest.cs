namespace CloudSync.Sdk.Testing;

/// <summary>The kinds of request that <see cref="EmbeddedKafka.FailRequests"/> can fail. The values are the keys of Kafka's protocol.</summary>
public enum EmbeddedKafkaRequest : short
{
    /// <summary>A producer sends records.</summary>
    Produce = 0,

    /// <summary>A consumer asks for records.</summary>
    Fetch = 1,

    /// <summary>A client asks for a partition's first or last offset, or the one of a time.</summary>
    ListOffsets = 2,

    /// <summary>A client asks for brokers, topics and leaders.</summary>
    Metadata = 3,

    /// <summary>A consumer commits offsets.</summary>
    OffsetCommit = 8,

    /// <summary>A consumer asks for its group's committed offsets.</summary>
    OffsetFetch = 9,

    /// <summary>A client asks which broker coordinates a group or a transaction.</summary>
    FindCoordinator = 10,

    /// <summary>A consumer joins its group, at first or in a rebalance.</summary>
    JoinGroup = 11,

    /// <summary>A consumer tells its group that it is alive.</summary>
    Heartbeat = 12,

    /// <summary>A consumer leaves its group.</summary>
    LeaveGroup = 13,

    /// <summary>A consumer asks for its part of the assignment.</summary>
    SyncGroup = 14,

    /// <summary>A client that has connected asks what the broker can do.</summary>
    ApiVersions = 18,

    /// <summary>An idempotent producer asks for its id.</summary>
    InitProducerId = 22,
}
