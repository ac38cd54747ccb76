using System.Globalization;
using System.Text;
using Confluent.Kafka;

namespace CloudSync.IntegrationTests.Consuming;

/// <summary>A record as a producer of any kind may send it.</summary>
internal sealed record TestRecord
{
    public byte[]? Key { get; init; }

    public byte[]? Value { get; init; } = "value"u8.ToArray();

    public Headers Headers { get; init; } = [];

    /// <summary>The partition; by the key when <see langword="null"/>.</summary>
    public int? Partition { get; init; }

    /// <summary>Now when <see langword="null"/>.</summary>
    public long? TimestampMs { get; init; }

    /// <summary>A record with an id, as most tests want it.</summary>
    public static TestRecord Of(string id, string? key = null, int? partition = null) => new()
    {
        Key = key is null ? null : Encoding.UTF8.GetBytes(key),
        Headers = new Headers { { "ce_id", Encoding.UTF8.GetBytes(id) } },
        Partition = partition,
    };

    /// <summary>Records with the ids 0, 1, 2 …</summary>
    public static IEnumerable<TestRecord> Many(int count, Func<int, string?> key, int? partition = null) =>
        Enumerable.Range(0, count).Select(i => Of(i.ToString(CultureInfo.InvariantCulture), key(i), partition));

    public Message<byte[]?, byte[]?> ToMessage() => new()
    {
        Key = Key,
        Value = Value,
        Headers = Headers,
        Timestamp = TimestampMs is { } ms ? new Timestamp(ms, TimestampType.CreateTime) : Timestamp.Default,
    };
}
