using System.Globalization;
using FsCheck;
using FsCheck.Xunit;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace CloudSync.Sdk.Tests;

public sealed class EndpointBreakerTests : IDisposable
{
    private static readonly TimeSpan Break = TimeSpan.FromSeconds(60);

    private readonly FakeTimeProvider _time = new();
    private readonly List<EndpointBreaker> _made = [];
    private int _changed;

    public void Dispose() => _made.ForEach(breaker => breaker.Dispose());

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    [InlineData(1_001)]
    public void It_opens_at_exactly_so_many_failures_in_a_row(int failures)
    {
        var breaker = Breaker(failures);
        for (var i = 1; i < failures; i++)
        {
            Assert.False(breaker.Failed(Admission.Normal, opensAtOnce: false));
            Assert.True(breaker.IsClosed);
            Assert.Equal(Admission.Normal, breaker.TryEnter());
        }

        Assert.True(breaker.Failed(Admission.Normal, opensAtOnce: false));
        Assert.False(breaker.IsClosed);
        Assert.True(breaker.IsRefusing);
        Assert.Equal(Admission.Refused, breaker.TryEnter());
    }

    [Theory]
    [InlineData(2)]
    [InlineData(5)]
    public void A_success_in_between_starts_the_count_anew(int failures)
    {
        var breaker = Breaker(failures);
        for (var round = 0; round < 3; round++)
        {
            for (var i = 1; i < failures; i++)
                Assert.False(breaker.Failed(Admission.Normal, opensAtOnce: false));

            Assert.False(breaker.Succeeded(Admission.Normal, 1));
        }

        Assert.True(breaker.IsClosed);
        Fail(breaker, failures - 1);
        Assert.True(breaker.Failed(Admission.Normal, opensAtOnce: false));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    public void Messages_that_fail_again_while_others_get_through_are_no_row_and_do_not_break_one(int failures)
    {
        var breaker = Breaker(failures);
        for (var i = 0; i < 3 * failures; i++)
            Assert.False(breaker.Failed(Admission.Normal, opensAtOnce: false, othersGotThrough: true));

        Fail(breaker, failures - 1);
        Assert.False(breaker.Failed(Admission.Normal, opensAtOnce: false, othersGotThrough: true));
        Assert.True(breaker.IsClosed);
        Assert.True(breaker.Failed(Admission.Normal, opensAtOnce: false));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    public void Failed_authentication_opens_it_at_once(int failures)
    {
        var breaker = Breaker(failures);

        Assert.True(breaker.Failed(Admission.Normal, opensAtOnce: true));
        Assert.False(breaker.IsClosed);
    }

    [Fact]
    public void Failures_of_a_whole_day_count_as_a_row()
    {
        var breaker = Breaker(3);
        breaker.Failed(Admission.Normal, opensAtOnce: false);
        _time.Advance(TimeSpan.FromHours(11));
        breaker.Failed(Admission.Normal, opensAtOnce: false);
        _time.Advance(TimeSpan.FromHours(11));

        Assert.True(breaker.Failed(Admission.Normal, opensAtOnce: false));
    }

    [Fact]
    public void After_the_break_there_is_one_probe_and_no_other_until_its_outcome_is_known()
    {
        var breaker = Opened();
        _time.Advance(Break - TimeSpan.FromTicks(1));
        Assert.Equal(Admission.Refused, breaker.TryEnter());

        _time.Advance(TimeSpan.FromTicks(1));
        Assert.False(breaker.IsRefusing);
        Assert.Equal(Admission.Probe, breaker.TryEnter());
        Assert.True(breaker.IsRefusing);
        Assert.Equal(Admission.Refused, breaker.TryEnter());
        _time.Advance(Break * 10);
        Assert.Equal(Admission.Refused, breaker.TryEnter());
        Assert.False(breaker.IsClosed);
    }

    [Fact]
    public void A_probe_that_succeeds_closes_it_and_the_count_starts_anew()
    {
        var breaker = Opened(failures: 3);
        Probe(breaker);

        Assert.True(breaker.Succeeded(Admission.Probe, 1));
        Assert.True(breaker.IsClosed);
        Assert.False(breaker.IsRefusing);
        Assert.Equal(Admission.Normal, breaker.TryEnter());
        Assert.False(breaker.Succeeded(Admission.Normal, 1));
        Fail(breaker, 2);
        Assert.True(breaker.IsClosed);
        Assert.True(breaker.Failed(Admission.Normal, opensAtOnce: false));
    }

    [Fact]
    public void A_probe_that_fails_costs_a_further_full_break()
    {
        var breaker = Opened();
        for (var round = 0; round < 5; round++)
        {
            Probe(breaker);
            Assert.True(breaker.Failed(Admission.Probe, opensAtOnce: round % 2 == 0));
            Assert.Equal(Admission.Refused, breaker.TryEnter());
            _time.Advance(Break - TimeSpan.FromMilliseconds(1));
            Assert.Equal(Admission.Refused, breaker.TryEnter());
            _time.Advance(TimeSpan.FromMilliseconds(1));
        }

        Assert.Equal(Admission.Probe, breaker.TryEnter());
        Assert.True(breaker.Succeeded(Admission.Probe, 1));
    }

    [Fact]
    public void A_probe_that_came_to_nothing_lets_the_next_one_try_at_once()
    {
        var breaker = Opened();
        Probe(breaker);
        breaker.ProbeCameToNothing();

        Assert.False(breaker.IsRefusing);
        Assert.False(breaker.IsClosed);
        Assert.Equal(Admission.Probe, breaker.TryEnter());
    }

    [Fact]
    public void Calls_that_were_let_in_before_it_opened_change_nothing_when_they_end()
    {
        var breaker = Opened();

        Assert.False(breaker.Succeeded(Admission.Normal, 1));
        Assert.False(breaker.IsClosed);
        _time.Advance(Break / 2);
        Assert.False(breaker.Failed(Admission.Normal, opensAtOnce: true));
        _time.Advance(Break / 2);
        Assert.Equal(Admission.Probe, breaker.TryEnter());

        Assert.False(breaker.Succeeded(Admission.Normal, 1));
        Assert.False(breaker.Failed(Admission.Normal, opensAtOnce: true));
        Assert.Equal(Admission.Refused, breaker.TryEnter());
        Assert.True(breaker.Succeeded(Admission.Probe, 1));
    }

    [Theory]
    [InlineData("00:00:00.5")]
    [InlineData("1.00:00:00")]
    public void Every_break_that_the_settings_allow_is_kept(string duration)
    {
        var length = TimeSpan.Parse(duration, CultureInfo.InvariantCulture);
        using var breaker = new EndpointBreaker(new BreakerOptions { FailuresToOpen = 2, BreakDuration = length }, _time, () => _changed++);
        Fail(breaker, 2);
        for (var round = 1; round <= 3; round++)
        {
            _time.Advance(length - TimeSpan.FromTicks(1));
            Assert.Equal(Admission.Refused, breaker.TryEnter());
            _time.Advance(TimeSpan.FromTicks(1));
            Assert.Equal(Admission.Probe, breaker.TryEnter());
            Assert.True(breaker.Failed(Admission.Probe, opensAtOnce: false));
        }

        _time.Advance(length);
        Assert.Equal(Admission.Probe, breaker.TryEnter());
        Assert.True(breaker.Succeeded(Admission.Probe, 1));
        Assert.False(breaker.Failed(Admission.Normal, opensAtOnce: false));
        Assert.True(breaker.Failed(Admission.Normal, opensAtOnce: false));
    }

    [Fact]
    public void Whoever_waits_is_told_when_a_break_is_over_after_each_break()
    {
        var breaker = Opened();
        _time.Advance(Break - TimeSpan.FromMilliseconds(1));
        Assert.Equal(0, _changed);
        _time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Equal(1, _changed);

        Assert.Equal(Admission.Probe, breaker.TryEnter());
        breaker.Failed(Admission.Probe, opensAtOnce: false);
        _time.Advance(Break);
        Assert.Equal(2, _changed);
    }

    /// <summary>Timers count milliseconds by another clock than the timestamps, and may be early.</summary>
    [Fact]
    public void A_timer_that_fires_early_fires_again_when_the_break_is_over()
    {
        var time = new EarlyTimers(_time, by: TimeSpan.FromMilliseconds(15));
        var breaker = Breaker(1, time);
        breaker.Failed(Admission.Normal, opensAtOnce: false);

        _time.Advance(Break - TimeSpan.FromMilliseconds(15));
        Assert.Equal(0, _changed);
        for (var i = 0; i < 20; i++)
            _time.Advance(TimeSpan.FromMilliseconds(1));

        Assert.Equal(1, _changed);
        Assert.Equal(Admission.Probe, breaker.TryEnter());
    }

    [Fact]
    public async Task Of_many_threads_that_ask_when_the_break_is_over_one_gets_the_probe()
    {
        for (var round = 0; round < 200; round++)
        {
            var breaker = Opened();
            _time.Advance(Break);
            using var barrier = new Barrier(4);
            var admissions = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Factory.StartNew(
                () =>
                {
                    barrier.SignalAndWait(TestContext.Current.CancellationToken);
                    return breaker.TryEnter();
                },
                TestContext.Current.CancellationToken,
                TaskCreationOptions.LongRunning,
                TaskScheduler.Default)));

            Assert.Equal(1, admissions.Count(a => a == Admission.Probe));
            Assert.Equal(3, admissions.Count(a => a == Admission.Refused));
        }
    }

