using System.Text;
using FsCheck;
using FsCheck.Xunit;
using Xunit;

namespace CloudSync.Sdk.Tests;

/// <summary>Structured records as others write them, and as nobody should.</summary>
public class StructuredEventTests
{
    [Theory]
    [InlineData("application/cloudevents+json", true)]
    [InlineData("application/cloudevents+json; charset=UTF-8", true)]
    [InlineData("Application/CloudEvents+JSON ;charset=utf-8", true)]
    [InlineData("application/cloudevents-batch+json", false)]
    [InlineData("application/cloudevents+jsonx", false)]
    [InlineData("application/cloudevents+avro", false)]
    [InlineData("application/json", false)]
    [InlineData("", false)]
    public void The_content_type_says_whether_a_record_is_structured(string contentType, bool isStructured) =>
        Assert.Equal(isStructured, StructuredEvent.IsContentType(Encoding.UTF8.GetBytes(contentType)));

    [Fact]
    public void An_event_of_others_is_read_with_all_its_attributes_in_any_order()
    {
        var message = Read(
            """
            {
              "data" : { "a": 1 },
              "comexampleextension1" : "value", "comexampleothervalue" : 5, "flag" : true, "none" : null,
              "time" : "2018-04-05T17:31:00Z", "type" : "com.example.someevent", "source" : "\/mycontext",
              "id" : "A234-1234-1234\u00e4", "specversion" : "1.0"
            }
            """,
            new MessageHeader("x", "1"u8.ToArray()));

        Assert.Equal("A234-1234-1234ä", message.Id);
        Assert.Equal(("/mycontext", "com.example.someevent", "application/json"), (message.Source, message.Type, message.ContentType));
        Assert.Equal(new DateTimeOffset(2018, 4, 5, 17, 31, 0, TimeSpan.Zero), message.Time);
        Assert.Equal("{ \"a\": 1 }", Encoding.UTF8.GetString(message.Value.Span));
        Assert.Equal(
            ["x", "ce_comexampleextension1", "ce_comexampleothervalue", "ce_flag", "ce_time", "ce_type", "ce_source", "ce_id", "ce_specversion", "content-type"],
            message.Headers.Select(h => h.Name));
        Assert.Equal(("5", "true"), (message.Headers.GetString("ce_comexampleothervalue"), message.Headers.GetString("ce_flag")));
    }

    [Theory]
    [InlineData("\"data\":\"<much \\u00e4/>\",\"datacontenttype\":\"application/xml\"", "<much ä/>", "application/xml")]
    [InlineData("\"data\":\"text\"", "\"text\"", "application/json")]
    [InlineData("\"data\":null", "null", "application/json")]
    [InlineData("\"data\":-1.5e3", "-1.5e3", "application/json")]
    [InlineData("\"data\":[1, {}],\"datacontenttype\":\"text/plain\"", "[1, {}]", "text/plain")]
    [InlineData("\"data_base64\":\"AAEC\",\"datacontenttype\":\"x/y\"", "\u0000\u0001\u0002", "x/y")]
    [InlineData("\"data_base64\":\"\\u0041AEC\"", "\u0000\u0001\u0002", null)]
    [InlineData("\"data_base64\":null", "", null)]
    [InlineData("\"subject\":\"s\"", "", null)]
    public void The_payload_is_what_the_event_says(string members, string payload, string? contentType)
    {
        var message = Read($$"""{"specversion":"1.0","id":"1","source":"s","type":"t",{{members}}}""");

        Assert.Equal((payload, contentType), (Encoding.UTF8.GetString(message.Value.Span), message.ContentType));
        Assert.Equal("1", message.Id);
        Assert.False(message.IsTombstone);
    }

