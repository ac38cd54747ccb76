using System.Collections.Concurrent;
using System.Diagnostics;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace CloudSync.Sdk.Tests.Producing;

public sealed class ReportPollingTests : IDisposable
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);

    private readonly CountingTime _time = new();
    private readonly BlockingCollection<TimeSpan> _threadPolls = [];
    private readonly SemaphoreSlim _reports = new(0);
    private readonly ConcurrentQueue<int> _producerPolls = new();
    private readonly ReportPolling _polling;
    private Action _onProducerPoll = () => { };

    public ReportPollingTests() => _polling = new ReportPolling(Poll, "test", _time);

    public void Dispose()
    {
        _reports.Release(1_000);
        _polling.Stop();
        _threadPolls.Dispose();
        _reports.Dispose();
    }

    [Fact]
    public void While_little_is_produced_the_thread_waits_in_the_client_and_nobody_else_polls()
    {
        Assert.True(NextThreadPoll() > TimeSpan.Zero);
        for (var millisecond = 0; millisecond < 100; millisecond++)
        {
            Produce(ReportPolling.BusyRate - 1);
            _time.Advance(TimeSpan.FromMilliseconds(1));
            _reports.Release();
            Assert.True(NextThreadPoll() > TimeSpan.Zero);
        }

        Assert.False(_polling.ProducersPoll);
        Assert.Empty(_producerPolls);
    }

    [Fact]
    public void A_few_records_in_a_row_are_not_many()
    {
        NextThreadPoll();
        Produce(ReportPolling.BusyRate);
        _time.Advance(TimeSpan.FromMilliseconds(0.5));
        _reports.Release();

        NextThreadPoll();
        Assert.False(_polling.ProducersPoll);
    }

    [Fact]
    public void While_much_is_produced_the_producing_thread_polls_and_does_not_wait()
    {
        MakeBusy();

        Produce(160);

        Assert.Equal(10, _producerPolls.Count(thread => thread == Environment.CurrentManagedThreadId));
        Assert.Empty(_threadPolls);
    }

    [Fact]
    public void When_they_produce_no_more_the_thread_takes_over()
    {
        MakeBusy();

        _time.Advance(TimeSpan.FromMilliseconds(10));

        Assert.True(NextThreadPoll() > TimeSpan.Zero);
        Produce(160);
        Assert.Empty(_producerPolls);
    }

    [Fact]
    public void Who_waits_for_reports_makes_the_thread_look_at_once()
    {
        MakeBusy();

        _polling.Hasten(); // And no time goes by.

        Assert.True(NextThreadPoll() > TimeSpan.Zero);
    }

    [Fact]
    public void Who_is_about_to_wait_polls_first_if_it_is_his_turn()
    {
        NextThreadPoll();
        _polling.PollNow();
        Assert.Empty(_producerPolls);
        _reports.Release();

        MakeBusy();
        _polling.PollNow();
        Assert.Single(_producerPolls);
    }

    [Fact]
    public void A_report_that_produces_again_does_not_poll_within_the_poll()
    {
        MakeBusy();
        _onProducerPoll = () => Produce(160);

        Produce(16);

        Assert.Single(_producerPolls);
    }

    [Fact]
    public async Task While_one_polls_the_others_go_on()
    {
        MakeBusy();
        using var isPolling = new ManualResetEventSlim();
        using var goOn = new ManualResetEventSlim();
        _onProducerPoll = () =>
        {
            isPolling.Set();
            goOn.Wait(Deadline, CancellationToken.None);
        };
        var other = Task.Factory.StartNew(
            () => Produce(16), TestContext.Current.CancellationToken, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        Assert.True(isPolling.Wait(Deadline, TestContext.Current.CancellationToken));

        Produce(160);

        Assert.Single(_producerPolls);
        goOn.Set();
        await other.WaitAsync(Deadline, TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task Who_finds_another_polling_does_not_ask_again_and_again()
    {
        MakeBusy();
        using var isPolling = new ManualResetEventSlim();
        using var goOn = new ManualResetEventSlim();
        _onProducerPoll = () =>
        {
            isPolling.Set();
            goOn.Wait(Deadline, CancellationToken.None);
        };
        var other = Task.Factory.StartNew(
            () => Produce(16), TestContext.Current.CancellationToken, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        Assert.True(isPolling.Wait(Deadline, TestContext.Current.CancellationToken));

        _time.Advance(TimeSpan.FromMilliseconds(10));
        Assert.True(SpinWait.SpinUntil(() => !_polling.ProducersPoll, Deadline));
        var (looks, since) = (_time.Looks, Stopwatch.StartNew());
        Assert.True(SpinWait.SpinUntil(() => _time.Looks >= looks + 50, Deadline));

        Assert.True(since.ElapsedMilliseconds >= 25, $"50 looks in {since.ElapsedMilliseconds} ms");
        Assert.Empty(_threadPolls);
        goOn.Set();
        await other.WaitAsync(Deadline, TestContext.Current.CancellationToken);
        Assert.True(NextThreadPoll() > TimeSpan.Zero);
    }

    [Fact]
    public void A_report_does_not_see_the_context_of_who_produces()
    {
        MakeBusy();
        var context = new AsyncLocal<string?> { Value = "producer's" };
        var seen = "nothing";
        _onProducerPoll = () => seen = context.Value;

        Produce(16);

        Assert.Null(seen);
        Assert.Equal("producer's", context.Value);
    }

    [Fact]
    public void A_stop_waits_for_the_thread_which_is_in_the_client()
    {
        NextThreadPoll();
        var stop = new Thread(_polling.Stop);
        stop.Start();

        // A report that comes before the stop has begun would send the thread back into the client.
        Assert.True(SpinWait.SpinUntil(() => stop.ThreadState.HasFlag(System.Threading.ThreadState.WaitSleepJoin), Deadline));
        _reports.Release();

        Assert.True(stop.Join(Deadline));
        Assert.Empty(_threadPolls);
    }

    [Fact]
    public void A_stop_waits_for_no_look_of_the_thread_while_the_producers_poll()
    {
        MakeBusy();
        var stop = new Thread(_polling.Stop);

        stop.Start();

        Assert.True(stop.Join(Deadline));
        Assert.Empty(_threadPolls);
    }

    /// <summary>Until the producing threads poll. They go on until the clock moves.</summary>
    private void MakeBusy()
    {
        NextThreadPoll();
        Produce(ReportPolling.BusyRate * 2);
        _time.Advance(TimeSpan.FromMilliseconds(1));
        _reports.Release();
        Assert.True(SpinWait.SpinUntil(() => _polling.ProducersPoll, Deadline));
        Produce(14); // So that the next poll is 16 records away.
        _producerPolls.Clear();
        Assert.Empty(_threadPolls);
    }

    private void Produce(int count)
    {
        for (var i = 0; i < count; i++)
            _polling.Produced();
    }

    private TimeSpan NextThreadPoll()
    {
        Assert.True(_threadPolls.TryTake(out var wait, Deadline));
        return wait;
    }

    private void Poll(TimeSpan wait)
    {
        if (wait == TimeSpan.Zero)
        {
            _producerPolls.Enqueue(Environment.CurrentManagedThreadId);
            _onProducerPoll();
            return;
        }

        _threadPolls.Add(wait);
        _reports.Wait(Deadline, CancellationToken.None);
    }

    /// <summary>Counts how often it is looked at.</summary>
    private sealed class CountingTime : FakeTimeProvider
    {
        private int _looks;

        public int Looks => Volatile.Read(ref _looks);

        public override long GetTimestamp()
        {
            Interlocked.Increment(ref _looks);
            return base.GetTimestamp();
        }
    }
}
