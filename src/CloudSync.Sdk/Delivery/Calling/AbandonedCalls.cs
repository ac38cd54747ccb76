using Microsoft.Extensions.Logging;

namespace CloudSync.Sdk;

/// <summary>
/// Calls of the sink that ignored their cancellation and were left behind. Their messages have gone on as timed out, and nothing that such a call still says settles anything;
/// but it holds memory, a connection, perhaps a thread, so when there are too many of them nothing further is called until one has ended.
/// </summary>
internal sealed class AbandonedCalls(string consumer, int max, ConsumerMetrics metrics, TimeProvider time, ILogger log)
{
    private int _running;

    /// <summary>How many have not ended yet.</summary>
    public int Running => Volatile.Read(ref _running);

    /// <summary>Whether there are as many as may be.</summary>
    public bool IsFull => Running >= max;

    /// <summary>Called when one has ended while there were too many.</summary>
    public Action RoomAgain { get; set; } = () => { };

    /// <summary>A call is left behind.</summary>
    /// <param name="first">Its message, or the first of its batch.</param>
    /// <param name="messages">How many messages it carries.</param>
    /// <returns>What to tell when it ends after all.</returns>
    public Abandoned Add(Delivery first, int messages)
    {
        var running = Interlocked.Increment(ref _running);
        metrics.Abandoned();
        using var scope = MessageScope.Begin(log, first);
        log.CallAbandoned(consumer, first.ShownId, first.ToString(), messages, running, max);
        if (running == max)
            log.TooManyAbandoned(consumer, running);

        return new Abandoned(this, first, time.GetTimestamp());
    }

    private void Ended(Delivery first, long since)
    {
        var running = Interlocked.Decrement(ref _running);
        using (MessageScope.Begin(log, first))
            log.AbandonedEnded(first.ShownId, first.ToString(), time.GetElapsedTime(since));
        if (running == max - 1)
            RoomAgain();
    }

    /// <summary>One call that was left behind.</summary>
    internal sealed class Abandoned(AbandonedCalls owner, Delivery first, long since)
    {
        /// <summary>It has ended after all, and whatever it says comes too late.</summary>
        public void Ended() => owner.Ended(first, since);

        /// <summary>It ends when this task does.</summary>
        public void EndsWith(Task call) => _ = call.ContinueWith(
            late =>
            {
                // Somebody has looked at it, whatever it is.
                _ = late.Exception;
                Ended();
            },
            CancellationToken.None,
            TaskContinuationOptions.ExecuteSynchronously,
            TaskScheduler.Default);
    }
}
