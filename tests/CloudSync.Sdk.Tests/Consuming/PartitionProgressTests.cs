using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;
using Xunit;

namespace CloudSync.Sdk.Tests;

public class PartitionProgressTests
{
    /// <summary>Offsets rise by a step and sometimes leap, as in a compacted topic; reading and completions alternate at random.</summary>
    [Property(MaxTest = 300)]
    public void The_commit_is_the_first_outstanding_offset_whatever_the_gaps_and_the_order_of_completions(
        NonNegativeInt first, PositiveInt[] steps, int seed)
    {
        var random = new Random(seed);
        var progress = new PartitionProgress("data-topic", 0, 1);
        var outstanding = new SortedSet<long>();
        var settled = new List<long>();
        var next = (long)first.Get;
        var read = false;
        var lastCommit = -1L;

        foreach (var step in steps)
        {
            next += random.Next(10) == 0 ? step.Get * 1_000L : random.Next(4);
            Assert.Equal(1, progress.Track([Records.Raw(next)]));
            outstanding.Add(next++);
            read = true;
            while (outstanding.Count > 0 && random.Next(3) > 0)
            {
                var one = outstanding.ElementAt(random.Next(outstanding.Count));
                Assert.True(progress.Settle(one));
                outstanding.Remove(one);
                settled.Add(one);
            }

            if (settled.Count > 0)
                Assert.False(progress.Settle(settled[random.Next(settled.Count)]));

            Check();
        }

        foreach (var one in outstanding.OrderBy(_ => random.Next()).ToList())
        {
            Assert.True(progress.Settle(one));
            outstanding.Remove(one);
            Check();
        }

        void Check()
        {
            var expected = outstanding.Count > 0 ? outstanding.Min : read ? next : -1;
            Assert.Equal(expected, progress.CommitOffset);
            Assert.Equal(read ? next - expected : 0, progress.Distance);
            Assert.True(progress.CommitOffset >= lastCommit);
            lastCommit = progress.CommitOffset;
        }
    }

    [Fact]
    public void Before_the_first_record_there_is_nothing_to_commit()
    {
        var progress = new PartitionProgress("data-topic", 3, 7);

        Assert.Equal(-1, progress.CommitOffset);
        Assert.Equal(0, progress.Distance);
        Assert.False(progress.Settle(0));
        Assert.Equal((3, 7), (progress.Partition, progress.Epoch));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(4095)]
    [InlineData(4096)]
    [InlineData(4097)]
    [InlineData(long.MaxValue - 10_000)]
    public void Offsets_at_the_edge_of_a_segment_count_like_any_other(long offset)
    {
        var progress = new PartitionProgress("data-topic", 0, 1);
        progress.Track([Records.Raw(offset), Records.Raw(offset + 1), Records.Raw(offset + 4096)]);

        Assert.True(progress.Settle(offset + 1));
        Assert.Equal(offset, progress.CommitOffset);
        Assert.True(progress.Settle(offset));
        Assert.Equal(offset + 4096, progress.CommitOffset);
        Assert.True(progress.Settle(offset + 4096));
        Assert.Equal(offset + 4097, progress.CommitOffset);
    }

    [Fact]
    public void An_offset_that_was_never_read_can_not_be_settled()
    {
        var progress = new PartitionProgress("data-topic", 0, 1);
        progress.Track([Records.Raw(10), Records.Raw(20)]);

        Assert.False(progress.Settle(15));
        Assert.False(progress.Settle(-1));
        Assert.False(progress.Settle(21));
        Assert.False(progress.Settle(100_000));
        Assert.Equal(10, progress.CommitOffset);
    }

    [Fact]
    public void Records_that_jump_back_are_not_taken()
    {
        var progress = new PartitionProgress("data-topic", 0, 1);

        Assert.Equal(2, progress.Track([Records.Raw(100), Records.Raw(101), Records.Raw(0), Records.Raw(1)]));
        Assert.Equal(0, progress.Track([Records.Raw(101)]));
        Assert.Equal(100, progress.CommitOffset);
        Assert.Equal(2, progress.Distance);
    }

