using Xunit;

namespace CloudSync.Sdk.Tests.Producing;

public class AwaitedAcknowledgementTests
{
    private static readonly ProducedMessage Produced = new("id", "topic", 1, 2);

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_is_told_before_the_wait_is_what_the_wait_gets()
    {
        var acknowledgement = AwaitedAcknowledgement.Take();
        acknowledgement.Acknowledged(Produced);

        Assert.Equal(Produced, await acknowledgement.WaitAsync(Cancelled));
    }

    [Fact]
    public async Task A_failure_is_thrown_to_the_one_who_waits()
    {
        var acknowledgement = AwaitedAcknowledgement.Take();
        var wait = acknowledgement.WaitAsync(Cancelled);
        var failure = new ProduceFailedException("no");
        acknowledgement.Failed(failure);

        Assert.Same(failure, await Assert.ThrowsAsync<ProduceFailedException>(async () => await wait));
    }

    [Fact]
    public async Task A_cancelled_wait_ends_and_what_is_told_later_reaches_nobody_else()
    {
        using var cancel = new CancellationTokenSource();
        var acknowledgement = AwaitedAcknowledgement.Take();
        var wait = acknowledgement.WaitAsync(cancel.Token);
        await cancel.CancelAsync();

        var thrown = await Assert.ThrowsAsync<OperationCanceledException>(async () => await wait);
        Assert.Equal(cancel.Token, thrown.CancellationToken);

        var others = Enumerable.Range(0, 10).Select(_ => AwaitedAcknowledgement.Take()).ToList();
        var waits = others.Select(other => other.WaitAsync(CancellationToken.None)).ToList();
        Assert.DoesNotContain(acknowledgement, others);
        acknowledgement.Acknowledged(Produced);

        Assert.All(waits, other => Assert.False(other.IsCompleted));
        for (var i = 0; i < others.Count; i++)
        {
            others[i].Acknowledged(Produced with { Offset = i });
            Assert.Equal(i, (await waits[i]).Offset);
        }
    }

    [Fact]
    public async Task A_second_await_throws_and_harms_nobody()
    {
        var acknowledgement = AwaitedAcknowledgement.Take();
        var wait = acknowledgement.WaitAsync(Cancelled);
        acknowledgement.Acknowledged(Produced);
        await wait;

        // It may carry another's wait by now.
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await wait);
    }

    /// <summary>Counted twice, the object would be another message's, which the report that is still due would then acknowledge.</summary>
    [Fact]
    public async Task A_second_await_throws_while_the_client_still_has_to_tell()
    {
        using var cancel = CancellationTokenSource.CreateLinkedTokenSource(Cancelled);
        var acknowledgement = AwaitedAcknowledgement.Take();
        var wait = acknowledgement.WaitAsync(cancel.Token);
        await cancel.CancelAsync();
        await Assert.ThrowsAsync<OperationCanceledException>(async () => await wait);

        await Assert.ThrowsAsync<InvalidOperationException>(async () => await wait);
        acknowledgement.Acknowledged(Produced);
    }

    [Fact]
    public async Task Who_asks_for_the_result_too_early_gets_an_exception_and_the_wait_goes_on()
    {
        var acknowledgement = AwaitedAcknowledgement.Take();
        var wait = acknowledgement.WaitAsync(Cancelled);

        var version = (short)0;
        while (Record.Exception(() => acknowledgement.GetStatus(version)) is not null)
            version++;
        Assert.Throws<InvalidOperationException>(() => acknowledgement.GetResult(version));
        acknowledgement.Acknowledged(Produced);

        Assert.Equal(Produced, await wait);
    }

    [Fact]
    public async Task Under_load_everybody_gets_his_own_whoever_cancels()
    {
        var told = new System.Collections.Concurrent.BlockingCollection<(AwaitedAcknowledgement Acknowledgement, int Number)>();
        var teller = Task.Factory.StartNew(
            () =>
            {
                foreach (var (acknowledgement, number) in told.GetConsumingEnumerable())
                    acknowledgement.Acknowledged(Produced with { Offset = number });
            },
            Cancelled,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default);

        var cancelled = 0;
        await Task.WhenAll(Enumerable.Range(0, 4).Select(caller => Task.Run(async () =>
        {
            for (var i = 0; i < 10_000; i++)
            {
                using var cancel = new CancellationTokenSource();
                var number = caller * 10_000 + i;
                var acknowledgement = AwaitedAcknowledgement.Take();
                told.Add((acknowledgement, number));
                var wait = acknowledgement.WaitAsync(i % 3 == 0 ? cancel.Token : i % 3 == 1 ? Cancelled : CancellationToken.None);
                if (i % 3 == 0)
                    await cancel.CancelAsync();
                try
                {
                    Assert.Equal(number, (await wait).Offset);
                }
                catch (OperationCanceledException) when (i % 3 == 0)
                {
                    Interlocked.Increment(ref cancelled);
                }
            }
        })));
        told.CompleteAdding();
        await teller;

        Assert.InRange(cancelled, 0, 4 * 3_334);
    }
}
