using Xunit;

namespace CloudSync.Sdk.Tests;

public sealed class HeldWindowTests
{
    private static readonly TimeSpan Long = TimeSpan.FromSeconds(30);

    [Fact]
    public void Room_is_what_is_left_of_the_messages()
    {
        using var window = new HeldWindow(maxMessages: 10, maxBytes: 1_000);
        Assert.Equal(10, window.Room);

        window.Add(7, 70);
        Assert.Equal((7, 70, 3), (window.Messages, window.Bytes, window.Room));

        window.Add(5, 50);
        Assert.Equal(0, window.Room);
    }

    [Theory]
    [InlineData(999, 9)]
    [InlineData(1_000, 0)]
    [InlineData(5_000, 0)]
    public void There_is_none_when_the_bytes_are_used_up(long bytes, int room)
    {
        using var window = new HeldWindow(maxMessages: 10, maxBytes: 1_000);
        window.Add(1, bytes);

        Assert.Equal(room, window.Room);
    }

    [Theory]
    [InlineData(5, 500, true)]
    [InlineData(6, 500, false)]
    [InlineData(5, 501, false)]
    public void Half_empty_means_messages_and_bytes(int messages, long bytes, bool expected)
    {
        using var window = new HeldWindow(maxMessages: 10, maxBytes: 1_000);
        window.Add(messages, bytes);

        Assert.Equal(expected, window.IsHalfEmpty);
    }

    [Fact]
    public void What_is_removed_makes_room_for_as_much()
    {
        using var window = new HeldWindow(maxMessages: 2, maxBytes: 1_000);
        var delivery = Message();
        window.Add(2, 2 * delivery.Size);

        window.Remove([delivery]);

        Assert.Equal((1, (long)delivery.Size, 1), (window.Messages, window.Bytes, window.Room));
    }

    [Fact]
    public void Nobody_waits_while_there_is_room()
    {
        using var window = new HeldWindow(maxMessages: 100, maxBytes: 1_000);

        Assert.True(window.WaitForRoom(TimeSpan.Zero, TestContext.Current.CancellationToken));
    }

    [Fact]
    public void A_window_that_stays_full_is_told_after_the_time()
    {
        using var window = new HeldWindow(maxMessages: 1, maxBytes: 1_000);
        window.Add(1, 1);

        Assert.False(window.WaitForRoom(TimeSpan.FromMilliseconds(1), TestContext.Current.CancellationToken));
    }

    [Fact]
    public void A_stop_ends_the_wait()
    {
        using var window = new HeldWindow(maxMessages: 1, maxBytes: 1_000);
        using var stop = new CancellationTokenSource();
        window.Add(1, 1);
        stop.Cancel();

        Assert.False(window.WaitForRoom(Long, stop.Token));
    }

    /// <summary>The waiter raises its flag and then looks; whoever makes room looks at the flag after. In any other order one of the two is missed.</summary>
    [Fact]
    public async Task Room_that_is_made_at_the_very_moment_of_the_wait_wakes_the_waiter()
    {
        using var window = new HeldWindow(maxMessages: 1, maxBytes: 1_000);
        var delivery = Message();
        using var failed = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        var cancellation = failed.Token;
        const int Rounds = 20_000;
        var round = 0;

        var remover = Task.Run(() =>
        {
            for (var i = 1; i <= Rounds; i++)
            {
                while (Volatile.Read(ref round) < i)
                    cancellation.ThrowIfCancellationRequested();

                Thread.SpinWait(i % 97);
                window.Remove([delivery]);
            }
        }, cancellation);
        var waiter = Task.Run(() =>
        {
            for (var i = 1; i <= Rounds; i++)
            {
                window.Add(1, delivery.Size);
                Volatile.Write(ref round, i);
                Thread.SpinWait(i % 89);
                while (window.Room == 0)
                {
                    if (window.WaitForRoom(Long, cancellation))
                        continue;

                    failed.Cancel();
                    Assert.Fail("The wake-up was missed.");
                }
            }
        }, cancellation);

        await Task.WhenAll(remover, waiter);
        Assert.Equal(0, window.Messages);
    }

    private static Delivery Message() => Records.Delivery(new PartitionProgress("data-topic", 0, 1), 0, value: "0123456789");
}
