using System.Text;
using CloudSync.Sdk;
using Xunit;
using static CloudSync.IntegrationTests.Producing.ProducerHost;

namespace CloudSync.IntegrationTests.Producing;

/// <summary>More messages than <c>BufferBytes</c> hold: callers wait, in order, and nothing is thrown away.</summary>
public sealed class FullBufferTests
{
    [Fact]
    public async Task Messages_with_one_key_keep_their_order_though_nobody_awaits_them_and_the_buffer_is_full()
    {
        // Many enough that the first are acknowledged, and make room, while the last are still being given.
        const int Count = 20_000;
        await using var kafka = Kafka(partitions: 6);
        using var host = await Start(kafka, o => (o.BufferBytes, o.MaxMessageBytes, o.Linger) = (64 * 1024, 10_000, TimeSpan.Zero));
        await Producer(host).ProduceAsync(Numbered(0, key: "k0"), Cancelled);

        var pending = new List<Task>();
        for (var i = 1; i < Count; i++)
            pending.Add(Producer(host).ProduceAsync(Numbered(i, key: $"k{i % 7}"), Cancelled).AsTask());
        Assert.Contains(pending, task => !task.IsCompleted);
        await Task.WhenAll(pending).WaitAsync(Deadline, Cancelled);

        var perKey = TopicReader.Read(kafka, Topic, Count).GroupBy(r => Encoding.UTF8.GetString(r.Message.Key!)).ToList();
        Assert.Equal(7, perKey.Count);
        Assert.All(perKey, records => Assert.Equal(records.Select(Number).Order(), records.OrderBy(r => r.Offset.Value).Select(Number)));
    }

    [Fact]
    public async Task A_full_buffer_makes_the_caller_wait_and_nothing_is_thrown_away()
    {
        await using var kafka = Kafka();
        using var host = await Start(kafka, o => (o.BufferBytes, o.MaxMessageBytes) = (64 * 1024, 10_000));
        await Producer(host).ProduceAsync(Numbered(0), Cancelled);
        kafka.TakeAllBrokersDown();

        var count = 1;
        var waiting = new List<Task>();
        while (waiting.Count < 20)
        {
            var queued = Producer(host).EnqueueAsync(Numbered(count++), cancellationToken: Cancelled);
            Assert.True(queued.IsCompletedSuccessfully || !queued.IsCompleted);
            if (!queued.IsCompleted)
                waiting.Add(queued.AsTask());
        }

        Assert.All(waiting, task => Assert.False(task.IsCompleted));
        kafka.BringAllBrokersUp();
        await Task.WhenAll(waiting).WaitAsync(Deadline, Cancelled);
        await Producer(host).FlushAsync(Cancelled).WaitAsync(Deadline, Cancelled);

        Assert.Equal(Enumerable.Range(0, count), TopicReader.Read(kafka, Topic, count).Select(Number));
    }

    [Fact]
    public async Task The_payload_may_be_written_over_once_the_call_has_returned()
    {
        await using var kafka = Kafka();
        using var host = await Start(kafka, o => (o.BufferBytes, o.MaxMessageBytes) = (20_000, 10_000));
        await Producer(host).ProduceAsync(Numbered(0), Cancelled);
        kafka.TakeAllBrokersDown();

        var payload = new byte[5_000];
        var calls = new List<Task>();
        for (byte i = 1; i <= 6; i++)
        {
            Array.Fill(payload, i);
            calls.Add(Producer(host).EnqueueAsync(new OutgoingMessage(payload), cancellationToken: Cancelled).AsTask());
        }

        Array.Clear(payload);
        Assert.Contains(calls, call => !call.IsCompleted);
        kafka.BringAllBrokersUp();
        await Task.WhenAll(calls).WaitAsync(Deadline, Cancelled);
        await Producer(host).FlushAsync(Cancelled).WaitAsync(Deadline, Cancelled);

        var values = TopicReader.Read(kafka, Topic, 7).Skip(1).Select(r => r.Message.Value).ToList();
        Assert.All(values.Index(), v => Assert.All(v.Item, b => Assert.Equal(v.Index + 1, b)));
    }

    [Fact]
    public async Task Who_cancels_the_wait_for_room_has_not_queued_the_message()
    {
        await using var kafka = Kafka();
        using var host = await Start(kafka, o => (o.BufferBytes, o.MaxMessageBytes) = (10_000, 10_000));
        await Producer(host).ProduceAsync(Numbered(0), Cancelled);
        kafka.TakeAllBrokersDown();
        await Producer(host).EnqueueAsync(new OutgoingMessage(new byte[9_000]) { Id = "fills the buffer" }, cancellationToken: Cancelled);
        using var cancel = new CancellationTokenSource();

        var cancelled = Producer(host).EnqueueAsync(Numbered(1), cancellationToken: cancel.Token);
        var behind = Producer(host).EnqueueAsync(Numbered(2), cancellationToken: Cancelled).AsTask();
        Assert.False(cancelled.IsCompleted);
        await cancel.CancelAsync();
        var exception = await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await cancelled);
        Assert.Equal(cancel.Token, exception.CancellationToken);

        kafka.BringAllBrokersUp();
        await behind.WaitAsync(Deadline, Cancelled);
        await Producer(host).FlushAsync(Cancelled).WaitAsync(Deadline, Cancelled);
        Assert.Equal(["0", "fills the buffer", "2"], TopicReader.Read(kafka, Topic, 3).Select(r => Header(r, "ce_id")));
    }
}
