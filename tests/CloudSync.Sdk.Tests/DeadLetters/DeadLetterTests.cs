using System.Net;
using System.Text;
using Confluent.Kafka;
using FsCheck.Xunit;
using Xunit;

namespace CloudSync.Sdk.Tests;

public class DeadLetterTests
{
    private static readonly DateTimeOffset First = new(2026, 11, 23, 10, 0, 0, 123, TimeSpan.Zero);

    private const string Trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    private static readonly string[] Ours =
    [
        DeadLetterHeaders.ErrorType, DeadLetterHeaders.ExceptionType, DeadLetterHeaders.ExceptionMessage, DeadLetterHeaders.Attempts,
        DeadLetterHeaders.FirstFailure, DeadLetterHeaders.LastFailure, DeadLetterHeaders.Topic, DeadLetterHeaders.Partition,
        DeadLetterHeaders.Offset, DeadLetterHeaders.Timestamp, DeadLetterHeaders.ConsumerGroup, DeadLetterHeaders.Consumer,
        DeadLetterHeaders.MessageId, DeadLetterHeaders.Host, DeadLetterHeaders.SdkVersion,
    ];

    [Property]
    public void The_original_is_kept_byte_for_byte(byte key, byte[] keyBytes, byte value, byte[] valueBytes, Tuple<byte, string?, byte[]>[] headers)
    {
        var expected = headers.Select(h => ($"{h.Item2}-{h.Item1 % 3}", Value: h.Item1 % 4 == 0 ? null : h.Item3)).ToArray();
        var (k, v) = (key % 4 == 0 ? null : keyBytes, value % 4 == 0 ? null : valueBytes);
        var letter = DeadLetter.Build(Failed(k, v, null, expected), "aws", "aws-sync-group");

        Assert.Equal(k, letter.Key);
        Assert.Equal(v, letter.Value);
        var kept = letter.Headers.Take(expected.Length).ToArray();
        Assert.Equal(expected.Select(h => Utf8(h.Item1)), kept.Select(h => h.Key));
        Assert.Equal(expected.Select(h => h.Value), kept.Select(h => h.GetValueBytes()));
        Assert.All(letter.Headers.Skip(expected.Length), h => Assert.StartsWith(DeadLetterHeaders.Prefix, h.Key, StringComparison.Ordinal));
    }

    [Fact]
    public void A_structured_event_is_kept_byte_for_byte_and_named_by_its_own_id()
    {
        var value = Bytes("""{ "specversion":"1.0", "id":"its own", "source":"s", "type":"t", "correlationid":"c", "data":{"a":1} }""");
        var letter = DeadLetter.Build(Failed([1], value, null, ("content-type", Bytes("application/cloudevents+json"))), "aws", "aws-sync-group");

        Assert.Equal(value, letter.Value);
        Assert.Equal("content-type", letter.Headers[0].Key);
        Assert.Equal(("its own", "c"), (Text(letter, DeadLetterHeaders.MessageId), Text(letter, DeadLetterHeaders.CorrelationId)));
        Assert.DoesNotContain(letter.Headers, h => h.Key.StartsWith("ce_", StringComparison.Ordinal));
    }

    [Fact]
    public void No_key_and_no_value_stay_none_and_empty_ones_stay_empty()
    {
        var none = DeadLetter.Build(Failed(null, null), "aws", "g");
        Assert.Null(none.Key);
        Assert.Null(none.Value);

        var empty = DeadLetter.Build(Failed([], []), "aws", "g");
        Assert.Empty(empty.Key!);
        Assert.Empty(empty.Value!);
    }

