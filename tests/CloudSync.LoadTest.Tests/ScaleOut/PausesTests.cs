using CloudSync.LoadTest.ScaleOut;
using Xunit;

namespace CloudSync.LoadTest.Tests.ScaleOut;

public sealed class PausesTests
{
    [Fact]
    public void The_longest_time_between_two_arrivals_counts() => Assert.Equal(400, Longest([100, 200, 600, 700, 1_000], from: 100, to: 1_000));

    [Fact]
    public void One_that_began_before_the_window_counts_whole() => Assert.Equal(500, Longest([0, 500, 600], from: 300, to: 600));

    [Fact]
    public void One_that_ends_after_the_window_counts_whole() => Assert.Equal(900, Longest([0, 100, 1_000], from: 0, to: 200));

    [Fact]
    public void One_outside_of_the_window_does_not_count() => Assert.Equal(100, Longest([0, 500, 600, 700, 2_000], from: 600, to: 700));

    [Fact]
    public void One_that_nothing_came_before_begins_with_the_window() => Assert.Equal(300, Longest([500], from: 200, to: 501));

    [Fact]
    public void One_that_nothing_ended_lasts_to_the_end_of_the_window() => Assert.Equal(800, Longest([200], from: 0, to: 1_000));

    [Fact]
    public void Without_any_arrival_it_is_the_window() => Assert.Equal(1_000, Longest([], from: 0, to: 1_000));

    [Fact]
    public void A_partition_that_stands_still_is_seen_though_others_go_on()
    {
        Call[] calls = [Call(0, 0), Call(10, 1), Call(20, 0), Call(400, 0), Call(700, 0), Call(900, 1), Call(910, 0)];
        var timeline = new Timeline(calls, partitions: 2, number => (int)number);

        Assert.Equal((1, 890), (timeline.PartitionPause(Ms(0), Ms(910)).Partition, timeline.PartitionPause(Ms(0), Ms(910)).Pause.TotalMilliseconds));
        Assert.Equal(380, timeline.Pause(Ms(0), Ms(910)).TotalMilliseconds);
    }

    [Fact]
    public void A_message_whose_place_is_not_known_counts_as_an_arrival_of_no_partition()
    {
        var timeline = new Timeline([Call(0, 0), Call(500, 1), Call(900, 0)], partitions: 1, number => number == 0 ? 0 : null);

        Assert.Equal(500, timeline.Pause(Ms(0), Ms(900)).TotalMilliseconds);
        Assert.Equal(900, timeline.PartitionPause(Ms(0), Ms(900)).Pause.TotalMilliseconds);
    }

    private static double Longest(int[] arrivals, int from, int to) => Pauses.Longest([.. arrivals.Select(Ms)], Ms(from), Ms(to)).TotalMilliseconds;

    private static TimeSpan Ms(int milliseconds) => TimeSpan.FromMilliseconds(milliseconds);

    private static Call Call(int at, long number) => new(0, Ms(at), Ms(at), HasItsKey: true, 0, [number]);
}
