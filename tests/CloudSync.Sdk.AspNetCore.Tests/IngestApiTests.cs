using System.IO.Compression;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Xunit;

namespace CloudSync.Sdk.AspNetCore.Tests;

/// <summary>The API on a real Kestrel, with a producer that does what it is told.</summary>
public sealed class IngestApiTests : IAsyncLifetime
{
    private readonly FakeProducer _producer = new();
    private readonly LogOfTheTest _log = new();
    private WebApplication _app = null!;
    private HttpClient _client = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _app = IngestApi.Program.CreateHost(
            [
                "--Urls=http://127.0.0.1:0", "--environment=Development", "--CloudSync:Producer:BootstrapServers=127.0.0.1:1",
                "--Ingest:ProduceTimeout=00:00:00.200", "--Ingest:RetryAfter=00:00:07", "--Ingest:MaxBodyBytes=10000",
                "--Ingest:MaxBatchBodyBytes=20000", "--Ingest:MaxBatchItems=5", "--Ingest:RateLimit:TokensPerSecond=0",
            ],
            configure: builder =>
            {
                builder.Logging.ClearProviders().AddProvider(_log).SetMinimumLevel(LogLevel.Trace);
                builder.Services.RemoveAll<ICloudSyncProducer>();
                builder.Services.AddSingleton<ICloudSyncProducer>(_producer);
            });
        await _app.StartAsync(Cancellation);
        _client = new HttpClient { BaseAddress = new Uri(_app.Urls.First()) };
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await _app.DisposeAsync();
    }

    [Fact]
    public async Task A_message_is_answered_with_its_place_in_kafka_and_its_data_goes_on_byte_for_byte()
    {
        const string Data = """{ "a" : [1, 2.50e1,"Gr\u00fc\u00dfe \ud800"] }""";

        var (status, answer) = await PostAsync("/api/sync", $$"""{"id":"m1","key":"k1","correlationId":"c1","type":"t1","data":{{Data}}}""");

        Assert.Equal(HttpStatusCode.Accepted, status);
        Assert.Equal("""{"status":202,"id":"m1","topic":"data-topic","partition":3,"offset":0}""", answer);
        var (message, value) = Assert.Single(_producer.Queued);
        Assert.Equal(("m1", "k1", "c1", "t1"), (message.Id, message.Key, message.CorrelationId, message.Type));
        Assert.Equal(Data, value);
    }

    [Theory]
    [InlineData("null")]
    [InlineData("0")]
    [InlineData("\"\"")]
    [InlineData("false")]
    [InlineData("[ ]")]
    public async Task Data_may_be_any_json(string data)
    {
        var (status, _) = await PostAsync("/api/sync", $$"""{"data":{{data}}}""");

        Assert.Equal(HttpStatusCode.Accepted, status);
        Assert.Equal(data, _producer.Queued[0].Value);
    }

    [Fact]
    public async Task A_message_without_an_id_gets_one()
    {
        var (_, answer) = await PostAsync("/api/sync", """{"id":null,"key":null,"data":1}""");

        Assert.True(Guid.TryParse(JsonDocument.Parse(answer).RootElement.GetProperty("id").GetString(), out var id));
        Assert.Equal(id.ToString(), _producer.Queued[0].Message.Id);
    }

    [Theory]
    [InlineData("/api/sync", """{"data":1}""", "h1")]
    [InlineData("/api/sync", """{"id":"m1","data":1}""", "m1")]
    [InlineData("/api/sync/batch", """[{"data":1},{"id":"m1","data":1},{"data":1}]""", "h1-0,m1,h1-2")]
    public async Task The_idempotency_key_header_is_the_id_where_the_body_has_none(string path, string body, string ids)
    {
        await PostAsync(path, body, idempotencyKey: "h1");
        await PostAsync(path, body, idempotencyKey: "\"h1\"");

        Assert.Equal($"{ids},{ids}", string.Join(',', _producer.Queued.Select(q => q.Message.Id)));
    }

    [Fact]
    public async Task A_batch_is_produced_in_its_order_and_answered_item_by_item()
    {
        var (status, answer) = await PostAsync("/api/sync/batch", """[{"id":"a","data":1},{"id":"b","data":2},{"id":"c","data":3}]""");

        Assert.Equal(HttpStatusCode.Accepted, status);
        Assert.Equal(["1", "2", "3"], _producer.Queued.Select(q => q.Value));
        var result = JsonDocument.Parse(answer).RootElement;
        Assert.Equal(3, result.GetProperty("accepted").GetInt32());
        Assert.Equal("a0 b1 c2", string.Join(' ', result.GetProperty("results").EnumerateArray().Select(r => $"{r.GetProperty("id")}{r.GetProperty("offset")}")));
    }

    [Fact]
    public async Task A_batch_of_which_kafka_takes_a_part_is_answered_with_207_and_says_which()
    {
        _producer.Answer = (message, offset) => message.Id switch
        {
            "b" => new ProduceFailedException("too large for Kafka at kafka-1:9092") { IsPermanent = true },
            "c" => new ProduceFailedException("no broker"),
            "d" => null,
            _ => new ProducedMessage(message.Id!, "data-topic", 0, offset),
        };

        using var response = await SendAsync("/api/sync/batch", """[{"id":"a","data":1},{"id":"b","data":2},{"id":"c","data":3},{"id":"d","data":4}]""");

        Assert.Equal(HttpStatusCode.MultiStatus, response.StatusCode);
        Assert.Equal(TimeSpan.FromSeconds(7), response.Headers.RetryAfter?.Delta);
        var results = JsonDocument.Parse(await response.Content.ReadAsStringAsync(Cancellation)).RootElement.GetProperty("results");
        Assert.Equal("a202 b413 c503 d503", string.Join(' ', results.EnumerateArray().Select(r => $"{r.GetProperty("id")}{r.GetProperty("status")}")));
    }

    public static TheoryData<string, string, string, long> BadMessages => new()
    {
        { "", "body", "is empty", 0 },
        { " ", "body", "is not valid JSON", 64 },
        { "{", "body", "is not valid JSON at line 1, byte 2", 64 },
        { """{"data":1}{"data":1}""", "body", "is not valid JSON", 64 },
        { """{"data":1,}""", "body", "is not valid JSON", 64 },
        { """{"data":tru}""", "body", "is not valid JSON at line 1, byte 12", 64 },
        { """{/*no*/"data":1}""", "body", "is not valid JSON", 64 },
        { "[]", "body", "must be an object", 0 },
        { "\"x\"", "body", "must be an object", 0 },
        { "{}", "data", "is missing", 0 },
        { """{"id":"a"}""", "data", "is missing", 0 },
        { """{"data":1,"data":2}""", "data", "is given twice", 0 },
        { """{"data":1,"id":"a","\u0069d":"b"}""", "id", "is given twice", 0 },
        { """{"data":1,"Id":"a"}""", "Id", "is unknown; the fields are id, key, data, correlationId, type", 0 },
        { """{"data":1,"id":5}""", "id", "must be a string or null", 0 },
        { """{"data":1,"key":["a"]}""", "key", "must be a string or null", 0 },
        { """{"data":1,"id":""}""", "id", "is empty; leave it out instead", 0 },
        { """{"data":1,"key":""}""", "key", "is empty; leave it out instead", 0 },
        { """{"data":1,"id":"a\nb"}""", "id", "holds a control character", 0 },
        { """{"data":1,"type":"a\u0000"}""", "type", "holds a control character", 0 },
        { """{"data":1,"correlationId":"a\u007f"}""", "correlationId", "holds a control character", 0 },
        { """{"data":1,"id":" a"}""", "id", "begins or ends with white space", 0 },
        { """{"data":1,"id":"\ud800"}""", "id", "half of a surrogate pair", 0 },
        { $$"""{"data":1,"id":"{{new string('ä', 129)}}"}""", "id", "is 258 bytes long, more than the limit of 256", 256 },
        { $$"""{"data":1,"key":"{{new string('k', 1025)}}"}""", "key", "is 1025 bytes long, more than the limit of 1024", 1024 },
        { $$"""{"data":{{new string('[', 64)}}{{new string(']', 64)}}}""", "body", "nested deeper than 64 levels", 64 },
    };

    [Theory]
    [MemberData(nameof(BadMessages))]
    public async Task A_bad_body_is_answered_with_problem_details_that_name_the_field_and_the_limit(string body, string field, string detail, long limit)
    {
        using var response = await SendAsync("/api/sync", body);

        var problem = await ProblemAsync(response, HttpStatusCode.BadRequest);
        var error = problem.GetProperty("errors")[0];
        Assert.Equal(field, error.GetProperty("field").GetString());
        Assert.Contains(detail, error.GetProperty("detail").GetString(), StringComparison.Ordinal);
        Assert.Equal(limit, error.TryGetProperty("limit", out var l) && l.ValueKind == JsonValueKind.Number ? l.GetInt64() : 0);
        Assert.Empty(_producer.Queued);
    }

    public static TheoryData<string, string, string> BadBatches => new()
    {
        { "[]", "body", "must hold at least one message" },
        { """{"data":1}""", "body", "must be an array of messages" },
        { "[1]", "[0]", "must be an object" },
        { """[{"data":1,"id":7}]""", "[0].id", "must be a string or null" },
        { """[{"id":"a"},{"key":"k"}]""", "[0].data", "is missing" },
        { """[{"data":1""", "body", "is not valid JSON" },
        { """["data":1]""", "[0]", "must be an object" },
        { "", "body", "is empty" },
    };

    [Theory]
    [MemberData(nameof(BadBatches))]
    public async Task A_batch_without_any_message_that_is_right_is_answered_with_problem_details(string body, string field, string detail)
    {
        using var response = await SendAsync("/api/sync/batch", body);

        var error = (await ProblemAsync(response, HttpStatusCode.BadRequest)).GetProperty("errors")[0];
        Assert.Equal(field, error.GetProperty("field").GetString());
        Assert.Contains(detail, error.GetProperty("detail").GetString(), StringComparison.Ordinal);
        Assert.Empty(_producer.Queued);
    }

    [Fact]
    public async Task All_that_is_wrong_is_told_at_once()
    {
        using var response = await SendAsync("/api/sync", """{"id":5,"key":[],"extra":{"deep":[1]}}""");

        var errors = (await ProblemAsync(response, HttpStatusCode.BadRequest)).GetProperty("errors");
        Assert.Equal("id key extra data", string.Join(' ', errors.EnumerateArray().Select(e => e.GetProperty("field"))));
    }

    [Fact]
    public async Task Bytes_that_are_not_utf8_are_refused_wherever_they_are()
    {
        using var content = Json([.. "{\"data\":\""u8, 0xC3, 0x28, .. "\"}"u8]);
        using var response = await _client.PostAsync(new Uri("/api/sync", UriKind.Relative), content, Cancellation);

        var error = (await ProblemAsync(response, HttpStatusCode.BadRequest)).GetProperty("errors")[0];
        Assert.Equal("is not valid UTF-8", error.GetProperty("detail").GetString());
    }

    [Fact]
    public async Task A_byte_order_mark_is_let_pass()
    {
        using var content = Json([0xEF, 0xBB, 0xBF, .. "{\"data\":1}"u8]);
        using var response = await _client.PostAsync(new Uri("/api/sync", UriKind.Relative), content, Cancellation);

        Assert.Equal(HttpStatusCode.Accepted, response.StatusCode);
    }

    [Theory]
    [InlineData("a b\u00e4")]
    [InlineData("")]
    [InlineData("\"\"")]
    public async Task An_idempotency_key_that_can_be_no_id_is_refused(string key)
    {
        using var response = await SendAsync("/api/sync", """{"data":1}""", idempotencyKey: key.Length < 3 ? key : new string('k', 257));

        var error = (await ProblemAsync(response, HttpStatusCode.BadRequest)).GetProperty("errors")[0];
        Assert.Equal("Idempotency-Key", error.GetProperty("field").GetString());
    }

    [Theory]
    [InlineData("text/plain")]
    [InlineData("application/xml")]
    [InlineData("application/json; charset=utf-16")]
    [InlineData("nonsense")]
    [InlineData("")]
    public async Task A_body_that_is_not_json_in_utf8_is_answered_with_415(string contentType)
    {
        using var content = new ByteArrayContent("{\"data\":1}"u8.ToArray());
        if (contentType.Length > 0)
            content.Headers.TryAddWithoutValidation("Content-Type", contentType);
        using var response = await _client.PostAsync(new Uri("/api/sync", UriKind.Relative), content, Cancellation);

        await ProblemAsync(response, HttpStatusCode.UnsupportedMediaType);
        Assert.Empty(_producer.Queued);
    }

    [Theory]
    [InlineData("application/json; charset=\"UTF-8\"")]
    [InlineData("application/vnd.orders+json")]
    public async Task Other_spellings_of_json_are_taken(string contentType)
    {
        using var content = new ByteArrayContent("{\"data\":1}"u8.ToArray());
        content.Headers.TryAddWithoutValidation("Content-Type", contentType);
        using var response = await _client.PostAsync(new Uri("/api/sync", UriKind.Relative), content, Cancellation);

        Assert.Equal(HttpStatusCode.Accepted, response.StatusCode);
    }

    [Fact]
    public async Task A_compressed_body_is_answered_with_415()
    {
        using var zipped = new MemoryStream();
        await using (var gzip = new GZipStream(zipped, CompressionMode.Compress, leaveOpen: true))
            await gzip.WriteAsync("{\"data\":1}"u8.ToArray(), Cancellation);
        using var content = Json(zipped.ToArray());
        content.Headers.ContentEncoding.Add("gzip");
        using var response = await _client.PostAsync(new Uri("/api/sync", UriKind.Relative), content, Cancellation);

        await ProblemAsync(response, HttpStatusCode.UnsupportedMediaType);
    }

    [Theory]
    [InlineData("/api/sync", 10_000, false)]
    [InlineData("/api/sync", 10_000, true)]
    [InlineData("/api/sync/batch", 20_000, false)]
    public async Task A_body_over_the_limit_is_answered_with_413_and_one_at_the_limit_is_taken(string path, int limit, bool chunked)
    {
        var first = $$"""[{"data":"{{new string('y', 9_000)}}"},""";
        var (open, close) = path.EndsWith("batch", StringComparison.Ordinal) ? (first + " ".PadLeft(2_000) + "{\"data\":\"", "\"}]") : ("{\"data\":\"", "\"}");
        var fits = open + new string('x', limit - open.Length - close.Length) + close;

        using var taken = await SendAsync(path, fits, chunked: chunked);
        using var refused = await SendAsync(path, fits + " ", chunked: chunked);

        Assert.Equal(HttpStatusCode.Accepted, taken.StatusCode);
        var problem = await ProblemAsync(refused, HttpStatusCode.RequestEntityTooLarge);
        Assert.Equal(limit, problem.GetProperty("limit").GetInt32());
        Assert.Equal(path == "/api/sync" ? 1 : 2, _producer.Queued.Count);
    }

    [Theory]
    [InlineData("/api/sync", """{"id":"m1","data":1}""")]
    [InlineData("/api/sync/batch", """[{"id":"m1","data":1},{"id":"m2","data":1}]""")]
    public async Task When_kafka_does_not_acknowledge_in_time_the_answer_is_503_with_retry_after(string path, string body)
    {
        _producer.Answer = (_, _) => null;
        await UnavailableAsync(path, body);
    }

    [Theory]
    [InlineData("/api/sync", """{"id":"m1","data":1}""")]
    [InlineData("/api/sync/batch", """[{"id":"m1","data":1},{"id":"m2","data":1}]""")]
    public async Task When_there_is_no_room_in_time_the_answer_is_503_with_retry_after(string path, string body)
    {
        _producer.IsFull = true;
        await UnavailableAsync(path, body);
    }

    [Theory]
    [InlineData("/api/sync", """{"id":"m1","data":1}""")]
    [InlineData("/api/sync/batch", """[{"id":"m1","data":1},{"id":"m2","data":1}]""")]
    public async Task When_kafka_refuses_for_now_the_answer_is_503_with_retry_after(string path, string body)
    {
        _producer.Answer = (_, _) => new ProduceFailedException("no broker");
        await UnavailableAsync(path, body);
    }

    [Fact]
    public async Task A_message_that_kafka_will_never_take_is_answered_with_413()
    {
        _producer.Answer = (_, _) => new ProduceFailedException("larger than MaxMessageBytes") { IsPermanent = true };
        using var response = await SendAsync("/api/sync", """{"id":"m1","data":1}""");

        await ProblemAsync(response, HttpStatusCode.RequestEntityTooLarge);
    }

    [Fact]
    public async Task A_fault_of_ours_is_answered_with_500_and_without_a_stack_trace_even_in_development()
    {
        _producer.Answer = (_, _) => throw new InvalidOperationException("a secret place");
        using var response = await SendAsync("/api/sync", """{"id":"m1","data":1}""");

        var problem = await ProblemAsync(response, HttpStatusCode.InternalServerError);
        Assert.DoesNotContain("secret", problem.GetRawText(), StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", problem.GetRawText(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("GET", "/api/sync", HttpStatusCode.MethodNotAllowed)]
    [InlineData("POST", "/api/nowhere", HttpStatusCode.NotFound)]
    public async Task A_wrong_address_or_method_is_answered_with_problem_details(string method, string path, HttpStatusCode expected)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), new Uri(path, UriKind.Relative));
        using var response = await _client.SendAsync(request, Cancellation);

        await ProblemAsync(response, expected);
    }

    [Fact]
    public async Task A_caller_that_goes_away_in_the_middle_of_its_body_does_no_harm()
    {
        using (var socket = new TcpClient())
        {
            await socket.ConnectAsync(_client.BaseAddress!.Host, _client.BaseAddress.Port, Cancellation);
            await socket.GetStream().WriteAsync(
                "POST /api/sync HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"data\":"u8.ToArray(), Cancellation);
        }

        var (status, _) = await PostAsync("/api/sync", """{"data":1}""");

        Assert.Equal(HttpStatusCode.Accepted, status);
        Assert.DoesNotContain(_log.Entries, e => e.Level >= LogLevel.Error);
    }

    [Fact]
    public async Task No_payload_reaches_the_log()
    {
        await PostAsync("/api/sync", """{"data":"the-payload"}""");
        await PostAsync("/api/sync", """{"data":"the-payload}""");
        await PostAsync("/api/sync", """{"data":"x","the-payload":1}""");
        _producer.Answer = (_, _) => new ProduceFailedException("no broker");
        await PostAsync("/api/sync", """{"data":"the-payload"}""");

        Assert.NotEmpty(_log.Entries);
        Assert.DoesNotContain(_log.Entries, e => e.Text.Contains("the-payload", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Health_is_503_with_a_reason_while_no_broker_answers()
    {
        using var response = await _client.GetAsync(new Uri("/api/health", UriKind.Relative), Cancellation);

        Assert.Equal(HttpStatusCode.ServiceUnavailable, response.StatusCode);
        var report = JsonDocument.Parse(await response.Content.ReadAsStringAsync(Cancellation)).RootElement;
        Assert.Equal("unhealthy", report.GetProperty("status").GetString());
        Assert.Contains("BootstrapServers", report.GetProperty("checks")[0].GetProperty("detail").GetString(), StringComparison.Ordinal);
    }

    private static ByteArrayContent Json(byte[] body)
    {
        var content = new ByteArrayContent(body);
        content.Headers.ContentType = new("application/json");
        return content;
    }

    private async Task UnavailableAsync(string path, string body)
    {
        using var response = await SendAsync(path, body);

        var problem = await ProblemAsync(response, HttpStatusCode.ServiceUnavailable);
        Assert.Equal(TimeSpan.FromSeconds(7), response.Headers.RetryAfter?.Delta);
        Assert.Contains("m1", problem.GetRawText(), StringComparison.Ordinal);
    }

    private async Task<(HttpStatusCode Status, string Answer)> PostAsync(string path, string body, string? idempotencyKey = null)
    {
        using var response = await SendAsync(path, body, idempotencyKey);
        return (response.StatusCode, await response.Content.ReadAsStringAsync(Cancellation));
    }

    private async Task<HttpResponseMessage> SendAsync(string path, string body, string? idempotencyKey = null, bool chunked = false)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(path, UriKind.Relative)) { Content = Json(Encoding.UTF8.GetBytes(body)) };
        request.Headers.TransferEncodingChunked = chunked ? true : null;
        if (idempotencyKey is not null)
            request.Headers.TryAddWithoutValidation("Idempotency-Key", idempotencyKey);
        return await _client.SendAsync(request, Cancellation);
    }

    private static async Task<JsonElement> ProblemAsync(HttpResponseMessage response, HttpStatusCode expected)
    {
        Assert.Equal(expected, response.StatusCode);
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
        var problem = JsonDocument.Parse(await response.Content.ReadAsStringAsync(Cancellation)).RootElement;
        Assert.Equal((int)expected, problem.GetProperty("status").GetInt32());
        Assert.StartsWith("https://tools.ietf.org/html/rfc", problem.GetProperty("type").GetString(), StringComparison.Ordinal);
        Assert.NotEmpty(problem.GetProperty("title").GetString()!);
        return problem;
    }
}
