using System.Globalization;
using System.Text;

namespace CloudSync.Benchmarks;

/// <summary>Records as the reader hands them over: 256 bytes of payload, a key, and the six headers of the envelope.</summary>
internal static class Messages
{
    public const string Topic = "data-topic";

    public static RawRecord[] Make(int count, int keys)
    {
        var batch = new RecordBatch(count);
        var payload = new byte[256];
        for (var i = 0; i < count; i++)
        {
            var headers = new Confluent.Kafka.Headers
            {
                { CloudEvents.SpecVersion, "1.0"u8.ToArray() },
                { CloudEvents.Id, Encoding.UTF8.GetBytes(Guid.CreateVersion7().ToString()) },
                { CloudEvents.Source, "benchmark"u8.ToArray() },
                { CloudEvents.Type, "benchmark.message"u8.ToArray() },
                { CloudEvents.Time, "2026-01-01T00:00:00Z"u8.ToArray() },
                { CloudEvents.ContentType, "application/json"u8.ToArray() },
            };
            batch.BeginRecord(Encoding.UTF8.GetBytes((i % keys).ToString(CultureInfo.InvariantCulture)), isNull: false);
            batch.AddBody(payload, isNull: false, headers);
            batch.EndRecord(partition: i % 12, offset: i / 12, timestampMs: 0);
        }

        return batch.Records.ToArray();
    }
}