    [Fact]
    public void It_says_why_where_when_and_how_often()
    {
        var letter = DeadLetter.Build(
            Failed([1], [2], new SinkException(ErrorType.ValidationError, "The endpoint refuses it.") { StatusCode = 422 }), "aws", "aws-sync-group");

        Assert.Equal("ValidationError", Text(letter, DeadLetterHeaders.ErrorType));
        Assert.Equal("CloudSync.Sdk.SinkException", Text(letter, DeadLetterHeaders.ExceptionType));
        Assert.Equal("The endpoint refuses it.", Text(letter, DeadLetterHeaders.ExceptionMessage));
        Assert.Equal("422", Text(letter, DeadLetterHeaders.HttpStatus));
        Assert.Equal("3", Text(letter, DeadLetterHeaders.Attempts));
        Assert.Equal("2026-11-23T10:00:00.123Z", Text(letter, DeadLetterHeaders.FirstFailure));
        Assert.Equal("2026-11-23T10:00:07.123Z", Text(letter, DeadLetterHeaders.LastFailure));
        Assert.Equal("data-topic", Text(letter, DeadLetterHeaders.Topic));
        Assert.Equal("3", Text(letter, DeadLetterHeaders.Partition));
        Assert.Equal("42", Text(letter, DeadLetterHeaders.Offset));
        Assert.Equal("2023-11-14T22:13:20.000Z", Text(letter, DeadLetterHeaders.Timestamp));
        Assert.Equal("aws-sync-group", Text(letter, DeadLetterHeaders.ConsumerGroup));
        Assert.Equal("aws", Text(letter, DeadLetterHeaders.Consumer));
        Assert.Equal("data-topic-3-42", Text(letter, DeadLetterHeaders.MessageId));
        Assert.Equal(Environment.MachineName, Text(letter, DeadLetterHeaders.Host));
        Assert.NotEmpty(Text(letter, DeadLetterHeaders.SdkVersion)!);
        Assert.Equal(1_700_000_000_000, letter.Timestamp.UnixTimestampMs);
        Assert.Equal(TimestampType.CreateTime, letter.Timestamp.Type);
    }

    [Fact]
    public void The_status_of_HttpClients_own_exception_counts_as_well_and_without_an_answer_there_is_none()
    {
        Assert.Equal("503", Text(
            DeadLetter.Build(Failed([1], [2], new HttpRequestException("x", null, HttpStatusCode.ServiceUnavailable)), "aws", "g"), DeadLetterHeaders.HttpStatus));
        Assert.Null(Text(DeadLetter.Build(Failed([1], [2], new HttpRequestException("x")), "aws", "g"), DeadLetterHeaders.HttpStatus));
        Assert.Null(Text(DeadLetter.Build(Failed([1], [2], new TimeoutException()), "aws", "g"), DeadLetterHeaders.HttpStatus));
    }

    [Fact]
    public void The_id_of_the_producer_is_the_one_that_is_named()
    {
        var letter = DeadLetter.Build(Failed([1], [2], headers: [(CloudEvents.Id, "order-1"u8.ToArray())]), "aws", "g");

        Assert.Equal("order-1", Text(letter, DeadLetterHeaders.MessageId));
        Assert.Equal("order-1", Text(letter, CloudEvents.Id));
    }

    [Fact]
    public void It_says_what_the_message_belongs_to_and_under_which_trace_it_was_given_up()
    {
        (string, byte[]?)[] headers = [(CloudEvents.CorrelationId, "basket-7"u8.ToArray()), (CloudEvents.TraceParent, Bytes(Trace)), (CloudEvents.TraceState, "v=1"u8.ToArray())];

        var own = DeadLetter.Build(Failed([1], [2], null, headers), "aws", "g");
        Assert.Equal("basket-7", Text(own, DeadLetterHeaders.CorrelationId));
        Assert.Equal(Trace, Text(own, DeadLetterHeaders.TraceParent));
        Assert.Equal("v=1", Text(own, DeadLetterHeaders.TraceState));

        // The call of one message continues its trace; the call of a batch has one of its own, which its vendors' state says nothing of.
        var failed = Failed([1], [2], null, headers);
        failed.Failures!.TraceParent = "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01";
        var single = DeadLetter.Build(failed, "aws", "g");
        Assert.Equal(failed.Failures.TraceParent, Text(single, DeadLetterHeaders.TraceParent));
        Assert.Equal("v=1", Text(single, DeadLetterHeaders.TraceState));

        failed.Failures.TraceParent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        var batch = DeadLetter.Build(failed, "aws", "g");
        Assert.Equal(failed.Failures.TraceParent, Text(batch, DeadLetterHeaders.TraceParent));
        Assert.Null(Text(batch, DeadLetterHeaders.TraceState));
        Assert.Equal("v=1", Text(batch, CloudEvents.TraceState));
    }

