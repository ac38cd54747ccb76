using System.Text;
using CloudSync.Sdk.Testing;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace CloudSync.Sdk.Tests.Testing;

public sealed class ScriptedSinkTests
{
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(30);

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_message_nothing_was_said_about_is_delivered()
    {
        var sink = new ScriptedSink();

        await sink.SendAsync(Message("a"), Cancelled);

        Assert.Equal(["a"], sink.Delivered.Select(m => m.Id));
        Assert.Equal(1, sink.AttemptsAt("a"));
        Assert.Equal(0, sink.AttemptsAt("b"));
    }

    [Fact]
    public async Task The_answers_of_an_id_are_used_up_attempt_by_attempt_and_then_it_is_delivered()
    {
        var refused = new SinkException(ErrorType.ServiceUnavailable, "no");
        var sink = new ScriptedSink().On("a", SinkAnswer.Fail(refused), SinkAnswer.Fail(ErrorType.RateLimited, TimeSpan.FromSeconds(7)));

        Assert.Same(refused, await Assert.ThrowsAsync<SinkException>(() => SendAsync(sink, "a")));
        await SendAsync(sink, "b");
        var limited = await Assert.ThrowsAsync<SinkException>(() => SendAsync(sink, "a"));
        await SendAsync(sink, "a");

        Assert.Equal((ErrorType.RateLimited, TimeSpan.FromSeconds(7)), (limited.ErrorType, limited.RetryAfter));
        Assert.Equal(["b", "a"], sink.Delivered.Select(m => m.Id));
        Assert.Equal(["a1", "b1", "a2", "a3"], sink.Attempts.Select(a => $"{a.Message.Id}{a.Number}"));
    }

    [Fact]
    public async Task A_function_answers_by_message_and_attempt_and_an_id_of_its_own_comes_first()
    {
        var sink = new ScriptedSink((message, attempt) => message.Id == "bad" && attempt < 3 ? SinkAnswer.Fail(ErrorType.Timeout) : SinkAnswer.Succeed)
            .On("worse", SinkAnswer.Fail(ErrorType.Permanent));

        for (var i = 0; i < 2; i++)
            Assert.Equal(ErrorType.Timeout, (await Assert.ThrowsAsync<SinkException>(() => SendAsync(sink, "bad"))).ErrorType);
        await SendAsync(sink, "bad");
        Assert.Equal(ErrorType.Permanent, (await Assert.ThrowsAsync<SinkException>(() => SendAsync(sink, "worse"))).ErrorType);

        Assert.Equal(3, sink.AttemptsAt("bad"));
        Assert.Equal(["bad"], sink.Delivered.Select(m => m.Id));
    }

    [Fact]
    public async Task A_script_that_throws_is_a_sink_that_throws()
    {
        var sink = new ScriptedSink((_, _) => throw new FormatException());

        await Assert.ThrowsAsync<FormatException>(() => SendAsync(sink, "a"));

        Assert.Equal(1, sink.AttemptsAt("a"));
        Assert.Empty(sink.Delivered);
    }

    [Fact]
    public async Task A_delay_passes_on_the_clock_of_the_sink()
    {
        var clock = new FakeTimeProvider();
        var sink = new ScriptedSink(clock).On("a", SinkAnswer.Delay(TimeSpan.FromSeconds(10), SinkAnswer.Fail(ErrorType.Timeout)), SinkAnswer.Delay(TimeSpan.FromSeconds(1)));

        var first = SendAsync(sink, "a");
        clock.Advance(TimeSpan.FromSeconds(9));
        Assert.False(first.IsCompleted);
        clock.Advance(TimeSpan.FromSeconds(1));
        await Assert.ThrowsAsync<SinkException>(() => first);

        var second = SendAsync(sink, "a");
        Assert.False(second.IsCompleted);
        clock.Advance(TimeSpan.FromSeconds(1));
        await second;

        Assert.Equal(TimeSpan.FromSeconds(10), sink.Attempts[1].StartedAt - sink.Attempts[0].StartedAt);
    }

