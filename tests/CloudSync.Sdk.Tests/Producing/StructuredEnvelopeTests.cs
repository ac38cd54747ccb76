using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using FsCheck;
using FsCheck.Xunit;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace CloudSync.Sdk.Tests.Producing;

public class StructuredEnvelopeTests
{
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 11, 22, 12, 0, 0, TimeSpan.Zero));
    private readonly CloudSyncProducerOptions _options = new() { Source = "/source?a=\"b\"", Type = "type", Format = CloudEventsFormat.Structured };

    [Fact]
    public void JSON_stands_in_the_event_as_it_is_and_the_record_has_one_header()
    {
        var record = Write(new OutgoingMessage("""{ "a" : [1,  2.0], "ü":"\u00e4" }"""u8.ToArray()) { Id = "i", Key = "k" });

        Assert.Equal(
            """{"specversion":"1.0","id":"i","source":"/source?a=\"b\"","type":"type","time":"2026-11-22T12:00:00.0000000Z","data":{ "a" : [1,  2.0], "ü":"\u00e4" }}""",
            Text(record));
        Assert.Equal("k", Encoding.UTF8.GetString(record.Content!.Message.Key!));
        var header = Assert.Single(record.Content.Message.Headers);
        Assert.Equal(("content-type", "application/cloudevents+json; charset=UTF-8"), (header.Key, Encoding.UTF8.GetString(header.GetValueBytes())));
    }

    [Fact]
    public void A_record_that_waits_holds_its_event_once()
    {
        var record = Write(new OutgoingMessage("{}"u8.ToArray()));
        var room = WeakRoom(record);

        record.Keep();
        GC.Collect();

        Assert.False(room.IsAlive);
        Assert.EndsWith("\"data\":{}}", Text(record), StringComparison.Ordinal);

        [MethodImpl(MethodImplOptions.NoInlining)]
        static WeakReference WeakRoom(OutgoingRecord record) => new(record.Content!.Json);
    }

    [Theory]
    [InlineData("{\"a\":1", null)]
    [InlineData(" {}", null)]
    [InlineData("{}\n", null)]
    [InlineData("{} {}", null)]
    [InlineData("\"\u0000\"", null)]
    [InlineData("\ufeff{}", null)]
    [InlineData("// a\n1", null)]
    [InlineData("{}", "text/plain")]
    [InlineData("text", "text/plain; charset=utf-8")]
    public void What_is_not_JSON_or_not_said_to_be_goes_as_base64(string payload, string? contentType)
    {
        var record = Write(new OutgoingMessage(Encoding.UTF8.GetBytes(payload)) { ContentType = contentType });

        using var json = JsonDocument.Parse(Text(record));
        Assert.Equal(Encoding.UTF8.GetBytes(payload), json.RootElement.GetProperty("data_base64").GetBytesFromBase64());
        Assert.False(json.RootElement.TryGetProperty("data", out _));
        Assert.Equal(contentType ?? "application/json", json.RootElement.GetProperty("datacontenttype").GetString());
    }

    [Fact]
    public void Broken_UTF_8_and_what_is_nested_too_deep_go_as_base64()
    {
        byte[][] payloads =
        [
            [(byte)'"', 0xC3, (byte)'"'],
            [.. Enumerable.Repeat((byte)'[', 63), .. Enumerable.Repeat((byte)']', 63)],
        ];

        Assert.All(payloads, payload => Assert.Contains("\"data_base64\":", Text(Write(new OutgoingMessage(payload))), StringComparison.Ordinal));
    }

    [Fact]
    public void The_trace_and_the_correlation_are_attributes_and_the_users_headers_stay_headers()
    {
        using var activity = new Activity("a").SetIdFormat(ActivityIdFormat.W3C).Start();
        activity.TraceStateString = "v=\"1\"";

        var record = Write(new OutgoingMessage("1"u8.ToArray()) { CorrelationId = "c\n", Headers = [new("x", "y"u8.ToArray())] }, activity);
        var read = Read(record);

        Assert.Equal(["content-type", "x"], record.Content!.Message.Headers.Select(h => h.Key));
        Assert.Equal(("c\n", activity.Id, "v=\"1\"", "y"), (read.CorrelationId, read.Headers.GetString("traceparent"), read.Headers.GetString("tracestate"), read.Headers.GetString("x")));
    }

    [Fact]
    public void What_is_refused_in_the_binary_form_is_refused_here()
    {
        Assert.Throws<ArgumentException>(() => Write(new OutgoingMessage { Id = "a\ud800" }));
        Assert.Throws<ArgumentException>(() => Write(new OutgoingMessage { Key = "a\ud800" }));
        Assert.Throws<ArgumentException>(() => Write(new OutgoingMessage { Type = "" }));
        Assert.Throws<ArgumentException>(() => Write(new OutgoingMessage { Headers = [new("ce_id", "x"u8.ToArray())] }));
    }

    [Property(MaxTest = 500)]
    public void The_consumer_reads_the_same_from_both_forms(
        byte[]? bytes, string? text, bool isJson, NonEmptyString id, string? source, string? type, string? contentType, string? correlationId, DateTime time)
    {
        var payload = isJson ? JsonSerializer.SerializeToUtf8Bytes(new { text = Whole(text), bytes }) : bytes ?? [];
        var given = new OutgoingMessage(payload)
        {
            Id = Whole(id.Get), Source = WholeOrNone(source), Type = WholeOrNone(type), ContentType = WholeOrNone(contentType), CorrelationId = WholeOrNone(correlationId),
            Time = new DateTimeOffset(DateTime.SpecifyKind(time, DateTimeKind.Utc)), Key = "k", Headers = [new("x", payload), new("x", null)],
        };

        var structured = Read(Write(given));
        _options.Format = CloudEventsFormat.Binary;
        var binary = Read(Write(given));

        Assert.Equal(payload, structured.Value.ToArray());
        Assert.Equal(
            (binary.Id, binary.Source, binary.Type, binary.Time, binary.ContentType, binary.CorrelationId, binary.IsTombstone),
            (structured.Id, structured.Source, structured.Type, structured.Time, structured.ContentType, structured.CorrelationId, structured.IsTombstone));
        Assert.Equal(Sorted(binary), Sorted(structured));
        Assert.True(binary.TryGetIdBytes(out var binaryId) && structured.TryGetIdBytes(out var structuredId) && binaryId.SequenceEqual(structuredId));

        static string Whole(string? text) => new([.. (text ?? "").Where(c => !char.IsSurrogate(c)).DefaultIfEmpty('x')]);
        static string? WholeOrNone(string? text) => string.IsNullOrEmpty(text) ? null : Whole(text);
        static IEnumerable<(string, string)> Sorted(SyncMessage message) =>
            message.Headers.Select(h => (h.Name, h.Value is { } value ? Convert.ToHexString(value.Span) : "none")).OrderBy(h => h.Name, StringComparer.Ordinal);
    }

    private OutgoingRecord Write(in OutgoingMessage message, Activity? trace = null)
    {
        var record = new OutgoingRecord();
        new ProducerEnvelope(_options, _time).Write(message, trace, record);
        return record;
    }

    private static string Text(OutgoingRecord record) => Encoding.UTF8.GetString(record.Content!.Message.Value);

    private static SyncMessage Read(OutgoingRecord record) => SyncMessage.Create(
        record.Content!.Message.Value,
        headers: record.Content.Message.Headers.Select(h => new MessageHeader(h.Key, h.GetValueBytes() is { } bytes ? bytes : default(ReadOnlyMemory<byte>?))));
}
