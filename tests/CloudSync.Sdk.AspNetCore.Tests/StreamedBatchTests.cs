using System.Globalization;
using System.Net;
using System.Text;
using CloudSync.Sdk.Ingest;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace CloudSync.Sdk.AspNetCore.Tests;

/// <summary>Batches that are read as they come: what was accepted when one breaks, and what it holds meanwhile.</summary>
public sealed class StreamedBatchTests
{
    private readonly FakeProducer _producer = new();

    [Theory]
    [InlineData("""[{"id":"a","data":1},{"id":"b","data":2}""", "a:202 b:202 -:400*")]
    [InlineData("""[{"id":"a","data":1},{"id":"b","data":tru},{"id":"c","data":3}]""", "a:202 -:400*")]
    [InlineData("""[{"id":"a","data":1}{"id":"b","data":2}]""", "a:202 -:400*")]
    [InlineData("""[{"id":"a","data":1}]]""", "a:202 -:400*")]
    [InlineData("""[{"id":"a","data":1},{"id":"b","data":[}],{"id":"c","data":3}]""", "a:202 -:400*")]
    [InlineData("""[{"id":"a","data":1},{"id":"b"},{"id":"c","data":3}]""", "a:202 b:400 c:202")]
    [InlineData("""[{"id":"a","data":1},7,{"id":"c","data":3}]""", "a:202 -:400 c:202")]
    [InlineData("""[{"id":"a","data":1},{"id":"b","data":2},{"id":"c","data":3},{"id":"d","data":4}]""", "a:202 b:202 c:202 -:400*")]
    public async Task A_batch_that_breaks_half_way_says_what_was_accepted_and_from_where_on_nothing(string body, string results)
    {
        await using var door = await FrontDoor.StartAsync(_producer, "--Ingest:MaxBatchItems=3");
        var answer = await door.PostAsync("/api/sync/batch", body);

        Assert.Equal((207, results), (answer.Status, answer.Results));
        AssertAcceptedIsWhatWasProduced(answer);
    }

    [Theory]
    [InlineData("{\"id\":\"a\",\"data\":1}\n{\"id\":\"b\",\"data\":2}", 202, "a:202 b:202")]
    [InlineData("\n\n{\"id\":\"a\",\"data\":1}\r\n \r\n{\"id\":\"b\",\"data\":2}\r\n", 202, "a:202 b:202")]
    [InlineData("{\"id\":\"a\",\"data\":1}\n{\"id\":\"b\",\"data\":\n{\"id\":\"c\",\"data\":3}", 207, "a:202 -:400 c:202")]
    [InlineData("{\"id\":\"a\",\"data\":1}\n{\"id\":\"b\",", 207, "a:202 -:400")]
    public async Task Of_lines_a_bad_one_is_its_own_fault_alone(string body, int status, string results)
    {
        await using var door = await FrontDoor.StartAsync(_producer);
        var answer = await door.PostAsync("/api/sync/batch", body, "application/x-ndjson; charset=utf-8");

        Assert.Equal((status, results), (answer.Status, answer.Results));
        AssertAcceptedIsWhatWasProduced(answer);
    }

