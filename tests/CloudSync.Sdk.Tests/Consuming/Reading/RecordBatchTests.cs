using System.Text;
using Confluent.Kafka;
using FsCheck;
using FsCheck.Xunit;
using Xunit;

namespace CloudSync.Sdk.Tests;

public class RecordBatchTests
{
    private const int LargeObject = 85_000;

    /// <summary>Records of every size, far larger than the buffer too, over several batches; all are looked at after the last was read.</summary>
    [Property(MaxTest = 100)]
    public void Every_record_has_its_own_bytes_whatever_was_read_before_and_after_it(int seed, PositiveInt length)
    {
        var random = new Random(seed);
        var batch = new RecordBatch(16);
        var expected = new List<Original>();
        var messages = new List<Delivery>();
        var partitions = Enumerable.Range(0, 3).Select(p => new PartitionProgress("data-topic", p, 1)).ToList();

        for (var i = 0; i < length.Get; i++)
        {
            var original = Random(random, i);
            Write(batch, original);
            expected.Add(original);
            if (batch.Count == batch.Capacity || random.Next(5) == 0)
                Hand();
        }

        Hand();
        Assert.Equal(expected.Count, messages.Count);
        for (var i = 0; i < expected.Count; i++)
        {
            var (original, message) = (expected[i], messages[i]);
            Assert.Equal(original.Key, message.Key?.ToArray());
            Assert.Equal(original.Value, message.IsTombstone ? null : message.Value.ToArray());
            Assert.Equal(original.Headers.Select(h => h.Name), message.Headers.Select(h => h.Name));
            Assert.Equal(original.Headers.Select(h => h.Value), message.Headers.Select(h => h.Value?.ToArray()));
            Assert.Equal((i % 3, i, 1_000 + i), (message.Partition, message.Offset, message.TimestampMs));
        }

        void Hand()
        {
            foreach (var record in batch.Records)
                messages.Add(new Delivery(record, partitions[record.Partition], 0));

            batch.Clear();
            Assert.Equal(0, batch.Count);
        }
    }

    [Fact]
    public void A_record_that_is_larger_than_a_buffer_takes_no_other_beside_its_own()
    {
        var batch = new RecordBatch(2);
        var (key, value) = ("key"u8.ToArray(), new byte[100_000]);
        Write();
        var before = GC.GetAllocatedBytesForCurrentThread();

        Write();

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, value.Length, value.Length + 1_000);

