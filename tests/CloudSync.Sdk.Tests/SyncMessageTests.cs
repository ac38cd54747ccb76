using System.Globalization;
using System.Text;
using FsCheck.Xunit;
using Xunit;

namespace CloudSync.Sdk.Tests;

public class SyncMessageTests
{
    [Property]
    public void What_it_is_made_of_is_what_it_shows(byte[]? value, string? key, string? id, int partition, long offset)
    {
        var message = SyncMessage.Create(
            value is null ? default(ReadOnlyMemory<byte>?) : value, key, id, [new MessageHeader("x", "y"u8.ToArray())], "t", partition, offset);

        Assert.Equal(value is null, message.IsTombstone);
        Assert.Equal(value ?? [], message.Value.ToArray());
        Assert.Equal(key is null ? null : Encoding.UTF8.GetBytes(key), message.Key?.ToArray());
        Assert.Equal(string.IsNullOrEmpty(id) ? $"t-{partition}-{offset}" : Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(id)), message.Id);
        Assert.Equal("y", message.Headers.GetString("x"));
        Assert.Equal(("t", partition, offset), (message.Topic, message.Partition, message.Offset));
    }

    [Fact]
    public void No_key_is_not_an_empty_key()
    {
        Assert.Null(SyncMessage.Create(default(ReadOnlyMemory<byte>)).Key);
        Assert.Equal(0, SyncMessage.Create(default(ReadOnlyMemory<byte>), key: "").Key!.Value.Length);
    }

    [Fact]
    public void A_record_without_an_id_is_named_by_its_place() =>
        Assert.Equal("orders-3-42", SyncMessage.Create(default(ReadOnlyMemory<byte>), topic: "orders", partition: 3, offset: 42).Id);

    [Fact]
    public void An_empty_id_is_none_for_else_all_such_records_were_duplicates_of_the_first()
    {
        var message = SyncMessage.Create(default(ReadOnlyMemory<byte>), id: "", topic: "t", offset: 7);

        Assert.Equal("t-0-7", message.Id);
        Assert.False(message.TryGetIdBytes(out _));
    }

    [Fact]
    public void An_id_that_is_not_UTF_8_is_shown_with_replacement_characters_and_compared_by_its_bytes()
    {
        var one = SyncMessage.Create(default(ReadOnlyMemory<byte>), headers: [new MessageHeader(CloudEvents.Id, new byte[] { 0xFF, 0xFE })]);
        var other = SyncMessage.Create(default(ReadOnlyMemory<byte>), headers: [new MessageHeader(CloudEvents.Id, new byte[] { 0xFE, 0xFF })]);

        Assert.Equal("\uFFFD\uFFFD", one.Id);
        Assert.Equal(one.Id, other.Id);
        var fingerprint = new MessageFingerprint("g");
        Assert.NotEqual(fingerprint.Of(one), fingerprint.Of(other));
    }

    [Fact]
    public void Its_text_is_its_place_and_nothing_of_what_it_holds()
    {
        var message = SyncMessage.Create("the-payload"u8.ToArray(), key: "the-key", id: "the-id", topic: "orders", partition: 3, offset: 42);

        Assert.Equal("orders [3] @42", message.ToString());
    }

    [Fact]
    public void The_envelope_is_read_from_the_headers()
    {
        var message = SyncMessage.Create(default(ReadOnlyMemory<byte>), headers:
        [
            Header(CloudEvents.Source, "/orders"),
            Header(CloudEvents.Type, "order.placed"),
            Header(CloudEvents.Time, "2026-11-23T10:00:00.5+02:00"),
            Header(CloudEvents.ContentType, "application/json"),
            Header(CloudEvents.CorrelationId, "c-1"),
        ]);

        Assert.Equal(("/orders", "order.placed", "application/json", "c-1"), (message.Source, message.Type, message.ContentType, message.CorrelationId));
        Assert.Equal(DateTimeOffset.Parse("2026-11-23T08:00:00.5Z", CultureInfo.InvariantCulture), message.Time);
    }

    [Fact]
    public void An_envelope_that_is_not_there_is_null()
    {
        var message = SyncMessage.Create(default(ReadOnlyMemory<byte>));

        Assert.Equal((null, null, null, null, null), (message.Source, message.Type, message.ContentType, message.CorrelationId, message.Time));
    }

    [Theory]
    [InlineData("yesterday")]
    [InlineData("")]
    [InlineData("2026-13-01T00:00:00Z")]
    public void A_time_that_can_not_be_read_is_null(string time) =>
        Assert.Null(SyncMessage.Create(default(ReadOnlyMemory<byte>), headers: [Header(CloudEvents.Time, time)]).Time);

    [Fact]
    public void A_time_without_a_zone_is_UTC() => Assert.Equal(
        new DateTimeOffset(2026, 11, 23, 10, 0, 0, TimeSpan.Zero),
        SyncMessage.Create(default(ReadOnlyMemory<byte>), headers: [Header(CloudEvents.Time, "2026-11-23T10:00:00")]).Time);

    [Fact]
    public void The_timestamp_is_the_records()
    {
        var time = new DateTimeOffset(2026, 11, 23, 10, 0, 0, 123, TimeSpan.Zero);

        Assert.Equal(time, SyncMessage.Create(default(ReadOnlyMemory<byte>), timestamp: time).Timestamp);
    }

    /// <summary>Producers write microseconds where Kafka means milliseconds, and brokers take it. Such a record must not fail every time that it is looked at.</summary>
    [Theory]
    [InlineData(1_700_000_000_000_000_000L)]
    [InlineData(long.MaxValue)]
    [InlineData(long.MinValue)]
    [InlineData(-1L)]
    public void A_timestamp_beyond_all_calendars_is_the_nearest_there_is(long timestampMs)
    {
        var raw = Records.Raw(0) with { TimestampMs = timestampMs };
        var message = new Delivery(raw, new PartitionProgress("data-topic", 0, 1), 0);

        Assert.InRange(message.Timestamp, DateTimeOffset.MinValue, DateTimeOffset.MaxValue);
        Assert.Equal(timestampMs, message.TimestampMs);
    }

    private static MessageHeader Header(string name, string value) => new(name, Encoding.UTF8.GetBytes(value));
}