    [Theory]
    [InlineData("")]
    [InlineData("x")]
    [InlineData("[]")]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("{\"specversion\":\"1.0\"}")]
    [InlineData("{\"specversion\":\"1.0\",\"id\":\"\"}")]
    [InlineData("{\"specversion\":\"1.0\",\"id\":null}")]
    [InlineData("{\"specversion\":\"0.3\",\"id\":\"1\"}")]
    [InlineData("{\"specversion\":\"1.0\",\"id\":{}}")]
    [InlineData("{\"specversion\":\"1.0\",\"id\":\"1\",\"a\":[]}")]
    [InlineData("{\"specversion\":\"1.0\",\"id\":\"1\",\"data\":1,\"data_base64\":\"AA==\"}")]
    [InlineData("{\"specversion\":\"1.0\",\"id\":\"1\",\"data_base64\":\"A\"}")]
    [InlineData("{\"specversion\":\"1.0\",\"id\":\"1\",\"data_base64\":1}")]
    [InlineData("{\"specversion\":\"1.0\",\"id\":\"1\"")]
    [InlineData("{\"specversion\":\"1.0\",\"id\":\"1\"}{}")]
    [InlineData("{\"specversion\":\"1.0\",\"id\":\"1\",\"data\":{\"a\":}}")]
    [InlineData("{\"specversion\":\"1.0\",\"id\":\"\\ud800\"}")]
    public void What_is_no_event_is_delivered_as_it_is_under_its_place(string value)
    {
        var message = Read(value);

        Assert.Equal("data-topic-0-0", message.Id);
        Assert.Equal(value, Encoding.UTF8.GetString(message.Value.Span));
        Assert.Equal("application/cloudevents+json", message.ContentType);
        Assert.False(message.TryGetIdBytes(out _));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(JsonPayload.MaxDepth - 1)]
    [InlineData(JsonPayload.MaxDepth)]
    [InlineData(JsonPayload.MaxDepth + 1)]
    [InlineData(500)]
    public void A_payload_can_stand_in_an_event_as_deep_as_one_of_a_binary_record(int depth)
    {
        foreach (var (open, close) in ((string, string)[])[("[", "]"), ("{\"a\":", "}"), ("[{\"b\":[1],\"a\":", "}]")])
        {
            var levels = depth / (open.Length > 6 ? 2 : 1);
            var data = string.Concat(Enumerable.Repeat(open, levels)) + "1" + string.Concat(Enumerable.Repeat(close, levels));
            var message = Read($$"""{"specversion":"1.0","id":"1","data":{{data}} }""");

            Assert.Equal("1", message.Id);
            Assert.Equal(JsonPayload.IsJson(message.Value.Span), message.IsValueJson);
        }
    }

    [Theory]
    [InlineData("1")]
    [InlineData("\"text\"")]
    [InlineData("null")]
    [InlineData("[[],{}]")]
    public void So_can_a_flat_one(string data) => Assert.True(Read($$"""{"specversion":"1.0","id":"1","data":{{data}} }""").IsValueJson);

    [Fact]
    public void Too_many_attributes_and_too_deep_a_payload_are_no_event()
    {
        var many = string.Concat(Enumerable.Range(0, 100_000).Select(i => $",\"a{i}\":1"));
        Assert.Equal("data-topic-0-0", Read($$"""{"specversion":"1.0","id":"1"{{many}}}""").Id);

        var deep = new string('[', 100_000) + new string(']', 100_000);
        Assert.Equal("data-topic-0-0", Read($$"""{"specversion":"1.0","id":"1","data":{{deep}}}""").Id);
    }

    [Fact]
    public void A_record_without_a_value_stays_a_tombstone()
    {
        var message = SyncMessage.Create(null, headers: [new("content-type", "application/cloudevents+json"u8.ToArray())]);

        Assert.True(message.IsTombstone);
        Assert.Equal("data-topic-0-0", message.Id);
    }

    [Fact]
    public void What_the_event_says_of_itself_counts_before_a_header()
    {
        var message = Read("""{"specversion":"1.0","id":"its own"}""", new MessageHeader("ce_id", "other"u8.ToArray()));

        Assert.Equal("its own", message.Id);
    }

    [Property(MaxTest = 1_000)]
    public void Whatever_stands_there_it_is_read_and_nothing_is_lost(byte[] garbage, NonNegativeInt at, NonNegativeInt length, bool isCut)
    {
        // A sound event with a piece of it written over, or cut off.
        var value = """{"specversion":"1.0","id":"1","source":"s","type":"t","x":"\u00e4","data":{"a":[1,"\u00e4",null]},"datacontenttype":"application/json"}"""u8.ToArray();
        var start = at.Get % value.Length;
        if (isCut)
            value = value[..start];
        else
            garbage.AsSpan(0, Math.Min(Math.Min(garbage.Length, length.Get), value.Length - start)).CopyTo(value.AsSpan(start));

        var message = SyncMessage.Create(value, headers: [new("content-type", "application/cloudevents+json"u8.ToArray())]);

        Assert.NotEmpty(message.Id);
        Assert.Equal(value, message.RecordValue.ToArray());
        Assert.True(message.Value.Length <= value.Length);
        _ = (message.Source, message.Type, message.Time, message.CorrelationId, message.ContentType, message.Headers.Count());
    }

    private static SyncMessage Read(string value, params MessageHeader[] headers) => SyncMessage.Create(
        Encoding.UTF8.GetBytes(value), headers: [new("content-type", "application/cloudevents+json"u8.ToArray()), .. headers]);
}
