using System.Globalization;
using System.Text;
using System.Text.Json;
using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;
using Xunit;

namespace CloudSync.Sdk.Tests.Http;

/// <summary>Whatever a record holds, any bytes anywhere: the endpoint reads it back, and nothing that nobody has sent.</summary>
[Properties(Arbitrary = [typeof(HttpSinkPropertyTests)])]
public class HttpSinkPropertyTests(HttpSinkPropertyTests.Endpoint shared) : IClassFixture<HttpSinkPropertyTests.Endpoint>
{
    private static readonly string[] KnownHeaders =
    [
        "ce-id", "ce-source", "ce-specversion", "ce-time", "ce-type", "ce-more", "ce-partitionkey",
        "Content-Length", "Content-Type", "Host", "Idempotency-Key", "traceparent", "User-Agent",
    ];

    /// <summary>Half of all texts are UTF-8 of any characters, the others are any bytes.</summary>
    public static Arbitrary<Blob> Blobs()
    {
        var bytes = ArbMap.Default.GeneratorFor<byte[]>();
        var texts = ArbMap.Default.GeneratorFor<NonNull<string>>().Select(s => Encoding.UTF8.GetBytes(s.Get));
        var json = ArbMap.Default.GeneratorFor<NonNull<string>>().Select(s => JsonSerializer.SerializeToUtf8Bytes(s.Get));
        return Gen.OneOf(bytes, texts, json).Where(b => b is not null).Select(b => new Blob(b)).ToArbitrary();
    }

    [Property]
    public async Task A_single_message_is_read_back(Blob id, Blob key, Blob value, Blob text)
    {
        var message = Message(id, key, value, text);

        var request = await shared.Send(sink => sink.Single.SendAsync(message, TestContext.Current.CancellationToken).AsTask(), batch: false);

        Assert.Equal(message.Id, Uri.UnescapeDataString(request["ce-id"]));
        Assert.Equal(request["ce-id"], request["Idempotency-Key"]);
        Assert.Equal(value.Bytes, request.Body);
        if (text.Bytes.Length > 0)
            Assert.Equal(text.Text, Uri.UnescapeDataString(request["ce-more"]));
        if (request.Headers.ContainsKey("ce-partitionkey"))
            Assert.Equal(key.Text, Uri.UnescapeDataString(request["ce-partitionkey"]));
        string[] own = text.Text.Length > 0 && text.Text.All(char.IsAsciiLetterOrDigit) ? ["ce-" + text.Text] : [];
        Assert.Empty(request.Headers.Keys.Except([.. KnownHeaders, .. own], StringComparer.OrdinalIgnoreCase));
    }

    [Property]
    public async Task A_batch_is_valid_json_and_is_read_back(Blob[] ids, Blob value, Blob text, bool saysJson)
    {
        if (ids.Length == 0)
            return;
        var messages = ids.Select(id => Message(id, id, value, saysJson ? new Blob("application/json"u8.ToArray()) : text)).ToList();

        var request = await shared.Send(sink => sink.Batch.SendAsync(messages, TestContext.Current.CancellationToken).AsTask(), batch: true);

        using var json = JsonDocument.Parse(request.Body);
        Assert.Equal(messages.Count, json.RootElement.GetArrayLength());
        foreach (var (message, item) in messages.Zip(json.RootElement.EnumerateArray()))
        {
            Assert.Equal(message.Id, item.GetProperty("id").GetString());
            Assert.Equal(item.EnumerateObject().Count(), item.EnumerateObject().Select(p => p.Name).Distinct().Count());

            // White space around a JSON value is no part of it: ' 5' stands there as it is and reads as '5'.
            Assert.Equal(item.TryGetProperty("data", out _) ? value.Bytes.AsSpan().Trim(" \t\r\n"u8).ToArray() : value.Bytes, DataOf(item));
        }
    }

    private static byte[] DataOf(JsonElement item) =>
        item.TryGetProperty("data", out var data) ? Encoding.UTF8.GetBytes(data.GetRawText()) : item.GetProperty("data_base64").GetBytesFromBase64();

    private static RecordMessage Message(Blob id, Blob key, Blob value, Blob text)
    {
        MessageHeader[] headers =
        [
            new(CloudEvents.Id, id.Bytes), new("ce_more", text.Bytes), new(CloudEvents.ContentType, text.Bytes), new(CloudEvents.TraceParent, text.Bytes),
            new(CloudEvents.Time, text.Bytes), new(text.Text, text.Bytes), new("ce_" + text.Text, text.Bytes),
        ];
        return new(RawRecord.Create(key.Bytes, value.Bytes, headers, 0, 7, 0));
    }

    /// <summary>Some bytes.</summary>
    public sealed record Blob(byte[] Bytes)
    {
        public string Text => Encoding.UTF8.GetString(Bytes);

        public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Convert.ToHexString(Bytes)} ({Text})");
    }

    /// <summary>One endpoint for all runs of a property.</summary>
    public sealed class Endpoint : IAsyncLifetime
    {
        private TestEndpoint _endpoint = null!;
        private TestSink _single = null!;
        private TestSink _batch = null!;

        public async ValueTask InitializeAsync()
        {
            _endpoint = await TestEndpoint.Start();
            _single = TestSink.To(_endpoint.Url);
            _batch = TestSink.ToBatch(_endpoint.Url);
        }

        public async ValueTask DisposeAsync()
        {
            await _single.DisposeAsync();
            await _batch.DisposeAsync();
            await _endpoint.DisposeAsync();
        }

        internal async Task<ReceivedRequest> Send(Func<TestSink, Task> send, bool batch)
        {
            _endpoint.Requests.Clear();
            await send(batch ? _batch : _single);
            return Assert.Single(_endpoint.Requests);
        }
    }
}
