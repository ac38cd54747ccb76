using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using CloudSync.Fuzzing;
using Xunit;

namespace CloudSync.Sdk.Tests.Http;

/// <summary>Whatever an endpoint answers, and whatever is sent to it.</summary>
public class HttpSinkFuzzTests
{
    private static readonly DateTimeOffset[] Nows = [new(2026, 11, 23, 12, 0, 0, TimeSpan.Zero), DateTimeOffset.MinValue, DateTimeOffset.MaxValue, DateTimeOffset.UnixEpoch];
    private static readonly TimeSpan[] Longests = [TimeSpan.FromHours(1), TimeSpan.Zero, TimeSpan.FromTicks(1), TimeSpan.MaxValue];
    private static readonly int[] Statuses = [0, 100, 202, 302, 400, 401, 404, 409, 413, 422, 429, 500, 501, 503, 999, -1];

    [Fact]
    public void No_retry_after_is_a_wait_below_zero_or_above_the_longest() => Fuzz.Check(
        Fuzz.Texts(
            "0", "120", " 1.5 ", "-5", "1e300", "NaN", "Infinity", "soon", "99999999999999999999999999", "Mon, 23 Nov 2026 12:00:30 GMT", "Monday, 23-Nov-26 12:00:30 GMT", "Mon Nov 23 12:00:30 2026",
            "Fri, 31 Dec 9999 23:59:59 GMT", "Mon, 01 Jan 0001 00:00:00 GMT", "922337203685.4775807"),
        (input, random) =>
        {
            var (now, longest) = (Nows[random.Next(4)], Longests[random.Next(4)]);
            var utf8 = Encoding.UTF8.GetString(input);
            var isRead = false;
            foreach (var text in (string[])[utf8, Encoding.Latin1.GetString(input), new string(MemoryMarshal.Cast<byte, char>(input))])
            {
                var wait = RetryAfter.Read(text, now, longest);
                Assert.InRange(wait ?? TimeSpan.Zero, TimeSpan.Zero, longest);
                if (text.Length is > 0 and < 9 && text.All(char.IsAsciiDigit))
                    Assert.Equal(Math.Min(longest.Ticks, long.Parse(text, CultureInfo.InvariantCulture) * TimeSpan.TicksPerSecond), wait?.Ticks);
                isRead |= wait is not null;
            }

            if (input.Length >= sizeof(double))
                Assert.InRange(RetryAfter.FromSeconds(BitConverter.ToDouble(input), longest) ?? TimeSpan.Zero, TimeSpan.Zero, longest);
            return isRead;
        });

    [Fact]
    public void A_message_of_a_batch_is_delivered_only_when_a_document_of_the_answer_says_so() => Fuzz.Check(
        Fuzz.Texts(
            """{"results":[{"id":"1","status":202},{"id":"1","status":"accepted"},{"status":"503","retryAfter":5}]}""",
            """ {"a":{"results":[]},"results":[{"id":"1","status":400,"error":{"message":"[\"{"}},{"status":429,"retryAfter":1e400},null,[],"ok",1]}""",
            "\uFEFF{\"results\":[{\"id\":null,\"status\":\"OK\"},{\"id\":\"2\",\"status\":\"duplicate\"},{\"status\":\"weird\",\"retryAfter\":-1},{\"status\":2e2},{\"status\":99999999999}]}",
            """{"results":[{"id":"\ud800","status":202}]}""",
            """{"results":{}}""", """{"results":[]}""", "[]", "<html>", "",

            // Said of results, and could not be read, which nobody noticed: the name has an escape in it.
            """{"result\u0073":[{"id":"\ud800"}]}"""),
        (input, random) =>
        {
            var longest = Longests[random.Next(4)];
            var message = SyncMessage.Create("1"u8.ToArray(), id: "1");
            var answer = BatchAnswer.Read(input, out var isBroken);
            Assert.True(BatchAnswer.MayBeResults(input) || (answer is null && !isBroken));
            _ = BatchAnswer.IsBlank(input);

            using var json = Document(input);
            var results = Results(json);
            if (answer is null)
            {
                Assert.True(results is null || isBroken);
                return false;
            }

            Assert.Equal(results?.GetArrayLength(), answer.Count);
            Assert.False(isBroken);
            for (var i = 0; i < answer.Count + 2; i++)
            {
                var result = answer.ResultOf(i, message, "http://e/", longest);
                Assert.Equal(i < answer.Count && SaysDelivered(results!.Value[i]), result.IsDelivered);
                if (result.Error is SinkException error)
                    Assert.InRange(error.RetryAfter ?? TimeSpan.Zero, TimeSpan.Zero, longest);
            }

            return true;
        });

