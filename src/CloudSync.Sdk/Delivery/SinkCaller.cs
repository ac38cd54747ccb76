using System.Diagnostics;

namespace CloudSync.Sdk;

/// <summary>Calls the user's sink: on the thread pool, with a time-out, and never waiting for a call that does not come back.</summary>
internal abstract class SinkCaller(TimeSpan timeout, TimeProvider time, ConsumerMetrics metrics, CancellationToken abort)
{
    /// <summary>How long a call may go on after its time-out, before it is left behind.</summary>
    public static readonly TimeSpan AbandonAfter = TimeSpan.FromSeconds(5);

    /// <summary>Whether one call takes many messages. Then a call is one of the concurrency, else each message is.</summary>
    public abstract bool TakesBatches { get; }

    /// <summary>Starts the call or calls, and returns. Each message's outcome is reported once.</summary>
    public abstract void Start(List<Delivery> batch, Admission admission, IOutcomes outcomes);

    public static SinkCaller For(object sink, TimeSpan timeout, TimeProvider time, ConsumerMetrics metrics, CancellationToken abort) => sink switch
    {
        ICloudSink single => new SingleSinkCaller(single, timeout, time, metrics, abort),
        IBatchCloudSink batch => new BatchSinkCaller(batch, timeout, time, metrics, abort),
        _ => throw new ArgumentException($"{sink.GetType()} is no sink: it must implement {nameof(ICloudSink)} or {nameof(IBatchCloudSink)}.", nameof(sink)),
    };

    protected TimeSpan Timeout => timeout;

    protected TimeProvider Time => time;

    protected CancellationToken AbortToken => abort;

    /// <summary>A token for one call. Its time does not run yet: most calls of a fast sink end before they would need a timer.</summary>
    protected CancellationTokenSource NewToken() => new(System.Threading.Timeout.InfiniteTimeSpan, time);

    /// <summary>Waits for a call that has not ended at once. Its time-out starts here.</summary>
    /// <exception cref="TimeoutException">It did not end in time.</exception>
    /// <exception cref="OperationCanceledException">The consumer's own stop ended it: <paramref name="token"/>'s owner knows by the abort token.</exception>
    protected async Task FinishAsync(Task call, CancellationTokenSource token)
    {
        var aborted = abort.UnsafeRegister(static state => ((CancellationTokenSource)state!).Cancel(), token);
        token.CancelAfter(timeout);
        try
        {
            await call.WaitAsync(timeout + AbandonAfter, time);
        }
        catch (OperationCanceledException e) when (token.IsCancellationRequested && !abort.IsCancellationRequested)
        {
            throw TimedOut(e);
        }
        catch (TimeoutException e) when (!call.IsCompleted)
        {
            // Whatever becomes of it, somebody has looked at it.
            _ = call.ContinueWith(static late => late.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
            throw LeftBehind(e);
        }
        finally
        {
            await aborted.DisposeAsync();

            // Its timer would stand for the rest of SinkTimeout, and with it one for every call of that time. A call that was left behind still has the token.
            if (call.IsCompleted)
                token.Dispose();
        }
    }

    protected TimeoutException TimedOut(Exception cause) => new($"The sink did not answer within SinkTimeout ({timeout}).", cause);

    protected TimeoutException LeftBehind(Exception? cause) =>
        new($"The sink did not answer within SinkTimeout ({timeout}) and ignored its cancellation for {AbandonAfter}: the call was left behind.", cause);

    protected Outcome Ended(Delivery delivery, Admission admission, Exception? error) => error switch
    {
        null => new Outcome(OutcomeKind.Delivered, delivery, admission),

        // Only our own stop is a stop. Every other cancellation is a time-out, HttpClient's above all.
        OperationCanceledException when abort.IsCancellationRequested => new Outcome(OutcomeKind.Interrupted, delivery, admission),
        _ => new Outcome(OutcomeKind.Failed, delivery, admission, error),
    };

    protected long Started() => ConsumerMetrics.TimesCalls ? time.GetTimestamp() : 0;

    protected void Processed(long started)
    {
        if (started != 0)
            metrics.Processed(time.GetElapsedTime(started));
    }

    /// <summary>A span for the call of one message when somebody traces: it continues the producer's trace.</summary>
    protected static Activity? Trace(Delivery message) =>
        CloudSyncMeter.Activities.HasListeners()
            ? Tagged(CloudSyncMeter.Activities.StartActivity($"process {message.Topic}", ActivityKind.Consumer, ContextOf(message) ?? default), message)
                ?.SetTag("messaging.destination.partition.id", message.Partition)
                .SetTag("messaging.kafka.offset", message.Offset)
                .SetTag("messaging.message.id", message.Id)
            : null;

    /// <summary>A span for the call of a batch when somebody traces: it links to the traces of all its messages.</summary>
    protected static Activity? Trace(List<Delivery> batch) =>
        CloudSyncMeter.Activities.HasListeners()
            ? Tagged(
                CloudSyncMeter.Activities.StartActivity(
                    $"process {batch[0].Topic}",
                    ActivityKind.Consumer,
                    default(ActivityContext),
                    links: batch.Select(ContextOf).OfType<ActivityContext>().Select(context => new ActivityLink(context))),
                batch[0])?.SetTag("messaging.batch.message_count", batch.Count)
            : null;

    private static Activity? Tagged(Activity? activity, Delivery message) =>
        activity?.SetTag("messaging.system", "kafka")
            .SetTag("messaging.operation.type", "process")
            .SetTag("messaging.destination.name", message.Topic);

    private static ActivityContext? ContextOf(Delivery message) =>
        ActivityContext.TryParse(
            message.Headers.GetString(CloudEvents.TraceParent), message.Headers.GetString(CloudEvents.TraceState), isRemote: true, out var context)
            ? context : null;
}

/// <summary>Takes the outcomes of sink calls, each message's once.</summary>
internal interface IOutcomes
{
    /// <summary>One message's outcome; a call has ended with it.</summary>
    void Report(in Outcome outcome);

    /// <summary>The outcomes of a batch; one call has ended with them. They are the receiver's from now on.</summary>
    void Report(Span<Outcome> outcomes);
}
