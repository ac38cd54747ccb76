using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using CloudSync.Fuzzing;
using CloudSync.Sdk.Ingest;
using Microsoft.AspNetCore.Http;
using Xunit;

namespace CloudSync.Sdk.AspNetCore.Tests;

/// <summary>Messages made of sound ones, broken in any way: what is accepted is what a document of it says, keeps the limits, and is what the producer takes.</summary>
public sealed class MessageReaderFuzzTests
{
    private static readonly CloudSyncIngestOptions Limits = new() { MaxIdBytes = 40, MaxKeyBytes = 60, MaxDepth = 16 };
    private static readonly ProducerEnvelope[] Producers =
        [.. Enum.GetValues<CloudEventsFormat>().Select(format => new ProducerEnvelope(new CloudSyncProducerOptions { Source = "/s", Format = format }, TimeProvider.System))];

    [Fact]
    public void A_message_is_refused_with_reasons_or_is_what_a_document_of_it_says() => Fuzz.Check(
        Fuzz.Texts(
            """{"id":"1","key":"k","data":{"a":[1,"\u00e4",null]},"correlationId":"c","type":"t"}""", """ {"data" : [ 1 , 2 ] , "key":null} """, "\uFEFF{\"data\":null}",
            """{"\u0069d":"\u00e4\ud83d\ude00","data":"x"}""", """{"id":"\ud800","data":1}""", """{"data":1,"data":2}""", """{"id":" a","data":1}""", """{"key":" a\n","data":1}""", "{}", "[]", "", "{\"data\":1}}"),
        (input, random) =>
        {
            int? index = random.Next(2) == 0 ? null : 3;
            var read = SyncRequestReader.Read(input, new ItemPlace(index, 0), Limits);
            if (!IsAccepted(read))
                return false;

            using var json = Document(input);
            var message = read.Message;
            Assert.Equal(
                (Text(json, "id"), Text(json, "key"), Text(json, "correlationId"), Text(json, "type")), (message.Id, message.Key, message.CorrelationId, message.Type));
            Assert.Equal(JsonMarshal.GetRawUtf8Value(json.RootElement.GetProperty("data")).ToArray(), message.Value.ToArray());
            Assert.Empty(json.RootElement.EnumerateObject().Select(m => m.Name).Except(["id", "key", "data", "correlationId", "type"]));
            Assert.Distinct(json.RootElement.EnumerateObject().Select(m => m.Name));
            CheckProducing(message);
            return true;
        });

    [Fact]
    public void A_structured_event_is_refused_with_reasons_or_is_what_a_document_of_it_says() => Fuzz.Check(
        Fuzz.Texts(
            """{"specversion":"1.0","id":"1","source":"/s","type":"t","x":"\u00e4","data":{"a":[1,"\u00e4",null]},"datacontenttype":"application/json","partitionkey":"k"}""",
            """ { "data" : 1 , "n" : 5, "flag" : true, "none" : null, "time" : "2018-04-05t17:31:00.5+02:00", "type":"t", "source" : "https:\/\/c\/?a=b", "id" : "A\u00e4", "specversion" : "1.0" } """,
            """{"specversion":"1.0","id":"1","source":"s","type":"t","data":"<much \u00e4/>","datacontenttype":"application/xml","correlationid":"c","traceparent":"p","tracestate":"s"}""",
            """{"specversion":"1.0","id":"1","source":"s","type":"t","data_base64":"\u0041AEC","datacontenttype":"x/y"}""",
            "\uFEFF{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"s\",\"type\":\"t\",\"data_base64\":null}",
            """{"specversion":"1.0","id":"\ud800","source":"s","type":"t"}""", """{"specversion":"1.0","id":"1","source":"s","type":"t","data":1,"data_base64":"AA=="}""", "{}", "[]", "", "1",

            // Half a character where base64 should be was an exception, and an answer of 500.
            """{"specversion":"1.0","id":"1","source":"s","type":"t","data_base64":"\ud800"}"""),
        (input, random) =>
        {
            int? index = random.Next(2) == 0 ? null : 3;
            var read = CloudEventReader.ReadStructured(input, new ItemPlace(index, 0), Limits);
            if (!IsAccepted(read))
                return false;

            using var json = Document(input);
            var message = read.Message;
            Assert.Distinct(json.RootElement.EnumerateObject().Select(m => m.Name));
            var hasData = json.RootElement.TryGetProperty("data", out var data);
            var type = Text(json, "datacontenttype") ?? (hasData ? "application/json" : null);
            Assert.Equal(
                (Text(json, "id"), Text(json, "source"), Text(json, "type"), Text(json, "partitionkey"), Text(json, "correlationid"), type),
                (message.Id, message.Source, message.Type, message.Key, message.CorrelationId, message.ContentType));
            Assert.Equal(Text(json, "time") is { } time ? DateTimeOffset.Parse(time, null, System.Globalization.DateTimeStyles.AssumeUniversal) : default(DateTimeOffset?), message.Time);
            var payload = !hasData ? json.RootElement.TryGetProperty("data_base64", out var base64) && base64.ValueKind == JsonValueKind.String ? base64.GetBytesFromBase64() : []
                : data.ValueKind == JsonValueKind.String && !JsonPayload.IsJsonType(type) ? Encoding.UTF8.GetBytes(data.GetString()!)
                : JsonMarshal.GetRawUtf8Value(data).ToArray();
            Assert.Equal(payload, message.Value.ToArray());

            string[] own = ["specversion", "id", "source", "type", "time", "datacontenttype", "data", "data_base64", "correlationid", "partitionkey"];
            Assert.Equal(
                json.RootElement.EnumerateObject().Where(m => !own.Contains(m.Name) && m.Value.ValueKind != JsonValueKind.Null)
                    .Select(m => (m.Name is "traceparent" or "tracestate" ? m.Name : "ce_" + m.Name, m.Value.ValueKind == JsonValueKind.String ? m.Value.GetString()! : m.Value.GetRawText())),
                (message.Headers ?? []).Select(h => (h.Name, h.ValueAsString)));
            CheckProducing(message);
            return true;
        });

