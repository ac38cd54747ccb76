using System.Diagnostics;
using CloudSync.LoadTest.Audit;
using CloudSync.LoadTest.Measuring;
using CloudSync.Measuring;

namespace CloudSync.LoadTest.Load;

/// <summary>
/// Sends by the clock, whatever the answers do. A message counts from when it was due: one that had to wait because others before it were slow is as late as its user would find it, and nothing is
/// left out because the server was busy (no coordinated omission).
/// </summary>
internal sealed class OpenLoop(ITarget target, AcceptedLedger ledger)
{
    /// <summary>Sends at a rate until the time is over or it is broken off, on a thread of its own, and returns before all is answered.</summary>
    /// <returns>Messages that were due.</returns>
    public Task<long> RunAsync(int rate, int batchSize, TimeSpan duration, Recorder recorder, CancellationToken cancellationToken)
    {
        var done = new TaskCompletionSource<long>(TaskCreationOptions.RunContinuationsAsynchronously);
        new Thread(() =>
        {
            try
            {
                done.SetResult(Run(rate, batchSize, duration, recorder, cancellationToken));
            }
            catch (Exception e)
            {
                done.SetException(e);
            }
        })
        { IsBackground = true, Name = "open loop", Priority = ThreadPriority.AboveNormal }.Start();
        return done.Task;
    }

    private long Run(int rate, int batchSize, TimeSpan duration, Recorder recorder, CancellationToken cancellationToken)
    {
        // A place that does not come free before the time is over is not waited for any longer.
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        over.CancelAfter(duration);
        var (start, startTime) = (Stopwatch.GetTimestamp(), DateTimeOffset.UtcNow);
        var total = Math.Max(1, (long)(rate * duration.TotalSeconds));
        long begun = 0;
        try
        {
            while (begun < total)
            {
                var due = DueAfter(begun, rate);
                if (!WaitUntil(start + (long)(due.TotalSeconds * Stopwatch.Frequency), over.Token))
                    break;

                var count = (int)Math.Min(batchSize, total - begun);
                target.Begin(new Request(ledger.Reserve(count), count, start + (long)(due.TotalSeconds * Stopwatch.Frequency), startTime + due), recorder, over.Token);
                begun += count;
            }
        }
        catch (OperationCanceledException)
        {
        }

        // The last message is due before the end: what is measured is a rate, and needs all of the time.
        WaitUntil(start + (long)(duration.TotalSeconds * Stopwatch.Frequency), cancellationToken);

        // What is due and could not be begun has waited until now, at least. Left out, the worst of all would be what is not seen.
        var elapsed = cancellationToken.IsCancellationRequested && Stopwatch.GetElapsedTime(start) is var e && e < duration ? e : duration;
        var end = start + (long)(elapsed.TotalSeconds * Stopwatch.Frequency);
        var dueInAll = begun == total ? total : Math.Clamp((long)(elapsed.TotalSeconds * rate), begun, total);
        for (var waiting = begun; waiting < dueInAll; waiting += batchSize)
            recorder.NotBegun((int)Math.Min(batchSize, dueInAll - waiting), end - start - (long)(DueAfter(waiting, rate).TotalSeconds * Stopwatch.Frequency));
        return dueInAll;
    }

    private static TimeSpan DueAfter(long messages, int rate) => TimeSpan.FromTicks((long)((Int128)messages * TimeSpan.TicksPerSecond / rate));

    /// <summary>Whether the time came before the wait was ended. A step of one a second must end at once when it is interrupted.</summary>
    private static bool WaitUntil(long due, CancellationToken cancellationToken)
    {
        var left = Stopwatch.GetElapsedTime(Stopwatch.GetTimestamp(), due) - TimeSpan.FromMilliseconds(20);
        if (left > TimeSpan.Zero && cancellationToken.WaitHandle.WaitOne(left))
            return false;

        Schedule.WaitUntil(due);
        return !cancellationToken.IsCancellationRequested;
    }
}
