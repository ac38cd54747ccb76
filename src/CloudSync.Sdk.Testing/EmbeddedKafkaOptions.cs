namespace CloudSync.Sdk.Testing;

/// <summary>How an <see cref="EmbeddedKafka"/> is made.</summary>
public sealed class EmbeddedKafkaOptions
{
    /// <summary>The number of brokers, from 1 to 9. Default: 1.</summary>
    public int Brokers { get; init; } = 1;

    /// <summary>
    /// How long an empty consumer group waits for more members after the first has joined, up to a minute: Kafka's <c>group.initial.rebalance.delay.ms</c>. Members
    /// that come later cost a rebalance, which is slow here (see <see cref="EmbeddedKafka"/>). Default: 100 ms.
    /// </summary>
    public TimeSpan InitialRebalanceDelay { get; init; } = TimeSpan.FromMilliseconds(100);

    internal void Validate()
    {
        if (Brokers is < 1 or > 9)
            throw new ArgumentOutOfRangeException(nameof(Brokers), Brokers, "An embedded cluster has 1 to 9 brokers.");

        if (InitialRebalanceDelay < TimeSpan.Zero || InitialRebalanceDelay > TimeSpan.FromMinutes(1))
            throw new ArgumentOutOfRangeException(nameof(InitialRebalanceDelay), InitialRebalanceDelay, "The delay is zero to one minute.");
    }
}
