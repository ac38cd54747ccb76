using System.Globalization;
using System.Text;
using Confluent.Kafka;
using FsCheck;
using FsCheck.Xunit;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace CloudSync.Sdk.Tests;

public class RedriveSenderTests
{
    private static readonly DeadLetterRedriveOptions Options = new() { BootstrapServers = "kafka:9092" };

    /// <summary>Letters of a few keys, brokers that acknowledge late, in any order, and refuse now and then.</summary>
    [Property(MaxTest = 300)]
    public async Task Keys_keep_their_order_nothing_follows_what_failed_and_all_that_was_acknowledged_is_marked(PositiveInt[] letters, int seed)
    {
        var random = new Random(seed);
        var time = new FakeTimeProvider();
        var brokers = new Brokers(random, refuses: random.Next(3) == 0);
        var sender = new RedriveSender(Options, time, brokers.ProduceAsync);
        var failed = false;
        for (var i = 0; i < letters.Length && !failed; i++)
        {
            try
            {
                await sender.SendAsync(Letter(i, key: letters[i].Get % 4), partitions: 1);
                await sender.SettleAsync();
                time.Advance(TimeSpan.FromMilliseconds(random.Next(400)));
            }
            catch (DeadLetterRedriveException)
            {
                failed = true;
            }
        }

        try
        {
            await sender.FinishAsync();
        }
        catch (DeadLetterRedriveException)
        {
            failed = true;
        }

        Assert.Equal(brokers.Refused.Count > 0, failed);
        Assert.Equal(brokers.Acknowledged.Order(), brokers.Marked.Order());
        Assert.Equal(brokers.Acknowledged.Count, sender.Acknowledged);
        Assert.Equal(0, sender.Unmarked);
        Assert.False(brokers.HadTwoOfOneKey);
        if (!failed)
            Assert.Equal(letters.Length, brokers.Acknowledged.Count);

        foreach (var key in brokers.Sent.Where(s => s.Key > 0).GroupBy(s => s.Key))
        {
            Assert.Equal(key.Select(s => s.Offset).Order(), key.Select(s => s.Offset));
            Assert.DoesNotContain(key.SkipLast(1), s => brokers.Refused.Contains(s.Offset));
        }
    }

    [Fact]
    public async Task Marks_name_the_group_and_are_written_for_the_first_letter_and_then_once_a_second()
    {
        var time = new FakeTimeProvider();
        var markers = new List<string>();
        var sender = new RedriveSender(Options, time, (place, message) =>
        {
            if (RedriveMarker.Is(message))
                markers.Add($"{place.Topic} [{place.Partition.Value}] {Text(message, DeadLetterHeaders.ConsumerGroup)} {Text(message, DeadLetterHeaders.Redriven)}");

            return Task.CompletedTask;
        });

        for (var i = 0; i < 5; i++)
        {
            await sender.SendAsync(Letter(i, key: 0, group: i == 3 ? "azure" : "aws"), partitions: 1);
            await sender.SettleAsync();
            time.Advance(TimeSpan.FromMilliseconds(300));
        }

        Assert.Equal(["data-topic-dlq [0] aws 0", "data-topic-dlq [0] aws 1-2,4", "data-topic-dlq [0] azure 3"], markers);
    }

    [Fact]
    public async Task Marks_that_cannot_be_written_are_the_worse_news()
    {
        var sender = new RedriveSender(Options, new FakeTimeProvider(), (_, message) => RedriveMarker.Is(message)
            ? Task.FromException(new KafkaException(new Error(ErrorCode.TopicAuthorizationFailed, "not allowed")))
            : Task.CompletedTask);
        await sender.SendAsync(Letter(0, key: 1), partitions: 1);

        var failure = await Assert.ThrowsAsync<DeadLetterRedriveException>(sender.SettleAsync);

        Assert.Contains("1 letter sent back could not be marked", failure.Message, StringComparison.Ordinal);
        Assert.Contains("not allowed", failure.Message, StringComparison.Ordinal);
        Assert.Equal(1, sender.Unmarked);
    }

    [Fact]
    public async Task A_letter_that_takes_long_keeps_no_other_from_being_marked()
    {
        var time = new FakeTimeProvider();
        var (slow, markers) = (new TaskCompletionSource(), new List<string>());
        var sender = new RedriveSender(Options, time, (_, message) =>
        {
            if (!RedriveMarker.Is(message))
                return Text(message, CloudEvents.Id) == "0" ? slow.Task : Task.CompletedTask;

            markers.Add(Text(message, DeadLetterHeaders.Redriven));
            return Task.CompletedTask;
        });

        await sender.SendAsync(Letter(0, key: 1), partitions: 1);
        await sender.SendAsync(Letter(1, key: 2), partitions: 1);
        await sender.SettleAsync();
        Assert.Equal(["1"], markers);

        // Neither does a wait for it: the third letter has its key.
        await sender.SendAsync(Letter(2, key: 3), partitions: 1);
        await sender.SettleAsync();
        var sending = sender.SendAsync(Letter(3, key: 1), partitions: 1);
        time.Advance(TimeSpan.FromSeconds(1));
        await Eventually.True(() => markers.Count == 2);
        Assert.False(sending.IsCompleted);

        slow.SetResult();
        await sending;
        await sender.FinishAsync();
        Assert.Equal(["1", "2", "0,3"], markers);
    }

