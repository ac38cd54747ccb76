using System.Globalization;
using System.Reflection;
using System.Text;
using CloudSync.IntegrationTests.Consuming;
using CloudSync.Sdk;
using CloudSync.Sdk.Testing;
using CloudSync.Tests;
using Confluent.Kafka;
using Xunit;

namespace CloudSync.IntegrationTests.DeadLetters;

/// <summary>What can't be delivered is kept, whole, before its offset is.</summary>
public sealed class DeadLetterTests(KafkaCluster cluster)
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_dead_letter_that_cannot_be_written_keeps_its_offset_and_pauses_until_it_can()
    {
        // A real cluster lacks the topic at first; the embedded one would make it, so there the brokers refuse every write.
        await using var embedded = cluster.Kind == KafkaKind.Embedded ? EmbeddedKafka.Start() : null;
        using var topic = embedded is null ? await TestTopic.CreateAsync(cluster) : Topic(embedded);
        using var deadLetters = new TestTopic(topic.BootstrapServers, topic.Name + "-dlq", 1);
        byte[] key = [0, 255, 1], value = [1, 2, 0, 3];
        var poison = new TestRecord
        {
            Key = key,
            Value = value,
            Headers = new Headers
            {
                { "ce_id", "poison"u8.ToArray() }, { "x", null }, { "x", [0, 254] }, { "", [] }, { "ce_correlationid", "basket-7"u8.ToArray() },
                { "traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"u8.ToArray() }, { "tracestate", "vendor=1"u8.ToArray() },
            },
            TimestampMs = 1_700_000_000_123,
        };
        await topic.ProduceAsync([TestRecord.Of("before", "a"), poison, .. TestRecord.Many(5, i => $"key-{i}")]);
        if (embedded is null)
            Assert.NotEqual(KafkaKind.Embedded, cluster.Kind);
        else
        {
            embedded.CreateTopic(deadLetters.Name);
            embedded.FailRequests(EmbeddedKafkaRequest.Produce, [.. Enumerable.Repeat(ErrorCode.TopicAuthorizationFailed, 1_000)]);
        }

        var sink = new ScriptedSink().On(
            "poison",
            SinkAnswer.Fail(ErrorType.Transient),
            SinkAnswer.Fail(new SinkException(ErrorType.ValidationError, "422 from the endpoint.") { StatusCode = 422 }));
        await using var consumer = await ConsumerHost.StartAsync(cluster, topic, sink, options =>
        {
            options.DeadLetters.AcknowledgementTimeout = TimeSpan.FromSeconds(2);
            options.Retry.InitialDelay = TimeSpan.FromMilliseconds(200);
        });

        await consumer.UntilLoggedAsync(ConsumerHost.DeadLetterFailed, times: 2);
        await Eventually.TrueAsync(() => consumer.PauseReasons == PauseReasons.DeadLettersDown, "consumption pauses", Cancelled);
        await sink.WaitForDeliveredAsync(6, Eventually.Bound, Cancelled);
        Assert.Equal([1], topic.Committed(consumer.Group));

        // The way is free.
        if (embedded is null)
            await deadLetters.MakeAsync();
        else
            embedded.ClearFailures(EmbeddedKafkaRequest.Produce);

        await consumer.UntilLoggedAsync(ConsumerHost.DeadLettered);
        await topic.ProduceAsync(TestRecord.Of("after", "a"));
        await sink.WaitForDeliveredAsync(7, Eventually.Bound, Cancelled);
        await consumer.StopAsync();
        Assert.Equal(topic.EndOffsets(), topic.Committed(consumer.Group));

        var letter = deadLetters.ReadAll()[0].Message;
        Assert.Equal(key, letter.Key);
        Assert.Equal(value, letter.Value);
        Assert.Equal(1_700_000_000_123, letter.Timestamp.UnixTimestampMs);
        Assert.Equal(Text(poison.Headers), Text(Originals(letter.Headers)));

        var ours = letter.Headers.Skip(poison.Headers.Count).ToDictionary(h => h.Key, h => Encoding.UTF8.GetString(h.GetValueBytes()));
        Assert.Equal(AllNames(), ours.Keys.Order());
        Assert.Equal("ValidationError", ours[DeadLetterHeaders.ErrorType]);
        Assert.Equal("CloudSync.Sdk.SinkException", ours[DeadLetterHeaders.ExceptionType]);
        Assert.Equal("422 from the endpoint.", ours[DeadLetterHeaders.ExceptionMessage]);
        Assert.Equal("422", ours[DeadLetterHeaders.HttpStatus]);
        Assert.Equal("2", ours[DeadLetterHeaders.Attempts]);
        Assert.Equal(topic.Name, ours[DeadLetterHeaders.Topic]);
        Assert.Equal("0", ours[DeadLetterHeaders.Partition]);
        Assert.Equal("1", ours[DeadLetterHeaders.Offset]);
        Assert.Equal("2023-11-14T22:13:20.123Z", ours[DeadLetterHeaders.Timestamp]);
        Assert.Equal(consumer.Group, ours[DeadLetterHeaders.ConsumerGroup]);
        Assert.Equal("poison", ours[DeadLetterHeaders.MessageId]);
        Assert.Equal("basket-7", ours[DeadLetterHeaders.CorrelationId]);
        Assert.Equal("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", ours[DeadLetterHeaders.TraceParent]);
        Assert.Equal("vendor=1", ours[DeadLetterHeaders.TraceState]);
        Assert.Equal(Environment.MachineName, ours[DeadLetterHeaders.Host]);
        var (first, last) = (Time(DeadLetterHeaders.FirstFailure), Time(DeadLetterHeaders.LastFailure));
        Assert.True(first <= last && last <= DateTimeOffset.UtcNow);

        DateTimeOffset Time(string name) => DateTimeOffset.Parse(ours[name], CultureInfo.InvariantCulture);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Records_of_any_shape_reach_the_sink_as_they_are_and_never_stop_the_consumer(bool inBatches)
    {
        using var topic = await TestTopic.CreateAsync(cluster);
        var records = AnyShape().ToList();
        await topic.ProduceAsync([.. records, TestRecord.Of("last", "last")]);
        var recorded = new RecordingSink();
        var sink = new CuriousSink(recorded);
        await using var consumer = await ConsumerHost.StartAsync(cluster, topic, inBatches ? new CuriousSink.Batches(sink) : sink);

        await recorded.WaitForAsync(records.Count + 1, Eventually.Bound, Cancelled);
        await consumer.StopAsync();

        Assert.Equal(topic.EndOffsets(), topic.Committed(consumer.Group));
        Assert.Equal(records.Count + 1, recorded.Count);
        foreach (var message in recorded.Messages.Where(m => m.Offset < records.Count))
        {
            var record = records[(int)message.Offset];
            Assert.Equal(record.Key, message.Key?.ToArray());
            Assert.Equal(record.Value, message.IsTombstone ? null : message.Value.ToArray());
            Assert.Equal(Text(record.Headers), message.Headers.Select(h => (h.Name, h.Value is { } v ? Convert.ToHexString(v.Span) : null)));
        }
    }

    [Fact]
    public async Task Records_of_any_shape_that_the_endpoint_refuses_are_kept_as_they_are_and_the_partition_goes_on()
    {
        using var topic = await TestTopic.CreateAsync(cluster);
        using var deadLetters = await TestTopic.CreateAsync(cluster, partitions: 2);
        var records = AnyShape().ToList();
        await topic.ProduceAsync([.. records, TestRecord.Of("last", "last")]);
        var sink = new ScriptedSink((message, _) => message.Id == "last" ? SinkAnswer.Succeed : SinkAnswer.Fail(ErrorType.Permanent));
        await using var consumer = await ConsumerHost.StartAsync(cluster, topic, sink, options => options.DeadLetters.Topic = deadLetters.Name);

        await Eventually.TrueAsync(() => consumer.Logged(ConsumerHost.DeadLettered) == records.Count, "all are kept", Cancelled);
        await sink.WaitForDeliveredAsync(1, Eventually.Bound, Cancelled);
        await consumer.StopAsync();

        Assert.Equal(topic.EndOffsets(), topic.Committed(consumer.Group));
        var letters = deadLetters.ReadAll();
        Assert.Equal(records.Count, letters.Count);
        foreach (var letter in letters.Select(l => l.Message))
        {
            var offset = Encoding.UTF8.GetString(letter.Headers.GetLastBytes(DeadLetterHeaders.Offset));
            var record = records[int.Parse(offset, CultureInfo.InvariantCulture)];
            Assert.Equal(record.Key, letter.Key);
            Assert.Equal(record.Value, letter.Value);
            Assert.Equal(Text(record.Headers), Text(Originals(letter.Headers)));
        }
    }

    [Fact]
    public async Task A_dead_letter_topic_that_reckons_from_the_originals_time_is_warned_of_and_one_that_does_not_keeps_old_letters_and_their_time()
    {
        Assert.SkipWhen(cluster.Kind == KafkaKind.Embedded, "The embedded cluster's topics have no settings.");
        using var topic = await TestTopic.CreateAsync(cluster, settings: new() { ["retention.ms"] = "-1" });
        using var byOriginal = await TestTopic.CreateAsync(cluster, settings: new() { ["retention.ms"] = "604800000" });
        using var byWriting = await TestTopic.CreateAsync(cluster, settings: new() { ["message.timestamp.type"] = "LogAppendTime" });
        var (old, began) = (DateTimeOffset.UtcNow.AddDays(-8).ToUnixTimeMilliseconds(), DateTimeOffset.UtcNow.ToUnixTimeMilliseconds());
        await topic.ProduceAsync(TestRecord.Of("poison", "a") with { TimestampMs = old });
        var sink = new ScriptedSink((_, _) => SinkAnswer.Fail(ErrorType.Permanent));

        await using (var warned = await ConsumerHost.StartAsync(cluster, topic, sink, options => options.DeadLetters.Topic = byOriginal.Name))
        {
            await warned.UntilLoggedAsync(ConsumerHost.LettersMayBeDeleted);
            var said = Assert.Single(warned.LoggedText(ConsumerHost.LettersMayBeDeleted));
            Assert.All([byOriginal.Name, "7.00:00:00", "LogAppendTime", "retention.ms=-1"], part => Assert.Contains(part, said, StringComparison.Ordinal));
        }

        await using var consumer = await ConsumerHost.StartAsync(cluster, topic, sink, options => options.DeadLetters.Topic = byWriting.Name);
        await consumer.UntilLoggedAsync(ConsumerHost.DeadLettered);

        Assert.True(Assert.Single(byWriting.ReadAll()).Message.Timestamp.UnixTimestampMs >= began);
        var redrive = new DeadLetterRedrive(new DeadLetterRedriveOptions { BootstrapServers = cluster.BootstrapServers, Topic = byWriting.Name });
        Assert.Equal(old, Assert.Single(await redrive.ReadAsync(new DeadLetterFilter(), Cancelled).ToListAsync(Cancelled)).Timestamp.ToUnixTimeMilliseconds());
        await redrive.RedriveAsync(new DeadLetterFilter(), new RedriveSettings { AllowUnknownGroup = true }, cancellationToken: Cancelled);
        Assert.Equal([old, old], topic.ReadAll().Select(r => r.Message.Timestamp.UnixTimestampMs));
        Assert.Equal(0, consumer.Logged(ConsumerHost.LettersMayBeDeleted));
    }

    [Fact]
    public async Task The_timestamp_is_kept_or_where_Kafka_does_not_take_it_the_letter_is_kept_all_the_same_and_says_it()
    {
        Assert.SkipWhen(cluster.Kind == KafkaKind.Embedded, "The embedded cluster's topics have no settings and take any timestamp.");
        var ahead = DateTimeOffset.UtcNow.AddDays(30).ToUnixTimeMilliseconds();
        using var topic = await TestTopic.CreateAsync(
            cluster, settings: new() { ["message.timestamp.after.max.ms"] = "9223372036854775807" });
        using var appended = await TestTopic.CreateAsync(cluster, settings: new() { ["message.timestamp.type"] = "LogAppendTime" });
        using var deadLetters = await TestTopic.CreateAsync(cluster, settings: new() { ["message.timestamp.after.max.ms"] = "3600000" });
        await topic.ProduceAsync(TestRecord.Of("old") with { TimestampMs = 1 }, TestRecord.Of("none") with { TimestampMs = -1 });
        await topic.ProduceAsync(TestRecord.Of("ahead") with { TimestampMs = ahead });
        await appended.ProduceAsync(TestRecord.Of("appended") with { TimestampMs = 1_000 });
        var appendTime = appended.ReadAll()[0].Message.Timestamp;
        Assert.Equal(TimestampType.LogAppendTime, appendTime.Type);

        var started = DateTimeOffset.UtcNow.AddMinutes(-1).ToUnixTimeMilliseconds();
        var sink = new ScriptedSink((_, _) => SinkAnswer.Fail(ErrorType.Permanent));
        foreach (var (source, count) in new[] { (topic, 3), (appended, 1) })
        {
            await using var consumer = await ConsumerHost.StartAsync(cluster, source, sink, options => options.DeadLetters.Topic = deadLetters.Name);
            await Eventually.TrueAsync(() => consumer.Logged(ConsumerHost.DeadLettered) == count, "all are kept", Cancelled);
            await consumer.StopAsync();
            Assert.Equal(source.EndOffsets(), source.Committed(consumer.Group));
        }

        var letters = deadLetters.ReadAll().ToDictionary(l => Encoding.UTF8.GetString(l.Message.Headers.GetLastBytes("ce_id")), l => l.Message);
        Assert.Equal(4, letters.Count);
        Assert.Equal(1, letters["old"].Timestamp.UnixTimestampMs);
        Assert.Equal(-1, letters["none"].Timestamp.UnixTimestampMs);
        Assert.Equal(appendTime.UnixTimestampMs, letters["appended"].Timestamp.UnixTimestampMs);
        Assert.InRange(letters["ahead"].Timestamp.UnixTimestampMs, started, ahead - 1);
        Assert.Equal(
            ahead,
            DateTimeOffset.Parse(Encoding.UTF8.GetString(letters["ahead"].Headers.GetLastBytes(DeadLetterHeaders.Timestamp)), CultureInfo.InvariantCulture)
                .ToUnixTimeMilliseconds());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Of_a_load_with_poison_in_it_each_poison_is_kept_once_and_whole_and_the_rest_keeps_its_order(bool inBatches)
    {
        const int Count = 50_000;
        using var topic = await TestTopic.CreateAsync(cluster, partitions: 12);
        using var deadLetters = await TestTopic.CreateAsync(cluster, partitions: 3);
        await topic.ProduceAsync(TestRecord.Many(Count, i => $"key-{i % 2_000}"));
        var sink = new ScriptedSink((message, _) => IsPoison(message.Id) ? SinkAnswer.Fail(int.Parse(message.Id, CultureInfo.InvariantCulture) % 200 == 0 ? ErrorType.Transient : ErrorType.ValidationError) : SinkAnswer.Succeed);
        await using var consumer = await ConsumerHost.StartAsync(cluster, topic, inBatches ? new BatchesOnly(sink) : sink, options =>
        {
            options.DeadLetters.Topic = deadLetters.Name;
            options.Retry.MaxRetryAttempts = 2;
            options.Retry.BudgetReserve = 1_000;
            options.Breaker.FailuresToOpen = 3;
        });

        await sink.WaitForDeliveredAsync(Count - (Count / 100), Eventually.Bound, Cancelled);
        await Eventually.TrueAsync(() => consumer.Logged(ConsumerHost.DeadLettered) == Count / 100, "all of the poison is kept", Cancelled);
        await consumer.StopAsync();

        Assert.Equal(topic.EndOffsets(), topic.Committed(consumer.Group));
        Assert.Equal(Count - (Count / 100), sink.Delivered.Select(m => m.Id).Distinct().Count());
        Assert.Equal(Count - (Count / 100), sink.Delivered.Count);
        DeliveryTests.AssertKeyOrder(sink.Attempts.Where(a => a.Number == 1));
        var letters = deadLetters.ReadAll();
        Assert.Equal(Enumerable.Range(0, Count / 100).Select(i => i * 100), letters.Select(l => int.Parse(Header(l, DeadLetterHeaders.MessageId), CultureInfo.InvariantCulture)).Order());
        foreach (var letter in letters)
        {
            var isTransient = int.Parse(Header(letter, DeadLetterHeaders.MessageId), CultureInfo.InvariantCulture) % 200 == 0;
            string[] notSaid = [DeadLetterHeaders.HttpStatus, DeadLetterHeaders.CorrelationId, DeadLetterHeaders.TraceParent, DeadLetterHeaders.TraceState];
            Assert.Equal(AllNames().Except(notSaid), letter.Message.Headers.Select(h => h.Key).Where(k => k.StartsWith(DeadLetterHeaders.Prefix, StringComparison.Ordinal)).Order());
            Assert.Equal((isTransient ? "Transient" : "ValidationError", isTransient ? "3" : "1"), (Header(letter, DeadLetterHeaders.ErrorType), Header(letter, DeadLetterHeaders.Attempts)));
        }

        static bool IsPoison(string id) => id.EndsWith("00", StringComparison.Ordinal) || id == "0";

        static string Header(ConsumeResult<byte[]?, byte[]?> letter, string name) => Encoding.UTF8.GetString(letter.Message.Headers.GetLastBytes(name));
    }

    private static IEnumerable<TestRecord> AnyShape()
    {
        var large = new byte[1_000_000];
        new Random(7).NextBytes(large);
        yield return new TestRecord { Value = null };
        yield return new TestRecord { Key = "tombstone"u8.ToArray(), Value = null };
        yield return new TestRecord { Key = null, Value = [] };
        yield return new TestRecord { Key = [], Value = [] };
        yield return new TestRecord { Key = "no headers"u8.ToArray() };
        yield return new TestRecord { Headers = new Headers { { "ce_id", [] } } };
        yield return new TestRecord { Headers = new Headers { { "ce_id", [] } } };
        yield return new TestRecord { Headers = new Headers { { "ce_id", null } } };
        yield return new TestRecord { Headers = new Headers { { "ce_id", [0xC3, 0x28, 0xFF, 0x00] } } };
        yield return new TestRecord { Headers = new Headers { { "ce_id", "first"u8.ToArray() }, { "ce_id", "second"u8.ToArray() }, { "ce_id", null } } };
        yield return new TestRecord { Headers = new Headers { { "ce_time", "yesterday"u8.ToArray() }, { "traceparent", [0xFF] }, { "tracestate", null } } };
        yield return new TestRecord { Headers = new Headers { { "", [] }, { "", null }, { new string('h', 10_000), [1] } } };
        yield return new TestRecord { Headers = [.. Enumerable.Range(0, 1_000).Select(i => new Header($"header-{i % 10}", [(byte)i]))] };
        yield return new TestRecord { Key = large[..10_000], Value = "large key"u8.ToArray() };
        yield return new TestRecord { Value = large };
        yield return new TestRecord { TimestampMs = 1 };
        yield return new TestRecord { TimestampMs = -100_000_000_000_000 };
    }

    private static string[] AllNames() =>
        [.. typeof(DeadLetterHeaders).GetFields(BindingFlags.Public | BindingFlags.Static)
            .Where(f => f.Name is not (nameof(DeadLetterHeaders.Prefix) or nameof(DeadLetterHeaders.Redrives)
                or nameof(DeadLetterHeaders.Redriven) or nameof(DeadLetterHeaders.RedrivenAt)))
            .Select(f => (string)f.GetRawConstantValue()!)
            .Order()];

    private static IEnumerable<IHeader> Originals(Headers headers) =>
        headers.Where(h => !h.Key.StartsWith(DeadLetterHeaders.Prefix, StringComparison.Ordinal));

    private static IEnumerable<(string Name, string? Value)> Text(IEnumerable<IHeader> headers) =>
        headers.Select(h => (h.Key, h.GetValueBytes() is { } bytes ? Convert.ToHexString(bytes) : null));

    private static TestTopic Topic(EmbeddedKafka kafka)
    {
        var name = KafkaCluster.UniqueName("test");
        kafka.CreateTopic(name);
        return new TestTopic(kafka.BootstrapServers, name, 1);
    }

    /// <summary>Looks at everything that a message offers before it takes it.</summary>
    private sealed class CuriousSink(RecordingSink recorded) : ICloudSink
    {
        public ValueTask SendAsync(SyncMessage message, CancellationToken cancellationToken)
        {
            foreach (var property in typeof(SyncMessage).GetProperties())
                _ = property.GetValue(message)?.ToString();

            return recorded.SendAsync(message, cancellationToken);
        }

        public sealed class Batches(CuriousSink sink) : IBatchCloudSink
        {
            public async ValueTask<IReadOnlyList<SinkResult>> SendAsync(IReadOnlyList<SyncMessage> messages, CancellationToken cancellationToken)
            {
                foreach (var message in messages)
                    await sink.SendAsync(message, cancellationToken);

                return SinkResult.AllDelivered(messages.Count);
            }
        }
    }
}
