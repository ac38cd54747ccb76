using System.Globalization;
using System.Text;
using CloudSync.IntegrationTests.Consuming;
using CloudSync.Sdk;
using CloudSync.Sdk.Testing;
using CloudSync.Tests;
using Confluent.Kafka;
using Xunit;

namespace CloudSync.IntegrationTests.DeadLetters;

/// <summary>A dead letter is never larger than its topic takes by our own doing, and says what there is room for.</summary>
public sealed class DeadLetterSizeTests(KafkaCluster cluster)
{
    private const int Limit = 20_000;

    /// <summary>What a batch of one record with a key of four bytes, a value of 16 KB or more and the header <c>ce_id</c> of four bytes takes beside that value.</summary>
    private const int Overhead = 61 + 3 + 1 + 1 + 1 + (1 + 4) + 3 + (1 + 1 + 5 + 1 + 4);

    private static readonly Dictionary<string, string> Small = new() { ["max.message.bytes"] = Limit.ToString(CultureInfo.InvariantCulture) };

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(0, "Full")]
    [InlineData(1, "Brief")]
    [InlineData(2, "None")]
    [InlineData(3, "Full")]
    public async Task A_letter_that_is_refused_as_too_large_is_written_with_less_of_ours_and_waits_only_when_the_original_is_refused(int refusals, string expected)
    {
        await using var kafka = EmbeddedKafka.Start();
        kafka.CreateTopic("source");
        kafka.CreateTopic("source-dlq");
        using var topic = new TestTopic(kafka.BootstrapServers, "source", 1);
        using var deadLetters = new TestTopic(kafka.BootstrapServers, "source-dlq", 1);
        var poison = TestRecord.Of("poison", "a") with { TimestampMs = 1_700_000_000_123 };
        poison.Headers.Add("ce_correlationid", "basket-7\r\nforged"u8.ToArray());
        await topic.ProduceAsync(poison);
        kafka.FailRequests(EmbeddedKafkaRequest.Produce, [.. Enumerable.Repeat(ErrorCode.MsgSizeTooLarge, refusals)]);
        var sink = new ScriptedSink((_, _) => SinkAnswer.Fail(new SinkException(ErrorType.ValidationError, "No.") { StatusCode = 422 }));
        await using var consumer = await ConsumerHost.StartAsync(cluster, topic, sink);

        await consumer.UntilLoggedAsync(ConsumerHost.DeadLettered);
        await consumer.StopAsync();

        Assert.Equal([1], topic.Committed(consumer.Group));
        var letter = Assert.Single(deadLetters.ReadAll()).Message;
        Assert.Equal(poison.Value, letter.Value);
        Assert.Equal(1_700_000_000_123, letter.Timestamp.UnixTimestampMs);
        Assert.Equal(expected, DetailsOf(letter));
        Assert.Equal(refusals == 3 ? 1 : 0, consumer.Logged(ConsumerHost.DeadLetterFailed));
        var said = consumer.LoggedText(ConsumerHost.DeadLetterBare);
        if (expected != "None")
        {
            Assert.Empty(said);
            return;
        }

        var line = Assert.Single(said);
        string[] details = ["poison", "source [0] @0", "source-dlq [[0]] @0", "ValidationError", "422", "1 attempts", "2023-11-14T22:13:20.123", consumer.Group, "basket-7\uFFFD\uFFFDforged"];
        Assert.All(details, detail => Assert.Contains(detail, line));
    }

    [Fact]
    public async Task A_record_of_any_size_that_its_topic_took_is_kept_in_a_topic_of_the_same_limit_and_nothing_waits()
    {
        SkipWithoutLimits();
        using var topic = await TestTopic.CreateAsync(cluster, settings: Small);
        using var deadLetters = await TestTopic.CreateAsync(cluster, settings: Small);

        // The largest that the topic takes is the one that the arithmetic says.
        var refusal = await Assert.ThrowsAsync<ProduceException<byte[]?, byte[]?>>(() => topic.ProduceAsync(OfSize(Limit + 1)));
        Assert.Equal(ErrorCode.MsgSizeTooLarge, refusal.Error.Code);

        int[] below = [.. Enumerable.Range(0, 40), .. Enumerable.Range(1, 48).Select(i => i * 13), .. Enumerable.Range(8, 52).Select(i => i * 83), 5_000];
        var records = below.Select((b, i) => OfSize(Limit - b, i)).ToList();
        foreach (var record in records)
            await topic.ProduceAsync(record);

        var longText = new string('x', 10_000);
        var letters = await KeptAsync(topic, deadLetters, records.Count, new SinkException(ErrorType.ValidationError, longText));

        // The original is all that must fit: from the largest to those with room for everything.
        Assert.Equal(["None", "Brief", "Full"], letters.OrderByDescending(l => l.Value!.Length).Select(DetailsOf).Distinct());
        Assert.Equal("None", DetailsOf(letters.MaxBy(l => l.Value!.Length)!));
        Assert.Equal(records.Select(r => Convert.ToHexString(r.Value!)), letters.Select(l => Convert.ToHexString(l.Value!)));
        Assert.All(letters, letter => Assert.Equal(letter.Key, letter.Headers.GetLastBytes(CloudEvents.Id)));
    }

    [Fact]
    public async Task Letters_that_fit_one_by_one_do_not_become_too_large_in_one_batch()
    {
        SkipWithoutLimits();
        using var topic = await TestTopic.CreateAsync(cluster, settings: Small);
        using var deadLetters = await TestTopic.CreateAsync(cluster, settings: Small);
        var sizes = new Random(5);
        var records = Enumerable.Range(0, 400).Select(i => OfSize(sizes.Next(200, 12_000), i)).ToList();
        foreach (var record in records)
            await topic.ProduceAsync(record);

        var letters = await KeptAsync(topic, deadLetters, records.Count, new SinkException(ErrorType.ValidationError, "No."));

        Assert.All(letters, letter => Assert.Equal("Full", DetailsOf(letter)));
        Assert.Equal(records.Select(r => Convert.ToHexString(r.Value!)), letters.Select(l => Convert.ToHexString(l.Value!)));
    }

    [Theory]
    [InlineData(CompressionType.Zstd)]
    [InlineData(CompressionType.Gzip)]
    public async Task A_record_that_fits_because_its_producer_compressed_it_well_fits_as_a_letter(CompressionType compression)
    {
        SkipWithoutLimits();
        using var topic = await TestTopic.CreateAsync(cluster, settings: Small);
        using var deadLetters = await TestTopic.CreateAsync(cluster, settings: Small);

        // 16 letters at random: half a byte each, which takes an entropy coder. LZ4 has none.
        var value = Encoding.ASCII.GetBytes(new Random(7).GetItems<char>("abcdefghijklmnop", 34_000));
        using (var producer = new ProducerBuilder<byte[], byte[]>(
            new ProducerConfig { BootstrapServers = cluster.BootstrapServers, CompressionType = compression }).Build())
        {
            await producer.ProduceAsync(topic.Name, new Message<byte[], byte[]> { Key = "k"u8.ToArray(), Value = value }, Cancelled);
        }

        var letters = await KeptAsync(topic, deadLetters, 1, new SinkException(ErrorType.ValidationError, "No."));

        Assert.Equal(value, letters[0].Value);
    }

    /// <summary>Whether a topic has limits of its own.</summary>
    private void SkipWithoutLimits() => Assert.SkipWhen(cluster.Kind == KafkaKind.Embedded, "The embedded cluster's topics have no max.message.bytes.");

    /// <summary>The letters of a consumer whose endpoint refuses everything, in the order of their keys. None of them had to wait.</summary>
    private async Task<List<Message<byte[]?, byte[]?>>> KeptAsync(TestTopic topic, TestTopic deadLetters, int count, Exception refusal)
    {
        var sink = new ScriptedSink((_, _) => SinkAnswer.Fail(refusal));
        await using var consumer = await ConsumerHost.StartAsync(cluster, topic, sink, options => options.DeadLetters.Topic = deadLetters.Name);
        await Eventually.TrueAsync(() => consumer.Logged(ConsumerHost.DeadLettered) == count, "all are kept", Cancelled);
        await consumer.StopAsync();

        Assert.Equal(0, consumer.Logged(ConsumerHost.DeadLetterFailed));
        Assert.Equal(topic.EndOffsets(), topic.Committed(consumer.Group));
        var letters = deadLetters.ReadAll().ConvertAll(l => l.Message);
        Assert.Equal(count, letters.Count);
        Assert.Equal(letters.Count(l => DetailsOf(l) == "None"), consumer.Logged(ConsumerHost.DeadLetterBare));
        return [.. letters.OrderBy(l => Convert.ToHexString(l.Key!))];
    }

    /// <summary>A record that makes a batch of exactly so many bytes, and that nothing can compress.</summary>
    private static TestRecord OfSize(int bytes, int number = 0)
    {
        var value = new byte[bytes - Overhead];
        new Random(number).NextBytes(value);
        var name = Encoding.UTF8.GetBytes(number.ToString("0000", CultureInfo.InvariantCulture));
        return new TestRecord { Key = name, Value = value, Headers = new Headers { { CloudEvents.Id, name } } };
    }

    private static string DetailsOf(Message<byte[]?, byte[]?> letter) => letter.Headers.Count(h => h.Key.StartsWith(DeadLetterHeaders.Prefix, StringComparison.Ordinal)) switch
    {
        0 => "None",
        9 => "Brief",
        _ => "Full",
    };
}
