using FsCheck;
using FsCheck.Xunit;
using Xunit;

namespace CloudSync.Sdk.Tests;

public class KeyLanesTests
{
    private readonly KeyLanes _lanes = new();
    private readonly PartitionProgress _progress = new("data-topic", 0, 1);
    private readonly List<Delivery> _dropped = [];
    private int _failed;

    [Fact]
    public void By_key_two_records_of_one_key_share_a_lane_and_two_keys_do_not()
    {
        Assert.Equal(Lane("a"), Lane("a"));
        Assert.NotEqual(Lane("a"), Lane("b"));
        Assert.NotEqual(0UL, Lane("a"));

        static ulong Lane(string key) => KeyLanes.LaneOf(MessageOrdering.Key, Records.Raw(0, key: key));
    }

    [Fact]
    public void The_same_key_in_two_partitions_has_two_lanes() => Assert.NotEqual(
        KeyLanes.LaneOf(MessageOrdering.Key, Records.Raw(0, partition: 0, key: "a")),
        KeyLanes.LaneOf(MessageOrdering.Key, Records.Raw(0, partition: 1, key: "a")));

    [Fact]
    public void No_key_has_no_lane_and_an_empty_key_is_a_key()
    {
        Assert.Equal(0UL, KeyLanes.LaneOf(MessageOrdering.Key, Records.Raw(0, key: null)));
        Assert.NotEqual(0UL, KeyLanes.LaneOf(MessageOrdering.Key, Records.Raw(0, key: "")));
        Assert.Equal(
            KeyLanes.LaneOf(MessageOrdering.Key, Records.Raw(0, key: "")),
            KeyLanes.LaneOf(MessageOrdering.Key, Records.Raw(1, key: "")));
    }

    [Fact]
    public void By_partition_all_of_a_partition_share_a_lane_the_first_partition_and_records_without_a_key_too()
    {
        Assert.NotEqual(0UL, KeyLanes.LaneOf(MessageOrdering.Partition, Records.Raw(0, partition: 0)));
        Assert.Equal(
            KeyLanes.LaneOf(MessageOrdering.Partition, Records.Raw(0, partition: 3, key: "a")),
            KeyLanes.LaneOf(MessageOrdering.Partition, Records.Raw(1, partition: 3)));
        Assert.NotEqual(
            KeyLanes.LaneOf(MessageOrdering.Partition, Records.Raw(0, partition: 3)),
            KeyLanes.LaneOf(MessageOrdering.Partition, Records.Raw(0, partition: 4)));
    }

    [Fact]
    public void Unordered_nothing_has_a_lane() => Assert.Equal(0UL, KeyLanes.LaneOf(MessageOrdering.Unordered, Records.Raw(0, key: "a")));

    [Fact]
    public void The_value_says_nothing_about_the_lane() => Assert.Equal(
        KeyLanes.LaneOf(MessageOrdering.Key, Records.Raw(0, key: "a", value: "x", id: "1")),
        KeyLanes.LaneOf(MessageOrdering.Key, Records.Raw(0, key: "a", value: "y", id: "2")));

    [Fact]
    public void A_parked_message_holds_its_own_lane_and_no_other()
    {
        _lanes.Enqueue([In(0, lane: 1), In(1, lane: 1), In(2, lane: 2)]);
        var first = Take(1).Single();
        _lanes.Park(first);

        Assert.Equal([2], Take(10).Select(d => d.Offset));
        Assert.Equal(1, _lanes.InFlight);

        _lanes.Unpark([first]);
        Assert.Equal([0], Take(10).Select(d => d.Offset));
        _lanes.Release([first], _dropped);
        Assert.Equal([1], Take(10).Select(d => d.Offset));
    }

    [Fact]
    public void Bytes_bound_what_is_taken_at_once_but_never_keep_a_large_message_back()
    {
        _lanes.Enqueue([Sized(0, 100), Sized(1, 10), Sized(2, 10), Sized(3, 10)]);

        Assert.Equal([0], Take(10, maxBytes: 25).Select(d => d.Offset));
        Assert.Equal([1, 2], Take(10, maxBytes: 25).Select(d => d.Offset));
        Assert.Equal([3], Take(10, maxBytes: 25).Select(d => d.Offset));

        Delivery Sized(long offset, int bytes) => Records.Delivery(_progress, offset, value: new string('x', bytes));
    }

