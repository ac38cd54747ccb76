using System.Diagnostics;
using System.Text;
using FsCheck;
using FsCheck.Xunit;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace CloudSync.Sdk.Tests.Producing;

public class ProducerEnvelopeTests
{
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 11, 22, 12, 0, 0, TimeSpan.Zero));
    private readonly CloudSyncProducerOptions _options = new() { Source = "/source", Type = "type" };

    [Fact]
    public void A_message_without_anything_gets_the_defaults()
    {
        var record = Write(default);

        Assert.Equal(
            [
                ("ce_specversion", "1.0"), ("ce_id", record.Id), ("ce_source", "/source"), ("ce_type", "type"),
                ("ce_time", "2026-11-22T12:00:00.0000000Z"), ("content-type", "application/json"),
            ],
            Texts(record));
        Assert.Null(record.Content!.Message.Key);
        Assert.Empty(record.Content!.Message.Value);
    }

    [Fact]
    public void What_the_message_says_takes_the_place_of_the_defaults()
    {
        var record = Write(new OutgoingMessage
        {
            Id = "i", Source = "s", Type = "t", ContentType = "text/plain", CorrelationId = "c",
            Time = new DateTimeOffset(2026, 1, 1, 1, 0, 0, TimeSpan.FromHours(1)).AddTicks(1),
        });

        Assert.Equal(
            [
                ("ce_specversion", "1.0"), ("ce_id", "i"), ("ce_source", "s"), ("ce_type", "t"), ("ce_time", "2026-01-01T00:00:00.0000001Z"),
                ("content-type", "text/plain"), ("ce_correlationid", "c"),
            ],
            Texts(record));
    }

    [Property]
    public void The_consumer_reads_what_the_producer_wrote(byte[]? value, string? key, NonEmptyString id, string? correlationId, DateTime time)
    {
        var at = new DateTimeOffset(DateTime.SpecifyKind(time, DateTimeKind.Utc));
        var given = new OutgoingMessage(value) { Id = Whole(id.Get), Key = key is null ? null : Whole(key), CorrelationId = Whole(correlationId ?? ""), Time = at };

        var record = Write(given);
        var read = SyncMessage.Create(
            record.Content!.Message.Value,
            headers: record.Content!.Message.Headers.Select(h => new MessageHeader(h.Key, h.GetValueBytes())));

        Assert.Equal(given.Id, read.Id);
        Assert.Equal(value ?? [], read.Value.ToArray());
        Assert.Equal(given.Key, record.Content!.Message.Key is null ? null : Encoding.UTF8.GetString(record.Content!.Message.Key));
        Assert.Equal(given.CorrelationId is "" ? null : given.CorrelationId, read.CorrelationId);
        Assert.Equal(at, read.Time);
        Assert.Equal(("/source", "type", "application/json"), (read.Source, read.Type, read.ContentType));
        Assert.Equal(
            record.WireSize,
            (record.Content!.Message.Key?.Length ?? 0) + read.Value.Length + read.Headers.Sum(h => Encoding.UTF8.GetByteCount(h.Name) + (h.Value?.Length ?? 0)));

        static string Whole(string text) => new([.. text.Where(c => !char.IsSurrogate(c)).DefaultIfEmpty('x')]);
    }

    [Theory]
    [InlineData(0, false)]
    [InlineData(1, true)]
    [InlineData(1_024, true)]
    [InlineData(1_025, false)]
    public void An_id_has_1_to_1024_characters(int length, bool valid)
    {
        var exception = Xunit.Record.Exception(() => Write(new OutgoingMessage { Id = new string('x', length) }));

        Assert.Equal(valid, exception is null);
        Assert.Equal(valid, exception is not ArgumentException);
    }

    [Fact]
    public void Half_a_character_is_refused_because_two_ids_would_become_one()
    {
        Assert.Throws<ArgumentException>(() => Write(new OutgoingMessage { Id = "a\ud800" }));
        Assert.Throws<ArgumentException>(() => Write(new OutgoingMessage { Key = "a\ud800" }));
    }

    [Theory]
    [InlineData("ce_specversion")]
    [InlineData("ce_id")]
    [InlineData("ce_source")]
    [InlineData("ce_type")]
    [InlineData("ce_time")]
    [InlineData("ce_correlationid")]
    [InlineData("content-type")]
    [InlineData("cloudsync-redrive-group")]
    [InlineData("cloudsync-redrive-new")]
    [InlineData("cloudsync-dlq-topic")]
    [InlineData("")]
    [InlineData(null)]
    public void A_header_that_is_ours_or_has_no_name_is_refused(string? name) =>
        Assert.Throws<ArgumentException>(() => Write(new OutgoingMessage { Headers = [new(name!, "x"u8.ToArray())] }));

    [Fact]
    public void An_empty_source_type_or_content_type_is_refused()
    {
        Assert.Throws<ArgumentException>(() => Write(new OutgoingMessage { Source = "" }));
        Assert.Throws<ArgumentException>(() => Write(new OutgoingMessage { Type = "" }));
        Assert.Throws<ArgumentException>(() => Write(new OutgoingMessage { ContentType = "" }));
    }

    [Fact]
    public void The_current_trace_goes_on_unless_the_message_brings_one()
    {
        using var activity = new Activity("a").SetIdFormat(ActivityIdFormat.W3C).Start();
        activity.TraceStateString = "v=1";

        var own = Texts(Write(default, activity));
        Assert.Equal([("traceparent", activity.Id), ("tracestate", "v=1")], own[^2..]);

        const string Given = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        var passedOn = Texts(Write(new OutgoingMessage { Headers = [new("traceparent", Encoding.ASCII.GetBytes(Given))] }, activity));
        Assert.Equal(("traceparent", Given), Assert.Single(passedOn, h => h.Name.StartsWith("trace", StringComparison.Ordinal)));
    }

    [Fact]
    public void A_record_that_must_wait_keeps_a_copy_of_the_payload()
    {
        byte[] payload = [1, 2, 3];
        var record = Write(new OutgoingMessage(payload));
        Assert.Same(payload, record.Content!.Message.Value);

        record.Keep();
        payload[0] = 9;

        Assert.Equal([1, 2, 3], record.Content!.Message.Value);
    }

    [Fact]
    public void A_part_of_an_array_is_written_as_that_part() =>
        Assert.Equal([2, 3], Write(new OutgoingMessage(new byte[] { 1, 2, 3, 4 }.AsMemory(1, 2))).Content!.Message.Value);

    private OutgoingRecord Write(in OutgoingMessage message, Activity? trace = null)
    {
        var record = new OutgoingRecord();
        new ProducerEnvelope(_options, _time).Write(message, trace, record);
        return record;
    }

    private static List<(string Name, string? Value)> Texts(OutgoingRecord record) =>
        [.. record.Content!.Message.Headers.Select(h => (h.Key, h.GetValueBytes() is { } bytes ? Encoding.UTF8.GetString(bytes) : null))];
}
