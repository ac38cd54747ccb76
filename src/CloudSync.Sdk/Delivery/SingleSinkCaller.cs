using System.Diagnostics;

namespace CloudSync.Sdk;

/// <summary>Calls a sink that takes one message at a time.</summary>
internal sealed class SingleSinkCaller(
    ICloudSink sink, TimeSpan timeout, TimeProvider time, ConsumerMetrics metrics, CancellationToken abort)
    : SinkCaller(timeout, time, metrics, abort)
{
    public override bool TakesBatches => false;

    public override void Start(List<Delivery> batch, Admission admission, IOutcomes outcomes) =>
        ThreadPool.UnsafeQueueUserWorkItem(new Run(this, batch, admission, outcomes), preferLocal: false);

    /// <summary>Calls the sink and reports, at once when the call ends at once.</summary>
    /// <returns>Whether the token can serve the next call.</returns>
    private bool Call(Delivery delivery, Admission admission, IOutcomes outcomes, CancellationTokenSource token)
    {
        var started = Started();
        var activity = Trace(delivery);
        try
        {
            var call = sink.SendAsync(delivery, token.Token);
            if (!call.IsCompletedSuccessfully)
            {
                _ = AwaitAsync(delivery, admission, outcomes, call.AsTask(), token, started, activity);
                return false;
            }

            call.GetAwaiter().GetResult();
            Processed(started);
            outcomes.Report(Ended(delivery, admission, null));
        }
        catch (Exception e)
        {
            Processed(started);
            outcomes.Report(Ended(delivery, admission, e));
        }

        activity?.Dispose();
        return true;
    }

    private async Task AwaitAsync(
        Delivery delivery, Admission admission, IOutcomes outcomes, Task call, CancellationTokenSource token, long started, Activity? activity)
    {
        Exception? error = null;
        try
        {
            await FinishAsync(call, token);
        }
        catch (Exception e)
        {
            error = e;
        }

        activity?.Dispose();
        Processed(started);
        outcomes.Report(Ended(delivery, admission, error));
    }

    /// <summary>
    /// The calls of one batch. A sink may block its thread, even for ever, so each thread that starts on the batch first asks the pool for another: the
    /// rest is never stuck behind one call. With a sink that does not block, the second thread finds nothing left and costs next to nothing.
    /// </summary>
    private sealed class Run(SingleSinkCaller owner, List<Delivery> batch, Admission admission, IOutcomes outcomes) : IThreadPoolWorkItem
    {
        private int _next;

        public void Execute()
        {
            if (Volatile.Read(ref _next) + 1 < batch.Count)
                ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);

            CancellationTokenSource? token = null;
            for (int i; (i = Interlocked.Increment(ref _next) - 1) < batch.Count;)
            {
                token ??= owner.NewToken();
                if (!owner.Call(batch[i], admission, outcomes, token))
                    token = null;
            }
        }
    }
}
