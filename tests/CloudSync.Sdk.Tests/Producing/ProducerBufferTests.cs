using System.Collections.Concurrent;
using Xunit;

namespace CloudSync.Sdk.Tests.Producing;

public class ProducerBufferTests
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);

    private readonly ConcurrentQueue<OutgoingRecord> _sent = new();
    private readonly ProducerBuffer _buffer;

    /// <summary>Room for two small records, or one large one.</summary>
    public ProducerBufferTests() => _buffer = new ProducerBuffer(2 * Small().Size, _sent.Enqueue);

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public void Records_enter_while_there_is_room()
    {
        Assert.True(_buffer.TryEnter(Small()));
        Assert.True(_buffer.TryEnter(Small()));
        Assert.False(_buffer.TryEnter(Small()));
    }

    [Fact]
    public async Task Who_comes_first_goes_first_even_when_somebody_smaller_would_fit()
    {
        var (first, second) = (Small(), Small());
        Assert.True(_buffer.TryEnter(first));
        Assert.True(_buffer.TryEnter(second));
        var (large, small) = (Large(), Small());
        var largeWaits = _buffer.EnterAsync(large, Cancelled);
        var smallWaits = _buffer.EnterAsync(small, Cancelled);

        _buffer.Leave(first);
        Assert.False(_buffer.TryEnter(Small()));
        Assert.False(largeWaits.IsCompleted || smallWaits.IsCompleted);

        _buffer.Leave(second);
        await largeWaits.WaitAsync(Deadline, Cancelled);
        Assert.False(smallWaits.IsCompleted);
        _buffer.Leave(large);
        await smallWaits.WaitAsync(Deadline, Cancelled);
        Assert.Equal([large, small], _sent);
    }

    [Fact]
    public async Task Once_full_it_opens_when_a_part_of_it_is_free_and_then_to_all_that_fit()
    {
        var buffer = new ProducerBuffer(100 * Small().Size, _sent.Enqueue);
        var records = Enumerable.Range(0, 100).Select(_ => Small()).ToList();
        Assert.All(records, record => Assert.True(buffer.TryEnter(record)));
        var waits = Enumerable.Range(0, 5).Select(_ => buffer.EnterAsync(Small(), Cancelled)).ToList();

        foreach (var record in records.Take(3))
            buffer.Leave(record);
        Assert.All(waits, wait => Assert.False(wait.IsCompleted));
        buffer.Leave(records[3]);

        await Task.WhenAll(waits.Take(4)).WaitAsync(Deadline, Cancelled);
        Assert.False(waits[4].IsCompleted);
    }

    [Fact]
    public async Task One_that_is_larger_than_the_buffer_goes_alone()
    {
        var small = Small();
        Assert.True(_buffer.TryEnter(small));
        var huge = Large(100_000);
        var waits = _buffer.EnterAsync(huge, Cancelled);
        Assert.False(waits.IsCompleted);

        _buffer.Leave(small);

        await waits.WaitAsync(Deadline, Cancelled);
        Assert.False(_buffer.TryEnter(Small()));
    }

    [Fact]
    public async Task When_a_large_one_gives_up_the_small_ones_behind_it_go()
    {
        var first = Small();
        Assert.True(_buffer.TryEnter(first));
        using var cancel = new CancellationTokenSource();
        var largeWaits = _buffer.EnterAsync(Large(), cancel.Token);
        var small = Small();
        var smallWaits = _buffer.EnterAsync(small, Cancelled);

        await cancel.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => largeWaits);
        await smallWaits.WaitAsync(Deadline, Cancelled);
        Assert.Same(small, Assert.Single(_sent));
    }

    [Fact]
    public async Task One_that_can_not_be_sent_leaves_its_room_to_the_next()
    {
        var sent = new ConcurrentQueue<OutgoingRecord>();
        var bad = Large();
        var buffer = new ProducerBuffer(Large().Size, record =>
        {
            if (record == bad)
                throw new InvalidOperationException("bad");
            sent.Enqueue(record);
        });
        var first = Small();
        Assert.True(buffer.TryEnter(first));
        var badWaits = buffer.EnterAsync(bad, Cancelled);
        var next = Large();
        var nextWaits = buffer.EnterAsync(next, Cancelled);

        buffer.Leave(first);

        await Assert.ThrowsAsync<InvalidOperationException>(() => badWaits.WaitAsync(Deadline, Cancelled));
        await nextWaits.WaitAsync(Deadline, Cancelled);
        Assert.Same(next, Assert.Single(sent));
    }

    [Fact]
    public async Task A_flush_waits_for_all_that_came_before_and_for_nobody_after()
    {
        var (first, second, waiting, later) = (Small(), Small(), Small(), Small());
        Assert.True(_buffer.TryEnter(first));
        Assert.True(_buffer.TryEnter(second));
        var waits = _buffer.EnterAsync(waiting, Cancelled);
        var settled = _buffer.WhenSettled();

        _buffer.Leave(second);
        await waits.WaitAsync(Deadline, Cancelled);
        _buffer.Leave(first);
        Assert.False(settled.IsCompleted);
        Assert.True(_buffer.TryEnter(later));
        _buffer.Leave(waiting);

        await settled.WaitAsync(Deadline, Cancelled);
        Assert.False(_buffer.WhenSettled().IsCompleted);
        _buffer.Leave(later);
        Assert.True(_buffer.WhenSettled().IsCompleted);
    }

    [Fact]
    public async Task A_flush_ends_when_the_last_it_waits_for_gives_up()
    {
        var first = Large();
        Assert.True(_buffer.TryEnter(first));
        using var cancel = new CancellationTokenSource();
        var waits = _buffer.EnterAsync(Small(), cancel.Token);
        var settled = _buffer.WhenSettled();
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waits);
        Assert.False(settled.IsCompleted);

        _buffer.Leave(first);

        await settled.WaitAsync(Deadline, Cancelled);
    }

    [Fact]
    public async Task A_close_takes_back_all_that_wait_and_lets_nobody_wait()
    {
        var first = Large();
        Assert.True(_buffer.TryEnter(first));
        var (one, two) = (Small(), Small());
        var waits = Task.WhenAll(_buffer.EnterAsync(Large(), Cancelled), _buffer.EnterAsync(one, Cancelled), _buffer.EnterAsync(two, Cancelled));
        var settled = _buffer.WhenSettled();

        var withdrawn = _buffer.Close();

        Assert.Equal([one, two], withdrawn.Skip(1));
        await Assert.ThrowsAsync<ObjectDisposedException>(() => _buffer.EnterAsync(Large(), Cancelled).WaitAsync(Deadline, Cancelled));
        _buffer.Leave(first);
        await settled.WaitAsync(Deadline, Cancelled);
        Assert.Empty(_sent);
        Assert.False(waits.IsCompleted); // Who took them back tells them.
    }

    [Fact]
    public void To_leave_twice_makes_room_once()
    {
        var (first, second) = (Small(), Small());
        Assert.True(_buffer.TryEnter(first));
        Assert.True(_buffer.TryEnter(second));

        _buffer.Leave(first);
        _buffer.Leave(first);

        Assert.True(_buffer.TryEnter(Small()));
        Assert.False(_buffer.TryEnter(Small()));
    }

    [Fact]
    public async Task Under_load_nothing_is_lost_nobody_is_overtaken_and_the_bound_holds()
    {
        const int Callers = 4;
        const int Each = 5_000;
        var capacity = 10 * Small().Size;
        var underWay = new BlockingCollection<OutgoingRecord>();
        long used = 0, most = 0;
        var buffer = new ProducerBuffer(capacity, Send);
        var acknowledged = new ConcurrentQueue<OutgoingRecord>();
        var client = Task.Factory.StartNew(
            () =>
            {
                foreach (var record in underWay.GetConsumingEnumerable())
                {
                    acknowledged.Enqueue(record);
                    Interlocked.Add(ref used, -record.Size);
                    buffer.Leave(record);
                }
            },
            Cancelled,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default);
        using var cancel = new CancellationTokenSource();

        var callers = Enumerable.Range(0, Callers).Select(caller => Task.Run(async () =>
        {
            // Nobody is awaited before all are given; every hundredth is given up at once or a little later.
            var taken = new List<(Task Task, OutgoingRecord Record)>();
            for (var i = 0; i < Each; i++)
            {
                var record = Small($"{caller}/{i}");
                if (buffer.TryEnter(record))
                {
                    Send(record);
                    taken.Add((Task.CompletedTask, record));
                }
                else
                {
                    using var own = i % 100 == 0 ? new CancellationTokenSource() : null;
                    taken.Add((buffer.EnterAsync(record, own?.Token ?? Cancelled), record));
                    if (own is not null)
                        await own.CancelAsync();
                }
            }

            var kept = new List<OutgoingRecord>();
            foreach (var (task, record) in taken)
            {
                if (await Record.ExceptionAsync(() => task.WaitAsync(Deadline, Cancelled)) is not { } exception)
                    kept.Add(record);
                else
                    Assert.IsAssignableFrom<OperationCanceledException>(exception);
            }

            return kept;
        })).ToList();

        var keptByAll = await Task.WhenAll(callers);
        await buffer.WhenSettled().WaitAsync(Deadline, Cancelled);
        underWay.CompleteAdding();
        await client;

        Assert.All(keptByAll, kept => Assert.True(kept.Count >= Each * 99 / 100));
        var byCaller = acknowledged.GroupBy(r => r.Id.Split('/')[0]).OrderBy(g => g.Key, StringComparer.Ordinal);
        Assert.All(byCaller.Zip(keptByAll), pair => Assert.Equal(pair.Second, pair.First));
        Assert.InRange(most, 1, capacity);

        void Send(OutgoingRecord record)
        {
            var now = Interlocked.Add(ref used, record.Size);
            InterlockedMax(ref most, now);
            underWay.Add(record);
        }

        static void InterlockedMax(ref long target, long value)
        {
            for (var seen = Volatile.Read(ref target); seen < value; seen = Volatile.Read(ref target))
                Interlocked.CompareExchange(ref target, value, seen);
        }
    }

    private static OutgoingRecord Small(string id = "") => Large(0, id);

    /// <summary>More than a small one, and no more than two.</summary>
    private static OutgoingRecord Large(int bytes = 300, string id = "")
    {
        var content = new RecordContent { Message = { Value = new byte[bytes], Headers = [] } };
        var record = new OutgoingRecord();
        record.Fill(content, id, default, isValueBorrowed: false);
        return record;
    }
}
