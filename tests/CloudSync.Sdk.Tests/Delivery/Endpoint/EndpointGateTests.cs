using FsCheck.Xunit;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace CloudSync.Sdk.Tests;

public sealed class EndpointGateTests : IDisposable
{
    private static readonly TimeSpan Break = TimeSpan.FromSeconds(60);

    private readonly FakeTimeProvider _time = new();
    private readonly List<EndpointGate> _made = [];
    private int _changed;

    public void Dispose() => _made.ForEach(gate => gate.Dispose());

    [Fact]
    public void At_first_everything_is_let_in()
    {
        var gate = Gate(o => o.MaxConcurrency = 7);

        Assert.Equal((Admission.Normal, BreakerState.Closed, true, false, 7), (gate.TryEnter(), gate.State, gate.IsClosed, gate.IsHolding, gate.Limit));
        Assert.True(gate.Allows(Admission.Normal));
        Assert.False(gate.WantsDurations);
        Assert.Null(gate.Trouble);
        Assert.Equal(TimeSpan.Zero, gate.OpenSince);
    }

    [Fact]
    public void While_the_endpoint_has_asked_us_to_wait_nobody_is_let_in_and_nobody_who_was_may_begin()
    {
        var gate = Gate();
        Assert.True(gate.HoldFor(TimeSpan.FromSeconds(10)));
        Assert.False(gate.HoldFor(TimeSpan.FromSeconds(5)));

        Assert.True(gate.IsHolding);
        Assert.Equal(Admission.Refused, gate.TryEnter());
        Assert.False(gate.Allows(Admission.Normal));
        Assert.Equal(BreakerState.Closed, gate.State);

        _time.Advance(TimeSpan.FromSeconds(10));
        Assert.False(gate.IsHolding);
        Assert.Equal(Admission.Normal, gate.TryEnter());
        Assert.True(gate.Allows(Admission.Normal));
        Assert.Equal(1, _changed);
    }

    [Fact]
    public void A_probe_waits_as_well_while_the_endpoint_has_asked_for_it()
    {
        var gate = Opened();
        _time.Advance(Break);
        gate.HoldFor(TimeSpan.FromSeconds(10));
        Assert.Equal(Admission.Refused, gate.TryEnter());

        _time.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal(Admission.Probe, gate.TryEnter());
        Assert.True(gate.Allows(Admission.Probe));
        gate.HoldFor(TimeSpan.FromSeconds(10));
        Assert.False(gate.Allows(Admission.Probe));

        gate.ProbeCameToNothing();
        _time.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal(Admission.Probe, gate.TryEnter());
    }

    [Fact]
    public void After_it_has_opened_only_the_probe_may_begin_and_none_when_it_is_isolated()
    {
        var gate = Opened();
        Assert.False(gate.Allows(Admission.Normal));
        _time.Advance(Break);
        Assert.Equal(Admission.Probe, gate.TryEnter());
        Assert.True(gate.Allows(Admission.Probe));
        Assert.False(gate.Allows(Admission.Normal));

        gate.Isolate("by hand");
        Assert.False(gate.Allows(Admission.Probe));
    }

    [Fact]
    public void It_is_open_since_the_last_wait_or_break_was_over_whichever_is_later()
    {
        var gate = Gate(o => o.Breaker.FailuresToOpen = 1);
        gate.HoldFor(TimeSpan.FromSeconds(10));
        Assert.Equal(Now + TimeSpan.FromSeconds(10), gate.OpenSince);
        _time.Advance(TimeSpan.FromSeconds(20));
        Assert.Equal(Now - TimeSpan.FromSeconds(10), gate.OpenSince);

        Fail(gate);
        _time.Advance(Break);
        gate.TryEnter();
        gate.Succeeded(Admission.Probe, 1, default, 1);
        Assert.Equal(Now, gate.OpenSince);
        _time.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal(Now - TimeSpan.FromSeconds(5), gate.OpenSince);

        gate.HoldFor(TimeSpan.FromSeconds(1));
        Assert.Equal(Now + TimeSpan.FromSeconds(1), gate.OpenSince);
    }