        void Write()
        {
            batch.BeginRecord(key, isNull: false, following: value.Length);
            batch.AddValue(value, isNull: false, headersLength: 0);
            batch.EndRecord(partition: 0, offset: batch.Count, timestampMs: 0);
        }
    }

    [Property(MaxTest = 100)]
    public void No_two_records_share_a_byte_and_no_buffer_is_a_large_object_unless_its_record_is(int seed, PositiveInt length)
    {
        var random = new Random(seed);
        var batch = new RecordBatch(length.Get);
        for (var i = 0; i < length.Get; i++)
            Write(batch, Random(random, i));

        foreach (var buffer in batch.Records.ToArray().GroupBy(r => r.Buffer))
        {
            var end = 0;
            foreach (var record in buffer.OrderBy(r => r.Start).ThenBy(Size))
            {
                Assert.True(record.Start >= end);
                end = record.Start + Size(record);
                Assert.True(end <= buffer.Key.Length);
            }

            Assert.True(buffer.Key.Length < LargeObject || buffer.Max(Size) == buffer.Key.Length);
        }

        static int Size(RawRecord record) => Math.Max(0, record.KeyLength) + Math.Max(0, record.ValueLength) + record.HeadersLength;
    }

    [Theory]
    [InlineData(RecordBatch.BufferSize - 1)]
    [InlineData(RecordBatch.BufferSize)]
    [InlineData(RecordBatch.BufferSize + 1)]
    [InlineData(3_000_000)]
    public void A_record_as_large_as_the_buffer_and_larger_is_whole(int size)
    {
        var batch = new RecordBatch(3);
        Write(batch, new Original([1, 2, 3], [4, 5], []));
        var large = new byte[size];
        new Random(1).NextBytes(large);
        Write(batch, new Original([9], large, []));
        Write(batch, new Original([7], [8], []));

        Assert.Equal([1, 2, 3], Message(batch, 0).Key!.Value.ToArray());
        Assert.Equal([9], Message(batch, 1).Key!.Value.ToArray());
        Assert.Equal(large, Message(batch, 1).Value.ToArray());
        Assert.Equal([8], Message(batch, 2).Value.ToArray());
    }

    [Fact]
    public void A_record_that_was_begun_and_never_ended_leaves_the_next_one_whole()
    {
        var batch = new RecordBatch(3);
        batch.BeginRecord([1, 1, 1], isNull: false);
        batch.AddBody([2, 2], isNull: false, null);
        Write(batch, new Original([3], [4], []));

        Assert.Equal(1, batch.Count);
        Assert.Equal([3], Message(batch, 0).Key!.Value.ToArray());
        Assert.Equal([4], Message(batch, 0).Value.ToArray());
    }

    [Fact]
    public void A_partition_that_is_taken_out_leaves_the_others_in_their_order()
    {
        var batch = new RecordBatch(8);
        foreach (var (partition, offset) in new[] { (0, 0), (1, 10), (0, 1), (2, 20), (1, 11) })
        {
            batch.BeginRecord([], isNull: true);
            batch.AddBody([(byte)offset], isNull: false, null);
            batch.EndRecord(partition, offset, 0);
        }

        batch.Remove(1);
        batch.Remove(7);

        Assert.Equal([(0, 0L), (0, 1L), (2, 20L)], batch.Records.ToArray().Select(r => (r.Partition, r.Offset)));
        batch.BeginRecord([], isNull: true);
        batch.AddBody([99], isNull: false, null);
        batch.EndRecord(5, 50, 0);
        Assert.Equal([99], Message(batch, 3).Value.ToArray());
        Assert.Equal([20], Message(batch, 2).Value.ToArray());
    }

    [Fact]
    public void Errors_are_kept_in_their_order_until_the_next_read()
    {
        var batch = new RecordBatch(8);
        batch.Fail(new Error(ErrorCode.Local_MaxPollExceeded));
        batch.Fail(new Error(ErrorCode.Local_Fatal));
        Assert.Equal([ErrorCode.Local_MaxPollExceeded, ErrorCode.Local_Fatal], batch.Errors.Select(e => e.Code));

        batch.Clear();
        Assert.Empty(batch.Errors);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(false, "aws")]
    [InlineData(true, "azure")]
    [InlineData(true, "aw")]
    [InlineData(true, "aws2")]
    [InlineData(false, "azure", "aws")]
    [InlineData(true, "aws", "azure")]
    [InlineData(false, "aws", null)]
    [InlineData(true, "azure", null)]
    [InlineData(false, "")]
    [InlineData(true, "azure", "")]
    public void A_record_that_was_redriven_for_another_group_is_known(bool isForAnother, params string?[] groups)
    {
        var batch = new RecordBatch(3, "aws");
        var headers = groups.Select(group => (RedriveHeaders.Group, group is null ? null : Encoding.UTF8.GetBytes(group))).ToArray();
        Write(batch, new Original([1], [2], headers));
        Write(batch, new Original([1], [2], [("cloudsync-redrive-grouq", [1]), (RedriveHeaders.Count, [1])]));
        Write(batch, new Original([1], [2], [(RedriveHeaders.Group, [1])]));

        Assert.Equal([isForAnother, false, true], batch.Records.ToArray().Select(r => r.IsForAnotherGroup));
    }

    [Fact]
    public void A_structured_event_is_known_by_its_content_type_and_the_next_record_is_not_one()
    {
        var batch = new RecordBatch(4);
        var type = ("content-type", Encoding.UTF8.GetBytes("application/cloudevents+json; charset=UTF-8"));
        Write(batch, new Original([1], [2], [("x", [1]), type, ("content-typo", [1])]));
        Write(batch, new Original([1], [2], []));
        Write(batch, new Original([1], null, [type]));
        Write(batch, new Original([1], [2], [type, ("content-type", Encoding.UTF8.GetBytes("application/json"))]));

        Assert.Equal([true, false, false, false], batch.Records.ToArray().Select(r => r.IsStructured));
    }

    private static Delivery Message(RecordBatch batch, int index) => new(batch.Records[index], new PartitionProgress("data-topic", 0, 1), 0);

    private static void Write(RecordBatch batch, Original original)
    {
        IDeserializer<int> client = batch;
        var headers = original.Headers.Length == 0 ? null : new Headers();
        foreach (var (name, value) in original.Headers)
            headers!.Add(name, value);

        client.Deserialize(original.Key, original.Key is null, new SerializationContext(MessageComponentType.Key, "t", headers));
        client.Deserialize(original.Value, original.Value is null, new SerializationContext(MessageComponentType.Value, "t", headers));
        batch.EndRecord(original.Index % 3, original.Index, 1_000 + original.Index);
    }

    private static Original Random(Random random, int index)
    {
        var size = random.Next(20) switch { 0 => random.Next(40_000), 1 => random.Next(200_000), _ => random.Next(300) };
        return new Original(
            random.Next(4) == 0 ? null : Bytes(random.Next(30)),
            random.Next(6) == 0 ? null : Bytes(size),
            [.. Enumerable.Range(0, random.Next(5)).Select(i => ($"h{random.Next(3)}-ü", random.Next(4) == 0 ? null : Bytes(random.Next(100))))])
        {
            Index = index,
        };

        byte[] Bytes(int count)
        {
            var bytes = new byte[count];
            random.NextBytes(bytes);
            return bytes;
        }
    }

    private sealed record Original(byte[]? Key, byte[]? Value, (string Name, byte[]? Value)[] Headers)
    {
        public int Index { get; init; }
    }
}
