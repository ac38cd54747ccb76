using Confluent.Kafka;
using Confluent.Kafka.Admin;

namespace CloudSync.Sdk;

/// <summary>
/// Asks whether Kafka answers again, beside the poll thread and one question at a time, after it was reported to be away. The client says that brokers are gone, and never that they are back:
/// a consumer whose topic is quiet would seem to be cut off for ever.
/// </summary>
internal sealed class BrokerProbe(IConsumer<int, int> consumer, KafkaErrors errors, TimeProvider time) : IDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private IAdminClient? _admin;
    private Task _asking = Task.CompletedTask;
    private long _askedAt = time.GetTimestamp();

    /// <summary>Asks when it is time, and while there is an outage. A refusal is heard of again by itself. Only the poll thread calls it.</summary>
    public void AskIfDue()
    {
        if (errors.Trouble is not { NeedsAttention: false } || !_asking.IsCompleted || time.GetElapsedTime(_askedAt) < Interval)
            return;

        _askedAt = time.GetTimestamp();
        _admin ??= new DependentAdminClientBuilder(consumer.Handle).Build();
        _asking = AskAsync(_admin);
    }

    public void Dispose()
    {
        _admin?.Dispose();
        _admin = null;
    }

    private async Task AskAsync(IAdminClient admin)
    {
        try
        {
            await admin.DescribeClusterAsync(new DescribeClusterOptions { RequestTimeout = Patience }).ConfigureAwait(false);
            errors.Answered();
        }
        catch (Exception)
        {
            // Asked again in a second.
        }
    }
}
