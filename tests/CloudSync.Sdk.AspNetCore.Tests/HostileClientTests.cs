using System.Globalization;
using System.Net.Sockets;
using System.Text;
using CloudSync.Sdk.Testing;
using Confluent.Kafka;
using Microsoft.Extensions.Logging;
using Xunit;

namespace CloudSync.Sdk.AspNetCore.Tests;

/// <summary>Clients that mean harm, on real sockets before a real producer: each gets its problem, and Kafka has what was answered with 202 and nothing else.</summary>
public sealed class HostileClientTests : IAsyncLifetime
{
    private const int Partitions = 3;

    private readonly EmbeddedKafka _kafka = EmbeddedKafka.Start();
    private FrontDoor _door = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _kafka.CreateTopic("data-topic", Partitions);
        _door = await StartAsync("--Ingest:MinBodyBytesPerSecond=10000");
    }

    private Task<FrontDoor> StartAsync(string pace) => FrontDoor.StartAsync(
        null,
        $"--CloudSync:Producer:BootstrapServers={_kafka.BootstrapServers}", "--Ingest:MaxBodyBytes=100000", "--Ingest:MaxBatchBodyBytes=1000000", "--Ingest:ProduceTimeout=00:00:30",
        "--Ingest:BodyGracePeriod=00:00:01.500", "--Ingest:MaxHeaderBytes=8192", "--Ingest:MaxHeaders=50", pace);

    public async ValueTask DisposeAsync()
    {
        await _door.DisposeAsync();
        await _kafka.DisposeAsync();
    }

    public static TheoryData<string, string, string, int> Bodies
    {
        get
        {
            var bodies = new TheoryData<string, string, string, int>
            {
                { "malformed", "application/json", """{"data":}""", 400 },
                { "truncated", "application/json", """{"id":"evil","data":[1,2""", 400 },
                { "two documents", "application/json", """{"data":1}{"data":2}""", 400 },
                { "not a number", "application/json", """{"data":NaN}""", 400 },
                { "deeply nested data", "application/json", $$"""{"data":{{new string('[', 40_000)}}{{new string(']', 40_000)}}}""", 400 },
                { "deeply nested, never closed", "application/json", new string('{', 90_000), 400 },
                { "an array for an object", "application/json", "[]", 400 },
                { "a number for an id", "application/json", """{"id":1,"data":1}""", 400 },
                { "an object for a key", "application/json", """{"key":{"a":1},"data":1}""", 400 },
                { "the same field twice", "application/json", """{"data":1,"data":2}""", 400 },
                { "the same field twice, one of them escaped", "application/json", """{"id":"a","\u0069\u0064":"b","data":1}""", 400 },
                { "bytes that are not UTF-8", "application/json", "{\"data\":\"\u00ff\u00fe\"}", 400 },
                { "an overlong encoding", "application/json", "{\"id\":\"\u00c0\u00af\",\"data\":1}", 400 },
                { "half of a surrogate pair for an id", "application/json", """{"id":"\udfff","data":1}""", 400 },
                { "half of a surrogate pair for a key", "application/json", """{"key":"a\ud83d","data":1}""", 400 },
                { "half of a surrogate pair for a name", "application/json", """{"\ud83d":1,"data":1}""", 400 },
                { "a huge id", "application/json", $$"""{"id":"{{new string('a', 90_000)}}","data":1}""", 400 },
                { "a huge key", "application/json", $$"""{"key":"{{new string('a', 90_000)}}","data":1}""", 400 },
                { "a huge name", "application/json", $$"""{"{{new string('a', 90_000)}}":1}""", 400 },
                { "a huge body", "application/json", $$"""{"data":"{{new string('a', 100_000)}}"}""", 413 },
                { "ten thousand fields", "application/json", $$"""{"data":1{{string.Concat(Enumerable.Range(0, 6_000).Select(i => $",\"f{i}\":0"))}}}""", 400 },
                { "an id that would be two headers", "application/json", """{"id":"a\r\nce_id: b","data":1}""", 400 },
                { "a correlation id that would end the headers", "application/json", """{"correlationId":"\r\n\r\n","data":1}""", 400 },
                { "a type with a null in it", "application/json", """{"type":"a\u0000b","data":1}""", 400 },
                { "plain text", "text/plain", """{"data":1}""", 415 },
                { "a form", "application/x-www-form-urlencoded", "data=1", 415 },
                { "another character set", "application/json; charset=utf-16", """{"data":1}""", 415 },
                { "no content type", "", """{"data":1}""", 415 },
                { "an event without its attributes", "application/cloudevents+json", """{"data":1}""", 400 },
                { "an event with the header of a redrive", "application/cloudevents+json", """{"specversion":"1.0","id":"a","source":"/s","type":"t","cloudsync-redrive-group":"x"}""", 400 },
            };
            return bodies;
        }
    }

    [Theory]
    [MemberData(nameof(Bodies))]
    public async Task A_hostile_body_is_answered_with_a_problem_and_nothing_of_it_reaches_kafka(string what, string contentType, string body, int status)
    {
        Assert.NotEmpty(what);
        var good = await _door.PostAsync("/api/sync", """{"id":"good-1","data":1}""");
        var head = $"POST /api/sync HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{(contentType.Length > 0 ? $"Content-Type: {contentType}\r\n" : "")}Content-Length: {body.Length}\r\n\r\n";
        var answer = await RawAsync(head + body);
        var batch = contentType == "application/json" && status != 413 ? await RawAsync(head.Replace("/api/sync", "/api/sync/batch", StringComparison.Ordinal) + body) : null;

        Assert.Equal((status, true), (answer.Status, answer.IsProblem));
        Assert.DoesNotContain("   at ", answer.Text, StringComparison.Ordinal);
        Assert.True(batch is null or { Status: 400, IsProblem: true }, batch?.Text);
        Assert.Equal(202, good.Status);
        Assert.Equal(["good-1"], Topic());
        NoFaultOfOurs();
    }

    [Theory]
    [InlineData("Transfer-Encoding: chunked\r\n", "16\r\n{\"id\":\"evil\",\"data\"\r\n", 408)]
    [InlineData("Transfer-Encoding: chunked\r\n", "fffffffffffffffff\r\n{\"id\":\"evil\",\"data\":1}\r\n", 400)]
    [InlineData("Transfer-Encoding: chunked\r\n", "zz\r\n{\"id\":\"evil\",\"data\":1}\r\n0\r\n\r\n", 400)]
    [InlineData("Transfer-Encoding: chunked\r\n", "16\r\n{\"id\":\"evil\",\"data\":1}XX0\r\n\r\n", 400)]
    public async Task A_body_that_is_framed_wrongly_or_ends_early_reaches_nobody(string framing, string body, int status)
    {
        var answer = await RawAsync($"POST /api/sync HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nConnection: close\r\n{framing}\r\n{body}");

        Assert.Equal((status, true), (answer.Status, answer.IsProblem));
        Assert.Empty(Topic());
        NoFaultOfOurs();
    }

    [Theory]
    [InlineData("/api/sync", "Content-Length: 100\r\n\r\n{\"id\":\"evil\",\"data\":1}")]
    [InlineData("/api/sync", "Transfer-Encoding: chunked\r\n\r\n16\r\n{\"id\":\"evil\",\"data\":1}\r\n")]
    [InlineData("/api/sync/batch", "Content-Length: 100\r\n\r\n[{\"id\":\"evil\",\"data\":1")]
    public async Task A_client_that_ends_in_the_middle_of_its_body_has_posted_nothing(string path, string rest)
    {
        await SendAsync($"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{rest}");

        Assert.Equal(202, (await _door.PostAsync("/api/sync", """{"id":"good-1","data":1}""")).Status);
        Assert.Equal(["good-1"], Topic());
        NoFaultOfOurs();
    }

    [Fact]
    public async Task A_body_that_comes_too_slowly_is_answered_with_408()
    {
        var answer = await RawAsync("POST /api/sync HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"id\":\"evil\",\"data\":");

        Assert.Equal((408, true), (answer.Status, answer.IsProblem));
        Assert.Empty(Topic());
        NoFaultOfOurs();
    }

    [Theory]
    [InlineData("", 408)]
    [InlineData("zz\r\n", 400)]
    [InlineData("a\r\n\"data\":1},XX", 400)]
    public async Task A_batch_that_stalls_or_breaks_half_way_says_what_kafka_has(string then, int status)
    {
        if (then.Length > 0)
        {
            // Kafka is looked at in between, for as long as that takes.
            await _door.DisposeAsync();
            _door = await StartAsync("--Ingest:MinBodyBytesPerSecond=0");
        }

        const string Items = """[{"id":"a","data":1},{"id":"b","data":2},{"id":"c",""";
        var answer = await RawAsync(
            $"POST /api/sync/batch HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n{Items.Length:x}\r\n{Items}\r\n", then);

        Assert.Equal((207, $"a:202 b:202 -:{status}*"), (answer.Status, answer.Results));
        Assert.Equal(["a", "b"], Topic());
        NoFaultOfOurs();
    }

    [Theory]
    [InlineData("Idempotency-Key: a\u0001b\r\n", 400)]
    [InlineData("Idempotency-Key: \u00ff\u00fe\r\n", 400)]
    [InlineData("Idempotency-Key: a\r\nIdempotency-Key: b\r\n", 400)]
    [InlineData("Idempotency-Key: \"\"\r\n", 400)]
    [InlineData("Idempotency-Key: HUGE\r\n", 431)]
    [InlineData("MANY", 431)]
    [InlineData("ce-id: a%0d%0ab\r\n", 400)]
    [InlineData("ce-partitionkey: %c0%af\r\n", 400)]
    public async Task A_hostile_header_is_refused(string header, int status)
    {
        header = header.Replace("HUGE", new string('a', 9_000), StringComparison.Ordinal)
            .Replace("MANY", string.Concat(Enumerable.Range(0, 60).Select(i => $"x-{i}: 1\r\n")), StringComparison.Ordinal);
        var answer = await RawAsync($"POST /api/sync HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n{header}Content-Length: 22\r\n\r\n{{\"id\":\"evil\",\"data\":1}}");

        Assert.Equal(status, answer.Status);
        Assert.Empty(Topic());
        NoFaultOfOurs();
    }

    [Fact]
    public async Task What_was_answered_with_202_is_in_kafka_and_nothing_else_while_many_clients_do_their_worst()
    {
        var accepted = new List<string>();
        await Task.WhenAll(Enumerable.Range(0, 8).Select(async client =>
        {
            // Not random by the clock, so that a failure comes again.
            var random = new Random(client);
            for (var i = 0; i < 25; i++)
            {
                var body = new StringBuilder("[");
                for (var n = 0; n < 20; n++)
                    body.Append(n == 0 ? "" : ",").Append(CultureInfo.InvariantCulture, $"{{\"id\":\"{client}-{i}-{n}\",\"key\":\"k{n}\",\"data\":\"{new string('x', random.Next(2_000))}\"}}");
                body.Append(']');
                for (var damage = random.Next(3); damage > 0; damage--)
                    body[random.Next(body.Length)] = "\"\\{}[],:x\u0001"[random.Next(10)];

                var answer = await _door.PostAsync("/api/sync/batch", body.ToString());
                Assert.True(answer.Status is 202 or 207 || answer.IsProblem, answer.Text);
                lock (accepted)
                    accepted.AddRange(answer.Json.GetProperty("results").EnumerateArray().Where(r => r.GetProperty("status").GetInt32() == 202).Select(r => r.GetProperty("id").GetString()!));
            }
        }));

        Assert.InRange(accepted.Count, 500, 3_999);
        Assert.Equal(accepted.Order(StringComparer.Ordinal), Topic());
        NoFaultOfOurs();
    }

    /// <summary>Sends bytes (each character is one), more of them once Kafka has two messages, and reads what comes back.</summary>
    private async Task<Answer> RawAsync(string request, string then = "")
    {
        using var socket = new TcpClient();
        await socket.ConnectAsync(_door.Client.BaseAddress!.Host, _door.Client.BaseAddress.Port, Cancellation);
        var stream = socket.GetStream();
        try
        {
            await stream.WriteAsync(Encoding.Latin1.GetBytes(request), Cancellation);
            while (then.Length > 0 && Topic().Count < 2)
                await Task.Yield();
            await stream.WriteAsync(Encoding.Latin1.GetBytes(then), Cancellation);
        }
        catch (IOException)
        {
            // Answered before all of it was sent.
        }

        using var reader = new StreamReader(stream, Encoding.Latin1);
        var status = int.Parse((await reader.ReadLineAsync(Cancellation))!.Split(' ')[1], CultureInfo.InvariantCulture);
        var headers = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        while (await reader.ReadLineAsync(Cancellation) is { Length: > 0 } line)
            headers[line[..line.IndexOf(':', StringComparison.Ordinal)]] = line[(line.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim();

        var text = new StringBuilder();
        if (headers.ContainsKey("Transfer-Encoding"))
        {
            while (int.Parse((await reader.ReadLineAsync(Cancellation))!, NumberStyles.HexNumber, CultureInfo.InvariantCulture) is > 0 and var length)
            {
                text.Append(await ReadAsync(reader, length));
                await reader.ReadLineAsync(Cancellation);
            }
        }
        else if (headers.TryGetValue("Content-Length", out var length))
        {
            text.Append(await ReadAsync(reader, int.Parse(length, CultureInfo.InvariantCulture)));
        }

        return new Answer(status, headers, Encoding.UTF8.GetString(Encoding.Latin1.GetBytes(text.ToString())));
    }

    private static async Task<string> ReadAsync(StreamReader reader, int length)
    {
        var all = new char[length];
        await reader.ReadBlockAsync(all, Cancellation);
        return new string(all);
    }

    /// <summary>Sends bytes, ends, and waits until the server has ended too.</summary>
    private async Task SendAsync(string request)
    {
        using var socket = new TcpClient();
        await socket.ConnectAsync(_door.Client.BaseAddress!.Host, _door.Client.BaseAddress.Port, Cancellation);
        var stream = socket.GetStream();
        await stream.WriteAsync(Encoding.Latin1.GetBytes(request), Cancellation);
        socket.Client.Shutdown(SocketShutdown.Send);
        try
        {
            while (await stream.ReadAsync(new byte[1_024], Cancellation) > 0)
            {
            }
        }
        catch (IOException)
        {
            // Reset: an end as well.
        }
    }

    /// <summary>The ids of all that Kafka has.</summary>
    private List<string> Topic()
    {
        var ids = new List<string>();
        using var consumer = new ConsumerBuilder<byte[], byte[]>(new ConsumerConfig { BootstrapServers = _kafka.BootstrapServers, GroupId = "test", EnableAutoCommit = false }).Build();
        for (var partition = 0; partition < Partitions; partition++)
        {
            var place = new TopicPartition("data-topic", partition);
            var end = consumer.QueryWatermarkOffsets(place, TimeSpan.FromSeconds(30)).High.Value;
            consumer.Assign(new TopicPartitionOffset(place, 0));
            for (var at = 0L; at < end;)
            {
                var record = consumer.Consume(Cancellation);
                at = record.Offset.Value + 1;
                ids.Add(Encoding.UTF8.GetString(record.Message.Headers.GetLastBytes(CloudEvents.Id)));
            }
        }

        ids.Sort(StringComparer.Ordinal);
        return ids;
    }

    private void NoFaultOfOurs() => Assert.DoesNotContain(_door.Log.Entries, e => e.Level >= LogLevel.Error);
}