    [Fact]
    public void The_trouble_says_what_opened_it_since_when_and_what_the_last_probe_met_and_ends_when_it_closes()
    {
        var gate = Gate();
        for (var i = 1; i < 5; i++)
            Assert.False(gate.Failed(Admission.Normal, BreakerEffect.Counts, ErrorType.Timeout, "slow"));

        Assert.Null(gate.Trouble);
        Assert.True(gate.Failed(Admission.Normal, BreakerEffect.Counts, ErrorType.NetworkError, "refused"));
        var since = _time.GetUtcNow();
        Assert.Equal(new EndpointTrouble(ErrorType.NetworkError, "refused", since, IsUnhealthy: false), gate.Trouble);

        // A call of before that ends now is no news.
        Assert.False(gate.Failed(Admission.Normal, BreakerEffect.OpensAtOnce, ErrorType.Authentication, "late"));
        Assert.Equal("refused", gate.Trouble!.Reason);

        _time.Advance(Break);
        Assert.Equal(Admission.Probe, gate.TryEnter());
        Assert.True(gate.Failed(Admission.Probe, BreakerEffect.OpensAtOnce, ErrorType.Authentication, "401"));
        Assert.Equal(new EndpointTrouble(ErrorType.Authentication, "401", since, IsUnhealthy: true), gate.Trouble);

        _time.Advance(Break);
        Assert.Equal(Admission.Probe, gate.TryEnter());
        Assert.True(gate.Succeeded(Admission.Probe, 3, default, 1));
        Assert.Null(gate.Trouble);
        Assert.Equal(3, gate.Successes);

        _time.Advance(Break);
        gate.Failed(Admission.Normal, BreakerEffect.OpensAtOnce, ErrorType.Authentication, "401");
        Assert.Equal(_time.GetUtcNow(), gate.Trouble!.Since);
    }

    [Fact]
    public void An_isolation_is_a_trouble_of_its_own_until_the_endpoint_has_taken_a_message()
    {
        var gate = Gate();
        Assert.False(gate.Release());
        gate.Isolate("ticket 4711");
        var since = _time.GetUtcNow();
        var isolated = new EndpointTrouble(null, "ticket 4711", since, IsUnhealthy: false);
        Assert.Equal((BreakerState.Isolated, isolated), (gate.State, gate.Trouble));
        Assert.Equal(Admission.Refused, gate.TryEnter());

        // What was under way changes nothing.
        Assert.False(gate.Failed(Admission.Normal, BreakerEffect.OpensAtOnce, ErrorType.Authentication, "401"));
        Assert.False(gate.Succeeded(Admission.Normal, 1, default, 1));
        Assert.Equal((BreakerState.Isolated, isolated), (gate.State, gate.Trouble));

        Assert.True(gate.Release());
        Assert.Equal((BreakerState.HalfOpen, isolated), (gate.State, gate.Trouble));
        Assert.Equal(1, _changed);
        Assert.Equal(Admission.Probe, gate.TryEnter());
        Assert.True(gate.Succeeded(Admission.Probe, 1, default, 1));
        Assert.Equal((BreakerState.Closed, null), (gate.State, gate.Trouble));
    }

    [Fact]
    public void A_probe_that_succeeds_while_it_is_isolated_closes_nothing()
    {
        var gate = Opened();
        _time.Advance(Break);
        gate.TryEnter();
        gate.Isolate("by hand");

        Assert.False(gate.Succeeded(Admission.Probe, 1, default, 1));
        Assert.Equal((BreakerState.Isolated, "by hand"), (gate.State, gate.Trouble?.Reason));
    }

    [Fact]
    public void Once_it_is_disposed_nobody_is_told_of_anything()
    {
        foreach (var waiting in new Action<EndpointGate>[] { Fail, gate => gate.HoldFor(TimeSpan.FromSeconds(1)), gate => gate.TakeRetries(int.MaxValue) })
        {
            var gate = Gate();
            waiting(gate);
            gate.TakeRetries(1);
            gate.Dispose();
        }

        _time.Advance(TimeSpan.FromDays(1));
        Assert.Equal(0, _changed);
    }

    [Fact]
    public void To_isolate_what_is_open_says_so_and_a_probe_that_fails_after_the_release_says_what_it_met()
    {
        var gate = Opened();
        _time.Advance(TimeSpan.FromSeconds(1));
        gate.Isolate("by hand");
        var since = _time.GetUtcNow();
        Assert.Equal(new EndpointTrouble(null, "by hand", since, IsUnhealthy: false), gate.Trouble);

        _time.Advance(TimeSpan.FromSeconds(1));
        gate.Release();
        Assert.Equal(Admission.Probe, gate.TryEnter());
        Assert.True(gate.Failed(Admission.Probe, BreakerEffect.Counts, ErrorType.Timeout, "slow"));
        Assert.Equal(new EndpointTrouble(ErrorType.Timeout, "slow", since, IsUnhealthy: false), gate.Trouble);
    }