    [Fact]
    public void Idle_means_that_nothing_of_the_partition_is_in_flight()
    {
        var other = new PartitionProgress("data-topic", 1, 1);
        _lanes.Enqueue([In(0, lane: 1), Records.InLane(other, 0, 2)]);
        Assert.True(_lanes.IsIdle(_progress));

        var taken = Take(1).Single();
        Assert.False(_lanes.IsIdle(_progress));
        Assert.True(_lanes.IsIdle(other));

        _lanes.Park(taken);
        Assert.True(_lanes.IsIdle(_progress));
    }

    [Fact]
    public void What_waits_behind_a_message_of_a_revoked_partition_is_dropped_when_that_one_ends()
    {
        _lanes.Enqueue([In(0, lane: 1), In(1, lane: 1), In(2, lane: 1)]);
        var inFlight = Take(1).Single();
        _progress.Revoke();
        _lanes.DropRevoked(_dropped);
        Assert.Empty(_dropped);

        _lanes.Release([inFlight], _dropped);

        Assert.Equal([1, 2], _dropped.Select(d => d.Offset));
        Assert.Equal(0, _lanes.Ready.Count);
        Assert.Equal(0, _lanes.LaneCount);
    }

    [Fact]
    public void A_partition_that_comes_back_waits_in_order_behind_what_is_still_in_flight_of_before()
    {
        _lanes.Enqueue([In(0, lane: 1), In(1, lane: 1)]);
        var inFlight = Take(1).Single();
        _progress.Close();
        _lanes.DropRevoked(_dropped);

        var back = new PartitionProgress("data-topic", 0, 2);
        _lanes.Enqueue([Records.InLane(back, 0, 1), Records.InLane(back, 1, 1)]);
        Assert.Empty(Take(10));

        _lanes.Release([inFlight], _dropped);

        Assert.Equal([1], _dropped.Select(d => d.Offset));
        var taken = Take(10).Single();
        Assert.Same(back, taken.Progress);
        Assert.Equal(0, taken.Offset);
    }

    /// <summary>Messages of a batch that is taken apart: how many may be together, by what each of them says.</summary>
    [Theory]
    [InlineData(new[] { 0, 0, 0, 0 }, 3, new[] { 3, 1 })]
    [InlineData(new[] { 2, 2, 2, 2 }, 10, new[] { 2, 2 })]
    [InlineData(new[] { 1, 1, 1 }, 10, new[] { 1, 1, 1 })]
    [InlineData(new[] { 3, 3, 1, 3, 3 }, 10, new[] { 2, 1, 2 })]
    [InlineData(new[] { 5, 5, 2, 5, 5, 5 }, 10, new[] { 2, 2, 2 })]
    [InlineData(new[] { 0, 2, 0, 0, 0 }, 10, new[] { 2, 3 })]
    [InlineData(new[] { 9, 9, 9 }, 2, new[] { 2, 1 })]
    public void No_more_are_taken_together_than_any_of_them_allows(int[] maxBatches, int max, int[] sizes)
    {
        Back(Turn.Part, maxBatches);

        foreach (var size in sizes)
            Assert.Equal(size, Take(max, turn: Turn.Part).Count);

        Assert.Equal(0, _lanes.Ready.Count);
    }

    [Fact]
    public void Messages_of_different_turns_are_never_taken_together()
    {
        Back(Turn.Part, [0, 0, 0]);
        Back(Turn.Retry, [0]);
        _lanes.Enqueue([In(90, lane: 90), In(91, lane: 91)]);

        Assert.Equal((2, 3, 1, 6, true), (_lanes.Ready.Fresh, _lanes.Ready.Part, _lanes.Ready.Retry, _lanes.Ready.Count, _lanes.HasUntried));
        Assert.Equal(3, Take(10, turn: Turn.Part).Count);
        Assert.Single(Take(10, turn: Turn.Retry));
        Assert.Equal([90, 91], Take(10).Select(d => d.Offset));
        Assert.False(_lanes.HasUntried);
    }