    /// <summary>Any sequence of calls and pauses, beside a model of three numbers.</summary>
    [Property(MaxTest = 300)]
    public void It_behaves_as_its_state_table_says(PositiveInt failuresToOpen, byte[] steps)
    {
        var needed = 1 + (failuresToOpen.Get % 6);
        var breaker = Breaker(needed);
        var (row, open, probing, openedAt) = (0, false, false, _time.GetTimestamp());
        foreach (var step in steps)
        {
            switch (step % 8)
            {
                case 0 or 1 or 2:
                    Assert.Equal(!open && row + 1 >= needed, breaker.Failed(Admission.Normal, opensAtOnce: false));
                    if (!open && ++row >= needed)
                        (open, openedAt) = (true, _time.GetTimestamp());

                    break;
                case 3:
                    Assert.False(breaker.Succeeded(Admission.Normal, 1));
                    row = open ? row : 0;
                    break;
                case 4:
                    var isOver = _time.GetElapsedTime(openedAt) >= Break;
                    var expected = !open ? Admission.Normal : probing || !isOver ? Admission.Refused : Admission.Probe;
                    Assert.Equal(expected, breaker.TryEnter());
                    probing |= expected == Admission.Probe;
                    break;
                case 5 when probing && step % 3 == 0:
                    Assert.True(breaker.Succeeded(Admission.Probe, 1));
                    (row, open, probing) = (0, false, false);
                    break;
                case 5 when probing && step % 3 == 1:
                    Assert.True(breaker.Failed(Admission.Probe, opensAtOnce: step > 128));
                    (probing, openedAt) = (false, _time.GetTimestamp());
                    break;
                case 5 when probing:
                    breaker.ProbeCameToNothing();
                    probing = false;
                    break;
                case 6:
                    _time.Advance(Break / 2);
                    break;
                case 7:
                    _time.Advance(TimeSpan.FromMilliseconds(step));
                    break;
                default:
                    break;
            }

            Assert.Equal(!open, breaker.IsClosed);
        }
    }

    private EndpointBreaker Breaker(int failures, TimeProvider? time = null)
    {
        var breaker = new EndpointBreaker(
            new BreakerOptions { FailuresToOpen = failures, BreakDuration = Break }, time ?? _time, () => _changed++);
        _made.Add(breaker);
        return breaker;
    }

    private EndpointBreaker Opened(int failures = 1)
    {
        var breaker = Breaker(failures);
        Fail(breaker, failures);
        Assert.False(breaker.IsClosed);
        return breaker;
    }

    private void Probe(EndpointBreaker breaker)
    {
        _time.Advance(Break);
        Assert.Equal(Admission.Probe, breaker.TryEnter());
    }

    private static void Fail(EndpointBreaker breaker, int times)
    {
        for (var i = 0; i < times; i++)
            breaker.Failed(Admission.Normal, opensAtOnce: false);
    }
}