    [Fact]
    public async Task A_delay_and_a_hang_end_when_the_token_fires()
    {
        var sink = new ScriptedSink(new FakeTimeProvider()).On("a", SinkAnswer.Delay(TimeSpan.FromSeconds(1)), SinkAnswer.Hang);
        for (var i = 0; i < 2; i++)
        {
            using var cancellation = new CancellationTokenSource();
            var sending = sink.SendAsync(Message("a"), cancellation.Token).AsTask();
            Assert.False(sending.IsCompleted);
            await cancellation.CancelAsync();

            var cancelled = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => sending);
            Assert.Equal(cancellation.Token, cancelled.CancellationToken);
        }

        Assert.Empty(sink.Delivered);
    }

    [Fact]
    public async Task A_block_takes_no_notice_of_the_token_and_ends_with_its_task()
    {
        var gate = new TaskCompletionSource();
        var sink = new ScriptedSink().On("a", SinkAnswer.Block(gate.Task));
        using var cancellation = new CancellationTokenSource();

        var sending = sink.SendAsync(Message("a"), cancellation.Token).AsTask();
        await cancellation.CancelAsync();
        Assert.False(sending.IsCompleted);
        Assert.Single(await sink.WaitForAttemptsAsync(1, Bound, Cancelled));

        gate.SetResult();
        await sending;
        Assert.Single(await sink.WaitForDeliveredAsync(1, Bound, Cancelled));
    }

    [Fact]
    public async Task A_batch_has_a_result_for_every_index_by_the_script_of_its_message()
    {
        var error = new InvalidOperationException();
        var sink = new ScriptedSink().On("b", SinkAnswer.Fail(error)).On("d", SinkAnswer.Hang);
        using var cancellation = new CancellationTokenSource();

        var sending = sink.SendAsync([Message("a"), Message("b"), Message("c"), Message("d")], cancellation.Token).AsTask();
        await sink.WaitForDeliveredAsync(2, Bound, Cancelled);
        Assert.False(sending.IsCompleted);
        await cancellation.CancelAsync();
        var results = await sending;

        Assert.Equal([true, false, true, false], results.Select(r => r.IsDelivered));
        Assert.Same(error, results[1].Error);
        Assert.IsAssignableFrom<OperationCanceledException>(results[3].Error);
        Assert.Equal(["a", "c"], sink.Delivered.Select(m => m.Id));
        Assert.Equal(["a", "b", "c", "d"], sink.Attempts.Select(a => a.Message.Id));
    }

    [Fact]
    public async Task Waiting_in_vain_says_what_it_waited_for()
    {
        var sink = new ScriptedSink();

        Assert.Contains(
            "1 attempts; 0 came",
            (await Assert.ThrowsAsync<TimeoutException>(() => sink.WaitForAttemptsAsync(1, TimeSpan.Zero, Cancelled))).Message);
        Assert.Contains(
            "1 deliveries; 0 came",
            (await Assert.ThrowsAsync<TimeoutException>(() => sink.WaitForDeliveredAsync(1, TimeSpan.Zero, Cancelled))).Message);
    }

    [Fact]
    public async Task Attempts_at_one_id_from_many_threads_are_numbered_without_gaps()
    {
        var sink = new ScriptedSink();

        await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(
            async () =>
            {
                for (var i = 0; i < 200; i++)
                    await SendAsync(sink, "a");
            },
            Cancelled)));

        Assert.Equal(Enumerable.Range(1, 1600), sink.Attempts.Select(a => a.Number).Order());
    }

    private static Task SendAsync(ScriptedSink sink, string id) => sink.SendAsync(Message(id), Cancelled).AsTask();

    private static SyncMessage Message(string id) => SyncMessage.Create(Encoding.UTF8.GetBytes("{}"), key: "key", id);
}
