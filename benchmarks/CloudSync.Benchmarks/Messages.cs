using System.Globalization;
using System.Text;
using Confluent.Kafka;

namespace CloudSync.Benchmarks;

/// <summary>Records as the reader hands them over: 256 bytes of payload, a key, and the six headers of the envelope.</summary>
internal static class Messages
{
    public const string Topic = "data-topic";

    private const int PayloadSize = 256;

    public static RawRecord[] Make(int count, int keys, bool json = false)
    {
        var batch = new RecordBatch(count);
        var payload = json ? Encoding.UTF8.GetBytes("""{"order":4711,"amount":12.5,"text":" """.TrimEnd().PadRight(PayloadSize - 2, 'x') + "\"}") : new byte[PayloadSize];
        for (var i = 0; i < count; i++)
        {
            batch.BeginRecord(Encoding.UTF8.GetBytes((i % keys).ToString(CultureInfo.InvariantCulture)), isNull: false);
            batch.AddBody(payload, isNull: false, Envelope(Encoding.UTF8.GetBytes(Guid.CreateVersion7().ToString())));
            batch.EndRecord(partition: i % 12, offset: i / 12, timestampMs: 0);
        }

        return batch.Records.ToArray();
    }

    /// <summary>The headers of a message with this id.</summary>
    public static Headers Envelope(byte[] id) => new()
    {
        { CloudEvents.SpecVersion, "1.0"u8.ToArray() },
        { CloudEvents.Id, id },
        { CloudEvents.Source, "benchmark"u8.ToArray() },
        { CloudEvents.Type, "benchmark.message"u8.ToArray() },
        { CloudEvents.Time, "2026-01-01T00:00:00Z"u8.ToArray() },
        { CloudEvents.ContentType, "application/json"u8.ToArray() },
    };
}
