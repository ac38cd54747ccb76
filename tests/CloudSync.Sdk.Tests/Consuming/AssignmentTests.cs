using Xunit;

namespace CloudSync.Sdk.Tests;

public class AssignmentTests
{
    [Fact]
    public void A_partition_that_comes_back_has_a_new_progress_and_a_higher_epoch()
    {
        var assignment = new Assignment("data-topic");
        assignment.Add([0, 1]);
        var before = assignment.Find(0)!;
        before.Track([Records.Raw(0)]);

        assignment.Remove([before]);
        Assert.Null(assignment.Find(0));
        assignment.Add([0]);
        var after = assignment.Find(0)!;

        Assert.NotSame(before, after);
        Assert.True(after.Epoch > before.Epoch);
        Assert.True(before.IsClosed);
        Assert.False(after.IsRevoked);
        Assert.Equal(-1, after.CommitOffset);
        Assert.False(before.Settle(0));
        Assert.Equal(2, assignment.Count);
    }

    [Fact]
    public void A_log_that_was_made_anew_starts_a_new_progress()
    {
        var assignment = new Assignment("data-topic");
        assignment.Add([4]);
        var before = assignment.Find(4)!;

        var after = assignment.Restart(4);

        Assert.Same(after, assignment.Find(4));
        Assert.True(before.IsClosed);
        Assert.True(after.Epoch > before.Epoch);
        Assert.Same(after, Assert.Single(assignment.Partitions));
    }
}