    [Fact]
    public void A_probe_that_fails_for_its_messages_own_sake_is_given_back()
    {
        var gate = Opened();
        var trouble = gate.Trouble;
        _time.Advance(Break);
        Assert.Equal(Admission.Probe, gate.TryEnter());
        Assert.False(gate.Failed(Admission.Probe, BreakerEffect.None, ErrorType.ValidationError, "400"));

        Assert.Equal(trouble, gate.Trouble);
        Assert.Equal(BreakerState.HalfOpen, gate.State);
        Assert.Equal(Admission.Probe, gate.TryEnter());

        // But one that was no probe gives none back.
        Assert.False(gate.Failed(Admission.Normal, BreakerEffect.None, ErrorType.ValidationError, "400"));
        Assert.Equal(Admission.Refused, gate.TryEnter());
    }

    [Fact]
    public void A_failure_of_the_messages_own_counts_for_nothing()
    {
        var gate = Gate(o => (o.Breaker.FailuresToOpen, o.MaxConcurrency) = (1, 9));
        for (var i = 0; i < 20; i++)
            Assert.False(gate.Failed(Admission.Normal, BreakerEffect.None, ErrorType.ValidationError, "400"));

        Assert.Equal((BreakerState.Closed, 9), (gate.State, gate.Limit));
    }

    [Fact]
    public void After_an_outage_one_call_is_allowed_and_more_with_each_success_and_fewer_with_each_failure()
    {
        var gate = Opened(o => o.MaxConcurrency = 16);
        _time.Advance(Break);
        gate.TryEnter();
        gate.Succeeded(Admission.Probe, 500, default, 1);
        Assert.Equal(1, gate.Limit);
        for (var expected = 2; expected <= 6; expected++)
        {
            Assert.False(gate.Succeeded(Admission.Normal, 500, default, 1));
            Assert.Equal(expected, gate.Limit);
        }

        gate.Failed(Admission.Normal, BreakerEffect.Counts, ErrorType.Timeout, "slow");
        Assert.Equal(3, gate.Limit);
        gate.Failed(Admission.Normal, BreakerEffect.None, ErrorType.ValidationError, "400");
        Assert.Equal(3, gate.Limit);
    }

    [Fact]
    public void After_a_wait_one_call_is_allowed_and_what_ends_during_it_or_an_outage_allows_no_more()
    {
        var gate = Gate(o => (o.MaxConcurrency, o.Breaker.FailuresToOpen) = (16, 3));
        gate.HoldFor(TimeSpan.FromSeconds(10));
        Assert.Equal(1, gate.Limit);
        gate.Succeeded(Admission.Normal, 1, default, 8);
        gate.HoldFor(TimeSpan.FromSeconds(11));
        Assert.Equal(1, gate.Limit);

        _time.Advance(TimeSpan.FromSeconds(11));
        gate.Succeeded(Admission.Normal, 1, default, 1);
        gate.Succeeded(Admission.Normal, 1, default, 1);
        Assert.Equal(3, gate.Limit);
        Fail(gate);
        gate.Succeeded(Admission.Normal, 1, default, 1);
        Assert.Equal(1, gate.Limit);
    }

    [Fact]
    public void A_wait_that_is_over_at_once_is_none()
    {
        var gate = Gate(o => o.MaxConcurrency = 16);

        Assert.False(gate.HoldFor(TimeSpan.Zero));
        Assert.Equal((Admission.Normal, 16), (gate.TryEnter(), gate.Limit));
    }

    [Fact]
    public void An_endpoint_that_asks_us_to_wait_has_pushed_back_where_the_limit_is_found_out()
    {
        var gate = Gate(o => (o.MaxConcurrency, o.AdaptiveConcurrency.Enabled) = (100, true));
        Assert.True(gate.WantsDurations);
        while (gate.Limit < 20)
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            gate.Succeeded(Admission.Normal, 1, TimeSpan.FromSeconds(0.1), gate.Limit);
        }

        _time.Advance(TimeSpan.FromSeconds(1));
        gate.HoldFor(TimeSpan.FromSeconds(1));
        Assert.Equal(1, gate.Limit);
        _time.Advance(TimeSpan.FromSeconds(1));

        // Nine tenths of 20 is where the ramp ends.
        for (var i = 0; i < 30; i++)
            gate.Succeeded(Admission.Normal, 1, TimeSpan.Zero, underWay: 1);

