using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using CloudSync.Fuzzing;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace CloudSync.Sdk.Tests;

/// <summary>Structured records made of sound ones, broken in any way, beside a reader that builds a document.</summary>
public class StructuredEventFuzzTests
{
    private static readonly MessageHeader[] Own = [new("content-type", "application/cloudevents+json"u8.ToArray()), new("x", null), new("ce_id", "other"u8.ToArray())];

    [Fact]
    public void Any_value_is_the_event_that_a_document_of_it_says_or_stays_as_it_is() => Fuzz.Check(
        Fuzz.Texts(
            """{"specversion":"1.0","id":"1","source":"s","type":"t","x":"\u00e4","data":{"a":[1,"\u00e4",null]},"datacontenttype":"application/json"}""",
            """ { "data" : { "a": 1 }, "n" : 5, "flag" : true, "none" : null, "time" : "2018-04-05T17:31:00Z", "source" : "\/c", "id" : "A\u00e4", "specversion" : "1.0" } """,
            """{"specversion":"1.0","id":"1","data":"<much \u00e4/>","datacontenttype":"application/xml","correlationid":"c","traceparent":"p","tracestate":"s"}""",
            """{"specversion":"1.0","id":"1","data_base64":"\u0041AEC","datacontenttype":"x/y"}""",
            """{"specversion":"1.0","id":"1","data_base64":null,"data":null}""",
            """{"specversion":"1.1","id":1,"data":1e400}""",
            """{"specversion":"1.0","id":"1","data":1,"data_base64":"AA=="}""",
            """{"specversion":"1.0","id":"\ud800"}""",
            "{}{}",
            $$"""{"specversion":"1.0","id":"1"{{string.Concat(Enumerable.Range(0, 98).Select(i => $",\"a{i}\":1"))}}}"""),
        (input, random) =>
        {
            var message = SyncMessage.Create(input, headers: Own);
            var isEvent = message.Headers != message.RecordHeaders;

            if (Document(input) is { } expected)
                Assert.Equal((true, expected.Id, Convert.ToHexString(expected.Payload)), (isEvent, message.Id, Convert.ToHexString(message.Value.Span)));
            else
                Assert.Equal((false, true), (isEvent, message.Value.Equals(message.RecordValue)));

            Assert.Equal(input, message.RecordValue.ToArray());
            Assert.Equal(JsonPayload.IsJson(message.Value.Span), message.IsValueJson);
            foreach (var (name, _) in message.Headers)
                _ = message.Headers.GetString(name);
            _ = (message.Source, message.Type, message.Time, message.CorrelationId, message.ContentType);
            return isEvent;
        });

    [Fact]
    public void A_content_type_is_a_structured_events_when_all_before_its_parameters_says_so() => Fuzz.Check(
        Fuzz.Texts(
            "application/cloudevents+json", "application/cloudevents+json; charset=UTF-8", "Application/CloudEvents+JSON\t ;charset=utf-8", "application/cloudevents-batch+json",
            "application/cloudevents+jsonx", "application/json", "application/cloudevents+json, text/plain", " application/cloudevents+json", ""),
        (input, random) =>
        {
            var isStructured = StructuredEvent.IsContentType(input);
            Assert.Equal(
                Encoding.Latin1.GetString(input).Split(';')[0].TrimEnd(' ', '\t').Equals("application/cloudevents+json", StringComparison.OrdinalIgnoreCase), isStructured);
            return isStructured;
        });

