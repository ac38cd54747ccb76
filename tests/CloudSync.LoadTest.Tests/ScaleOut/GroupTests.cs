using CloudSync.LoadTest.ScaleOut;
using Xunit;

namespace CloudSync.LoadTest.Tests.ScaleOut;

public sealed class GroupTests
{
    [Theory]
    [InlineData(new[] { 12 }, true)]
    [InlineData(new[] { 6, 6 }, true)]
    [InlineData(new[] { 3, 3, 3, 3 }, true)]
    [InlineData(new[] { 3, 3, 2, 2, 2 }, true)]
    [InlineData(new[] { 12, 0 }, false)] // The new one has none yet.
    [InlineData(new[] { 6, 3 }, false)] // Three have no owner.
    [InlineData(new[] { 8, 2, 2 }, false)] // Not shared out yet.
    public void A_group_has_settled_when_all_partitions_are_shared_out(int[] partitions, bool isSettled) =>
        Assert.Equal(isSettled, Group.IsSettled([.. partitions.Select((count, i) => new MemberState(i, count, 0))], 12));

    [Fact]
    public void Without_a_process_nothing_has_an_owner() => Assert.False(Group.IsSettled([], 12));

    [Fact]
    public void Processes_are_started_stopped_and_the_last_to_go_killed() =>
        Assert.Equal(["1 started", "1 started", "2 started", "2 stopped", "1 killed"], Change.Between([1, 2, 4, 2, 1]).Select(change => change.ToString()));

    [Fact]
    public void A_group_that_only_grows_has_nobody_killed() => Assert.Equal(["2 started", "1 started"], Change.Between([2, 3]).Select(change => change.ToString()));

    [Fact]
    public void It_is_the_last_removal_that_kills_though_others_are_started_later() =>
        Assert.Equal(["3 started", "1 stopped", "1 killed", "4 started"], Change.Between([3, 2, 1, 5]).Select(change => change.ToString()));
}