    [Fact]
    public async Task A_letter_whose_topic_refuses_its_timestamp_is_sent_once_more_with_a_new_one()
    {
        var stamps = new List<Timestamp>();
        var sender = new RedriveSender(Options, new FakeTimeProvider(), (_, message) =>
        {
            if (RedriveMarker.Is(message))
                return Task.CompletedTask;

            stamps.Add(message.Timestamp);
            return message.Timestamp == Timestamp.Default ? Task.CompletedTask : Task.FromException(new KafkaException(new Error(ErrorCode.InvalidTimestamp)));
        });

        await sender.SendAsync(Letter(0, key: 1), partitions: 1);
        await sender.FinishAsync();

        Assert.Equal(1, sender.Acknowledged);
        Assert.Equal([new Timestamp(0, TimestampType.CreateTime), Timestamp.Default], stamps);
    }

    [Fact]
    public async Task A_letter_that_is_too_large_with_our_headers_says_which_limit_to_raise_and_how_to_leave_it_out()
    {
        var sender = new RedriveSender(Options, new FakeTimeProvider(), (_, _) => Task.FromException(new KafkaException(new Error(ErrorCode.MsgSizeTooLarge))));
        await sender.SendAsync(Letter(7, key: 1), partitions: 1);

        var failure = await Assert.ThrowsAsync<DeadLetterRedriveException>(sender.FinishAsync);

        Assert.Contains("max.message.bytes of data-topic", failure.Message, StringComparison.Ordinal);
        Assert.Contains("--except 0:7", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Letters_go_back_as_they_were_kept_each_alone_in_its_batch_and_what_the_user_sets_counts()
    {
        var options = new DeadLetterRedriveOptions { BootstrapServers = "kafka:9092" };
        var config = RedriveProducer.Config(options);
        Assert.Equal((1, CompressionType.Zstd, 100_000_000), (config.BatchNumMessages, config.CompressionType, config.MessageMaxBytes));

        options.Kafka["batch.num.messages"] = "100";
        options.Kafka["compression.type"] = "gzip";
        config = RedriveProducer.Config(options);
        Assert.Equal((100, CompressionType.Gzip), (config.BatchNumMessages, config.CompressionType));
    }

    private static DeadLetterRecord Letter(long offset, int key, string group = "aws") => DeadLetterRecord.Read(new ConsumeResult<byte[]?, byte[]?>
    {
        Topic = Options.Topic,
        Partition = 0,
        Offset = offset,
        Message = new Message<byte[]?, byte[]?>
        {
            Key = key == 0 ? null : [(byte)key],
            Headers = new Headers
            {
                { CloudEvents.Id, Encoding.UTF8.GetBytes(offset.ToString(CultureInfo.InvariantCulture)) },
                { DeadLetterHeaders.Topic, "data-topic"u8.ToArray() },
                { DeadLetterHeaders.ConsumerGroup, Encoding.UTF8.GetBytes(group) },
            },
        },
    });

    private static string Text(Message<byte[]?, byte[]?> message, string name) => Encoding.UTF8.GetString(message.Headers.GetLastBytes(name));

    /// <summary>Brokers that take their time.</summary>
    private sealed class Brokers(Random random, bool refuses)
    {
        private readonly Lock _gate = new();
        private readonly HashSet<int> _keys = [];

        public List<(int Key, long Offset)> Sent { get; } = [];

        public List<long> Acknowledged { get; } = [];

        public HashSet<long> Refused { get; } = [];

        public List<long> Marked { get; } = [];

        public bool HadTwoOfOneKey { get; private set; }

        public async Task ProduceAsync(TopicPartition place, Message<byte[]?, byte[]?> message)
        {
            if (RedriveMarker.Is(message))
            {
                Assert.True(RedriveMarker.TryRead(message, out var ranges));
                foreach (var (first, last) in ranges)
                {
                    for (var marked = first; marked <= last; marked++)
                        Marked.Add(marked);
                }

                return;
            }

            var key = message.Key is [var b] ? b : 0;
            var offset = long.Parse(Text(message, CloudEvents.Id), CultureInfo.InvariantCulture);
            bool refused;
            int turns;
            lock (_gate)
            {
                Sent.Add((key, offset));
                HadTwoOfOneKey |= key > 0 && !_keys.Add(key);
                refused = refuses && random.Next(8) == 0;
                turns = random.Next(4);
            }

            for (; turns > 0; turns--)
                await Task.Yield();

            lock (_gate)
            {
                _keys.Remove(key);
                if (refused)
                    Refused.Add(offset);
                else
                    Acknowledged.Add(offset);
            }

            if (refused)
                throw new KafkaException(new Error(ErrorCode.MsgSizeTooLarge));
        }
    }
}
