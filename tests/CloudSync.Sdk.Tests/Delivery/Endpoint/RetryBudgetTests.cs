using FsCheck;
using FsCheck.Xunit;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace CloudSync.Sdk.Tests;

public sealed class RetryBudgetTests : IDisposable
{
    private readonly FakeTimeProvider _time = new();
    private readonly List<RetryBudget> _made = [];
    private int _told;

    public void Dispose() => _made.ForEach(budget => budget.Dispose());

    [Theory]
    [InlineData(10, 100)]
    [InlineData(0.5, 5)]
    [InlineData(0.1, 1)]
    public void Ten_seconds_of_the_reserve_may_come_at_once_and_one_retry_at_least(double reserve, int granted)
    {
        var budget = Budget(share: 0, reserve);

        Assert.Equal(granted, budget.Take(1_000));
        Assert.Equal(0, budget.Take(1_000));
    }

    [Fact]
    public void No_more_is_granted_than_was_asked_for()
    {
        var budget = Budget(share: 0, reserve: 1);

        Assert.Equal(3, budget.Take(3));
        Assert.Equal(0, budget.Take(0));
        Assert.Equal(7, budget.Take(8));
    }

    [Fact]
    public void Time_refills_it_by_the_reserve_and_no_further_than_it_was_at_first()
    {
        var budget = Empty(share: 0, reserve: 2);
        _time.Advance(TimeSpan.FromSeconds(3));
        Assert.Equal(6, budget.Take(100));

        _time.Advance(TimeSpan.FromSeconds(1.75));
        Assert.Equal(3, budget.Take(100));
        _time.Advance(TimeSpan.FromSeconds(0.25));
        Assert.Equal(1, budget.Take(100));

        _time.Advance(TimeSpan.FromHours(5));
        Assert.Equal(20, budget.Take(100));
    }

    [Theory]
    [InlineData(0.0, 1_000, 0)]
    [InlineData(0.25, 3, 0)]
    [InlineData(0.25, 4, 1)]
    [InlineData(0.25, 43, 10)]
    [InlineData(2.5, 3, 7)]
    [InlineData(2.5, 1_000, 20)]
    public void First_calls_earn_their_share_and_fill_it_no_further_than_it_was_at_first(double share, int firstCalls, int granted)
    {
        var budget = Empty(share, reserve: 2);
        budget.Earn(firstCalls);

        Assert.Equal(granted, budget.Take(100));
    }

    [Fact]
    public void What_was_granted_and_not_made_can_be_taken_again_and_what_is_given_back_to_a_full_one_is_nothing()
    {
        var budget = Budget(share: 0, reserve: 1);
        Assert.Equal(10, budget.Take(10));
        budget.GiveBack(4);
        Assert.Equal(4, budget.Take(10));

        budget.GiveBack(9);
        budget.GiveBack(9);
        Assert.Equal(10, budget.Take(100));
    }

    [Theory]
    [InlineData(10, 100)]
    [InlineData(0.1, 10_000)]
    [InlineData(3, 334)]
    [InlineData(1_000_000, 1)]
    public void Whoever_was_refused_is_told_when_there_is_a_retry_again_and_not_before(double reserve, int milliseconds)
    {
        var budget = Empty(share: 0, reserve);
        Assert.Equal(0, budget.Take(1));

        _time.Advance(TimeSpan.FromMilliseconds(milliseconds - 1));
        Assert.Equal(0, _told);
        _time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Equal(1, _told);
        Assert.NotEqual(0, budget.Take(1));
    }

    [Fact]
    public void Whoever_was_refused_waits_only_for_what_is_missing()
    {
        var budget = Empty(share: 0.5, reserve: 1);
        budget.Earn(1);
        Assert.Equal(0, budget.Take(1));

        _time.Advance(TimeSpan.FromMilliseconds(499));
        Assert.Equal(0, _told);
        _time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Equal(1, _told);
        Assert.Equal(1, budget.Take(1));
    }

    [Fact]
    public void Nobody_is_told_who_got_something_or_asked_for_nothing()
    {
        var budget = Budget(share: 0, reserve: 1);
        Assert.Equal(10, budget.Take(50));
        Assert.Equal(0, budget.Take(0));
        _time.Advance(TimeSpan.FromHours(1));

        Assert.Equal(0, _told);
    }

    /// <summary>Whoever is told too early is refused and told again.</summary>
    [Fact]
    public void A_timer_that_fires_early_grants_nothing_early_and_is_not_the_last()
    {
        RetryBudget budget = null!;
        var grantedAt = new List<TimeSpan>();
        var start = _time.GetTimestamp();
        budget = new RetryBudget(new RetryOptions { Budget = 0, BudgetReserve = 1 }, new EarlyTimers(_time, by: TimeSpan.FromMilliseconds(15)), () =>
        {
            if (budget.Take(1) == 1)
                grantedAt.Add(_time.GetElapsedTime(start));
        });
        _made.Add(budget);
        budget.Take(int.MaxValue);
        Assert.Equal(0, budget.Take(1));
        for (var i = 0; i < 1_100; i++)
            _time.Advance(TimeSpan.FromMilliseconds(1));

        Assert.InRange(Assert.Single(grantedAt), TimeSpan.FromSeconds(1), TimeSpan.FromMilliseconds(1_002));
    }