    [Fact]
    public void What_a_partition_that_is_given_up_left_waiting_is_dropped_whatever_its_turn_and_the_rest_keeps_its_order()
    {
        var other = new PartitionProgress("data-topic", 1, 1);
        foreach (var turn in new[] { Turn.Retry, Turn.Part })
        {
            Back(turn, [0, 0]);
            Back(turn, [0, 0], other);
        }

        _lanes.Enqueue([In(50, lane: 50), In(51, lane: 50), Records.InLane(other, 60, 60), In(52, lane: 52), Records.InLane(other, 61, 61)]);
        _progress.Revoke();
        _lanes.DropRevoked(_dropped);

        Assert.Equal(7, _dropped.Count);
        Assert.All(_dropped, d => Assert.Same(_progress, d.Progress));
        Assert.Equal([60, 61], Take(10).Select(d => d.Offset));
        foreach (var turn in new[] { Turn.Retry, Turn.Part })
        {
            var left = Take(10, turn: turn);
            Assert.Equal(2, left.Count);
            Assert.True(left[0].Offset < left[1].Offset && left.TrueForAll(d => d.Progress == other));
        }

        Assert.Equal(0, _lanes.Ready.Count);
    }

    /// <summary>A sink may keep a message as long as it likes. It must not keep all the later ones of the key with it.</summary>
    [Fact]
    public void A_message_that_is_kept_keeps_none_of_its_successors()
    {
        _lanes.Enqueue([In(0, lane: 1), In(1, lane: 1), In(2, lane: 1)]);
        var kept = Take(1).Single();
        _lanes.Release([kept], _dropped);
        Assert.Null(kept.Next);

        var second = Take(1).Single();
        _progress.Revoke();
        _lanes.Release([second], _dropped);
        Assert.Null(second.Next);
        Assert.All(_dropped, d => Assert.Null(d.Next));
    }