    [Fact]
    public void A_binary_event_is_refused_with_reasons_or_is_what_its_headers_say() => Fuzz.Check(
        Fuzz.Texts(
            "{\"a\":1}|ce-specversion=1.0|ce-id=1|ce-source=/s|ce-type=t|Content-Type=application/json|ce-partitionkey=k|ce-time=2026-01-31T12:00:00Z|ce-correlationid=c|ce-more=x|X-Own=1",
            "text|CE-SpecVersion=1.0|ce-id=%C3%A4%25|ce-source=s|ce-type=\"t%20t\"|content-type=text/plain; charset=utf-8|ce-traceparent=00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "|ce-specversion=1.0|ce-id=%zz|ce-source= |ce-type=%C3|ce-=1|ce-data=1|ce-Ab_c=1", "x|ce-specversion=0.3|ce-id=|ce-source=a b|ce-type=t|ce-time=yesterday", "1|ce-id=\"", "",

            // Each fault of it was told, and one of them with the whole of its name.
            $"|ce-{new string('[', 100)}= "),
        (input, random) =>
        {
            // As a server hands headers on: the same name in any case is the same header.
            var parts = Encoding.UTF8.GetString(input).Split('|');
            IHeaderDictionary headers = new HeaderDictionary();
            foreach (var part in parts.Skip(1).Where(part => part.Length > 0 && part[0] != '='))
                headers.Append(part.Split('=')[0], part[Math.Min(part.Length, part.Split('=')[0].Length + 1)..]);

            _ = CloudEventReader.IsBinary(headers);
            var body = Encoding.UTF8.GetBytes(parts[0]);
            var read = CloudEventReader.ReadBinary(headers, body, Limits);
            if (!IsAccepted(read))
                return false;

            var message = read.Message;
            Assert.Equal(body, message.Value.ToArray());
            Assert.Equal(
                (Decoded("id"), Decoded("source"), Decoded("type"), Decoded("partitionkey"), Decoded("correlationid"), headers.ContentType.Count == 0 ? "application/octet-stream" : headers.ContentType.ToString()),
                (message.Id, message.Source, message.Type, message.Key, message.CorrelationId, message.ContentType));
            CheckProducing(message);
            return true;

            string? Decoded(string name) => headers.TryGetValue("ce-" + name, out var value) ? Uri.UnescapeDataString(value.ToString() is ['"', .. var inner, '"'] ? inner : value.ToString()) : null;
        });

    /// <summary>Either there are reasons, which anybody may be told, or the message keeps the limits.</summary>
    private static bool IsAccepted(ReadMessage read)
    {
        Assert.InRange(read.Errors.Count, 0, 10);
        if (read.Errors.Count > 0)
        {
            Assert.All(read.Errors, error => Assert.True(error.Field.Length < 100 && error.Detail.Length is > 0 and < 300));
            return false;
        }

        Assert.False(read.IsBroken);
        var message = read.Message;
        Assert.All([message.Id, message.Type, message.CorrelationId], text => Assert.True(text is null || Encoding.UTF8.GetByteCount(text) is > 0 and <= 40));
        Assert.All([message.Key, message.Source, message.ContentType], text => Assert.True(text is null || Encoding.UTF8.GetByteCount(text) is > 0 and <= 60));
        Assert.All(message.Headers ?? [], header => Assert.InRange(header.Value!.Value.Length, 1, 60));
        Assert.All([message.Id, message.Type, message.CorrelationId, message.Source], text => Assert.True(text is null || !(text.Any(char.IsControl) || text != text.Trim())));
        return true;
    }

    /// <summary>What is accepted the producer takes, in both forms, and a consumer reads the same.</summary>
    private static void CheckProducing(in OutgoingMessage message)
    {
        foreach (var producer in Producers)
        {
            var record = new OutgoingRecord();
            producer.Write(message, null, record);
            var sent = record.Content!.Message;
            var read = SyncMessage.Create(sent.Value, headers: sent.Headers.Select(h => new MessageHeader(h.Key, h.GetValueBytes())));
            Assert.Equal(message.Id ?? read.Id, read.Id);
            Assert.Equal((message.Time ?? read.Time, message.CorrelationId), (read.Time, read.CorrelationId));
            Assert.Equal(message.Value.ToArray(), read.Value.ToArray());
            record.Content.Give();
        }
    }

    private static JsonDocument Document(byte[] input) =>
        JsonDocument.Parse(input.AsMemory(input.AsSpan().StartsWith("\uFEFF"u8) ? 3 : 0), new JsonDocumentOptions { MaxDepth = Limits.MaxDepth });

    private static string? Text(JsonDocument json, string name) => json.RootElement.TryGetProperty(name, out var value) ? value.GetString() : null;
}