    /// <summary>
    /// The law, over any time: retries ≤ what it can hold + share × first calls + reserve × seconds. Nothing is granted beyond it, and to somebody who takes all he gets
    /// nothing below it is refused.
    /// </summary>
    [Property(MaxTest = 300)]
    public void Over_any_time_no_more_retries_are_granted_than_the_law_allows(byte share, byte reserve, ushort[] steps)
    {
        var options = new RetryOptions { Budget = share / 50.0, BudgetReserve = 0.1 + (reserve / 10.0) };
        var most = Math.Max(1, 10 * options.BudgetReserve);
        var budget = new RetryBudget(options, _time, () => { });
        _made.Add(budget);

        // What had come in, and what had been granted and kept, before each step.
        var seen = new List<(double Income, int Granted)> { (0, 0) };
        var outstanding = 0;
        foreach (var step in steps)
        {
            var (income, granted) = seen[^1];
            var size = step / 8;
            switch (step % 8)
            {
                case 0:
                    budget.Earn(size % 40);
                    income += options.Budget * (size % 40);
                    break;
                case 1:
                    _time.Advance(TimeSpan.FromMilliseconds(size));
                    income += options.BudgetReserve * size / 1_000;
                    break;
                case 2:
                    // Of what was granted last, before anybody else was.
                    var unused = Math.Min(outstanding, size % 4);
                    budget.GiveBack(unused);
                    outstanding -= unused;
                    granted -= unused;
                    break;
                default:
                    outstanding = budget.Take(size % 30);
                    Assert.InRange(outstanding, 0, size % 30);
                    granted += outstanding;
                    break;
            }

            seen.Add((income, granted));
            foreach (var before in seen)
                Assert.True(granted - before.Granted <= most + income - before.Income + 1e-6, $"{granted - before.Granted} retries, of {most} + {income - before.Income}.");
        }
    }

    /// <summary>Never full, so nothing overflows: then all that the law allows is granted.</summary>
    [Property(MaxTest = 200)]
    public void Nothing_that_the_law_allows_is_withheld(byte share, ushort[] steps)
    {
        var options = new RetryOptions { Budget = share / 500.0, BudgetReserve = 20 };
        var budget = new RetryBudget(options, _time, () => { });
        _made.Add(budget);
        var granted = (double)budget.Take(int.MaxValue);
        var income = 200.0;
        foreach (var step in steps)
        {
            if (step % 2 == 0)
            {
                budget.Earn(step % 100);
                income += options.Budget * (step % 100);
            }
            else
            {
                _time.Advance(TimeSpan.FromMilliseconds(step % 5_000));
                income += options.BudgetReserve * (step % 5_000) / 1_000;
            }

            granted += budget.Take(int.MaxValue);
            Assert.InRange(granted, income - 1 - 1e-6, income + 1e-6);
        }
    }

    [Fact]
    public async Task Of_many_threads_that_ask_together_they_get_no_more_than_one_would()
    {
        var budget = Budget(share: 0.5, reserve: 1_000);
        var granted = 0;
        using var barrier = new Barrier(4);
        await Task.WhenAll(Enumerable.Range(0, 4).Select(thread => Task.Factory.StartNew(
            () =>
            {
                barrier.SignalAndWait(TestContext.Current.CancellationToken);
                for (var i = 0; i < 10_000; i++)
                {
                    if (i % 4 == 0)
                        budget.Earn(1);

                    var got = budget.Take(1 + (i % 3));
                    if (got > 0 && i % 5 == 0)
                    {
                        budget.GiveBack(1);
                        got--;
                    }

                    Interlocked.Add(ref granted, got);
                }
            },
            TestContext.Current.CancellationToken,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default)));

        // They ask for far more: what is not granted at the end was not there, but for a part of one.
        granted += budget.Take(int.MaxValue);
        Assert.InRange(granted, 1, 10_000 + 5_000);
        Assert.Equal(0, budget.Take(1));
    }

    private RetryBudget Budget(double share, double reserve)
    {
        var budget = new RetryBudget(new RetryOptions { Budget = share, BudgetReserve = reserve }, _time, () => _told++);
        _made.Add(budget);
        return budget;
    }

    private RetryBudget Empty(double share, double reserve)
    {
        var budget = Budget(share, reserve);
        budget.Take(int.MaxValue);
        return budget;
    }
}