    [Fact]
    public void What_the_producer_writes_the_consumer_reads_whatever_the_texts_and_the_payload_are()
    {
        var time = new FakeTimeProvider(new DateTimeOffset(2026, 11, 30, 12, 0, 0, TimeSpan.Zero));
        var envelope = new ProducerEnvelope(new CloudSyncProducerOptions { Source = "/s?a=\"b\"", Format = CloudEventsFormat.Structured }, time);
        Fuzz.Check(
            Fuzz.Texts(
                "id|/source|type|application/json|correlation|{\"a\":[1,\"\\u00e4\"]}", "i\n\"|s\\|t|text/plain|c|text", "ä€😀|s|t|application/x+json; a=b||[1, 2] ", "\0|\u0085|\uFEFF|a/b|\u2028|", "|s|t|a/b|c|1",
                "id|s|t|application/json|c|\"\u0000\"", new string('i', 1_000) + "|s|t|a/b|c|null"),
            (input, random) =>
            {
                var parts = Encoding.UTF8.GetString(input).Split('|', 6);
                var half = random.Next(8) == 0 ? random.Next(5) : -1;
                var texts = Enumerable.Range(0, 5).Select(i => (i < parts.Length ? parts[i] : "") + (i == half ? "\ud800" : "")).ToArray();
                var bars = input.Select((b, i) => (b, i)).Where(b => b.b == '|').Select(b => b.i).ToArray();
                var message = new OutgoingMessage(bars.Length < 5 ? input : input[(bars[4] + 1)..])
                {
                    Id = texts[0], Source = texts[1], Type = texts[2], ContentType = texts[3], CorrelationId = texts[4],
                };
                var record = new OutgoingRecord();
                if (half >= 0 || texts[0].Length > 1_024 || texts.Take(4).Contains(""))
                {
                    Assert.Throws<ArgumentException>(() => envelope.Write(message, null, record));
                    return false;
                }

                envelope.Write(message, null, record);
                var sent = record.Content!.Message;
                var read = SyncMessage.Create(sent.Value, headers: sent.Headers.Select(h => new MessageHeader(h.Key, h.GetValueBytes())));

                Assert.Equal(
                    (message.Id, message.Source, message.Type, message.ContentType, texts[4] == "" ? null : texts[4]), (read.Id, read.Source, read.Type, read.ContentType, read.CorrelationId));
                Assert.Equal(message.Value.ToArray(), read.Value.ToArray());
                using var json = JsonDocument.Parse(sent.Value);
                return true;
            });
    }

    /// <summary>What a document says of the event; <see langword="null"/> when it is none.</summary>
    private static (string Id, byte[] Payload)? Document(byte[] input)
    {
        try
        {
            using var json = JsonDocument.Parse(input, new JsonDocumentOptions { MaxDepth = 1_024 });
            if (json.RootElement.ValueKind != JsonValueKind.Object)
                return null;

            string? id = null, version = null, type = null;
            JsonElement? data = null;
            byte[]? base64 = null;
            var count = 0;
            foreach (var member in json.RootElement.EnumerateObject())
            {
                var (name, value) = (member.Name, member.Value);
                if (name == "data")
                {
                    data = value;
                    continue;
                }

                if (value.ValueKind == JsonValueKind.Null)
                    continue;

                if (name == "data_base64")
                {
                    if (value.ValueKind != JsonValueKind.String || !value.TryGetBytesFromBase64(out base64))
                        return null;
                    continue;
                }

                if (value.ValueKind is JsonValueKind.Object or JsonValueKind.Array || ++count > 100)
                    return null;

                var text = value.ToString();
                if (value.ValueKind is JsonValueKind.True or JsonValueKind.False)
                    text = value.GetRawText();
                id = name == "id" ? text : id;
                version = name == "specversion" ? text : version;
                type = name == "datacontenttype" ? text : type;
            }

            if (string.IsNullOrEmpty(id) || version?.StartsWith("1.", StringComparison.Ordinal) != true || (data is not null && base64 is not null))
                return null;
            if (data is not { } payload)
                return (id, base64 ?? []);

            return (id, payload.ValueKind == JsonValueKind.String && type is not null && !JsonPayload.IsJsonType(type)
                ? Encoding.UTF8.GetBytes(payload.GetString()!)
                : JsonMarshal.GetRawUtf8Value(payload).ToArray());
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // The latter for text that is none.
            return null;
        }
    }
}
