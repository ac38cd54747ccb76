using CloudSync.Sdk;
using CloudSync.Tests;
using Confluent.Kafka;
using Microsoft.Extensions.Logging.Testing;
using Xunit;

namespace CloudSync.IntegrationTests.Consuming.Reading;

/// <summary>Both readers read the same. <see cref="RebalanceTests"/> and all the others run on either, as <c>CLOUDSYNC_TEST_READER</c> says.</summary>
public sealed class RecordReaderTests(KafkaCluster cluster)
{
    private static readonly TimeSpan Wait = TimeSpan.FromMilliseconds(100);

    public enum Kind
    {
        Batch,
        Consume,
    }

    [Theory]
    [InlineData(Kind.Batch)]
    [InlineData(Kind.Consume)]
    public async Task Every_record_arrives_byte_for_byte(Kind kind)
    {
        using var topic = await TestTopic.CreateAsync(cluster);
        var sent = Hostile().ToList();
        await topic.ProduceAsync(sent);
        using var reading = new Reading(kind, topic);

        var read = reading.Read(sent.Count);

        Assert.Equal(sent.Count, read.Count);
        for (var i = 0; i < sent.Count; i++)
        {
            var (original, message) = (sent[i], read[i]);
            Assert.Equal(original.Key, message.Key?.ToArray());
            Assert.Equal(original.Value, message.IsTombstone ? null : message.Value.ToArray());
            Assert.Equal(original.Headers.Select(h => h.Key), message.Headers.Select(h => h.Name));
            Assert.Equal(original.Headers.Select(h => h.GetValueBytes()), message.Headers.Select(h => h.Value?.ToArray()));
            Assert.Equal((0, (long)i, original.TimestampMs!.Value), (message.Partition, message.Offset, message.Timestamp.ToUnixTimeMilliseconds()));
        }
    }

    [Theory]
    [InlineData(Kind.Batch)]
    [InlineData(Kind.Consume)]
    public async Task No_more_is_read_than_was_asked_for_and_the_rest_comes_next(Kind kind)
    {
        using var topic = await TestTopic.CreateAsync(cluster);
        await topic.ProduceAsync(TestRecord.Many(1_000, i => null, partition: 0));
        using var reading = new Reading(kind, topic);
        long next = 0;
        while (next < 1_000)
        {
            reading.Batch.Clear();
            reading.Reader.Read(reading.Batch, max: 7, long.MaxValue, Wait);
            Assert.InRange(reading.Batch.Count, 0, 7);
            foreach (var record in reading.Batch.Records)
                Assert.Equal(next++, record.Offset);
        }
    }

    /// <summary>One record is read whatever its size, and no other.</summary>
    [Theory]
    [InlineData(Kind.Batch)]
    [InlineData(Kind.Consume)]
    public async Task Large_records_end_a_batch_early(Kind kind)
    {
        using var topic = await TestTopic.CreateAsync(cluster);
        await topic.ProduceAsync(Enumerable.Range(0, 400).Select(i => new TestRecord { Value = new byte[10_000], Partition = 0 }));
        using var reading = new Reading(kind, topic);
        long next = 0;
        while (next < 400)
        {
            reading.Batch.Clear();
            reading.Reader.Read(reading.Batch, max: 400, maxBytes: 1, Wait);
            Assert.InRange(reading.Batch.Count, 0, 1);
            foreach (var record in reading.Batch.Records)
                Assert.Equal(next++, record.Offset);
        }
    }

    [Theory]
    [InlineData(Kind.Batch)]
    [InlineData(Kind.Consume)]
    public async Task A_topic_that_does_not_exist_is_an_error_of_the_batch(Kind kind)
    {
        using var topic = new TestTopic(cluster.BootstrapServers, KafkaCluster.UniqueName("missing"), 1);
        using var reading = new Reading(kind, topic, "allow.auto.create.topics=false");

        await Eventually.TrueAsync(
            () =>
            {
                reading.Batch.Clear();
                reading.Reader.Read(reading.Batch, 10, long.MaxValue, Wait);
                return reading.Batch.Errors.Any(e => e.Code == ErrorCode.UnknownTopicOrPart && e.Reason.Contains(topic.Name, StringComparison.Ordinal));
            },
            "the error was read",
            TestContext.Current.CancellationToken);
    }

    /// <summary>The wait is as long as a test: a record that had to wait for it would fail the test.</summary>
    [Theory]
    [InlineData(Kind.Batch)]
    [InlineData(Kind.Consume)]
    public async Task A_record_of_a_quiet_topic_is_there_at_once(Kind kind)
    {
        using var topic = await TestTopic.CreateAsync(cluster);
        await topic.ProduceAsync(TestRecord.Of("first", partition: 0));
        using var reading = new Reading(kind, topic);
        reading.Read(1);

        var read = Task.Run(() =>
        {
            reading.Batch.Clear();
            reading.Reader.Read(reading.Batch, 500, long.MaxValue, TimeSpan.FromMinutes(10));
            return reading.Batch.Count;
        });
        await topic.ProduceAsync(TestRecord.Of("second", partition: 0));

        Assert.Equal(1, await read.WaitAsync(Eventually.Bound, TestContext.Current.CancellationToken));
    }