    [Theory]
    [InlineData("")]
    [InlineData("not a trace")]
    [InlineData("00-00000000000000000000000000000000-b7ad6b7169203331-01")]
    public void What_is_no_trace_context_is_not_said_to_be_one(string parent)
    {
        var letter = DeadLetter.Build(Failed([1], [2], null, (CloudEvents.TraceParent, Bytes(parent)), (CloudEvents.TraceState, "v=1"u8.ToArray())), "aws", "g");

        Assert.Null(Text(letter, DeadLetterHeaders.TraceParent));
        Assert.Null(Text(letter, DeadLetterHeaders.TraceState));
        Assert.Null(Text(letter, DeadLetterHeaders.CorrelationId));
    }

    [Fact]
    public void A_brief_letter_says_what_a_redrive_needs_and_a_bare_one_is_its_original()
    {
        var failed = Failed([1], [2], new InvalidOperationException(new string('x', 5_000)), ("mine", [7]), (DeadLetterHeaders.Offset, [1]));

        var brief = DeadLetter.Build(failed, "aws", "aws-sync-group", new LetterForm(LetterDetails.Brief, false));
        Assert.Equal(
            [
                "mine", DeadLetterHeaders.ErrorType, DeadLetterHeaders.Attempts, DeadLetterHeaders.LastFailure, DeadLetterHeaders.Topic, DeadLetterHeaders.Partition,
                DeadLetterHeaders.Offset, DeadLetterHeaders.Timestamp, DeadLetterHeaders.ConsumerGroup, DeadLetterHeaders.Consumer,
            ],
            brief.Headers.Select(h => h.Key));
        Assert.InRange(brief.Headers.Sum(h => h.Key.Length + h.GetValueBytes().Length), 0, 400);
        Assert.Equal(1_700_000_000_000, brief.Timestamp.UnixTimestampMs);

        var bare = DeadLetter.Build(failed, "aws", "aws-sync-group", new LetterForm(LetterDetails.None, true));
        Assert.Equal("mine", Assert.Single(bare.Headers).Key);
        Assert.Equal([1], bare.Key);
        Assert.Equal([2], bare.Value);
        Assert.Equal(Timestamp.Default, bare.Timestamp);
    }

    [Fact]
    public void What_others_chose_is_shown_cut_and_without_control_characters()
    {
        Assert.Null(DeadLetter.Shown(null));
        Assert.Equal("a\uFFFD\uFFFDb", DeadLetter.Shown("a\r\nb"));
        Assert.Equal(DeadLetter.MaxText, DeadLetter.Shown(new string('x', 1_000_000))!.Length);
    }

    [Fact]
    public void What_an_earlier_dead_letter_said_is_replaced_and_never_repeated()
    {
        var first = DeadLetter.Build(Failed([1], [2], headers: [("mine", [7]), (CloudEvents.Id, "order-1"u8.ToArray())]), "aws", "g");
        var redriven = first.Headers.Select(h => (h.Key, (byte[]?)h.GetValueBytes())).ToArray();

        var second = DeadLetter.Build(Failed([1], [2], new TimeoutException("again"), redriven), "azure", "h");

        Assert.Equal(first.Headers.Select(h => h.Key).Order(), second.Headers.Select(h => h.Key).Order());
        Assert.Equal("again", Text(second, DeadLetterHeaders.ExceptionMessage));
        Assert.Equal("azure", Text(second, DeadLetterHeaders.Consumer));
        Assert.All(Ours, name => Assert.Single(second.Headers, h => h.Key == name));
    }