        Assert.Equal(18, gate.Limit);
    }

    [Fact]
    public void Retries_are_granted_by_the_budget_and_whoever_was_refused_is_told()
    {
        var gate = Gate(o => (o.Retry.Budget, o.Retry.BudgetReserve) = (0.5, 1));
        Assert.Equal(10, gate.TakeRetries(20));
        gate.GiveBackRetries(2);
        gate.FirstCalls(2);
        Assert.Equal(3, gate.TakeRetries(20));
        Assert.Equal(0, gate.TakeRetries(20));
        _time.Advance(TimeSpan.FromSeconds(1));

        Assert.Equal(1, _changed);
        Assert.Equal(1, gate.TakeRetries(20));
    }

    /// <summary>Whoever asks on another thread at the moment at which it closes must not find room for all that waited.</summary>
    [Fact]
    public void Nobody_ever_sees_it_closed_with_as_many_calls_allowed_as_before_the_outage()
    {
        var time = new AtEachLook();
        using var gate = new EndpointGate(new CloudSyncConsumerOptions { MaxConcurrency = 16, Breaker = { FailuresToOpen = 1 } }, time, () => { });
        Fail(gate);
        time.Advance(Break);
        Assert.Equal(Admission.Probe, gate.TryEnter());
        var seen = new List<int>();
        time.Look = () =>
        {
            if (gate.IsClosed)
                seen.Add(gate.Limit);
        };
        Assert.True(gate.Succeeded(Admission.Probe, 1, default, 1));

        Assert.NotEmpty(seen);
        Assert.All(seen, limit => Assert.Equal(1, limit));
    }

    /// <summary>Somebody isolates the endpoint at the very moment at which a probe closes the breaker, or a failure opens it.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task What_is_isolated_says_why_whatever_happens_at_the_same_time(bool closes)
    {
        for (var round = 0; round < 2_000; round++)
        {
            var gate = closes ? Opened() : Gate(o => o.Breaker.FailuresToOpen = 1);
            _time.Advance(Break);
            var admission = gate.TryEnter();
            using var barrier = new Barrier(2);
            var isolate = Task.Run(
                () =>
                {
                    barrier.SignalAndWait(TestContext.Current.CancellationToken);
                    gate.Isolate("by hand");
                },
                TestContext.Current.CancellationToken);
            barrier.SignalAndWait(TestContext.Current.CancellationToken);
            if (closes)
                gate.Succeeded(admission, 1, default, 1);
            else
                gate.Failed(admission, BreakerEffect.Counts, ErrorType.Timeout, "slow");

            await isolate;

            Assert.Equal(BreakerState.Isolated, gate.State);
            Assert.Equal((null, "by hand"), (gate.Trouble?.ErrorType, gate.Trouble?.Reason));
            gate.Dispose();
        }
    }

    /// <summary>Any sequence of calls, waits, isolations and time, beside a model of plain variables.</summary>
    [Property(MaxTest = 400)]
    public void It_behaves_as_a_plain_model_of_it_says(byte failuresToOpen, byte maxConcurrency, ushort[] steps)
    {
        var needed = 1 + (failuresToOpen % 4);
        var max = 1 + (maxConcurrency % 12);
        var gate = Gate(o => (o.Breaker.FailuresToOpen, o.MaxConcurrency) = (needed, max));
        var (row, isOpen, isIsolated, isProbing) = (0, false, false, false);
        var (opensAt, holdsUntil, closedAt) = (TimeSpan.Zero, TimeSpan.Zero, TimeSpan.Zero);
        var (limit, isRamping) = (max, false);
        EndpointTrouble? trouble = null;
        foreach (var step in steps)
        {
            var size = step / 16;
            switch (step % 16)
            {
                case 0 or 1:
                    var isClosing = isOpen && isProbing && !isIsolated && size % 2 == 0;
                    var admission = isProbing && size % 2 == 0 ? Admission.Probe : Admission.Normal;
                    Assert.Equal(isClosing, gate.Succeeded(admission, 1, default, 1));
                    isProbing &= admission != Admission.Probe;
                    if (admission == Admission.Probe)
                        Restart();
                    else if (!isOpen && !IsHolding())
                        Ramp(limit + 1);

                    if (isClosing)
                        (isOpen, trouble, closedAt) = (false, null, Now);

                    row = isOpen ? row : 0;
                    break;
                case 2 or 3 or 4:
                    Fail(isProbing && size % 2 == 0 ? Admission.Probe : Admission.Normal, (BreakerEffect)(size % 3));
                    break;
                case 5 or 6 or 7:
                    var expected = IsHolding() ? Admission.Refused
                        : !isOpen ? Admission.Normal
                        : isIsolated || isProbing || Now < opensAt ? Admission.Refused
                        : Admission.Probe;
                    Assert.Equal(expected, gate.TryEnter());
                    isProbing |= expected == Admission.Probe;
                    break;
                case 8 when isProbing:
                    gate.ProbeCameToNothing();
                    isProbing = false;
                    break;
                case 9:
                    var wait = TimeSpan.FromMilliseconds(size);
                    var begins = !IsHolding() && wait > TimeSpan.Zero;
                    Assert.Equal(begins, gate.HoldFor(wait));
                    Ramp(limit / 2);
                    holdsUntil = Now + wait > holdsUntil ? Now + wait : holdsUntil;
                    if (begins)
                        Restart();

                    break;
                case 10 when size % 3 == 0:
                    gate.Isolate($"step {step}");
                    (isOpen, isIsolated, trouble) = (true, true, new EndpointTrouble(null, $"step {step}", _time.GetUtcNow(), false));
                    break;
                case 11:
                    Assert.Equal(isIsolated, gate.Release());
                    opensAt = isIsolated ? Now : opensAt;
                    isIsolated = false;
                    break;
                case 12:
                    _time.Advance(Break / 2);
                    break;
                case 13:
                    _time.Advance(TimeSpan.FromMilliseconds(size));
                    break;
                default:
                    break;
            }

            Assert.Equal(limit, gate.Limit);
            Assert.Equal(trouble, gate.Trouble);
            Assert.Equal(IsHolding(), gate.IsHolding);
            Assert.Equal(!isOpen, gate.IsClosed);
            Assert.Equal(!isOpen && !IsHolding(), gate.Allows(Admission.Normal));
            Assert.Equal(!isIsolated && !IsHolding(), gate.Allows(Admission.Probe));
            Assert.Equal(closedAt > holdsUntil ? closedAt : holdsUntil, gate.OpenSince);
            Assert.Equal(
                !isOpen ? BreakerState.Closed : isIsolated ? BreakerState.Isolated : isProbing || Now >= opensAt ? BreakerState.HalfOpen : BreakerState.Open,
                gate.State);
        }

        bool IsHolding() => Now < holdsUntil;

        void Restart() => (limit, isRamping) = (1, max > 1);

        void Ramp(int to)
        {
            if (!isRamping)
                return;

            limit = Math.Clamp(to, 1, max);
            isRamping = limit < max;
        }

        void Fail(Admission admission, BreakerEffect effect)
        {
            var told = gate.Failed(admission, effect, ErrorType.Timeout, "slow");
            isProbing &= admission != Admission.Probe;
            var opens = effect != BreakerEffect.None
                && (isOpen ? admission == Admission.Probe && !isIsolated : effect == BreakerEffect.OpensAtOnce || row + 1 >= needed);
            Assert.Equal(opens, told);
            if (effect == BreakerEffect.None)
                return;

            Ramp(limit / 2);
            row += isOpen ? 0 : 1;
            if (opens)
                (isOpen, opensAt, trouble) = (true, Now + Break, new(ErrorType.Timeout, "slow", trouble?.Since ?? _time.GetUtcNow(), effect == BreakerEffect.OpensAtOnce));
        }
    }

    private TimeSpan Now => _time.GetElapsedTime(0);

    private EndpointGate Gate(Action<CloudSyncConsumerOptions>? configure = null)
    {
        var options = new CloudSyncConsumerOptions { Breaker = { BreakDuration = Break } };
        configure?.Invoke(options);
        var gate = new EndpointGate(options, _time, () => _changed++);
        _made.Add(gate);
        return gate;
    }

    private EndpointGate Opened(Action<CloudSyncConsumerOptions>? configure = null)
    {
        var gate = Gate(configure);
        Fail(gate);
        Assert.Equal(BreakerState.Open, gate.State);
        return gate;
    }

    private static void Fail(EndpointGate gate) =>
        Assert.True(gate.Failed(Admission.Normal, BreakerEffect.OpensAtOnce, ErrorType.Authentication, "401"));

    /// <summary>A clock that lets the test look around whenever it is asked for the time.</summary>
    private sealed class AtEachLook : FakeTimeProvider
    {
        public Action Look { get; set; } = () => { };

        public override long GetTimestamp()
        {
            Look();
            return base.GetTimestamp();
        }
    }
}
