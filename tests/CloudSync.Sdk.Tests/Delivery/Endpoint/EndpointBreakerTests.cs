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
        Assert.Equal(Admission.Probe, breaker.TryEnter());
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

    /// <summary>The process was stopped, and all of its calls timed out for that.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void What_opens_it_around_a_stall_of_our_own_is_probed_at_once_and_a_probe_that_fails_costs_a_full_break(bool openedBefore)
    {
        var breaker = Breaker(2);
        if (!openedBefore)
            breaker.Stalled();

        Fail(breaker, 2);
        if (openedBefore)
            breaker.Stalled();

        Assert.Equal(Admission.Probe, breaker.TryEnter());
        Assert.True(breaker.Failed(Admission.Probe, opensAtOnce: false));
        Assert.Equal(Admission.Refused, breaker.TryEnter());
        _time.Advance(Break);
        Assert.Equal(Admission.Probe, breaker.TryEnter());
    }

    [Fact]
    public void What_opens_it_long_after_a_stall_is_an_outage_and_a_stall_ends_no_isolation()
    {
        var breaker = Breaker(2);
        breaker.Stalled();
        _time.Advance(TimeSpan.FromSeconds(5));
        Fail(breaker, 2);
        Assert.Equal(Admission.Refused, breaker.TryEnter());

        breaker.Isolate();
        breaker.Stalled();
        Assert.Equal(Admission.Refused, breaker.TryEnter());
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

    /// <summary>Many successes hide a part that is down from a count of failures in a row.</summary>
    [Fact]
    public void A_share_of_failures_opens_it_beside_those_in_a_row()
    {
        var breaker = WithRatio(0.5, calls: 10);
        for (var i = 0; i < 4; i++)
        {
            Assert.False(breaker.Failed(Admission.Normal, opensAtOnce: false));
            Assert.False(breaker.Succeeded(Admission.Normal, 1));
        }

        // Nine calls are too few to say anything.
        Assert.False(breaker.Failed(Admission.Normal, opensAtOnce: false));
        Assert.True(breaker.Failed(Admission.Normal, opensAtOnce: false));
        Assert.Equal((false, BreakerState.Open, Admission.Refused), (breaker.IsClosed, breaker.State, breaker.TryEnter()));
    }

    [Fact]
    public void A_smaller_share_of_failures_opens_nothing()
    {
        var breaker = WithRatio(0.5, calls: 10);
        for (var i = 0; i < 100; i++)
        {
            Assert.False(breaker.Succeeded(Admission.Normal, 1));
            Assert.False(breaker.Succeeded(Admission.Normal, 1));
            Assert.False(breaker.Failed(Admission.Normal, opensAtOnce: false));
        }

        Assert.True(breaker.IsClosed);
    }

    [Fact]
    public void With_a_share_so_many_failures_in_a_row_open_it_as_well()
    {
        var breaker = WithRatio(1.0, calls: 1_000);
        breaker.Succeeded(Admission.Normal, 1);
        for (var i = 1; i < 5; i++)
            Assert.False(breaker.Failed(Admission.Normal, opensAtOnce: false));

        Assert.True(breaker.Failed(Admission.Normal, opensAtOnce: false));
    }

    [Fact]
    public void The_share_is_that_of_the_last_while()
    {
        var breaker = WithRatio(0.5, calls: 10);
        for (var i = 0; i < 4; i++)
        {
            breaker.Failed(Admission.Normal, opensAtOnce: false);
            breaker.Succeeded(Admission.Normal, 1);
        }

        _time.Advance(TimeSpan.FromSeconds(31));
        for (var i = 0; i < 4; i++)
        {
            Assert.False(breaker.Failed(Admission.Normal, opensAtOnce: false));
            Assert.False(breaker.Succeeded(Admission.Normal, 1));
        }

        Assert.True(breaker.IsClosed);
    }

    [Fact]
    public void After_a_share_of_failures_has_opened_it_a_probe_closes_it_and_the_share_starts_anew()
    {
        var breaker = WithRatio(0.5, calls: 4);
        for (var round = 0; round < 3; round++)
        {
            breaker.Succeeded(Admission.Normal, 1);
            breaker.Succeeded(Admission.Normal, 1);
            Assert.False(breaker.Failed(Admission.Normal, opensAtOnce: false));
            Assert.True(breaker.Failed(Admission.Normal, opensAtOnce: false));
            Probe(breaker);
            Assert.True(breaker.Failed(Admission.Probe, opensAtOnce: false));
            Probe(breaker);
            Assert.True(breaker.Succeeded(Admission.Probe, 1));
            Assert.True(breaker.IsClosed);
        }
    }

    [Fact]
    public void What_opened_at_once_closes_for_the_share_too()
    {
        var breaker = WithRatio(0.5, calls: 4);
        for (var i = 0; i < 3; i++)
            breaker.Succeeded(Admission.Normal, 1);

        Assert.True(breaker.Failed(Admission.Normal, opensAtOnce: true));
        Probe(breaker);
        Assert.True(breaker.Succeeded(Admission.Probe, 1));
        Assert.False(breaker.Failed(Admission.Normal, opensAtOnce: false));
        Assert.True(breaker.IsClosed);
    }

    [Fact]
    public void What_is_isolated_lets_nobody_in_until_it_is_released_and_then_one_probe_at_once()
    {
        var breaker = Breaker(5);
        Assert.False(breaker.Release());
        breaker.Isolate();
        Assert.Equal((BreakerState.Isolated, false), (breaker.State, breaker.IsClosed));
        _time.Advance(TimeSpan.FromDays(30));
        Assert.Equal(Admission.Refused, breaker.TryEnter());
        Assert.False(breaker.Allows(Admission.Normal));
        Assert.False(breaker.Allows(Admission.Probe));
        Assert.Equal(0, _changed);

        Assert.True(breaker.Release());
        Assert.False(breaker.Release());
        Assert.Equal(1, _changed);
        Assert.Equal(BreakerState.HalfOpen, breaker.State);
        Assert.Equal(Admission.Probe, breaker.TryEnter());
        Assert.True(breaker.Succeeded(Admission.Probe, 1));
        Assert.Equal((BreakerState.Closed, Admission.Normal), (breaker.State, breaker.TryEnter()));
    }

    [Fact]
    public void An_isolation_outlasts_the_break_it_began_in_and_a_release_ends_both()
    {
        var breaker = Opened();
        _time.Advance(Break / 2);
        breaker.Isolate();
        _time.Advance(Break);
        Assert.Equal(Admission.Refused, breaker.TryEnter());
        breaker.Release();
        Assert.Equal(Admission.Probe, breaker.TryEnter());
        Assert.True(breaker.Failed(Admission.Probe, opensAtOnce: false));

        breaker.Isolate();
        breaker.Release();
        Assert.Equal(Admission.Probe, breaker.TryEnter());
    }

    [Fact]
    public void A_break_after_a_release_is_a_full_one_and_is_told()
    {
        var breaker = Opened();
        breaker.Isolate();
        breaker.Release();
        breaker.TryEnter();
        Assert.True(breaker.Failed(Admission.Probe, opensAtOnce: false));
        _changed = 0;
        _time.Advance(Break - TimeSpan.FromMilliseconds(1));
        Assert.Equal((Admission.Refused, 0), (breaker.TryEnter(), _changed));
        _time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Equal((Admission.Probe, 1), (breaker.TryEnter(), _changed));
    }

    [Theory]
    [InlineData("succeeds")]
    [InlineData("fails")]
    [InlineData("comes to nothing")]
    public void A_probe_that_was_under_way_when_it_was_isolated_changes_nothing_and_leaves_its_place(string how)
    {
        var breaker = Opened();
        Probe(breaker);
        breaker.Isolate();
        Assert.Equal(BreakerState.Isolated, breaker.State);
        EndProbe(breaker, how, told: false);
        Assert.Equal((BreakerState.Isolated, Admission.Refused), (breaker.State, breaker.TryEnter()));

        breaker.Release();
        Assert.Equal(Admission.Probe, breaker.TryEnter());
    }

    [Theory]
    [InlineData("succeeds", BreakerState.Closed)]
    [InlineData("fails", BreakerState.Open)]
    [InlineData("comes to nothing", BreakerState.HalfOpen)]
    public void A_probe_that_outlasts_an_isolation_is_the_only_one_and_counts(string how, BreakerState then)
    {
        var breaker = Opened();
        Probe(breaker);
        breaker.Isolate();
        breaker.Release();
        Assert.Equal((BreakerState.HalfOpen, Admission.Refused), (breaker.State, breaker.TryEnter()));

        EndProbe(breaker, how, told: true);
        Assert.Equal(then, breaker.State);
    }

    [Fact]
    public void The_state_goes_from_closed_to_open_to_half_open_and_back()
    {
        var breaker = Breaker(1);
        Assert.Equal(BreakerState.Closed, breaker.State);
        breaker.Failed(Admission.Normal, opensAtOnce: false);
        Assert.Equal(BreakerState.Open, breaker.State);
        _time.Advance(Break);
        Assert.Equal(BreakerState.HalfOpen, breaker.State);
        breaker.TryEnter();
        Assert.Equal(BreakerState.HalfOpen, breaker.State);
        breaker.Failed(Admission.Probe, opensAtOnce: false);
        Assert.Equal(BreakerState.Open, breaker.State);
        Probe(breaker);
        breaker.Succeeded(Admission.Probe, 1);
        Assert.Equal(BreakerState.Closed, breaker.State);
    }

    [Fact]
    public void A_call_that_was_let_in_may_begin_unless_it_has_opened_meanwhile()
    {
        var breaker = Breaker(1);
        Assert.True(breaker.Allows(Admission.Normal));
        breaker.Failed(Admission.Normal, opensAtOnce: false);
        Assert.False(breaker.Allows(Admission.Normal));
        Probe(breaker);
        Assert.False(breaker.Allows(Admission.Normal));
        Assert.True(breaker.Allows(Admission.Probe));
        breaker.Succeeded(Admission.Probe, 1);
        Assert.True(breaker.Allows(Admission.Normal));
    }

    [Fact]
    public void It_knows_when_it_was_closed_last_and_how_many_messages_were_taken()
    {
        var breaker = Breaker(1);
        breaker.Succeeded(Admission.Normal, 5);
        Assert.Equal((0, 5), (breaker.ClosedAt, breaker.Successes));
        breaker.Failed(Admission.Normal, opensAtOnce: false);
        breaker.Succeeded(Admission.Normal, 2);
        Assert.Equal((0, 7), (breaker.ClosedAt, breaker.Successes));

        Probe(breaker);
        var closedAt = _time.GetTimestamp();
        breaker.Succeeded(Admission.Probe, 1);
        _time.Advance(Break);
        breaker.Succeeded(Admission.Normal, 1);
        Assert.Equal((closedAt, 9), (breaker.ClosedAt, breaker.Successes));
    }

    /// <summary>Nearly every success takes no lock. None of them may be lost all the same, and none that must be heard.</summary>
    [Theory]
    [InlineData(null)]
    [InlineData(0.9)]
    public async Task From_several_threads_no_success_is_lost_and_no_probe_unheard(double? ratio)
    {
        const int Calls = 5_000;
        using var breaker = new EndpointBreaker(
            new BreakerOptions { FailuresToOpen = 3, FailureRatio = ratio, BreakDuration = Break }, _time, () => { });
        var (opened, closed) = (0, 0);
        await Task.WhenAll(Enumerable.Range(0, 4).Select(thread => Task.Factory.StartNew(
            () =>
            {
                for (var i = 0; i < Calls; i++)
                {
                    var admission = breaker.TryEnter();
                    if (admission == Admission.Probe || (admission == Admission.Normal && (thread > 0 || i % 100 > 5)))
                        Interlocked.Add(ref closed, breaker.Succeeded(admission, 1) ? 1 : 0);
                    else if (admission == Admission.Normal)
                        Interlocked.Add(ref opened, breaker.Failed(admission, opensAtOnce: i % 100 == 5) ? 1 : 0);
                    else
                        breaker.Succeeded(Admission.Normal, 1);

                    if (i % 50 == 0)
                        _time.Advance(Break / 4);
                }
            },
            TestContext.Current.CancellationToken,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default)));

        _time.Advance(Break);
        if (breaker.TryEnter() == Admission.Probe)
            closed += breaker.Succeeded(Admission.Probe, 0) ? 1 : 0;

        Assert.True(breaker.IsClosed);
        Assert.Equal(opened, closed);
        Assert.NotEqual(0, opened);
        Assert.InRange(breaker.Successes, (4 * Calls) - (6 * Calls / 100), 4 * Calls);
    }

    private static void EndProbe(EndpointBreaker breaker, string how, bool told)
    {
        switch (how)
        {
            case "succeeds":
                Assert.Equal(told, breaker.Succeeded(Admission.Probe, 1));
                break;
            case "fails":
                Assert.Equal(told, breaker.Failed(Admission.Probe, opensAtOnce: false));
                break;
            default:
                breaker.ProbeCameToNothing();
                break;
        }
    }

    private EndpointBreaker WithRatio(double ratio, int calls)
    {
        var breaker = new EndpointBreaker(
            new BreakerOptions { FailuresToOpen = 5, FailureRatio = ratio, MinimumThroughput = calls, BreakDuration = Break }, _time, () => _changed++);
        _made.Add(breaker);
        return breaker;
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
