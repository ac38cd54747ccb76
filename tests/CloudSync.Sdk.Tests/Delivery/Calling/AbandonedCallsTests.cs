using FsCheck.Xunit;
using Microsoft.Extensions.Logging.Testing;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace CloudSync.Sdk.Tests;

public sealed class AbandonedCallsTests : IDisposable
{
    private readonly FakeTimeProvider _time = new();
    private readonly FakeLogger _log = new();
    private readonly ConsumerMetrics _metrics = new("test", "g", "data-topic");
    private int _roomAgain;

    public void Dispose() => _metrics.Dispose();

    [Fact]
    public void They_are_counted_until_they_end()
    {
        var calls = Calls(max: 2);
        var first = calls.Add(Message(7), messages: 1);
        Assert.Equal((1, false), (calls.Running, calls.IsFull));
        var second = calls.Add(Message(8), messages: 500);
        Assert.Equal((2, true), (calls.Running, calls.IsFull));

        first.Ended();
        Assert.Equal((1, false), (calls.Running, calls.IsFull));
        second.Ended();
        Assert.Equal((0, false), (calls.Running, calls.IsFull));
    }

    [Fact]
    public void What_is_logged_names_the_message_the_count_and_the_bound()
    {
        var calls = Calls(max: 2);
        var first = calls.Add(Message(7), messages: 1);
        Assert.DoesNotContain(_log.Collector.GetSnapshot(), r => r.Id.Id == 1113);
        calls.Add(Message(8), messages: 500);
        _time.Advance(TimeSpan.FromMinutes(3));
        first.Ended();

        var logged = _log.Collector.GetSnapshot();
        Assert.Equal(["1", "500"], logged.Where(r => r.Id.Id == 1111).Select(r => r.GetStructuredStateValue("Messages")!));
        Assert.Equal(["1", "2"], logged.Where(r => r.Id.Id == 1111).Select(r => r.GetStructuredStateValue("Running")!));
        Assert.Contains("data-topic", logged[0].Message, StringComparison.Ordinal);
        Assert.Equal("2", Assert.Single(logged, r => r.Id.Id == 1113).GetStructuredStateValue("Running"));
        Assert.Equal("00:03:00", Assert.Single(logged, r => r.Id.Id == 1112).GetStructuredStateValue("Late"));
    }

    [Fact]
    public void There_is_room_again_at_the_moment_at_which_they_fall_below_the_bound_and_at_no_other()
    {
        var calls = Calls(max: 2);
        var all = Enumerable.Range(0, 4).Select(i => calls.Add(Message(i), 1)).ToArray();
        all[0].Ended();
        all[1].Ended();
        Assert.Equal((0, true), (_roomAgain, calls.IsFull));
        all[2].Ended();
        Assert.Equal((1, false), (_roomAgain, calls.IsFull));
        all[3].Ended();
        Assert.Equal(1, _roomAgain);

        calls.Add(Message(9), 1).Ended();
        Assert.Equal(1, _roomAgain);
    }

    [Theory]
    [InlineData("succeeds")]
    [InlineData("fails")]
    [InlineData("is cancelled")]
    public void One_that_ends_with_a_task_ends_however_that_ends(string how)
    {
        var calls = Calls(max: 1);
        var call = new TaskCompletionSource();
        calls.Add(Message(0), 1).EndsWith(call.Task);
        Assert.True(calls.IsFull);

        if (how == "succeeds")
            call.SetResult();
        else if (how == "fails")
            call.SetException(new InvalidOperationException("late"));
        else
            call.SetCanceled(TestContext.Current.CancellationToken);

        Assert.Equal((0, 1), (calls.Running, _roomAgain));
    }

    [Fact]
    public void One_that_ended_before_anybody_waited_for_it_has_ended()
    {
        var calls = Calls(max: 1);
        calls.Add(Message(0), 1).EndsWith(Task.FromException(new InvalidOperationException("late")));

        Assert.Equal((0, 1), (calls.Running, _roomAgain));
    }

    [Property]
    public void However_many_come_and_go_the_count_is_right_and_room_is_told_at_each_fall_below_the_bound(byte bound, bool[] steps)
    {
        var max = 1 + (bound % 5);
        var calls = Calls(max);
        var running = new Queue<AbandonedCalls.Abandoned>();
        var falls = _roomAgain = 0;
        foreach (var comes in steps)
        {
            if (comes)
                running.Enqueue(calls.Add(Message(0), 1));
            else if (running.TryDequeue(out var ended))
            {
                ended.Ended();
                falls += running.Count == max - 1 ? 1 : 0;
            }

            Assert.Equal((running.Count, running.Count >= max, falls), (calls.Running, calls.IsFull, _roomAgain));
        }
    }

    private AbandonedCalls Calls(int max) => new("test", max, _metrics, _time, _log) { RoomAgain = () => _roomAgain++ };

    private static Delivery Message(long offset) => Records.Delivery(new PartitionProgress("data-topic", 0, 1), offset);
}
