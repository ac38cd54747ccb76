using CloudSync.LoadTest.ScaleOut;
using Xunit;

namespace CloudSync.LoadTest.Tests.ScaleOut;

public sealed class SupplyTests
{
    private const double Capacity = 1_000;
    private const int Partitions = 12;
    private const long Most = 100_000;

    private static readonly long Enough = (long)(Capacity * Supply.Ahead.TotalSeconds);

    [Fact]
    public void More_is_produced_than_all_processes_take() => Assert.True(Wanted(0, (6, 0), (6, 0)) > 2 * Capacity);

    [Fact]
    public void Nothing_is_produced_while_each_has_enough_to_do() => Assert.Equal(0, Wanted(0, (6, Enough), (6, Enough + 1)));

    [Fact]
    public void One_that_has_too_little_to_do_counts_though_another_is_far_behind() => Assert.True(Wanted(0, (6, 20 * Enough), (6, Enough - 1)) > 0);

    [Fact]
    public void One_without_partitions_is_not_waited_for() => Assert.Equal(0, Wanted(0, (12, Enough), (0, 0)));

    [Fact]
    public void A_group_without_partitions_gets_something_to_begin_with() => Assert.True(Wanted(0, (0, 0)) > 0);

    [Fact]
    public void What_goes_into_partitions_without_an_owner_comes_on_top() => Assert.Equal(2 * Wanted(0, (12, 0)), Wanted(0, (6, 0)));

    [Fact]
    public void Nothing_is_produced_when_too_much_is_under_way_in_all() => Assert.Equal(0, Wanted(Most, (6, 0)));

    private static double Wanted(long outstanding, params (int Partitions, long Lag)[] members) =>
        Supply.Wanted([.. members.Select((member, i) => new MemberState(i, member.Partitions, member.Lag))], Partitions, Capacity, outstanding, Most);
}
