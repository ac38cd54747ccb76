using Confluent.Kafka;

namespace CloudSync.Sdk;

/// <summary>The seam behind which records are read: in batches, so that a faster reader can take the place of <c>Consume</c> and nothing above it notices.</summary>
internal interface IRecordReader
{
    /// <summary>
    /// Reads what is there into the batch and waits at most <paramref name="timeout"/> for the first record. The client's callbacks, rebalances among
    /// them, run inside.
    /// </summary>
    /// <param name="batch">Cleared by the caller. It keeps what was read before an exception.</param>
    /// <param name="max">How many records at most.</param>
    /// <param name="maxBytes">No further record is read once they hold so many bytes.</param>
    /// <param name="timeout">How long to wait for the first.</param>
    /// <exception cref="ConsumeException">The client reports an error in place of a record.</exception>
    void Read(RecordBatch batch, int max, long maxBytes, TimeSpan timeout);
}

/// <summary>Reads record by record through the client's own <c>Consume</c>.</summary>
internal sealed class ConsumeRecordReader(IConsumer<int, int> consumer) : IRecordReader
{
    public void Read(RecordBatch batch, int max, long maxBytes, TimeSpan timeout)
    {
        var limit = Math.Min(max, batch.Capacity);
        for (var wait = (int)timeout.TotalMilliseconds; batch.Count < limit && (batch.Count == 0 || batch.Bytes < maxBytes); wait = 0)
        {
            if (consumer.Consume(wait) is not { } result)
                return;

            batch.EndRecord(result.Partition.Value, result.Offset.Value, result.Message.Timestamp.UnixTimestampMs);
        }
    }
}
