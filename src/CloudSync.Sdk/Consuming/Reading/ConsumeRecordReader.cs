using Confluent.Kafka;

namespace CloudSync.Sdk;

/// <summary>Reads record by record through the client's own <c>Consume</c>.</summary>
internal sealed class ConsumeRecordReader(IConsumer<int, int> consumer) : IRecordReader
{
    public void Read(RecordBatch batch, int max, long maxBytes, TimeSpan timeout)
    {
        var limit = Math.Min(max, batch.Capacity);
        for (var wait = (int)timeout.TotalMilliseconds; batch.Count < limit && (batch.Count == 0 || batch.Bytes < maxBytes); wait = 0)
        {
            try
            {
                if (consumer.Consume(wait) is not { } result)
                    return;

                batch.EndRecord(result.Partition.Value, result.Offset.Value, result.Message.Timestamp.UnixTimestampMs);
            }
            catch (ConsumeException e)
            {
                batch.Fail(e.Error);
                return;
            }
        }
    }

    public void Dispose()
    {
    }
}