    /// <summary>Random enqueues, takes, releases, parks, revocations and returns of three partitions, beside a model with one plain queue for each lane.</summary>
    [Property(MaxTest = 300)]
    public void No_lane_has_two_in_flight_each_is_first_in_first_out_and_nothing_is_lost_or_dropped_twice(int seed, PositiveInt length)
    {
        var random = new Random(seed);
        var lanes = new KeyLanes();
        var epoch = 1;
        var progresses = Enumerable.Range(0, 3).Select(p => new PartitionProgress("data-topic", p, epoch)).ToArray();
        var offsets = new long[3];
        var model = new Dictionary<ulong, List<Delivery>>();
        var inFlight = new List<Delivery>();
        var parked = new List<Delivery>();
        var dropped = new HashSet<Delivery>();
        var done = new HashSet<Delivery>();
        var all = new List<Delivery>();

        for (var step = 0; step < length.Get * 10; step++)
        {
            switch (random.Next(8))
            {
                case 0 or 1 or 2:
                    Enqueue();
                    break;
                case 3 or 4:
                    Take();
                    break;
                case 5:
                    Release();
                    break;
                case 6:
                    ParkOrUnpark();
                    break;
                default:
                    if (random.Next(6) == 0)
                        RevokeAndComeBack();

                    break;
            }

            Assert.Equal(inFlight.Count, lanes.InFlight);
            foreach (var progress in progresses)
                Assert.Equal(inFlight.TrueForAll(d => d.Progress != progress), lanes.IsIdle(progress));
        }

        lanes.Unpark(parked.ToArray());
        parked.Clear();
        while (all.Exists(d => !done.Contains(d) && !dropped.Contains(d)))
        {
            Take();
            Assert.True(inFlight.Count > 0 || lanes.Ready.Count > 0 || all.TrueForAll(d => done.Contains(d) || dropped.Contains(d)), "Something waits that nobody can ever take.");
            Release();
        }

        Assert.Equal(0, lanes.InFlight);
        Assert.Equal(0, lanes.Ready.Count);
        Assert.Equal(0, lanes.LaneCount);
        Assert.All(dropped, d => Assert.True(d.Progress.IsRevoked));
        Assert.Empty(done.Intersect(dropped));

        void Enqueue()
        {
            var p = random.Next(3);
            var batch = Enumerable.Range(0, random.Next(1, 5))
                .Select(_ => Records.InLane(progresses[p], offsets[p]++, random.Next(5) == 0 ? 0 : (ulong)((p * 10) + random.Next(1, 4))))
                .ToArray();
            foreach (var delivery in batch.Where(d => d.Lane != 0))
            {
                if (!model.TryGetValue(delivery.Lane, out var lane))
                    model[delivery.Lane] = lane = [];

                lane.Add(delivery);
            }

            all.AddRange(batch);
            lanes.Enqueue(batch);
        }

        void Take()
        {
            List<Delivery> into = [], gone = [];
            var (turn, max) = ((Turn)random.Next(3), random.Next(1, 6));
            lanes.Take(turn, into, max, long.MaxValue, gone);
            Assert.InRange(into.Count, 0, max);
            Assert.All(into, d => Assert.Equal(turn, d.Failures is null ? Turn.Fresh : d.Failures.IsPart ? Turn.Part : Turn.Retry));
            Assert.All(into, d => Assert.True(d.Failures is null or { MaxBatch: 0 } || into.Count <= d.Failures.MaxBatch, "More were taken together than one of them allows."));
            if (into.Count < max && into.TrueForAll(d => d.Failures is null or { MaxBatch: 0 }) && ReadyOf(lanes, turn) > 0)
                Assert.NotEmpty(into);

            foreach (var delivery in gone)
                Drop(delivery);

            foreach (var delivery in into)
            {
                Assert.False(delivery.Progress.IsRevoked);
                Assert.DoesNotContain(delivery, done);
                Assert.DoesNotContain(parked, d => d == delivery);
                if (delivery.Lane != 0)
                {
                    Assert.DoesNotContain(inFlight, d => d.Lane == delivery.Lane);
                    Assert.Same(model[delivery.Lane].Find(d => !dropped.Contains(d)), delivery);
                }

                inFlight.Add(delivery);
            }
        }

        void Release()
        {
            var ended = inFlight.Where(_ => random.Next(2) == 0).ToArray();
            var gone = new List<Delivery>();
            lanes.Release(ended, gone);
            foreach (var delivery in ended)
            {
                inFlight.Remove(delivery);
                done.Add(delivery);
                if (delivery.Lane != 0)
                    model[delivery.Lane].Remove(delivery);
            }

            foreach (var delivery in gone)
                Drop(delivery);
        }

        void ParkOrUnpark()
        {
            if (parked.Count > 0 && random.Next(2) == 0)
            {
                lanes.Unpark(parked.ToArray());
                parked.Clear();
            }
            else if (inFlight.Count > 0)
            {
                var one = inFlight[random.Next(inFlight.Count)];
                inFlight.Remove(one);
                parked.Add(one);
                one.Failures = random.Next(3) == 0 ? one.Failures : new FailureHistory { IsPart = random.Next(2) == 0, MaxBatch = random.Next(5) };
                lanes.Park(one);
            }
        }

        void RevokeAndComeBack()
        {
            var p = random.Next(3);
            progresses[p].Close();
            var gone = new List<Delivery>();
            if (random.Next(2) == 0)
                lanes.DropRevoked(gone);

            foreach (var delivery in gone)
                Drop(delivery);

            progresses[p] = new PartitionProgress("data-topic", p, ++epoch);
            offsets[p] = random.Next(10);
        }

        void Drop(Delivery delivery)
        {
            Assert.True(delivery.Progress.IsRevoked);
            Assert.True(dropped.Add(delivery), "A message was dropped twice.");
            if (delivery.Lane != 0)
                model[delivery.Lane].Remove(delivery);
        }
    }

    /// <summary>Messages that have failed and may be taken again, each with the largest batch that it may be in.</summary>
    private void Back(Turn turn, int[] maxBatches, PartitionProgress? progress = null)
    {
        foreach (var maxBatch in maxBatches)
        {
            var lane = (ulong)(1_000 + _failed++);
            _lanes.Enqueue([Records.InLane(progress ?? _progress, (long)lane, lane)]);
            var taken = Take(1).Single();
            taken.Failures = new FailureHistory { IsPart = turn == Turn.Part, MaxBatch = maxBatch };
            _lanes.Park(taken);
            _lanes.Unpark([taken]);
        }
    }

    private static int ReadyOf(KeyLanes lanes, Turn turn) => turn switch
    {
        Turn.Fresh => lanes.Ready.Fresh,
        Turn.Part => lanes.Ready.Part,
        _ => lanes.Ready.Retry,
    };

    private Delivery In(long offset, ulong lane) => Records.InLane(_progress, offset, lane);

    private List<Delivery> Take(int max, long maxBytes = long.MaxValue, Turn turn = Turn.Fresh)
    {
        var into = new List<Delivery>();
        _lanes.Take(turn, into, max, maxBytes, _dropped);
        return into;
    }
}
