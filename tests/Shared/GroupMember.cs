using System.Diagnostics;
using Confluent.Kafka;

namespace CloudSync.Tests;

/// <summary>A plain Confluent consumer in a group, for tests that look at Kafka itself.</summary>
internal sealed class GroupMember : IDisposable
{
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(30);

    public GroupMember(string bootstrapServers, string group, TimeSpan? sessionTimeout = null) =>
        Consumer = new ConsumerBuilder<string, string>(new ConsumerConfig
            {
                BootstrapServers = bootstrapServers,
                GroupId = group,
                AutoOffsetReset = AutoOffsetReset.Earliest,
                EnableAutoCommit = false,
                PartitionAssignmentStrategy = PartitionAssignmentStrategy.CooperativeSticky,
                SessionTimeoutMs = (int)(sessionTimeout ?? TimeSpan.FromSeconds(3)).TotalMilliseconds,
                HeartbeatIntervalMs = 300,
            })
            .SetLogHandler((_, _) => { })
            .Build();

    public IConsumer<string, string> Consumer { get; }

    /// <summary>Polls the members until the condition holds.</summary>
    public static void PollUntil(Func<bool> condition, params GroupMember[] members)
    {
        var waited = Stopwatch.StartNew();
        while (!condition())
        {
            if (waited.Elapsed > Bound)
                throw new TimeoutException($"The condition did not come true within {Bound}.");

            foreach (var member in members)
                member.Consumer.Consume(TimeSpan.FromMilliseconds(50));
        }
    }

    /// <summary>The next messages, exactly so many.</summary>
    public List<ConsumeResult<string, string>> Read(int count)
    {
        var read = new List<ConsumeResult<string, string>>();
        while (read.Count < count)
            read.Add(Consumer.Consume(Bound) ?? throw new TimeoutException($"{read.Count} of {count} messages came within {Bound}."));

        return read;
    }

    /// <summary>Leaves the group first. Without that, librdkafka waits for ever when a rebalance that nobody polled for is under way: it hung a run here.</summary>
    public void Dispose()
    {
        Consumer.Close();
        Consumer.Dispose();
    }
}
