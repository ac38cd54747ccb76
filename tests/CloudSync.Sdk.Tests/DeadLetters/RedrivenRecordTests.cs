using System.Text;
using Confluent.Kafka;
using FsCheck.Xunit;
using Xunit;

namespace CloudSync.Sdk.Tests;

public class RedrivenRecordTests
{
    /// <summary>A message of any shape fails, is redriven, fails again: what the endpoint sees each time, and what each letter keeps, is the original.</summary>
    [Property]
    public void The_original_comes_back_byte_for_byte_any_number_of_times(
        byte key, byte[] keyBytes, byte value, byte[] valueBytes, Tuple<byte, string?, byte[]>[] headers, byte id, byte times, bool brief)
    {
        var originals = headers.Select(h => ($"{h.Item2}-{h.Item1 % 3}", Value: h.Item1 % 4 == 0 ? null : h.Item3)).ToList();
        if (id % 3 > 0)
            originals.Insert(originals.Count / 2, (CloudEvents.Id, id % 3 == 1 ? [] : [id, 255]));
        var (k, v) = (key % 4 == 0 ? null : keyBytes, value % 4 == 0 ? null : valueBytes);
        var (partition, offset) = (3, 42L);
        var record = RawRecord.Create(Memory(k), Memory(v), originals.Select(h => new MessageHeader(h.Item1, Memory(h.Value))), partition, offset, 1_700_000_000_123);
        var firstId = new Delivery(record, new PartitionProgress("data-topic", partition, 1), 0).Id;

        for (var redrives = 0; redrives <= times % 4; redrives++)
        {
            var letter = Fail(record, brief ? LetterDetails.Brief : LetterDetails.Full);
            Assert.Null(letter.Problem);
            Assert.Equal(redrives, letter.Redrives);
            Assert.Equal(firstId, letter.MessageId);
            Assert.Equal(originals.Select(h => (Utf8(h.Item1), Hex(h.Value))), letter.OriginalHeaders.Select(h => (h.Name, Hex(h.Value?.ToArray()))));

            var redriven = RedrivenRecord.Build(letter);
            Assert.Equal(k, redriven.Key);
            Assert.Equal(v, redriven.Value);
            Assert.Equal(1_700_000_000_123, redriven.Timestamp.UnixTimestampMs);
            Assert.Equal(
                originals.Select(h => (Utf8(h.Item1), Hex(h.Value))), redriven.Headers.Take(originals.Count).Select(h => (h.Key, Hex(h.GetValueBytes()))));
            Assert.Equal(
                [(RedriveHeaders.Group, "aws-sync-group"), (RedriveHeaders.Count, $"{redrives + 1}"), .. id % 3 == 2 ? [] : new[] { (CloudEvents.Id, firstId) }],
                redriven.Headers.Skip(originals.Count).Select(h => (h.Key, Encoding.UTF8.GetString(h.GetValueBytes()))));

            record = RawRecord.Create(
                Memory(redriven.Key), Memory(redriven.Value), redriven.Headers.Select(h => new MessageHeader(h.Key, Memory(h.GetValueBytes()))), partition, ++offset, 1_700_000_000_123);
            Assert.Equal(firstId, new Delivery(record, new PartitionProgress("data-topic", partition, 1), 0).Id);
        }
    }

    [Theory]
    [InlineData("3", 4, 3)]
    [InlineData("3", 3, -1)]
    [InlineData(null, 4, -1)]
    public void It_goes_back_to_its_partition_and_by_its_key_where_that_is_gone(string? partition, int partitions, int expected)
    {
        var letter = Letter(("t", DeadLetterHeaders.Topic), ("g", DeadLetterHeaders.ConsumerGroup), (partition, DeadLetterHeaders.Partition), ("id", CloudEvents.Id));

        Assert.Equal(new TopicPartition("t", expected), RedrivenRecord.Destination(letter, partitions));
    }

    [Fact]
    public void A_letter_with_few_details_is_enough_when_they_say_where_it_came_from()
    {
        var letter = Letter(("t", DeadLetterHeaders.Topic), ("g", DeadLetterHeaders.ConsumerGroup), ("3", DeadLetterHeaders.Partition), ("42", DeadLetterHeaders.Offset));

        Assert.Null(letter.Problem);
        Assert.Equal("t-3-42", letter.MessageId);
        Assert.Equal("t-3-42", Encoding.UTF8.GetString(RedrivenRecord.Build(letter).Headers.GetLastBytes(CloudEvents.Id)));
    }