    /// <summary>Confluent.Kafka keeps what its rebalance callback failed with for the next Consume, and gives all partitions up meanwhile. Whoever never asks reads nothing any more, and nobody hears of it.</summary>
    [Theory]
    [InlineData(Kind.Batch)]
    [InlineData(Kind.Consume)]
    public async Task A_rebalance_that_fails_in_the_client_is_heard_of(Kind kind)
    {
        using var topic = await TestTopic.CreateAsync(cluster);
        var batch = new RecordBatch(500);
        using var consumer = new ConsumerBuilder<int, int>(new ConsumerConfig { BootstrapServers = topic.BootstrapServers, GroupId = KafkaCluster.UniqueName("group") })
            .SetKeyDeserializer(batch)
            .SetValueDeserializer(batch)
            .SetPartitionsAssignedHandler((_, _) => throw new NotSupportedException("as if the assignment were refused"))
            .Build();
        using IRecordReader reader = kind == Kind.Batch ? BatchRecordReader.TryCreate(consumer, out _)! : new ConsumeRecordReader(consumer);
        consumer.Subscribe(topic.Name);

        await Eventually.TrueAsync(
            () =>
            {
                try
                {
                    batch.Clear();
                    reader.Read(batch, 500, long.MaxValue, Wait);
                    return false;
                }
                catch (NotSupportedException)
                {
                    return true;
                }
            },
            "the exception came out of a read",
            TestContext.Current.CancellationToken);
        reader.Dispose();
        consumer.Close();
    }

    [Fact]
    public void The_library_that_is_loaded_here_is_fit_for_the_batch_call()
    {
        using var topic = new TestTopic(cluster.BootstrapServers, KafkaCluster.UniqueName("unread"), 1);
        using var reading = new Reading(Kind.Batch, topic);
        Assert.Null(LibRdKafkaCheck.Unfit);
        Assert.IsType<BatchRecordReader>(reading.Reader);
    }

    /// <summary>Whoever reads a disposed reader's queue would read freed memory.</summary>
    [Fact]
    public void A_reader_that_was_disposed_of_reads_no_more()
    {
        using var topic = new TestTopic(cluster.BootstrapServers, KafkaCluster.UniqueName("unread"), 1);
        using var reading = new Reading(Kind.Batch, topic);
        reading.Reader.Dispose();
        reading.Reader.Dispose();
        Assert.Throws<ObjectDisposedException>(() => reading.Reader.Read(reading.Batch, 1, 1, TimeSpan.Zero));
    }

    private static IEnumerable<TestRecord> Hostile()
    {
        var random = new Random(7);
        yield return Record([1], [2]);
        yield return Record(null, null);
        yield return Record([], []);
        yield return Record([0, 255, 0], Bytes(1_000_000), ("ce_id", [1, 2, 3]));
        yield return Record([1], [], ("", []), ("", null), ("a", null), ("a", []), ("a", [1]), ("a", [2]));
        yield return Record([1], [2], ("\u00e4\U0001F4E6", [0xC3, 0x28]), (new string('n', 3_000), Bytes(70_000)));
        yield return Record([1], Bytes(100), [.. Enumerable.Range(0, 2_000).Select(i => ($"h{i}", (byte[]?)Bytes(i % 17)))]);
        yield return Record(Bytes(40_000), Bytes(5));
        for (var i = 0; i < 1_000; i++)
            yield return Record(Bytes(random.Next(60)), Bytes(random.Next(900)), ("ce_id", Bytes(36)), ("ce_type", Bytes(random.Next(30))));

        byte[] Bytes(int length)
        {
            var bytes = new byte[length];
            random.NextBytes(bytes);
            return bytes;
        }
    }

    private static TestRecord Record(byte[]? key, byte[]? value, params (string Name, byte[]? Value)[] headers)
    {
        var all = new Headers();
        foreach (var (name, bytes) in headers)
            all.Add(name, bytes);

        return new TestRecord { Key = key, Value = value, Headers = all, Partition = 0, TimestampMs = 1_700_000_000_123 };
    }

    /// <summary>A consumer of the library's own making, read by hand.</summary>
    private sealed class Reading : IDisposable, IRebalanceListener
    {
        private readonly IConsumer<int, int> _consumer;

        public Reading(Kind kind, TestTopic topic, string? setting = null)
        {
            var options = new CloudSyncConsumerOptions
            {
                BootstrapServers = topic.BootstrapServers, Topic = topic.Name, GroupId = KafkaCluster.UniqueName("group"), ReadInBatches = kind == Kind.Batch,
            };
            if (setting?.Split('=') is [var name, var value])
                options.Kafka[name] = value;

            var factory = new KafkaConsumerFactory("test", options, [], new KafkaErrors(TimeProvider.System, (_, _, _) => { }), new FakeLogger());
            _consumer = factory.Build(Batch, this);
            Reader = factory.BuildReader(_consumer);
            _consumer.Subscribe(topic.Name);
        }

        public RecordBatch Batch { get; } = new(500);

        public IRecordReader Reader { get; }

        public List<Message> Read(int count)
        {
            var read = new List<Message>();
            while (read.Count < count)
            {
                TestContext.Current.CancellationToken.ThrowIfCancellationRequested();
                Batch.Clear();
                Reader.Read(Batch, 500, long.MaxValue, Wait);
                foreach (var record in Batch.Records)
                    read.Add(new Message(record));
            }

            return read;
        }

        public void Dispose()
        {
            Reader.Dispose();
            _consumer.Close();
            _consumer.Dispose();
        }

        void IRebalanceListener.Assigned(List<TopicPartition> partitions)
        {
        }

        void IRebalanceListener.Revoked(List<TopicPartitionOffset> partitions)
        {
        }

        void IRebalanceListener.Lost(List<TopicPartitionOffset> partitions)
        {
        }
    }

    private sealed class Message(in RawRecord record) : SyncMessage(new RecordSource("t", record.Partition), record);
}
