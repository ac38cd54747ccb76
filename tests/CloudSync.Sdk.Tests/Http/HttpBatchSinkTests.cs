using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Xunit;
using static CloudSync.Sdk.Tests.Http.Messages;

namespace CloudSync.Sdk.Tests.Http;

public class HttpBatchSinkTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_batch_is_one_array_of_cloudevents()
    {
        await using var endpoint = await TestEndpoint.Start();
        await using var sink = TestSink.ToBatch(endpoint.Url, ("BearerToken", "t0ken"));
        var stamped = new DateTimeOffset(2026, 11, 23, 1, 2, 3, TimeSpan.Zero);
        SyncMessage[] messages =
        [
            SyncMessage.Create(
                """{"n":1}"""u8.ToArray(), "k", "a",
                [
                    Header(CloudEvents.Source, "urn:s"), Header(CloudEvents.Type, "t"), Header(CloudEvents.Time, "2026-11-23T10:11:12Z"),
                    Header(CloudEvents.ContentType, "application/vnd.orders+json"), Header(CloudEvents.CorrelationId, "c"),
                    Header(CloudEvents.TraceParent, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
                ]),
            SyncMessage.Create(new byte[] { 1, 2 }, id: "b", timestamp: stamped),
            SyncMessage.Create(null, "k3", "c"),
        ];

        var results = await sink.Batch.SendAsync(messages, Token);

        Assert.All(results, r => Assert.True(r.IsDelivered));
        Assert.Equal(3, results.Count);
        var request = Assert.Single(endpoint.Requests);
        Assert.Equal("application/cloudevents-batch+json", request["Content-Type"]);
        Assert.Equal("Bearer t0ken", request["Authorization"]);
        Assert.Equal(
            """[{"specversion":"1.0","id":"a","source":"urn:s","type":"t","time":"2026-11-23T10:11:12Z","datacontenttype":"application/vnd.orders\u002Bjson","correlationid":"c","partitionkey":"k","traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01","data":{"n":1}},"""
            + """{"specversion":"1.0","id":"b","source":"kafka://data-topic","type":"cloudsync.message","time":"2026-11-23T01:02:03Z","datacontenttype":"application/octet-stream","data_base64":"AQI="},"""
            + """{"specversion":"1.0","id":"c","source":"kafka://data-topic","type":"cloudsync.message","partitionkey":"k3","cloudsynctombstone":true,"data":null}]""",
            request.Text);
    }

    [Fact]
    public async Task No_header_of_a_record_takes_the_place_of_what_is_already_there()
    {
        await using var endpoint = await TestEndpoint.Start();
        await using var sink = TestSink.ToBatch(endpoint.Url);
        string[] names = ["ce_data", "ce_Data", "ce_ID", "ce_specversion", "ce_datacontenttype", "ce_cloudsynctombstone", "ce_traceparent", "traceparent", "ce_partitionkey"];

        await sink.Batch.SendAsync([SyncMessage.Create("1"u8.ToArray(), "key", "a", names.Select(n => Header(n, "forged")))], Token);

        Assert.Equal(
            """[{"specversion":"1.0","id":"a","source":"kafka://data-topic","type":"cloudsync.message","datacontenttype":"application/octet-stream","traceparent":"forged","partitionkey":"key","data_base64":"MQ=="}]""",
            Assert.Single(endpoint.Requests).Text);
    }

    [Fact]
    public async Task The_key_of_a_batch_is_the_same_for_the_same_ids_in_the_same_order_alone()
    {
        await using var endpoint = await TestEndpoint.Start();
        await using var sink = TestSink.ToBatch(endpoint.Url);

        foreach (var ids in (string[][])[["a", "bc"], ["a", "bc"], ["ab", "c"], ["bc", "a"], ["a"]])
            await sink.Batch.SendAsync([.. ids.Select(id => Json(id))], Token);

        var keys = endpoint.Requests.Select(r => r["Idempotency-Key"]).ToArray();
        Assert.Equal(keys[0], keys[1]);
        Assert.Equal(4, keys.Distinct().Count());

        // Written down: it must not change from one version to the next, nor from one machine to another.
        Assert.Equal("72ff6b02949dad95006c343e3db3150090d3afb49f6bbdb92fdc17607997a85c", keys[4]);
    }

    [Theory]
    [InlineData("{\"a\":1} trailing")]
    [InlineData("")]
    [InlineData("{'a':1}")]
    [InlineData("[1,]")]
    [InlineData("\uFEFF{}")]
    [InlineData("1 2")]
    public async Task What_says_json_and_is_none_goes_as_base64(string payload)
    {
        await using var endpoint = await TestEndpoint.Start();
        await using var sink = TestSink.ToBatch(endpoint.Url);

        await sink.Batch.SendAsync([Json("a", payload), Json("b", "1")], Token);

        using var json = JsonDocument.Parse(Assert.Single(endpoint.Requests).Body);
        Assert.Equal(payload, Encoding.UTF8.GetString(json.RootElement[0].GetProperty("data_base64").GetBytesFromBase64()));
        Assert.Equal(1, json.RootElement[1].GetProperty("data").GetInt32());
    }

    [Fact]
    public async Task An_envelope_that_is_no_text_does_not_spoil_the_batch_for_its_reader()
    {
        await using var endpoint = await TestEndpoint.Start();
        await using var sink = TestSink.ToBatch(endpoint.Url);
        var broken = new byte[] { (byte)'a', 0xC3, (byte)'"', 0xFF, 0xED, 0xA0, 0x80 };
        var record = RawRecord.Create(
            broken, "1"u8.ToArray(), [new(CloudEvents.Id, broken), new(CloudEvents.Source, broken), new(CloudEvents.ContentType, broken), new("ce_more", broken)], partition: 0, offset: 7, timestampMs: 0);

        await sink.Batch.SendAsync([new RecordMessage(record)], Token);

        var request = Assert.Single(endpoint.Requests);
        using var read = JsonDocument.Parse(request.Body);
        var text = Encoding.UTF8.GetString(broken);
        var read0 = read.RootElement[0];
        Assert.Equal(text, read0.GetProperty("id").GetString());
        Assert.Equal(text, read0.GetProperty("source").GetString());
        Assert.Equal(text, read0.GetProperty("more").GetString());
        Assert.Equal("application/octet-stream", read0.GetProperty("datacontenttype").GetString());
        Assert.False(read0.TryGetProperty("partitionkey", out _));
        Assert.Equal(CloudEventsBatch.IdempotencyKey([SyncMessage.Create(null, id: text)]), request["Idempotency-Key"]);
    }

    [Fact]
    public async Task A_payload_that_would_spoil_the_batch_for_its_reader_goes_as_base64()
    {
        await using var endpoint = await TestEndpoint.Start();
        await using var sink = TestSink.ToBatch(endpoint.Url);
        MessageHeader[] json = [Header(CloudEvents.ContentType, "application/json")];
        var deepest = new string('[', 62) + new string(']', 62);
        var tooDeep = new string('[', 63) + new string(']', 63);

        await sink.Batch.SendAsync(
            [
                SyncMessage.Create(new byte[] { (byte)'"', 0xFF, (byte)'"' }, id: "broken text", headers: json),
                Json("deepest", deepest),
                Json("too deep", tooDeep),
            ], Token);

        using var read = JsonDocument.Parse(Assert.Single(endpoint.Requests).Body);
        Assert.True(read.RootElement[0].TryGetProperty("data_base64", out _));
        Assert.Equal(deepest, read.RootElement[1].GetProperty("data").GetRawText());
        Assert.True(read.RootElement[2].TryGetProperty("data_base64", out _));
    }

    [Theory]
    [InlineData(204, null)]
    [InlineData(200, "")]
    [InlineData(202, "thank you")]
    [InlineData(200, "[1,2]")]
    [InlineData(200, """{"accepted":3}""")]
    [InlineData(200, """{"results":"none"}""")]
    [InlineData(200, "{not json")]
    public async Task A_2xx_that_says_nothing_of_items_has_delivered_all(int status, string? body)
    {
        await using var endpoint = await TestEndpoint.Start();
        endpoint.AnswerWith(status, body);
        await using var sink = TestSink.ToBatch(endpoint.Url);

        Assert.All(await sink.Batch.SendAsync(Many(3), Token), r => Assert.True(r.IsDelivered));
    }

    /// <summary>A message that was refused in the part that nobody could read would be lost.</summary>
    [Theory]
    [InlineData("""{"results":[{"status":202},{"status":503},{"sta""")]
    [InlineData("""{"results":[{"status":202},{"status":503},{"status":"\uD800"}]}""")]
    [InlineData("""{"results":[{"status":202},{"status":503},{"status":202}],}""")]
    public async Task Results_that_cannot_be_read_have_delivered_nothing(string body)
    {
        await using var endpoint = await TestEndpoint.Start();
        endpoint.AnswerWith(200, body);
        await using var sink = TestSink.ToBatch(endpoint.Url);

        var error = await Assert.ThrowsAsync<SinkException>(async () => await sink.Batch.SendAsync(Many(3), Token));

        Assert.Equal(ErrorType.Unknown, error.ErrorType);
        Assert.Equal(200, error.StatusCode);
    }

    [Fact]
    public async Task An_item_whose_error_repeats_the_deepest_payload_has_failed_all_the_same()
    {
        await using var endpoint = await TestEndpoint.Start();
        var payload = new string('[', 62) + new string(']', 62);
        endpoint.AnswerWith(200, "{\"results\":[{\"status\":202},{\"status\":503,\"error\":" + payload + "}]}");
        await using var sink = TestSink.ToBatch(endpoint.Url);

        var results = await sink.Batch.SendAsync(Many(2), Token);

        Assert.Equal([true, false], results.Select(r => r.IsDelivered));
    }

    [Theory]
    [InlineData(200)]
    [InlineData(207)]
    [InlineData(422)]
    public async Task Every_item_gets_its_own_result(int status)
    {
        await using var endpoint = await TestEndpoint.Start();
        endpoint.AnswerWith(
            status,
            """
            {"results":[{"id":"id-0","status":202},{"status":"OK"},{"id":"id-2","status":429,"retryAfter":5,"error":"PAYLOAD"},{"status":"422"},{"status":"broken"},
            {"id":"id-0","status":200},{},"x",{"status":null},{"status":503,"retryAfter":1e12},{"id":7,"status":"duplicate"}]}
            """);
        await using var sink = TestSink.ToBatch(endpoint.Url);

        var results = await sink.Batch.SendAsync(Many(11), Token);

        Assert.Single(endpoint.Requests);
        Assert.Equal([0, 1, 10], results.Index().Where(r => r.Item.IsDelivered).Select(r => r.Index));
        Assert.Equal((ErrorType.RateLimited, 429, TimeSpan.FromSeconds(5)), Describe(results[2]));
        Assert.Equal((ErrorType.ValidationError, 422, null), Describe(results[3]));
        Assert.Equal((ErrorType.Unknown, null, null), Describe(results[4]));
        Assert.Equal((ErrorType.Unknown, null, null), Describe(results[5]));
        Assert.All([6, 7, 8], i => Assert.Equal(default, results[i]));
        Assert.Equal((ErrorType.ServiceUnavailable, 503, TimeSpan.FromHours(1)), Describe(results[9]));
        Assert.All(results, r => Assert.DoesNotContain("PAYLOAD", r.Error?.ToString() ?? "", StringComparison.Ordinal));
    }

    [Fact]
    public async Task An_item_that_is_missing_was_not_delivered()
    {
        await using var endpoint = await TestEndpoint.Start();
        endpoint.AnswerWith(200, "\uFEFF \r\n" + """{"results":[{"status":200}]}""");
        await using var sink = TestSink.ToBatch(endpoint.Url);

        var results = await sink.Batch.SendAsync(Many(2), Token);

        Assert.Equal([true, false], results.Select(r => r.IsDelivered));
    }

    [Theory]
    [InlineData("")]
    [InlineData("{}")]
    public async Task A_207_without_results_has_delivered_nothing(string body)
    {
        await using var endpoint = await TestEndpoint.Start();
        endpoint.AnswerWith(207, body);
        await using var sink = TestSink.ToBatch(endpoint.Url);

        var error = await Assert.ThrowsAsync<SinkException>(() => sink.Batch.SendAsync(Many(2), Token).AsTask());

        Assert.Equal((ErrorType.Unknown, 207), (error.ErrorType, error.StatusCode));
    }

    [Fact]
    public async Task Results_too_long_to_be_read_are_no_delivery_and_name_the_setting()
    {
        await using var endpoint = await TestEndpoint.Start();
        endpoint.AnswerWith(200, "{" + new string(' ', 5000) + "}");
        await using var sink = TestSink.ToBatch(endpoint.Url, ("MaxResponseBytes", "4096"));

        var error = await Assert.ThrowsAsync<SinkException>(() => sink.Batch.SendAsync(Many(2), Token).AsTask());

        Assert.Contains("MaxResponseBytes = 4,096", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_body_that_is_no_result_is_not_read_to_its_end()
    {
        await using var endpoint = await TestEndpoint.Start();
        endpoint.Answer = async (context, _) =>
        {
            await context.Response.WriteAsync("<html>");
            await context.Response.Body.FlushAsync();
            await Task.Delay(Timeout.Infinite, context.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default);
        };
        await using var sink = TestSink.ToBatch(endpoint.Url);

        var results = await sink.Batch.SendAsync(Many(2), Token).AsTask().WaitAsync(TimeSpan.FromSeconds(30), Token);

        Assert.All(results, r => Assert.True(r.IsDelivered));
    }

    [Fact]
    public async Task An_answer_that_breaks_off_is_an_error_of_the_network()
    {
        await using var endpoint = await TestEndpoint.Start();
        endpoint.Answer = async (context, _) =>
        {
            await context.Response.WriteAsync("""{"results":[{"status":200},""");
            await context.Response.Body.FlushAsync();
            context.Abort();
        };
        await using var sink = TestSink.ToBatch(endpoint.Url);

        await Assert.ThrowsAsync<HttpRequestException>(() => sink.Batch.SendAsync(Many(2), Token).AsTask());
    }

    [Fact]
    public async Task A_batch_that_is_too_large_goes_in_halves_in_order()
    {
        await using var endpoint = await TestEndpoint.Start();
        endpoint.Answer = (context, request) =>
        {
            context.Response.StatusCode = Ids(request).Length > 2 ? 413 : 202;
            return Task.CompletedTask;
        };
        await using var sink = TestSink.ToBatch(endpoint.Url);

        var results = await sink.Batch.SendAsync(Many(7), Token);

        Assert.All(results, r => Assert.True(r.IsDelivered));
        Assert.Equal(
            ["0123456", "012", "0", "12", "3456", "34", "56"],
            endpoint.Requests.Select(r => string.Concat(Ids(r).Select(id => id["id-".Length..]))));
        Assert.Equal(7, endpoint.Requests.Select(r => r["Idempotency-Key"]).Distinct().Count());
    }

    [Fact]
    public async Task That_batches_are_too_large_is_logged_once()
    {
        await using var endpoint = await TestEndpoint.Start();
        endpoint.Answer = (context, request) =>
        {
            context.Response.StatusCode = Ids(request).Length > 1 ? 413 : 202;
            return Task.CompletedTask;
        };
        await using var sink = TestSink.With(
            null, services => services.AddFakeLogging(), ("Url", endpoint.Url + "?code=SECRET"), ("Mode", "Batch"), ("BearerToken", "SECRET"));

        for (var i = 0; i < 3; i++)
            await sink.Batch.SendAsync(Many(4), Token);

        var record = Assert.Single(sink.Services.GetFakeLogCollector().GetSnapshot());
        Assert.Contains("refused a batch of 4 messages", record.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("SECRET", record.Message, StringComparison.Ordinal);
    }

    /// <summary>A server that refuses a body by its length closes the connection while it is being written: the answer is lost, and a broken pipe is seen.</summary>
    [Theory]
    [InlineData(400_000)]
    [InlineData(5_000_000)]
    public async Task A_batch_refused_while_it_is_being_written_goes_in_halves_too(int size)
    {
        await using var endpoint = await TestEndpoint.Start(maxBody: 100_000);
        await using var sink = TestSink.ToBatch(endpoint.Url);
        var messages = Enumerable.Range(0, 64).Select(i => Json($"id-{i}", $"\"{new string('x', size / 64)}\"")).ToArray();

        for (var i = 0; i < 3; i++)
            Assert.All(await sink.Batch.SendAsync(messages, Token), r => Assert.True(r.IsDelivered));

        Assert.Equal(messages.Select(m => m.Id).Concat(messages.Select(m => m.Id)).Concat(messages.Select(m => m.Id)), endpoint.Requests.SelectMany(Ids));
    }

    [Fact]
    public async Task Batches_refused_while_they_are_being_written_at_the_same_time_are_no_outage_either()
    {
        await using var endpoint = await TestEndpoint.Start(maxBody: 100_000);
        await using var sink = TestSink.ToBatch(endpoint.Url);
        var messages = Enumerable.Range(0, 64).Select(i => Json($"id-{i}", $"\"{new string('x', 80_000)}\"")).ToArray();

        var batches = await Task.WhenAll(Enumerable.Range(0, 16).Select(_ => Task.Run(() => sink.Batch.SendAsync(messages, Token).AsTask())));

        Assert.All(batches, results => Assert.All(results, r => Assert.True(r.IsDelivered)));
    }

    [Fact]
    public async Task A_single_message_that_is_too_large_fails_alone()
    {
        await using var endpoint = await TestEndpoint.Start();
        endpoint.Answer = (context, request) =>
        {
            context.Response.StatusCode = Ids(request).Contains("id-2") ? 413 : 202;
            return Task.CompletedTask;
        };
        await using var sink = TestSink.ToBatch(endpoint.Url);

        var results = await sink.Batch.SendAsync(Many(4), Token);

        Assert.Equal([true, true, false, true], results.Select(r => r.IsDelivered));
        Assert.Equal((ErrorType.ValidationError, 413, null), Describe(results[2]));
    }

    [Theory]
    [InlineData(400, null)]
    [InlineData(422, "{\"title\":\"wrong\"}")]
    [InlineData(400, "{\"results\":[{\"status\":200}]}")]
    public async Task Poison_is_found_by_halving_and_the_others_are_delivered(int status, string? body)
    {
        string[] poison = ["id-3", "id-4", "id-90"];
        await using var endpoint = await TestEndpoint.Start();
        endpoint.Answer = async (context, request) =>
        {
            context.Response.StatusCode = Ids(request).Intersect(poison).Any() ? status : 202;
            if (context.Response.StatusCode != 202 && Ids(request).Length > 1)
                await context.Response.WriteAsync(body ?? "");
        };
        await using var sink = TestSink.ToBatch(endpoint.Url);

        var messages = Many(100);
        var results = await sink.Batch.SendAsync(messages, Token);

        Assert.Equal(poison, results.Index().Where(r => !r.Item.IsDelivered).Select(r => messages[r.Index].Id));
        Assert.All([3, 4, 90], i => Assert.Equal((ErrorType.ValidationError, status, null), Describe(results[i])));
        Assert.InRange(endpoint.Requests.Count, 10, 3 * 2 * 7 + 1);
    }

    [Theory]
    [InlineData(401, ErrorType.Authentication)]
    [InlineData(404, ErrorType.ServiceUnavailable)]
    [InlineData(409, ErrorType.Transient)]
    [InlineData(415, ErrorType.ServiceUnavailable)]
    [InlineData(429, ErrorType.RateLimited)]
    [InlineData(503, ErrorType.ServiceUnavailable)]
    public async Task Any_other_status_fails_all_in_one_request(int status, ErrorType expected)
    {
        await using var endpoint = await TestEndpoint.Start();
        endpoint.AnswerWith(status);
        await using var sink = TestSink.ToBatch(endpoint.Url);

        var error = await Assert.ThrowsAsync<SinkException>(() => sink.Batch.SendAsync(Many(4), Token).AsTask());

        Assert.Equal((expected, status), (error.ErrorType, error.StatusCode));
        Assert.Single(endpoint.Requests);
    }

    [Fact]
    public async Task What_is_delivered_stays_delivered_when_a_later_part_meets_an_outage()
    {
        await using var endpoint = await TestEndpoint.Start();
        endpoint.Answer = (context, request) =>
        {
            var ids = Ids(request);
            context.Response.StatusCode = ids.Length > 2 ? 413 : ids.Contains("id-2") ? 503 : 202;
            return Task.CompletedTask;
        };
        await using var sink = TestSink.ToBatch(endpoint.Url);

        var results = await sink.Batch.SendAsync(Many(8), Token);

        Assert.Equal([true, true, false, false, false, false, false, false], results.Select(r => r.IsDelivered));
        Assert.All(results.Skip(2), r => Assert.Equal((ErrorType.ServiceUnavailable, 503, null), Describe(r)));
        Assert.Equal(4, endpoint.Requests.Count);
    }

    [Fact]
    public async Task What_is_delivered_stays_delivered_when_the_time_is_over()
    {
        await using var endpoint = await TestEndpoint.Start();
        using var timeout = new CancellationTokenSource();
        endpoint.Answer = async (context, request) =>
        {
            var ids = Ids(request);
            context.Response.StatusCode = ids.Length > 2 ? 413 : 202;
            if (ids is ["id-2", _])
            {
                await timeout.CancelAsync();
                await Task.Delay(Timeout.Infinite, context.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default);
            }
        };
        await using var sink = TestSink.ToBatch(endpoint.Url);

        var results = await sink.Batch.SendAsync(Many(4), timeout.Token);

        Assert.Equal([true, true, false, false], results.Select(r => r.IsDelivered));
        Assert.All(results.Skip(2), r => Assert.IsAssignableFrom<OperationCanceledException>(r.Error));
    }

    [Fact]
    public async Task A_time_out_before_anything_is_known_comes_through_untouched()
    {
        await using var endpoint = await TestEndpoint.Start();
        using var timeout = new CancellationTokenSource();
        endpoint.Answer = async (context, _) =>
        {
            await timeout.CancelAsync();
            await Task.Delay(Timeout.Infinite, context.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default);
        };
        await using var sink = TestSink.ToBatch(endpoint.Url);

        var error = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => sink.Batch.SendAsync(Many(4), timeout.Token).AsTask());

        Assert.Equal(timeout.Token, error.CancellationToken);
    }

    /// <summary>Batches at the same time take their buffers from one pool; none may ever send bytes of another.</summary>
    [Fact]
    public async Task Batches_at_the_same_time_do_not_mix()
    {
        await using var endpoint = await TestEndpoint.Start();
        endpoint.Answer = (context, request) =>
        {
            // Some answers come before their time, some connections break: the buffers go back to the pool in every order.
            if (Ids(request)[0].Length % 3 == 0)
                context.Abort();
            return Task.CompletedTask;
        };
        await using var sink = TestSink.ToBatch(endpoint.Url);

        await Parallel.ForAsync(0, 200, Token, async (n, token) =>
        {
            try
            {
                await sink.Batch.SendAsync([.. Enumerable.Range(0, 1 + n % 50).Select(i => Json($"{n}/{i}", $"\"{new string((char)('a' + n % 26), 200)}\""))], token);
            }
            catch (HttpRequestException)
            {
            }
        });

        Assert.Equal(200, endpoint.Requests.Select(r => r["Idempotency-Key"]).Distinct().Count());
        foreach (var request in endpoint.Requests)
        {
            using var json = JsonDocument.Parse(request.Body);
            Assert.Single(json.RootElement.EnumerateArray().Select(e => e.GetProperty("id").GetString()!.Split('/')[0]).Distinct());
            Assert.Single(json.RootElement.EnumerateArray().Select(e => e.GetProperty("data").GetString()).Distinct());
        }
    }

    private static string[] Ids(ReceivedRequest request)
    {
        using var json = JsonDocument.Parse(request.Body);
        return [.. json.RootElement.EnumerateArray().Select(e => e.GetProperty("id").GetString()!)];
    }

    private static (ErrorType Type, int? Status, TimeSpan? RetryAfter) Describe(SinkResult result)
    {
        var error = Assert.IsType<SinkException>(result.Error);
        return (error.ErrorType, error.StatusCode, error.RetryAfter);
    }
}
