using System.Diagnostics;
using System.Text;
using CloudSync.Sdk.Ingest;
using Microsoft.AspNetCore.Http;
using Xunit;

namespace CloudSync.Sdk.AspNetCore.Tests;

/// <summary>CloudEvents over HTTP, in both modes and in batches.</summary>
public sealed class CloudEventTests : IAsyncLifetime
{
    private readonly FakeProducer _producer = new();
    private FrontDoor _door = null!;

    public async ValueTask InitializeAsync() => _door = await FrontDoor.StartAsync(_producer, "--Ingest:MaxBatchItems=3");

    public ValueTask DisposeAsync() => _door.DisposeAsync();

    [Fact]
    public async Task In_binary_mode_headers_are_the_envelope_and_the_body_goes_on_untouched()
    {
        var answer = await _door.PostAsync(
            "/api/sync", "<not-json/>", "application/xml",
            ("ce-specversion", "1.0"), ("ce-id", "m%201"), ("ce-source", "/shop"), ("ce-type", "order"), ("ce-time", "2026-01-31T12:00:00.5+01:00"),
            ("ce-partitionkey", "k%C3%A4"), ("ce-correlationid", "c1"), ("ce-subject", "s1"), ("CE-Tenant", "t1"));

        Assert.Equal(202, answer.Status);
        var (message, value) = Assert.Single(_producer.Queued);
        Assert.Equal("<not-json/>", value);
        Assert.Equal(("m 1", "kä", "/shop", "order", "c1", "application/xml"), (message.Id, message.Key, message.Source, message.Type, message.CorrelationId, message.ContentType));
        Assert.Equal(new DateTimeOffset(2026, 1, 31, 11, 0, 0, 500, TimeSpan.Zero), message.Time);
        Assert.Equal("ce_subject=s1 ce_tenant=t1", Headers(message, "ce_"));
    }

    [Theory]
    [InlineData("2026-01-31T12:00:00Z", 0)]
    [InlineData("2026-01-31t12:00:00z", 0)]
    [InlineData("2026-01-31T12:00:00.1234567Z", 1_234_567)]
    [InlineData("2026-01-31T12:00:00.123456789Z", 1_234_567)]
    [InlineData("2026-01-31T13:00:00.9999999999999+01:00", 9_999_999)]
    public async Task A_time_may_have_any_number_of_digits_after_the_second_of_which_seven_are_kept(string time, int ticks)
    {
        var answer = await _door.PostAsync("/api/sync", "x", "text/plain", ("ce-specversion", "1.0"), ("ce-id", "m1"), ("ce-source", "/s"), ("ce-type", "t"), ("ce-time", time));

        Assert.Equal(202, answer.Status);
        Assert.Equal(new DateTimeOffset(2026, 1, 31, 12, 0, 0, TimeSpan.Zero).AddTicks(ticks), Assert.Single(_producer.Queued).Message.Time);
    }

    [Theory]
    [InlineData("application/cloudevents+json")]
    [InlineData("application/cloudevents+json; charset=UTF-8")]
    public async Task In_structured_mode_the_event_is_taken_apart(string contentType)
    {
        var answer = await _door.PostAsync(
            "/api/sync",
            """{"specversion":"1.0","id":"m1","source":"/shop","type":"order","partitionkey":"k1","correlationid":"c1","time":"2026-01-31T12:00:00Z","count":5,"subject":null,"data":{ "a" : 1 }}""",
            contentType);

        Assert.Equal(202, answer.Status);
        var (message, value) = Assert.Single(_producer.Queued);
        Assert.Equal("""{ "a" : 1 }""", value);
        Assert.Equal(("m1", "k1", "/shop", "order", "c1", "application/json"), (message.Id, message.Key, message.Source, message.Type, message.CorrelationId, message.ContentType));
        Assert.Equal("ce_count=5", Headers(message, "ce_"));
    }

    [Fact]
    public async Task Data_in_base64_is_decoded_and_an_event_may_have_none()
    {
        var answer = await _door.PostAsync(
            "/api/sync/batch",
            """
            [{"specversion":"1.0","id":"m1","source":"/s","type":"t","datacontenttype":"text/plain","data_base64":"aGk="},
             {"specversion":"1.0","id":"m2","source":"/s","type":"t","datacontenttype":"text/plain","data":"hi\n"},
             {"specversion":"1.0","id":"m3","source":"/s","type":"t"}]
            """,
            "application/cloudevents-batch+json");

        Assert.Equal((202, "m1:202 m2:202 m3:202"), (answer.Status, answer.Results));
        Assert.Equal(["hi", "hi\n", ""], _producer.Queued.Select(q => q.Value));
    }