    [Fact]
    public void A_run_is_settled_under_one_lock_and_counts_what_was_outstanding()
    {
        var progress = new PartitionProgress("data-topic", 0, 1);
        progress.Track([Records.Raw(0), Records.Raw(1), Records.Raw(2)]);
        progress.Settle(1);

        Assert.Equal(2, progress.Settle([Records.Delivery(progress, 0), Records.Delivery(progress, 1), Records.Delivery(progress, 2)]));
        Assert.Equal(3, progress.CommitOffset);
    }

    [Fact]
    public void A_revoked_partition_still_counts_completions_and_a_closed_one_ignores_them()
    {
        var progress = new PartitionProgress("data-topic", 0, 1);
        progress.Track([Records.Raw(0), Records.Raw(1)]);

        progress.Revoke();
        Assert.True(progress.IsRevoked);
        Assert.False(progress.IsClosed);
        Assert.True(progress.Settle(0));
        Assert.Equal(1, progress.CommitOffset);

        progress.Close();
        Assert.True(progress.IsClosed);
        Assert.False(progress.Settle(1));
        Assert.Equal(0, progress.Settle([Records.Delivery(progress, 1)]));
        Assert.Equal(1, progress.CommitOffset);
    }

    [Fact]
    public void A_closed_partition_is_revoked_too()
    {
        var progress = new PartitionProgress("data-topic", 0, 1);
        progress.Close();

        Assert.True(progress.IsRevoked);
    }

    /// <summary>The bits between would be 125 MB; only the segments that hold something are there.</summary>
    [Fact]
    public void A_stuck_message_and_a_billion_offsets_behind_it_cost_next_to_nothing()
    {
        var progress = new PartitionProgress("data-topic", 0, 1);
        progress.Track([Records.Raw(5)]);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 1; i <= 1_000; i++)
        {
            progress.Track([Records.Raw(i * 1_000_000L)]);
            Assert.True(progress.Settle(i * 1_000_000L));
        }

        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.InRange(allocated, 0, 2_000_000);
        Assert.Equal(5, progress.CommitOffset);
        Assert.Equal(1_000_000_001 - 5, progress.Distance);
        progress.Settle(5);
        Assert.Equal(1_000_000_001, progress.CommitOffset);
        Assert.Equal(0, progress.Distance);
    }

    [Fact]
    public async Task Threads_that_settle_while_another_reads_lose_nothing_and_the_commit_never_passes_an_outstanding_offset()
    {
        const int Count = 40_000;
        var progress = new PartitionProgress("data-topic", 0, 1);
        var settled = new int[Count];
        var tracked = -1;
        var counted = 0;
        var next = -1;
        var cancellation = TestContext.Current.CancellationToken;

        var reader = Task.Run(() =>
        {
            for (var i = 0; i < Count; i++)
            {
                progress.Track([Records.Raw(i)]);
                Volatile.Write(ref tracked, i);
            }
        }, cancellation);
        var settlers = Enumerable.Range(0, 4).Select(_ => Task.Run(() =>
        {
            for (int i; (i = Interlocked.Increment(ref next)) < Count;)
            {
                SpinWait.SpinUntil(() => Volatile.Read(ref tracked) >= i);

                // Marked before: the commit may pass it from the moment that it is settled.
                Volatile.Write(ref settled[i], 1);
                if (progress.Settle(i))
                    Interlocked.Increment(ref counted);
            }
        }, cancellation)).ToArray();
        var watcher = Task.Run(() =>
        {
            for (var last = -1L; last < Count;)
            {
                var commit = progress.CommitOffset;
                Assert.True(commit >= last);
                for (var i = Math.Max(0, last); i < commit; i++)
                    Assert.Equal(1, Volatile.Read(ref settled[i]));

                last = commit;
            }
        }, cancellation);

        await Task.WhenAll([reader, watcher, .. settlers]).WaitAsync(Eventually.Deadline, cancellation);
        Assert.Equal(Count, counted);
        Assert.Equal(Count, progress.CommitOffset);
    }
}
