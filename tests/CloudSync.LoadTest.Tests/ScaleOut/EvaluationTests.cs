using CloudSync.LoadTest.ScaleOut;
using Xunit;

namespace CloudSync.LoadTest.Tests.ScaleOut;

public sealed class EvaluationTests
{
    /// <summary>One process takes 100 a second for 10 s, then nothing arrives for 1 s, then two take 180, then three 270.</summary>
    private static readonly Call[] Calls = [.. Steady(0, 10, 100, member: 0), .. Steady(11, 21, 180, member: 1), .. Steady(21, 31, 270, member: 2)];

    [Fact]
    public void The_rate_is_that_of_the_middle_and_the_share_that_of_one_process_beside_the_first()
    {
        var counts = Evaluate();

        Assert.Equal([100, 180, 270], counts.Select(count => Math.Round(count.Rate)));
        Assert.Equal([1, 0.9, 0.9], counts.Select(count => Math.Round(count.Share, 2)));
    }

    [Fact]
    public void A_change_has_a_pause_and_a_time_until_the_new_rate()
    {
        var after = Evaluate()[1];

        Assert.Equal((1_010, 1_010, 1.5), (after.Pause!.Value, after.PartitionPause!.Value, after.SettledAfter));
        Assert.Equal(1.0, after.ReachedAfter!.Value, 0.25);
        Assert.Equal(5.6, after.UndisturbedPartitionPause, 0.1);
    }

    [Fact]
    public void The_first_start_has_no_pause_since_nothing_came_before_it()
    {
        var first = Evaluate()[0];

        Assert.Equal((null, null), (first.Pause, first.PartitionPause));
        Assert.Equal("1 started", first.Change);
    }

    [Fact]
    public void Where_nothing_arrived_there_is_no_share() => Assert.Equal([0, 0, 0], Evaluation.Of(Holds(), new Timeline([], 1, _ => 0)).Select(count => count.Share));

    private static IReadOnlyList<CountResult> Evaluate() => Evaluation.Of(Holds(), new Timeline(Calls, partitions: 1, _ => 0));

    private static Hold[] Holds() =>
    [
        new(1, new Change(ChangeKind.Start, 1), At(0), At(0), At(10), [1], []),
        new(2, new Change(ChangeKind.Start, 1), At(10), At(11.5), At(21), [1, 0], []),
        new(3, new Change(ChangeKind.Start, 1), At(21), At(21), At(31), [1, 0, 0], []),
    ];

    private static IEnumerable<Call> Steady(int from, int to, int rate, int member) =>
        Enumerable.Range(0, (to - from) * rate).Select(i => new Call(member, At(from + ((double)i / rate)), null, HasItsKey: true, 0, [i]));

    private static TimeSpan At(double second) => TimeSpan.FromSeconds(second);
}