    [Theory]
    [InlineData("#frag")]
    [InlineData("a:b:c")]
    [InlineData("?q=1")]
    public async Task A_source_may_be_any_uri_reference(string source)
    {
        var binary = await _door.PostAsync("/api/sync", "x", "text/plain", ("ce-specversion", "1.0"), ("ce-id", "m1"), ("ce-source", source), ("ce-type", "t"));
        var structured = await _door.PostAsync("/api/sync", $$"""{"specversion":"1.0","id":"m2","source":"{{source}}","type":"t"}""", "application/cloudevents+json");

        Assert.Equal((202, 202), (binary.Status, structured.Status));
        Assert.Equal([source, source], _producer.Queued.Select(q => q.Message.Source));
    }

    [Theory]
    [InlineData("ce-id", null, "ce-id", "is missing")]
    [InlineData("ce-source", null, "ce-source", "is missing")]
    [InlineData("ce-type", null, "ce-type", "is missing")]
    [InlineData("ce-specversion", null, "ce-specversion", "is missing")]
    [InlineData("ce-specversion", "0.3", "ce-specversion", "must be 1.0")]
    [InlineData("ce-id", "a%0D%0AX-Evil:%201", "ce-id", "holds a control character")]
    [InlineData("ce-partitionkey", "%FF", "ce-partitionkey", "is not percent-encoded UTF-8")]
    [InlineData("ce-partitionkey", "%ED%A0%80", "ce-partitionkey", "is not percent-encoded UTF-8")]
    [InlineData("ce-type", "%4", "ce-type", "is not percent-encoded UTF-8")]
    [InlineData("ce-source", "http://%", "ce-source", "is not percent-encoded")]
    [InlineData("ce-source", "a b", "ce-source", "must be a URI reference")]
    [InlineData("ce-source", "a#b#c", "ce-source", "must be a URI reference")]
    [InlineData("ce-time", "yesterday", "ce-time", "must be a time after RFC 3339")]
    [InlineData("ce-time", "2026-01-31T12:00:00", "ce-time", "must be a time after RFC 3339")]
    [InlineData("ce-time", "2026-01-31T12:00:00.Z", "ce-time", "must be a time after RFC 3339")]
    [InlineData("ce-time", "2026-01-31T12:00:00.123456789", "ce-time", "must be a time after RFC 3339")]
    [InlineData("ce-time", "2026-01-31T12:00:00+0100", "ce-time", "must be a time after RFC 3339")]
    [InlineData("ce-time", "2026-01-31T12:00:00+01", "ce-time", "must be a time after RFC 3339")]
    [InlineData("ce-time", "2026-01-31T12:00:001Z", "ce-time", "must be a time after RFC 3339")]
    [InlineData("ce-time", "2026-02-30T12:00:00Z", "ce-time", "must be a time after RFC 3339")]
    [InlineData("ce-cloudsync-dlq", "x", "ce-cloudsync-dlq", "is no attribute's name")]
    [InlineData("ce-empty", "", "ce-empty", "is empty")]
    public async Task A_header_that_is_no_attribute_is_refused_by_its_name(string header, string? value, string field, string detail)
    {
        var headers = new Dictionary<string, string?> { ["ce-specversion"] = "1.0", ["ce-id"] = "m1", ["ce-source"] = "/s", ["ce-type"] = "t", [header] = value };
        var answer = await _door.PostAsync("/api/sync", "x", "text/plain", [.. headers.Where(h => h.Value is not null).Select(h => (h.Key, h.Value!))]);

        Refused(answer, field, detail);
    }

