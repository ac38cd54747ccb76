using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using Xunit;
using static CloudSync.Sdk.Tests.Http.Messages;

namespace CloudSync.Sdk.Tests.Http;

public class HttpSinkTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_message_goes_out_byte_for_byte_with_its_envelope_in_the_headers()
    {
        // A bare socket sees what really goes over the wire.
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var received = ReadRawRequest(listener);
        await using var sink = TestSink.To($"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}/messages?code=1", ("ApiKeyHeader", "x-api-key"), ("ApiKey", "k-1"));
        var message = SyncMessage.Create(
            Encoding.UTF8.GetBytes("""{ "n" : 1 }"""),
            key: "customer 7",
            id: "0197-a",
            headers:
            [
                Header(CloudEvents.SpecVersion, "1.0"),
                Header(CloudEvents.Source, "https://shop.example.com/orders"),
                Header(CloudEvents.Type, "order.placed"),
                Header(CloudEvents.Time, "2026-11-23T10:11:12.5+02:00"),
                Header(CloudEvents.ContentType, "application/json; charset=utf-8"),
                Header(CloudEvents.CorrelationId, "corr-1"),
                Header("ce_subject", "Zoë"),
                Header("internal", "not for others"),
                Header(CloudEvents.TraceParent, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
                Header(CloudEvents.TraceState, "a=1,b=2"),
            ]);

        await sink.Single.SendAsync(message, Token);

        var (head, body) = await received;
        Assert.Equal("""{ "n" : 1 }""", body);
        Assert.Equal("POST /messages?code=1 HTTP/1.1", head[0]);
        Assert.Equal(
            [
                "Content-Length: 11",
                "Content-Type: application/json; charset=utf-8",
                "Idempotency-Key: 0197-a",
                "User-Agent: CloudSync.Sdk",
                "ce-correlationid: corr-1",
                "ce-id: 0197-a",
                "ce-partitionkey: customer%207",
                "ce-source: https://shop.example.com/orders",
                "ce-specversion: 1.0",
                "ce-subject: Zo%C3%AB",
                "ce-time: 2026-11-23T10:11:12.5+02:00",
                "ce-type: order.placed",
                "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                "tracestate: a=1,b=2",
                "x-api-key: k-1",
            ],
            head[1..].Where(h => !h.StartsWith("Host:", StringComparison.Ordinal)).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task A_record_without_an_envelope_gets_the_documented_defaults()
    {
        await using var endpoint = await TestEndpoint.Start();
        await using var sink = TestSink.To(endpoint.Url);
        var stamped = new DateTimeOffset(2026, 11, 23, 1, 2, 3, 4, TimeSpan.Zero);

        await sink.Single.SendAsync(SyncMessage.Create(new byte[] { 1, 2, 3 }, topic: "data-topic", partition: 3, offset: 42, timestamp: stamped), Token);

        var request = Assert.Single(endpoint.Requests);
        Assert.Equal([1, 2, 3], request.Body);
        Assert.Equal("data-topic-3-42", request["ce-id"]);
        Assert.Equal("data-topic-3-42", request["Idempotency-Key"]);
        Assert.Equal("kafka://data-topic", request["ce-source"]);
        Assert.Equal("cloudsync.message", request["ce-type"]);
        Assert.Equal("2026-11-23T01:02:03.004Z", request["ce-time"]);
        Assert.Equal("1.0", request["ce-specversion"]);
        Assert.Equal("application/octet-stream", request["Content-Type"]);
        Assert.DoesNotContain("ce-partitionkey", request.Headers.Keys);
        Assert.DoesNotContain("traceparent", request.Headers.Keys);
    }

    [Theory]
    [InlineData("2026-11-23T10:11:12.5000000Z", "2026-11-23T10:11:12.5000000Z")]
    [InlineData("2026-11-23T10:11:12.5000000+02:00", "2026-11-23T10:11:12.5000000+02:00")]
    [InlineData("2026-11-23T10:11:12.5000000", "2026-11-23T10:11:12.5Z")]
    [InlineData("23 Nov 2026 10:11:12", "2026-11-23T10:11:12Z")]
    [InlineData("2026-02-30T10:11:12.5000000Z", "2026-11-23T01:02:03Z")]
    [InlineData("", "2026-11-23T01:02:03Z")]
    public async Task A_time_is_sent_as_it_is_written_if_that_is_as_the_standard_has_it(string written, string sent)
    {
        await using var endpoint = await TestEndpoint.Start();
        await using var sink = TestSink.To(endpoint.Url);
        var stamped = new DateTimeOffset(2026, 11, 23, 1, 2, 3, TimeSpan.Zero);

        await sink.Single.SendAsync(SyncMessage.Create(new byte[] { 1 }, headers: [new(CloudEvents.Time, Encoding.UTF8.GetBytes(written))], timestamp: stamped), Token);

        Assert.Equal(sent, Assert.Single(endpoint.Requests)["ce-time"]);
    }

    /// <summary>Producers that stamp microseconds exist; the year 57,000 is no reason to fail.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(1_763_000_000_000_000)]
    public async Task A_timestamp_that_is_none_is_left_out(long timestampMs)
    {
        await using var endpoint = await TestEndpoint.Start();
        await using var sink = TestSink.To(endpoint.Url);

        await sink.Single.SendAsync(new RecordMessage(RawRecord.Create(null, new byte[] { 1 }, [], 0, 0, timestampMs)), Token);

        Assert.DoesNotContain("ce-time", Assert.Single(endpoint.Requests).Headers.Keys);
    }

    [Fact]
    public async Task The_default_content_type_can_be_set_and_stands_in_for_an_unreadable_one()
    {
        await using var endpoint = await TestEndpoint.Start();
        await using var sink = TestSink.To(endpoint.Url, ("DefaultContentType", "application/json"));

        await sink.Single.SendAsync(SyncMessage.Create(new byte[] { 1 }), Token);
        await sink.Single.SendAsync(SyncMessage.Create(new byte[] { 1 }, headers: [Header(CloudEvents.ContentType, "text/plain\r\nx-evil: 1")]), Token);
        await sink.Single.SendAsync(SyncMessage.Create(new byte[] { 1 }, headers: [Header(CloudEvents.ContentType, "text/plain")]), Token);

        Assert.Equal(["application/json", "application/json", "text/plain"], endpoint.Requests.Select(r => r["Content-Type"]));
        Assert.All(endpoint.Requests, r => Assert.DoesNotContain("x-evil", r.Headers.Keys));
    }

    [Fact]
    public async Task A_tombstone_is_told_from_an_empty_payload()
    {
        await using var endpoint = await TestEndpoint.Start();
        await using var sink = TestSink.To(endpoint.Url);

        await sink.Single.SendAsync(SyncMessage.Create(null, "k", "gone"), Token);
        await sink.Single.SendAsync(SyncMessage.Create(ReadOnlyMemory<byte>.Empty, "k", "empty", [Header("ce_cloudsynctombstone", "true")]), Token);

        var (tombstone, empty) = (endpoint.Requests.First(), endpoint.Requests.Last());
        Assert.Empty(tombstone.Body);
        Assert.Empty(empty.Body);
        Assert.Equal("true", tombstone["ce-cloudsynctombstone"]);
        Assert.Equal("0", tombstone["Content-Length"]);
        Assert.DoesNotContain("ce-cloudsynctombstone", empty.Headers.Keys);
        Assert.DoesNotContain("Content-Type", tombstone.Headers.Keys);
    }

    [Fact]
    public async Task A_key_that_is_no_text_is_left_out_and_goes_before_a_partitionkey_that_is()
    {
        await using var endpoint = await TestEndpoint.Start();
        await using var sink = TestSink.To(endpoint.Url);
        MessageHeader[] written = [Header("ce_partitionkey", "from the header")];
        var binaryKey = RawRecord.Create(new byte[] { 0xFF, 0xFE }, new byte[] { 1 }, written, 0, 0, 0);

        await sink.Single.SendAsync(SyncMessage.Create(new byte[] { 1 }, "from the record", headers: written), Token);
        await sink.Single.SendAsync(new RecordMessage(binaryKey), Token);

        Assert.Equal(["from%20the%20record", "from%20the%20header"], endpoint.Requests.Select(r => r["ce-partitionkey"]));
    }

    [Theory]
    [InlineData("ce_Subject", "ce-subject")]
    [InlineData("ce_a1", "ce-a1")]
    [InlineData("ce_my_attribute", null)]
    [InlineData("ce_x\r\nevil", null)]
    [InlineData("ce_ñ", null)]
    [InlineData("ce_", null)]
    [InlineData("ce_data", null)]
    [InlineData("ce_datacontenttype", null)]
    public async Task Only_names_that_cloudevents_allows_become_headers(string name, string? expected)
    {
        await using var endpoint = await TestEndpoint.Start();
        await using var sink = TestSink.To(endpoint.Url);

        await sink.Single.SendAsync(SyncMessage.Create(new byte[] { 1 }, headers: [Header(name, "first"), Header(name, "v"), Header(name, "")]), Token);

        var request = Assert.Single(endpoint.Requests);
        string[] others = ["ce-id", "ce-source", "ce-specversion", "ce-type"];
        Assert.Equal(expected is null ? [] : [expected], request.Headers.Keys.Where(k => k.StartsWith("ce-", StringComparison.Ordinal)).Except(others));
        if (expected is not null)
            Assert.Equal("v", request[expected]);
    }

    [Theory]
    [InlineData("a\r\nx-evil: 1")]
    [InlineData("a\nx-evil: 1")]
    [InlineData("a\0b")]
    [InlineData("100% \"sure\"")]
    [InlineData("%41 is no A")]
    [InlineData(" leading and trailing ")]
    [InlineData("日本語 😀")]
    public async Task No_id_can_write_a_header_of_its_own(string id)
    {
        await using var endpoint = await TestEndpoint.Start();
        await using var sink = TestSink.To(endpoint.Url);

        await sink.Single.SendAsync(
            SyncMessage.Create(new byte[] { 1 }, key: id, id: id, headers: [Header("ce_source", id), Header("ce_type", id), Header("ce_more", id)]), Token);

        var request = Assert.Single(endpoint.Requests);
        string[] names = ["ce-id", "ce-source", "ce-type", "ce-more", "ce-partitionkey", "Idempotency-Key"];
        Assert.All(names, name => Assert.Equal(id, Uri.UnescapeDataString(request[name])));
        Assert.DoesNotContain("x-evil", request.Headers.Keys);
    }

    [Theory]
    [InlineData("not a trace")]
    [InlineData("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\nx-evil: 1")]
    [InlineData("")]
    public async Task A_broken_traceparent_is_left_out(string parent)
    {
        await using var endpoint = await TestEndpoint.Start();
        await using var sink = TestSink.To(endpoint.Url);

        await sink.Single.SendAsync(
            SyncMessage.Create(new byte[] { 1 }, headers: [Header("traceparent", parent), Header("tracestate", "a=1")]), Token);

        var request = Assert.Single(endpoint.Requests);
        Assert.Empty(request.Headers.Keys.Intersect(["traceparent", "tracestate", "x-evil"]));
    }

    [Fact]
    public async Task Within_the_records_own_trace_the_current_activity_is_the_parent()
    {
        const string Parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        await using var endpoint = await TestEndpoint.Start();
        await using var sink = TestSink.To(endpoint.Url);
        var message = SyncMessage.Create(new byte[] { 1 }, headers: [Header("traceparent", Parent)]);

        using (var deliver = new Activity("deliver").SetParentId(Parent).Start())
        {
            await sink.Single.SendAsync(message, Token);
            Assert.StartsWith("00-0af7651916cd43dd8448eb211c80319c-", endpoint.Requests.Last()["traceparent"], StringComparison.Ordinal);
            Assert.NotEqual(Parent, endpoint.Requests.Last()["traceparent"]);
        }

        using (var unrelated = new Activity("unrelated").Start())
            await sink.Single.SendAsync(message, Token);
        Assert.Equal(Parent, endpoint.Requests.Last()["traceparent"]);
    }

    [Fact]
    public async Task Http2_is_spoken_without_asking_where_there_is_no_tls()
    {
        await using var endpoint = await TestEndpoint.Start(HttpProtocols.Http2);
        await using var sink = TestSink.To(endpoint.Url, ("Http2", "true"));

        await sink.Single.SendAsync(Json("a"), Token);

        Assert.Equal("HTTP/2", Assert.Single(endpoint.Requests).Protocol);
    }

    [Theory]
    [InlineData(false, "HTTP/1.1")]
    [InlineData(true, "HTTP/2")]
    public async Task A_certificate_that_nobody_vouches_for_is_refused_unless_code_trusts_it(bool http2, string expected)
    {
        using var key = ECDsa.Create();
        using var made = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256).CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        using var certificate = X509CertificateLoader.LoadPkcs12(made.Export(X509ContentType.Pkcs12), null);
        await using var endpoint = await TestEndpoint.Start(HttpProtocols.Http1AndHttp2, certificate: certificate);
        await using var sink = TestSink.To(endpoint.Url, ("Http2", http2.ToString()));
        var services = new ServiceCollection();
        new CloudSyncConsumerBuilder("aws", services).UseHttpSink(
            TestSink.Section(("Url", endpoint.Url), ("Http2", http2.ToString())),
            configureClient: client => client.UseSocketsHttpHandler((handler, _) =>
                handler.SslOptions.RemoteCertificateValidationCallback = (_, sent, _, _) => sent!.GetCertHashString() == certificate.GetCertHashString()));
        await using var provider = services.BuildServiceProvider();

        var refused = await Assert.ThrowsAsync<HttpRequestException>(() => sink.Single.SendAsync(Json("a"), Token).AsTask());
        await provider.GetRequiredKeyedService<ICloudSink>("aws").SendAsync(Json("a"), Token);

        Assert.Equal(HttpRequestError.SecureConnectionError, refused.HttpRequestError);
        Assert.Equal(expected, Assert.Single(endpoint.Requests).Protocol);
    }

    [Fact]
    public async Task A_bearer_token_and_further_headers_are_sent()
    {
        await using var endpoint = await TestEndpoint.Start();
        await using var sink = TestSink.To(endpoint.Url, ("BearerToken", "t0ken"), ("Headers:x-tenant", "blue"), ("Headers:User-Agent", "us"));

        await sink.Single.SendAsync(Json("a"), Token);

        var request = Assert.Single(endpoint.Requests);
        Assert.Equal("Bearer t0ken", request["Authorization"]);
        Assert.Equal("blue", request["x-tenant"]);
        Assert.Equal("us", request["User-Agent"]);
    }

    [Fact]
    public async Task A_refreshed_token_is_asked_for_with_every_request()
    {
        await using var endpoint = await TestEndpoint.Start();
        var count = 0;
        await using var sink = TestSink.With(o => o.BearerTokenProvider = _ => ValueTask.FromResult($"t{++count}"), null, ("Url", endpoint.Url));

        await sink.Single.SendAsync(Json("a"), Token);
        await sink.Single.SendAsync(Json("b"), Token);

        Assert.Equal(["Bearer t1", "Bearer t2"], endpoint.Requests.Select(r => r["Authorization"]));
    }

    [Theory]
    [InlineData("")]
    [InlineData("secret\r\nx-evil: 1")]
    [InlineData(null)]
    public async Task A_token_that_is_none_is_an_authentication_error_and_is_not_shown(string? token)
    {
        await using var endpoint = await TestEndpoint.Start();
        await using var sink = TestSink.With(o => o.BearerTokenProvider = _ => ValueTask.FromResult(token!), null, ("Url", endpoint.Url));

        var error = await Assert.ThrowsAsync<SinkException>(() => sink.Single.SendAsync(Json("a"), Token).AsTask());

        Assert.Equal(ErrorType.Authentication, error.ErrorType);
        Assert.DoesNotContain("secret", error.ToString(), StringComparison.Ordinal);
        Assert.Empty(endpoint.Requests);
    }

    [Fact]
    public async Task A_provider_that_throws_is_an_authentication_error_unless_the_network_or_the_time_was_at_fault()
    {
        await using var endpoint = await TestEndpoint.Start();
        Exception? thrown = null;
        await using var sink = TestSink.With(o => o.BearerTokenProvider = _ => throw thrown!, null, ("Url", endpoint.Url));

        thrown = new InvalidOperationException("no identity");
        Assert.Equal(ErrorType.Authentication, (await Assert.ThrowsAsync<SinkException>(() => sink.Single.SendAsync(Json("a"), Token).AsTask())).ErrorType);

        foreach (var own in new Exception[] { new HttpRequestException("down"), new TaskCanceledException(), new SinkException(ErrorType.RateLimited, "slow") })
        {
            thrown = own;
            Assert.Same(own, await Assert.ThrowsAnyAsync<Exception>(() => sink.Single.SendAsync(Json("a"), Token).AsTask()));
        }
    }

    [Fact]
    public async Task An_error_names_address_size_and_status_and_no_secret_and_no_body()
    {
        await using var endpoint = await TestEndpoint.Start();
        endpoint.AnswerWith(503, "the body repeats the PAYLOAD", ("Retry-After", "7"));
        await using var sink = TestSink.To(
            endpoint.Url + "/in?code=QUERYSECRET",
            ("ApiKeyHeader", "x-api-key"), ("ApiKey", "APIKEYSECRET"), ("BearerToken", "BEARERSECRET"), ("Headers:x-more", "HEADERSECRET"));

        var error = await Assert.ThrowsAsync<SinkException>(() => sink.Single.SendAsync(Json("a", "\"PAYLOAD\""), Token).AsTask());

        Assert.Equal($"POST {endpoint.Url}/in with a message of 9 bytes answered 503 ServiceUnavailable and asks to wait 00:00:07.", error.Message);
        Assert.Equal((ErrorType.ServiceUnavailable, 503, TimeSpan.FromSeconds(7)), (error.ErrorType, error.StatusCode, error.RetryAfter));
        Assert.DoesNotContain("SECRET", error.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("PAYLOAD", error.ToString(), StringComparison.Ordinal);
        Assert.Equal("APIKEYSECRET", Assert.Single(endpoint.Requests)["x-api-key"]);
    }

    [Fact]
    public async Task Nothing_is_logged_of_a_request()
    {
        await using var endpoint = await TestEndpoint.Start();
        await using var sink = TestSink.With(
            null, services => services.AddFakeLogging(), ("Url", endpoint.Url + "?code=SECRET"), ("ApiKeyHeader", "x-api-key"), ("ApiKey", "SECRET"));

        await sink.Single.SendAsync(Json("a"), Token);

        Assert.Single(endpoint.Requests);
        Assert.Empty(sink.Services.GetFakeLogCollector().GetSnapshot());
    }

    [Fact]
    public async Task A_redirect_is_not_followed_and_its_host_alone_is_named()
    {
        await using var endpoint = await TestEndpoint.Start();
        endpoint.AnswerWith(307, null, ("Location", "https://login.example.com/path?state=SECRET"));
        await using var sink = TestSink.To(endpoint.Url);

        var error = await Assert.ThrowsAsync<SinkException>(() => sink.Single.SendAsync(Json("a"), Token).AsTask());

        Assert.Equal(ErrorType.ServiceUnavailable, error.ErrorType);
        Assert.Contains("login.example.com", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("path", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("SECRET", error.Message, StringComparison.Ordinal);
        Assert.Single(endpoint.Requests);
    }

    [Fact]
    public async Task Retry_after_is_read_against_the_clock_that_is_registered()
    {
        var clock = new FakeTimeProvider(new DateTimeOffset(2026, 11, 23, 12, 0, 0, TimeSpan.Zero));
        await using var endpoint = await TestEndpoint.Start();
        endpoint.AnswerWith(429, null, ("Retry-After", "Mon, 23 Nov 2026 12:01:30 GMT"));
        await using var sink = TestSink.With(null, services => services.AddSingleton<TimeProvider>(clock), ("Url", endpoint.Url));

        var error = await Assert.ThrowsAsync<SinkException>(() => sink.Single.SendAsync(Json("a"), Token).AsTask());

        Assert.Equal((ErrorType.RateLimited, TimeSpan.FromSeconds(90)), (error.ErrorType, error.RetryAfter));
    }

    [Fact]
    public async Task The_token_is_the_time_out_and_its_exception_comes_through_untouched()
    {
        await using var endpoint = await TestEndpoint.Start();
        var arrived = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var left = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        endpoint.Answer = async (context, _) =>
        {
            context.RequestAborted.Register(left.SetResult);
            arrived.SetResult();
            await left.Task;
        };
        await using var sink = TestSink.To(endpoint.Url);
        using var timeout = new CancellationTokenSource();

        var sending = sink.Single.SendAsync(Json("a"), timeout.Token).AsTask();
        await arrived.Task.WaitAsync(TimeSpan.FromSeconds(30), Token);
        await timeout.CancelAsync();

        var error = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => sending);
        Assert.Equal(timeout.Token, error.CancellationToken);
        await left.Task.WaitAsync(TimeSpan.FromSeconds(30), Token);
    }

    [Fact]
    public async Task A_connection_that_breaks_and_one_that_is_refused_stay_what_they_are()
    {
        var endpoint = await TestEndpoint.Start();
        endpoint.Answer = (context, _) =>
        {
            context.Abort();
            return Task.CompletedTask;
        };
        await using var sink = TestSink.To(endpoint.Url);

        await Assert.ThrowsAsync<HttpRequestException>(() => sink.Single.SendAsync(Json("a"), Token).AsTask());
        await endpoint.DisposeAsync();
        var refused = await Assert.ThrowsAsync<HttpRequestException>(() => sink.Single.SendAsync(Json("a"), Token).AsTask());

        Assert.Equal(HttpRequestError.ConnectionError, refused.HttpRequestError);
    }

    [Fact]
    public async Task A_message_refused_while_it_is_being_written_is_too_large_and_no_outage()
    {
        await using var endpoint = await TestEndpoint.Start(maxBody: 100_000);
        await using var sink = TestSink.To(endpoint.Url);
        var message = SyncMessage.Create(new byte[20_000_000]);

        for (var i = 0; i < 3; i++)
        {
            var error = await Assert.ThrowsAsync<SinkException>(() => sink.Single.SendAsync(message, Token).AsTask());
            Assert.Equal((ErrorType.ValidationError, 413), (error.ErrorType, error.StatusCode));
        }
    }

    [Fact]
    public async Task A_connection_that_breaks_while_a_body_is_written_is_tried_once_more_asking_first()
    {
        await using var endpoint = await TestEndpoint.Start();
        var asked = new List<bool>();
        var take = false;
        endpoint.BeforeBody = context =>
        {
            asked.Add(context.Request.Headers.Expect == "100-continue");
            if (asked[^1] && take)
                return Task.FromResult(true);
            if (asked[^1])
                context.Response.StatusCode = 417;
            else
                context.Abort();
            return Task.FromResult(false);
        };
        await using var sink = TestSink.To(endpoint.Url);
        var message = SyncMessage.Create(new byte[20_000_000]);

        // An endpoint that does not take the question has said nothing about the message.
        await Assert.ThrowsAsync<HttpRequestException>(() => sink.Single.SendAsync(message, Token).AsTask());
        take = true;
        await sink.Single.SendAsync(message, Token);
        await Assert.ThrowsAsync<HttpRequestException>(() => sink.Single.SendAsync(SyncMessage.Create(new byte[1000]), Token).AsTask());

        Assert.Equal([false, true, false, true, false], asked);
        Assert.Equal(20_000_000, Assert.Single(endpoint.Requests).Body.Length);
    }

    [Fact]
    public async Task A_message_is_delivered_when_the_status_says_so_even_if_the_body_never_ends()
    {
        await using var endpoint = await TestEndpoint.Start();
        endpoint.Answer = async (context, _) =>
        {
            context.Response.StatusCode = 200;
            await context.Response.Body.FlushAsync();
            await Task.Delay(Timeout.Infinite, context.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default);
        };
        await using var sink = TestSink.To(endpoint.Url);

        await sink.Single.SendAsync(Json("a"), Token).AsTask().WaitAsync(TimeSpan.FromSeconds(30), Token);
    }

    private static async Task<(string[] Head, string Body)> ReadRawRequest(TcpListener listener)
    {
        using var connection = await listener.AcceptTcpClientAsync(Token);
        var stream = connection.GetStream();
        var received = new MemoryStream();
        var buffer = new byte[4096];
        while (true)
        {
            received.Write(buffer.AsSpan(0, await stream.ReadAsync(buffer, Token)));
            var text = Encoding.Latin1.GetString(received.ToArray());
            if (text.IndexOf("\r\n\r\n", StringComparison.Ordinal) is var end and > 0 && text.Length == end + 4 + 11)
            {
                await stream.WriteAsync("HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"u8.ToArray(), Token);
                return (text[..end].Split("\r\n"), text[(end + 4)..]);
            }
        }
    }
}
