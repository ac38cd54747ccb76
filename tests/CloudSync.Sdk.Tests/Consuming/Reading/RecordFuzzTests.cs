using System.Text;
using CloudSync.Fuzzing;
using CloudSync.Sdk.Tests.Http;
using Confluent.Kafka;
using Xunit;

namespace CloudSync.Sdk.Tests.Consuming.Reading;

/// <summary>Records whose key, value and headers are any bytes, on each of the ways by which they get into memory.</summary>
public class RecordFuzzTests
{
    [Fact]
    public void Any_record_is_read_back_as_it_was_and_says_what_it_can()
    {
        // One for all: a record must not see what the one before it left there.
        var batch = new RecordBatch(3, "g");
        var shared = new PartitionProgress("data-topic", 0, 1);
        Fuzz.Check(
            FuzzedRecord.Seeds,
            (input, random) =>
            {
                var record = FuzzedRecord.Of(input);
                var timestamp = random.Next(3) switch { 0 => random.NextInt64(long.MinValue, long.MaxValue), 1 => long.MaxValue, _ => random.NextInt64(4_000_000_000_000) };
                batch.Clear();
                Native(batch, record, timestamp);
                Client(batch, record, timestamp);
                var names = record.Headers.Select(h => Encoding.UTF8.GetString(h.Name)).ToArray();
                var raw = RawRecord.Create(
                    record.Key is { } key ? key : default(ReadOnlyMemory<byte>?), record.Value is { } value ? value : default(ReadOnlyMemory<byte>?),
                    record.Headers.Select((h, i) => new MessageHeader(names[i], h.Value is { } own ? own : default(ReadOnlyMemory<byte>?))), 0, 7, timestamp);

                Check(record, names, new Delivery(batch.Records[0], shared, 0));
                Check(record, names, new Delivery(batch.Records[1], shared, 0));
                Check(record, names, new RecordMessage(raw));
                Assert.Equal(batch.Records[0].IsStructured, raw.IsStructured);

                var group = record.Headers.LastOrDefault(h => h.Name.AsSpan().SequenceEqual("cloudsync-redrive-group"u8) && h.Value is { Length: > 0 }).Value;
                Assert.Equal(group is not null && !group.AsSpan().SequenceEqual("g"u8), batch.Records[0].IsForAnotherGroup);
                return raw.IsStructured || record.Headers.Count > 4;
            });
    }

    private static void Check(FuzzedRecord record, string[] names, SyncMessage message)
    {
        Assert.Equal(record.Key, message.Key?.ToArray());
        Assert.Equal(record.Value ?? [], message.RecordValue.ToArray());
        Assert.Equal(record.Value is null, message.IsTombstone);
        Assert.Equal(names, message.RecordHeaders.Select(h => h.Name));
        Assert.Equal(record.Headers.Select(h => h.Value), message.RecordHeaders.Select(h => h.Value?.ToArray()));
        for (var i = 0; i < names.Length; i++)
        {
            // A name that is no UTF-8 is found by its bytes, where they were kept.
            var last = record.Headers.LastOrDefault(h => h.Value is not null && Encoding.UTF8.GetString(h.Name) == names[i]).Value;
            if (!names[i].Contains('\uFFFD', StringComparison.Ordinal))
                Assert.Equal((last is not null, last is null ? null : Encoding.UTF8.GetString(last)), (message.RecordHeaders.TryGetValue(names[i], out _), message.RecordHeaders.GetString(names[i])));
        }

        if (message.Headers == message.RecordHeaders)
        {
            var id = record.Headers.LastOrDefault(h => h.Name.AsSpan().SequenceEqual("ce_id"u8) && h.Value is not null).Value;
            Assert.Equal(id is { Length: > 0 } ? Encoding.UTF8.GetString(id) : "data-topic-0-7", message.Id);
        }

        Assert.NotEmpty(message.Id);
        foreach (var strategy in Enum.GetValues<IdempotencyKeyStrategy>())
            _ = new MessageFingerprint("g", strategy).Of(message);
        _ = (message.Source, message.Type, message.Time, message.Timestamp, message.ContentType, message.CorrelationId, message.Headers.GetHashCode(), message.ToString());
    }

    /// <summary>As the reader of many records writes them, from the native memory.</summary>
    private static void Native(RecordBatch batch, FuzzedRecord record, long timestamp)
    {
        batch.BeginRecord(record.Key, record.Key is null, record.Value?.Length ?? 0);
        batch.AddValue(record.Value, record.Value is null, record.Headers.Sum(h => MessageHeaders.EncodedLength(h.Name, h.Value?.Length ?? -1)));
        foreach (var (name, value) in record.Headers)
            batch.AddHeader(name, value, value is null);
        batch.EndRecord(0, 7, timestamp);
    }

    /// <summary>As the client's own objects hold them.</summary>
    private static void Client(RecordBatch batch, FuzzedRecord record, long timestamp)
    {
        IDeserializer<int> client = batch;
        var headers = new Headers();
        foreach (var (name, value) in record.Headers)
            headers.Add(Encoding.UTF8.GetString(name), value);

        client.Deserialize(record.Key, record.Key is null, new SerializationContext(MessageComponentType.Key, "t", headers));
        client.Deserialize(record.Value, record.Value is null, new SerializationContext(MessageComponentType.Value, "t", headers));
        batch.EndRecord(0, 7, timestamp);
    }
}
