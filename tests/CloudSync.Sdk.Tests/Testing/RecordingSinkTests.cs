using System.Text;
using CloudSync.Sdk.Testing;
using Xunit;

namespace CloudSync.Sdk.Tests.Testing;

public sealed class RecordingSinkTests
{
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(30);

    private readonly RecordingSink _sink = new();

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Messages_are_kept_in_the_order_of_their_arrival_whichever_way_they_came()
    {
        await _sink.SendAsync(Message("1"), Cancelled);
        var results = await _sink.SendAsync([Message("2"), Message("3")], Cancelled);
        await _sink.SendAsync(Message("4"), Cancelled);

        Assert.Equal(["1", "2", "3", "4"], _sink.Messages.Select(m => m.Id));
        Assert.Equal([1, 2, 1], _sink.Calls.Select(c => c.Count));
        Assert.Equal(2, results.Count);
        Assert.All(results, r => Assert.True(r.IsDelivered));
    }

    [Fact]
    public async Task A_key_has_its_own_messages_and_so_has_no_key()
    {
        await _sink.SendAsync([Message("1", "a"), Message("2"), Message("3", "b"), Message("4", "")], Cancelled);
        await _sink.SendAsync([Message("5", "a"), Message("6")], Cancelled);

        Assert.Equal(["1", "5"], _sink.MessagesWithKey("a").Select(m => m.Id));
        Assert.Equal(["3"], _sink.MessagesWithKey("b").Select(m => m.Id));
        Assert.Equal(["4"], _sink.MessagesWithKey("").Select(m => m.Id));
        Assert.Equal(["2", "6"], _sink.MessagesWithKey(null).Select(m => m.Id));
        Assert.Empty(_sink.MessagesWithKey("c"));
    }

    [Fact]
    public async Task What_has_been_read_does_not_change_when_more_arrives()
    {
        await _sink.SendAsync(Message("1"), Cancelled);
        var before = _sink.Messages;
        await _sink.SendAsync(Message("2"), Cancelled);

        Assert.Single(before);
    }

    [Fact]
    public async Task The_list_of_a_batch_is_copied_because_its_owner_uses_it_again()
    {
        var batch = new List<SyncMessage> { Message("1") };
        await _sink.SendAsync(batch, Cancelled);
        batch[0] = Message("2");

        Assert.Equal("1", _sink.Calls[0][0].Id);
    }

    [Fact]
    public async Task Waiting_ends_with_the_last_message_that_was_asked_for()
    {
        var two = _sink.WaitForAsync(2, Bound, Cancelled);
        var three = _sink.WaitForAsync(3, Bound, Cancelled);

        await _sink.SendAsync(Message("1"), Cancelled);
        Assert.False(two.IsCompleted);
        await _sink.SendAsync(Message("2"), Cancelled);
        Assert.True((await two).Count >= 2);
        Assert.False(three.IsCompleted);
        await _sink.SendAsync(Message("3"), Cancelled);
        Assert.Equal(3, (await three).Count);
        Assert.Equal(3, (await _sink.WaitForAsync(3, TimeSpan.Zero, Cancelled)).Count);
    }

    [Fact]
    public async Task Waiting_in_vain_says_what_came()
    {
        await _sink.SendAsync(Message("1"), Cancelled);

        var error = await Assert.ThrowsAsync<TimeoutException>(() => _sink.WaitForAsync(2, TimeSpan.FromMilliseconds(1), Cancelled));

        Assert.Equal("Waited 0.001 s for 2 messages; 1 came.", error.Message);
    }

    [Fact]
    public async Task Waiting_can_be_cancelled()
    {
        using var cancellation = new CancellationTokenSource();
        var waiting = _sink.WaitForAsync(1, Bound, cancellation.Token);
        await cancellation.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
    }

    [Fact]
    public async Task Nothing_is_lost_when_many_deliver_at_once_and_many_wait()
    {
        const int Threads = 8;
        const int Each = 500;
        var waiting = Enumerable.Range(1, Threads * Each).Where(n => n % 100 == 0).Select(n => _sink.WaitForAsync(n, Bound, Cancelled)).ToList();

        await Task.WhenAll(Enumerable.Range(0, Threads).Select(t => Task.Run(
            async () =>
            {
                for (var i = 0; i < Each; i++)
                    await _sink.SendAsync(Message($"{t}-{i}", $"{t}"), Cancelled);
            },
            Cancelled)));

        await Task.WhenAll(waiting);
        Assert.Equal(Threads * Each, _sink.Count);
        for (var t = 0; t < Threads; t++)
            Assert.Equal(Enumerable.Range(0, Each).Select(i => $"{t}-{i}"), _sink.MessagesWithKey($"{t}").Select(m => m.Id));
    }

    private static SyncMessage Message(string id, string? key = null) => SyncMessage.Create(Encoding.UTF8.GetBytes("{}"), key, id);
}