    [Theory]
    [InlineData(1_023, false)]
    [InlineData(1_024, false)]
    [InlineData(1_025, true)]
    [InlineData(5_000_000, true)]
    public void A_long_message_of_an_exception_is_cut(int length, bool cut)
    {
        var text = Text(DeadLetter.Build(Failed([1], [2], new InvalidOperationException(new string('x', length))), "aws", "g"), DeadLetterHeaders.ExceptionMessage)!;

        Assert.Equal(Math.Min(length, DeadLetter.MaxText), text.Length);
        Assert.Equal(cut, text.EndsWith('…'));
    }

    [Fact]
    public void Our_headers_are_small_whatever_went_wrong()
    {
        var text = new byte[600_000];
        var letter = DeadLetter.Build(
            Failed(
                [1],
                [2],
                new InvalidOperationException(new string('€', 1_000_000)),
                (CloudEvents.CorrelationId, text),
                (CloudEvents.TraceParent, Bytes(Trace)),
                (CloudEvents.TraceState, text)),
            "aws",
            "g");

        Assert.InRange(
            letter.Headers.Where(h => h.Key.StartsWith(DeadLetterHeaders.Prefix, StringComparison.Ordinal)).Sum(h => h.Key.Length + h.GetValueBytes().Length),
            0,
            8 * 1024);
        Assert.Null(Text(letter, DeadLetterHeaders.TraceState));
    }

    /// <summary>
    /// An id of 600 KB fits into a topic once and not twice: its dead letter could never be written, and the consumer would wait for that for ever.
    /// </summary>
    [Fact]
    public void Our_headers_are_small_whatever_the_id()
    {
        var letter = DeadLetter.Build(Failed([1], [2], headers: [(CloudEvents.Id, new byte[600_000])]), "aws", "g");

        Assert.Equal(600_000, letter.Headers.GetLastBytes(CloudEvents.Id).Length);
        Assert.InRange(letter.Headers.Where(h => Ours.Contains(h.Key)).Sum(h => h.Key.Length + h.GetValueBytes().Length), 0, 8 * 1024);
    }

    /// <summary>A dead letter that can't be built can't be written, and its consumer would wait for it for ever.</summary>
    [Fact]
    public void A_timestamp_beyond_the_calendar_does_not_keep_a_message_from_being_kept()
    {
        var delivery = Failed([1], [2]);
        var raw = Records.Raw(0) with { TimestampMs = 1_700_000_000_000_000_000 };
        var letter = DeadLetter.Build(new Delivery(raw, delivery.Progress, 0) { Failures = delivery.Failures }, "aws", "g");

        Assert.Equal(1_700_000_000_000_000_000, letter.Timestamp.UnixTimestampMs);
    }

    [Fact]
    public void A_message_that_has_not_failed_is_none() =>
        Assert.Throws<ArgumentException>(() => DeadLetter.Build(Records.Delivery(new PartitionProgress("data-topic", 0, 1), 0), "aws", "g"));

    private static Delivery Failed(byte[]? key, byte[]? value, Exception? exception = null, params (string Name, byte[]? Value)[] headers)
    {
        var raw = RawRecord.Create(
            Memory(key),
            Memory(value),
            headers.Select(h => new MessageHeader(h.Name, Memory(h.Value))),
            partition: 3,
            offset: 42,
            timestampMs: 1_700_000_000_000);
        return new Delivery(raw, new PartitionProgress("data-topic", 3, 1), 0)
        {
            Failures = new FailureHistory
            {
                Attempts = 3,
                Retries = 9,
                FirstFailure = First,
                LastFailure = First.AddSeconds(7),
                ErrorType = ErrorType.ValidationError,
                Exception = exception ?? new InvalidOperationException("x"),
            },
        };
    }

    private static ReadOnlyMemory<byte>? Memory(byte[]? bytes) => bytes is null ? default(ReadOnlyMemory<byte>?) : bytes;

    private static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);

    private static string Utf8(string text) => Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text));

    private static string? Text(Message<byte[]?, byte[]?> letter, string name) =>
        letter.Headers.TryGetLastBytes(name, out var bytes) ? Encoding.UTF8.GetString(bytes) : null;
}