    [Theory]
    [InlineData("application/x-ndjson", "\n{\"id\":\"a\",\"data\":1}\n\n{\"id\":\"b\",\"data\":tru}\n", "at line 4, byte 21,")]
    [InlineData("application/json", "[{\"id\":\"a\",\"data\":1},\n{\"id\":\"b\",\n\"data\":tru}]", "at line 2, byte 11 of the item,")]
    [InlineData("application/cloudevents-batch+json", "[{\"specversion\":\"1.0\",\"id\":\"a\",\"source\":\"/s\",\"type\":\"t\"},\n{\"id\":tru}]", "at line 1, byte 10 of the item,")]
    public async Task What_is_no_json_is_named_by_its_line_of_the_body_or_within_its_item(string contentType, string body, string expected)
    {
        await using var door = await FrontDoor.StartAsync(_producer);
        var answer = await door.PostAsync("/api/sync/batch", body, contentType);

        var error = answer.Json.GetProperty("results")[1].GetProperty("errors")[0];
        Assert.Equal("[1]", error.GetProperty("field").GetString());
        Assert.Contains(expected, error.GetProperty("detail").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_item_over_its_limit_ends_the_batch_behind_those_that_were_accepted()
    {
        await using var door = await FrontDoor.StartAsync(_producer, "--Ingest:MaxBodyBytes=1000");
        var answer = await door.PostAsync("/api/sync/batch", $$"""[{"id":"a","data":1},{"id":"b","data":"{{new string('x', 1_000)}}"},{"id":"c","data":1}]""");
        var alone = await door.PostAsync("/api/sync/batch", $$"""[{"id":"b","data":"{{new string('x', 1_000)}}"}]""");

        Assert.Equal((207, "a:202 -:413*"), (answer.Status, answer.Results));
        Assert.Contains("Nothing from item 1 on", answer.Json.GetProperty("results")[1].GetProperty("detail").GetString(), StringComparison.Ordinal);
        Assert.Equal((413, true, 1_000), (alone.Status, alone.IsProblem, alone.Json.GetProperty("limit").GetInt32()));
        AssertAcceptedIsWhatWasProduced(answer);
    }

    [Fact]
    public async Task A_chunked_body_over_the_limit_keeps_what_was_accepted_before_it()
    {
        await using var door = await FrontDoor.StartAsync(_producer, "--Ingest:MaxBodyBytes=1000", "--Ingest:MaxBatchBodyBytes=100000", "--Ingest:MaxBatchItems=1000000");
        using var content = new Produced(async stream =>
        {
            await stream.WriteAsync("[{\"id\":\"0\",\"data\":1}"u8.ToArray());
            for (var i = 1; i < 20_000; i++)
                await stream.WriteAsync(Encoding.UTF8.GetBytes($",{{\"id\":\"{i}\",\"data\":1}}"));
            await stream.WriteAsync("]"u8.ToArray());
        });
        using var response = await door.Client.PostAsync(new Uri("/api/sync/batch", UriKind.Relative), content, TestContext.Current.CancellationToken);
        var answer = new Answer((int)response.StatusCode, new Dictionary<string, string>(), await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));

        var end = 0;
        var ends = Enumerable.Range(0, 20_000).Select(i => end += $"[{{\"id\":\"{i}\",\"data\":1}}".Length).ToArray();
        Assert.Equal(207, answer.Status);
        Assert.EndsWith("-:413*", answer.Results, StringComparison.Ordinal);
        Assert.Equal(ends.Count(e => e <= 100_000), _producer.Queued.Count);
        AssertAcceptedIsWhatWasProduced(answer);
    }

    [Fact]
    public async Task However_long_a_batch_is_one_item_and_a_window_of_messages_is_all_it_holds()
    {
        const int Count = 20_000;
        await using var door = await FrontDoor.StartAsync(
            _producer, "--Ingest:MaxUnacknowledged=50", "--Ingest:MaxBodyBytes=10000", "--Ingest:MaxBatchItems=1000000", "--Ingest:MaxBatchBodyBytes=1000000000", "--Ingest:ProduceTimeout=00:01:00");
        var unacknowledged = 0;
        var most = 0;
        var later = new List<Action>();
        _producer.Later = act =>
        {
            // Acknowledged once the window is full, or nothing more comes: as slowly as can be.
            lock (later)
            {
                later.Add(act);
                most = Math.Max(most, ++unacknowledged);
                if (later.Count < 50 && _producer.Queued.Count < Count)
                    return;

                later.ForEach(a => a());
                unacknowledged = 0;
                later.Clear();
            }
        };
        (int Copy, long Held, int Waiting) seen = default;
        door.App.Services.GetRequiredService<IngestEndpoints>().BatchEnded = (reader, inFlight) => seen = (reader.LargestCopy, reader.MostHeld, inFlight.MostWaiting);

        var padding = new string('x', 5_000);
        using var content = new Produced(async stream =>
        {
            for (var i = 0; i < Count; i++)
                await stream.WriteAsync(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{(i == 0 ? '[' : ',')}{{\"id\":\"{i}\",\"data\":\"{padding}\"}}")));
            await stream.WriteAsync("]"u8.ToArray());
        });
        using var response = await door.Client.PostAsync(new Uri("/api/sync/batch", UriKind.Relative), content, TestContext.Current.CancellationToken);

        Assert.Equal(HttpStatusCode.Accepted, response.StatusCode);
        Assert.Equal(Count, _producer.Queued.Count);
        Assert.Equal((50, 50), (most, seen.Waiting));
        Assert.InRange(seen.Copy, 0, 16_384);
        Assert.InRange(seen.Held, 1, 10_000 + (2 * 1024 * 1024)); // An item, and what the server itself reads ahead.
    }

    [Fact]
    public async Task When_kafka_stops_taking_nothing_more_is_read_and_the_rest_is_told_of()
    {
        await using var door = await FrontDoor.StartAsync(_producer, "--Ingest:MaxUnacknowledged=2", "--Ingest:ProduceTimeout=00:00:00.200", "--Ingest:RetryAfter=00:00:07");
        _producer.Answer = (message, offset) => message.Id is "a" or "b" ? new ProducedMessage(message.Id, "data-topic", 0, offset) : null;
        var answer = await door.PostAsync("/api/sync/batch", $"[{string.Join(',', "abcdefghijklm".Select(id => $$"""{"id":"{{id}}","data":1}"""))}]");

        Assert.Equal((207, "7"), (answer.Status, answer.Headers["Retry-After"]));
        Assert.StartsWith("a:202 b:202 c:503", answer.Results, StringComparison.Ordinal);
        Assert.EndsWith("-:503*", answer.Results, StringComparison.Ordinal);
        Assert.InRange(_producer.Queued.Count, 3, 6);
    }

    /// <summary>A client posts again what was refused, and would never hear of what came after it.</summary>
    [Theory]
    [InlineData("""{"id":"d","data":1}}""")]
    [InlineData("""{"id":"d","data":1""")]
    [InlineData("""{"id":"d","data":"0123456789012345678901234567890123456789"}""")]
    public async Task When_kafka_stops_taking_the_rest_is_told_of_also_where_it_is_broken_or_too_large(string tail)
    {
        await using var door = await FrontDoor.StartAsync(_producer, "--Ingest:MaxUnacknowledged=1", "--Ingest:MaxBodyBytes=40", "--Ingest:ProduceTimeout=00:00:00.200");
        _producer.Answer = (message, offset) => message.Id == "a" ? new ProducedMessage(message.Id, "data-topic", 0, offset) : null;
        var answer = await door.PostAsync("/api/sync/batch", $$"""[{"id":"a","data":1},{"id":"b","data":1},{"id":"c","data":1},{{tail}}]""");

        Assert.Equal(207, answer.Status);
        Assert.StartsWith("a:202 b:503", answer.Results, StringComparison.Ordinal);
        Assert.EndsWith("*", answer.Results, StringComparison.Ordinal);
    }

    [Fact]
    public async Task More_requests_than_may_be_under_way_are_refused_at_once()
    {
        await using var door = await FrontDoor.StartAsync(_producer, "--Ingest:MaxConcurrentRequests=1", "--Ingest:ProduceTimeout=00:01:00", "--Ingest:RetryAfter=00:00:07");
        var held = new TaskCompletionSource<Action>(TaskCreationOptions.RunContinuationsAsynchronously);
        _producer.Later = held.SetResult;
        var first = door.PostAsync("/api/sync", """{"data":1}""");
        var answerFirst = await held.Task;

        foreach (var path in (string[])["/api/sync", "/api/sync/batch"])
        {
            var refused = await door.PostAsync(path, """[{"data":1}]""");
            Assert.Equal((503, true, "7"), (refused.Status, refused.IsProblem, refused.Headers["Retry-After"]));
        }

        answerFirst();
        Assert.Equal(202, (await first).Status);
        _producer.Later = act => act();
        Assert.Equal(202, (await door.PostAsync("/api/sync", """{"data":1}""")).Status);
        Assert.Equal(2, _producer.Queued.Count);
    }

    [Fact]
    public async Task No_text_of_a_broker_or_of_a_setting_reaches_a_caller()
    {
        await using var door = await FrontDoor.StartAsync(_producer);
        foreach (var isPermanent in (bool[])[true, false])
        {
            _producer.Answer = (_, _) => new ProduceFailedException("kafka-1:9092 of BootstrapServers, a secret place", new InvalidOperationException()) { IsPermanent = isPermanent };
            foreach (var answer in new[] { await door.PostAsync("/api/sync", """{"data":1}"""), await door.PostAsync("/api/sync/batch", """[{"data":1}]""") })
            {
                Assert.Equal((isPermanent ? 400 : 503, true), (answer.Status, answer.IsProblem));
                Assert.DoesNotContain("kafka-1", answer.Text, StringComparison.Ordinal);
                Assert.DoesNotContain("secret", answer.Text, StringComparison.Ordinal);
            }
        }

        Assert.Contains(door.Log.Entries, e => e.Text.Contains("kafka-1:9092", StringComparison.Ordinal));
    }

    private void AssertAcceptedIsWhatWasProduced(Answer answer)
    {
        var accepted = answer.Json.GetProperty("results").EnumerateArray().Where(r => r.GetProperty("status").GetInt32() == 202).Select(r => r.GetProperty("id").GetString());
        Assert.Equal(accepted, _producer.Queued.Select(q => q.Message.Id));
    }

    /// <summary>A body that is written while it is sent.</summary>
    internal sealed class Produced : HttpContent
    {
        private readonly Func<Stream, Task> _write;

        public Produced(Func<Stream, Task> write)
        {
            _write = write;
            Headers.ContentType = new("application/json");
        }

        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => _write(stream);

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}