    [Theory]
    [InlineData(null, "g", "3", "none of a dead letter's headers", false)]
    [InlineData(null, "g", "3", "which topic it came from")]
    [InlineData("no topic", "g", "3", "no name of a topic")]
    [InlineData("data-topic-dlq", "g", "3", "the dead-letter topic itself")]
    [InlineData("t", null, "3", "which consumer group failed")]
    [InlineData("t", "g", "x", "is no number")]
    [InlineData("t", "g", "-3", "is no number")]
    [InlineData("t", "g", null, "no message id")]
    public void What_keeps_a_letter_from_being_redriven_is_said(string? topic, string? group, string? partition, string problem, bool hasDetails = true)
    {
        var letter = hasDetails
            ? Letter((topic, DeadLetterHeaders.Topic), (group, DeadLetterHeaders.ConsumerGroup), (partition, DeadLetterHeaders.Partition))
            : Letter(("x", "foreign"));

        Assert.Contains(problem, letter.Problem, StringComparison.Ordinal);
    }

    /// <summary>A group whose name was mended would be nobody's, and nobody would deliver the record.</summary>
    [Fact]
    public void A_group_that_is_no_text_is_no_group()
    {
        var record = Result(new Headers { { DeadLetterHeaders.Topic, "t"u8.ToArray() }, { DeadLetterHeaders.ConsumerGroup, [0xC3, 0x28] } });

        Assert.NotNull(DeadLetterRecord.Read(record).Problem);
    }

    [Property]
    public void Whatever_a_record_says_it_is_read(byte[]?[] values, byte[]? key)
    {
        var names = typeof(DeadLetterHeaders).GetFields().Select(f => (string)f.GetRawConstantValue()!).ToArray();
        var headers = new Headers();
        for (var i = 0; i < values.Length; i++)
            headers.Add(names[i % names.Length], values[i]);

        var letter = DeadLetterRecord.Read(Result(headers, key));

        Assert.Equal(key, letter.Key?.ToArray());
        Assert.True(new DeadLetterFilter().Matches(letter));
        if (letter.Problem is null)
            Assert.NotNull(RedrivenRecord.Build(letter));
    }

    internal static DeadLetterRecord Letter(params (string? Value, string Name)[] headers)
    {
        var all = new Headers();
        foreach (var (value, name) in headers)
        {
            if (value is not null)
                all.Add(name, Encoding.UTF8.GetBytes(value));
        }

        return DeadLetterRecord.Read(Result(all));
    }

    internal static ConsumeResult<byte[]?, byte[]?> Result(Headers headers, byte[]? key = null) => new()
    {
        Topic = "data-topic-dlq",
        Partition = 1,
        Offset = 17,
        Message = new Message<byte[]?, byte[]?> { Key = key, Value = [1], Headers = headers, Timestamp = new Timestamp(1_700_000_000_000, TimestampType.CreateTime) },
    };

    private static DeadLetterRecord Fail(RawRecord record, LetterDetails details = LetterDetails.Full)
    {
        var delivery = new Delivery(record, new PartitionProgress("data-topic", record.Partition, 1), 0)
        {
            Failures = new FailureHistory
            {
                Attempts = 3,
                FirstFailure = DateTimeOffset.UnixEpoch,
                LastFailure = DateTimeOffset.UnixEpoch,
                ErrorType = ErrorType.Permanent,
                Exception = new InvalidOperationException("x"),
            },
        };
        var message = DeadLetter.Build(delivery, "aws", "aws-sync-group", new LetterForm(details, false));
        return DeadLetterRecord.Read(new ConsumeResult<byte[]?, byte[]?> { Topic = "data-topic-dlq", Partition = 0, Offset = record.Offset, Message = message });
    }

    private static ReadOnlyMemory<byte>? Memory(byte[]? bytes) => bytes is null ? default(ReadOnlyMemory<byte>?) : bytes;

    private static string Utf8(string text) => Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text));

    private static string? Hex(byte[]? bytes) => bytes is null ? null : Convert.ToHexString(bytes);
}