    [Theory]
    [InlineData("""{"specversion":"1.0","source":"/s","type":"t"}""", "id", "is missing")]
    [InlineData("""{"specversion":"1.0","id":"a","id":"b","source":"/s","type":"t"}""", "id", "is given twice")]
    [InlineData("""{"specversion":"2.0","id":"a","source":"/s","type":"t"}""", "specversion", "must be 1.0")]
    [InlineData("""{"specversion":"1.0","id":5,"source":"/s","type":"t"}""", "id", "must be a string")]
    [InlineData("""{"specversion":"1.0","id":"","source":"/s","type":"t"}""", "id", "is empty")]
    [InlineData("""{"specversion":"1.0","id":"a\u0000","source":"/s","type":"t"}""", "id", "holds a control character")]
    [InlineData("""{"specversion":"1.0","id":"\ud800","source":"/s","type":"t"}""", "id", "half of a surrogate pair")]
    [InlineData("""{"specversion":"1.0","id":"a","source":"/s","type":"t","data":1,"data_base64":"aGk="}""", "data_base64", "stands beside data")]
    [InlineData("""{"specversion":"1.0","id":"a","source":"/s","type":"t","data_base64":"!"}""", "data_base64", "must be base64")]
    [InlineData("""{"specversion":"1.0","id":"a","source":"/s","type":"t","x":{}}""", "x", "must be a string, a number")]
    [InlineData("""{"specversion":"1.0","id":"a","source":"/s","type":"t","X-y":"1"}""", "X-y", "is no attribute's name")]
    [InlineData("""{"specversion":"1.0","id":"a","source":"/s","type":"t"}}""", "body", "is not valid JSON")]
    [InlineData("""["specversion"]""", "body", "must be a CloudEvent")]
    public async Task An_event_that_is_none_is_refused_by_its_field(string body, string field, string detail) =>
        Refused(await _door.PostAsync("/api/sync", body, "application/cloudevents+json"), field, detail);

    [Fact]
    public async Task Modes_are_not_mixed_up()
    {
        Assert.Equal(415, (await _door.PostAsync("/api/sync", "[]", "application/cloudevents-batch+json")).Status);
        Assert.Equal(415, (await _door.PostAsync("/api/sync/batch", "{}", "application/cloudevents+json")).Status);
        Assert.Equal(415, (await _door.PostAsync("/api/sync", "{}", "application/cloudevents+xml")).Status);
        var answer = await _door.PostAsync("/api/sync/batch", "{}", "text/plain");
        Assert.Equal((415, "application/json, application/x-ndjson, application/cloudevents-batch+json"), (answer.Status, answer.Headers["Accept"]));
    }

    [Fact]
    public async Task The_trace_of_a_request_goes_on_with_its_message()
    {
        const string TraceParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        string? seen = null;
        _producer.Answer = (message, offset) =>
        {
            seen = message.Headers is null ? Activity.Current?.Id : Headers(message, "trace");
            return new ProducedMessage(message.Id!, "data-topic", 0, offset);
        };

        await _door.PostAsync("/api/sync", """{"data":1}""", headers: [("traceparent", TraceParent), ("tracestate", "a=b")]);
        Assert.Contains("0af7651916cd43dd8448eb211c80319c", seen, StringComparison.Ordinal);

        await _door.PostAsync(
            "/api/sync", $$"""{"specversion":"1.0","id":"m1","source":"/s","type":"t","traceparent":"{{TraceParent}}"}""", "application/cloudevents+json", ("traceparent", TraceParent.Replace('0', '1')));
        Assert.Equal($"traceparent={TraceParent}", seen);
    }

    [Theory]
    [InlineData(512, "traceparent tracestate")]
    [InlineData(513, "traceparent")]
    public void A_trace_state_that_nobody_has_to_pass_on_is_left_out(int length, string expected)
    {
        Activity.Current = null;
        var request = new DefaultHttpContext().Request;
        request.Headers.TraceParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        request.Headers.TraceState = "a=" + new string('b', length - 2);

        var message = RequestTrace.Of(request).On(new OutgoingMessage(default));

        Assert.Equal(expected, string.Join(' ', message.Headers!.Select(header => header.Name)));
    }

    private void Refused(Answer answer, string field, string detail)
    {
        Assert.Equal((400, true), (answer.Status, answer.IsProblem));
        var error = answer.Json.GetProperty("errors")[0];
        Assert.Equal(field, error.GetProperty("field").GetString());
        Assert.Contains(detail, error.GetProperty("detail").GetString(), StringComparison.Ordinal);
        Assert.Empty(_producer.Queued);
    }

    private static string Headers(OutgoingMessage message, string prefix) => string.Join(
        ' ', message.Headers!.Where(h => h.Name.StartsWith(prefix, StringComparison.Ordinal)).Select(h => $"{h.Name}={Encoding.UTF8.GetString(h.Value!.Value.Span)}"));
}
