using System.Text;

namespace CloudSync.Sdk.Tests;

/// <summary>Records and deliveries that were never in Kafka.</summary>
internal static class Records
{
    public static RawRecord Raw(long offset, int partition = 0, string? key = null, string? value = null, string? id = null) => RawRecord.Create(
        Bytes(key),
        Bytes(value),
        id is null ? [] : [new MessageHeader(CloudEvents.Id, Encoding.UTF8.GetBytes(id))],
        partition,
        offset,
        timestampMs: 1_700_000_000_000);

    public static Delivery Delivery(PartitionProgress progress, long offset, string? key = null, string? value = null, string? id = null)
    {
        var raw = Raw(offset, progress.Partition, key, value, id);
        return new Delivery(raw, progress, KeyLanes.LaneOf(MessageOrdering.Key, raw));
    }

    /// <summary>A delivery in a lane of this number, whatever its key.</summary>
    public static Delivery InLane(PartitionProgress progress, long offset, ulong lane) =>
        new(Raw(offset, progress.Partition, key: "k"), progress, lane);

    /// <summary>A null array would convert to memory that is empty and not null.</summary>
    private static ReadOnlyMemory<byte>? Bytes(string? text) => text is null ? default(ReadOnlyMemory<byte>?) : Encoding.UTF8.GetBytes(text);
}