    [Fact]
    public void No_error_of_a_cloud_makes_a_message_be_given_up_for_which_the_status_does_not() => Fuzz.Check(
        Fuzz.Texts(
            """{"__type":"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException:http://x","message":"…"}""",
            """{"message":{"a":["b"]},"code":"TooManyRequestsException"}""",
            """ {"error":{"message":"…","details":[{"code":"ServerBusy"}],"code":"OperationTimedOut"}}""",
            """{"error":{"code":503,"message":"…","status":"UNAVAILABLE"}}""",
            """{"code":"ValidationException"}""",
            """{"Error":{"Code":"KMSThrottlingException"}}""",
            "<?xml version=\"1.0\"?><Error><Code>SlowDown</Code><Message>Reduce your rate.</Message></Error>",
            "\uFEFF<Error><Code>AWS.SimpleQueueService.NonExistentQueue</Code></Error>",
            """{"code":"\ud800","__type":"ExpiredTokenException"}""",
            "ThrottlingException", "14", "<html>", ""),
        (input, random) =>
        {
            var status = Statuses[random.Next(Statuses.Length)];
            string[] names = ["x-amzn-ErrorType", "x-ms-error-code", "grpc-status", "Retry-After"];
            KeyValuePair<string, string>[] headers = random.Next(3) == 0 ? [new(names[random.Next(4)], Encoding.UTF8.GetString(input))] : [];

            var kind = CloudErrorBody.Classify(new HttpAnswer(status, input, headers));

            if (kind is { } known && RetryPolicy.IsPermanent(known.Type))
                Assert.True(RetryPolicy.IsPermanent(HttpStatus.ErrorTypeOf(status) ?? ErrorType.Permanent));
            if (headers.Length == 0 && !input.AsSpan().StartsWith("\uFEFF"u8))
                Assert.Equal(kind, CloudErrorBody.Classify(new HttpAnswer(status, (byte[])[.. "\uFEFF \r\n\t"u8, .. input])));
            return kind is not null;
        });

    [Fact]
    public void A_batch_of_any_records_is_an_array_of_as_many_events_that_our_own_reader_takes() => Fuzz.Check(
        FuzzedRecord.Seeds,
        (input, random) =>
        {
            var messages = Enumerable.Range(0, random.Next(1, 4)).Select(i => Message(FuzzedRecord.Of(i == 0 ? input : input[..random.Next(input.Length + 1)]), i)).ToArray();
            var body = new PooledBuffer(16);
            CloudEventsBatch.Write(messages, "application/octet-stream"u8.ToArray(), body);

            using var json = JsonDocument.Parse(body.Written);
            Assert.Equal(messages.Length, json.RootElement.GetArrayLength());
            var hasJson = false;
            foreach (var (message, item) in messages.Zip(json.RootElement.EnumerateArray()))
            {
                Assert.Equal(message.Id, item.GetProperty("id").GetString());
                Assert.Equal(item.EnumerateObject().Count(), item.EnumerateObject().Select(p => p.Name).Distinct(StringComparer.Ordinal).Count());
                hasJson |= item.TryGetProperty("data", out _);

                var read = SyncMessage.Create(JsonMarshal.GetRawUtf8Value(item).ToArray(), headers: [new("content-type", "application/cloudevents+json"u8.ToArray())]);
                Assert.Equal(message.Id, read.Id);

                // Blanks around JSON are no part of it, and JSON has no tombstone.
                var sent = item.TryGetProperty("data", out _) ? message.Value.Span.Trim(" \t\r\n"u8) : message.Value.Span;
                Assert.Equal(message.IsTombstone ? "null" : Encoding.Latin1.GetString(sent), Encoding.Latin1.GetString(read.Value.Span));

                foreach (var (_, value) in message.Headers)
                    Assert.Equal(-1, HeaderText.IndexOfForbidden(HeaderText.Encode(value is { } text ? Encoding.UTF8.GetString(text.Span) : "")));
            }

            Assert.Equal(64, CloudEventsBatch.IdempotencyKey(messages).Length);
            body.Return();
            return hasJson;
        });

    private static RecordMessage Message(FuzzedRecord record, int offset) => new(RawRecord.Create(
        record.Key is { } key ? key : default(ReadOnlyMemory<byte>?), record.Value is { } value ? value : default(ReadOnlyMemory<byte>?),
        record.Headers.Select(h => new MessageHeader(Encoding.UTF8.GetString(h.Name), h.Value is { } own ? own : default(ReadOnlyMemory<byte>?))), 0, offset, offset * 1_000_000_000_000_000));

    private static JsonDocument? Document(byte[] input)
    {
        try
        {
            return JsonDocument.Parse(input.AsMemory(input.AsSpan().StartsWith("\uFEFF"u8) ? 3 : 0), new JsonDocumentOptions { MaxDepth = 256 });
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static JsonElement? Results(JsonDocument? json)
    {
        try
        {
            return json?.RootElement is { ValueKind: JsonValueKind.Object } root && root.TryGetProperty("results", out var found) && found.ValueKind == JsonValueKind.Array ? found : null;
        }
        catch (InvalidOperationException)
        {
            // A name with half a character in it: then nobody can say.
            return null;
        }
    }

    /// <summary>What the documentation of the answer says, on a document.</summary>
    private static bool SaysDelivered(JsonElement item)
    {
        if (item.ValueKind != JsonValueKind.Object || (item.TryGetProperty("id", out var id) && id.ValueKind == JsonValueKind.String && id.GetString() != "1") || !item.TryGetProperty("status", out var status))
            return false;

        return status.ValueKind switch
        {
            JsonValueKind.Number => status.TryGetInt32(out var number) && number is >= 200 and <= 299,
            JsonValueKind.String => new[] { "ok", "accepted", "delivered", "duplicate" }.Contains(status.GetString(), StringComparer.OrdinalIgnoreCase)
                || (int.TryParse(status.GetString(), NumberStyles.None, CultureInfo.InvariantCulture, out var digits) && digits is >= 200 and <= 299),
            _ => false,
        };
    }
}
