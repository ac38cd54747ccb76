using System.Diagnostics;
using Microsoft.Extensions.Logging;

namespace CloudSync.Sdk;

/// <summary>Calls the user's sink: on the thread pool, with a time-out, and never waiting for a call that does not come back.</summary>
internal abstract class SinkCaller(CallerSettings settings)
{
    /// <summary>Whether one call takes many messages. Then a call is one of the concurrency, else each message is.</summary>
    public abstract bool TakesBatches { get; }

    /// <summary>Starts the call or calls, and returns. Each message's outcome is reported once.</summary>
    public abstract void Start(List<Delivery> batch, Admission admission, ISinkCalls calls);

    public static SinkCaller For(object sink, CallerSettings settings) => sink switch
    {
        ICloudSink single => new SingleSinkCaller(single, settings),
        IBatchCloudSink batch => new BatchSinkCaller(batch, settings),
        _ => throw new ArgumentException($"{sink.GetType()} is no sink: it must implement {nameof(ICloudSink)} or {nameof(IBatchCloudSink)}.", nameof(sink)),
    };

    protected TimeSpan Timeout => settings.Timeout;

    /// <summary>How long a call may go on after its time-out, before it is left behind.</summary>
    protected TimeSpan AbandonAfter => settings.AbandonAfter;

    protected AbandonedCalls Abandoned => settings.Abandoned;

    protected TimeProvider Time => settings.Time;

    protected CancellationToken AbortToken => settings.Abort;

    protected ILogger Log => settings.Log;

    /// <summary>Waits for a call that has not ended at once. Its time-out starts here.</summary>
    /// <param name="call">The call.</param>
    /// <param name="token">Its token.</param>
    /// <param name="first">Its message, or the first of its batch.</param>
    /// <param name="messages">How many messages it carries.</param>
    /// <exception cref="TimeoutException">It did not end in time.</exception>
    /// <exception cref="OperationCanceledException">The consumer's own stop ended it: <paramref name="token"/>'s owner knows by the abort token.</exception>
    protected async Task FinishAsync(Task call, CancellationTokenSource token, Delivery first, int messages)
    {
        // Callbacks of the sink run elsewhere: one that blocks would keep the other calls from being cancelled, and one that throws would end the process, out of a timer.
        var aborted = AbortToken.UnsafeRegister(static state => _ = ((CancellationTokenSource)state!).CancelAsync(), token);
        var tooLong = Time.CreateTimer(static state => _ = ((CancellationTokenSource)state!).CancelAsync(), token, Timeout, System.Threading.Timeout.InfiniteTimeSpan);
        try
        {
            await call.WaitAsync(Timeout + AbandonAfter, Time);
        }
        catch (OperationCanceledException e) when (token.IsCancellationRequested && !AbortToken.IsCancellationRequested)
        {
            throw TimedOut(e);
        }
        catch (TimeoutException e) when (!call.IsCompleted)
        {
            Abandoned.Add(first, messages).EndsWith(call);
            throw LeftBehind(e);
        }
        finally
        {
            await aborted.DisposeAsync();

            // It would stand for the rest of SinkTimeout, and with it one for every call of that time.
            await tooLong.DisposeAsync();

            // A call that was left behind still has it.
            if (call.IsCompleted)
                token.Dispose();
        }
    }

    protected TimeoutException TimedOut(Exception cause) => new($"The sink did not answer within SinkTimeout ({Timeout}).", cause);

    protected TimeoutException LeftBehind(Exception? cause) =>
        new($"The sink did not answer within SinkTimeout ({Timeout}) and ignored its cancellation for {AbandonAfter}: the call was left behind.", cause);

    protected Outcome Ended(Delivery delivery, Exception? error) => error switch
    {
        null => new Outcome(OutcomeKind.Delivered, delivery),

        // Only our own stop is a stop. Every other cancellation is a time-out, HttpClient's above all.
        OperationCanceledException when AbortToken.IsCancellationRequested => new Outcome(OutcomeKind.Interrupted, delivery),
        _ => new Outcome(OutcomeKind.Failed, delivery, error),
    };

    protected long Started() => settings.WantsDurations || ConsumerMetrics.TimesCalls ? Time.GetTimestamp() : 0;

    /// <summary>The end of a call that began at <paramref name="started"/>.</summary>
    protected CallEnd End(Admission admission, long started, Activity? activity, bool failedWhole = false)
    {
        var traceParent = activity?.Id;
        Stop(activity);
        if (started == 0)
            return new CallEnd(admission, default, failedWhole, traceParent);

        var duration = Time.GetElapsedTime(started);
        settings.Metrics.Processed(duration);
        return new CallEnd(admission, duration, failedWhole, traceParent);
    }

    /// <summary>A span for the call of one message when somebody traces: it continues the producer's trace.</summary>
    protected Activity? Trace(Delivery message) =>
        CloudSyncMeter.Activities.HasListeners()
            ? Started(() => Tagged(CloudSyncMeter.Activities.StartActivity($"process {message.Topic}", ActivityKind.Consumer, ContextOf(message) ?? default), message)
                ?.SetTag("messaging.destination.partition.id", message.Partition)
                .SetTag("messaging.kafka.offset", message.Offset)
                .SetTag("messaging.message.id", message.Id))
            : null;

    /// <summary>A span for the call of a batch when somebody traces: it links to the traces of all its messages.</summary>
    protected Activity? Trace(List<Delivery> batch) =>
        CloudSyncMeter.Activities.HasListeners()
            ? Started(() => Tagged(
                CloudSyncMeter.Activities.StartActivity(
                    $"process {batch[0].Topic}",
                    ActivityKind.Consumer,
                    default(ActivityContext),
                    links: batch.Select(ContextOf).OfType<ActivityContext>().Select(context => new ActivityLink(context))),
                batch[0])?.SetTag("messaging.batch.message_count", batch.Count))
            : null;

    /// <summary>Listeners run within the start and the stop of a span. One that throws must not take the message's outcome with it.</summary>
    private Activity? Started(Func<Activity?> start)
    {
        var before = Activity.Current;
        try
        {
            return start();
        }
        catch (Exception e)
        {
            Activity.Current = before;
            settings.Metrics.ListenerThrew(e);
            return null;
        }
    }

    private protected void Stop(Activity? activity)
    {
        try
        {
            activity?.Dispose();
        }
        catch (Exception e)
        {
            settings.Metrics.ListenerThrew(e);
        }
    }

    private static Activity? Tagged(Activity? activity, Delivery message) =>
        activity?.SetTag("messaging.system", "kafka")
            .SetTag("messaging.operation.type", "process")
            .SetTag("messaging.destination.name", message.Topic);

    private static ActivityContext? ContextOf(Delivery message) =>
        ActivityContext.TryParse(
            message.Headers.GetString(CloudEvents.TraceParent), message.Headers.GetString(CloudEvents.TraceState), isRemote: true, out var context)
            ? context : null;
}

/// <summary>What every call of a sink has in common.</summary>
/// <param name="Timeout">How long one may take.</param>
/// <param name="AbandonAfter">How long it may go on after that, before it is left behind.</param>
/// <param name="Abandoned">Those that were left behind.</param>
/// <param name="WantsDurations">Whether anybody but a listener of the metrics wants to know how long calls take.</param>
/// <param name="Time">The clock.</param>
/// <param name="Metrics">What is counted.</param>
/// <param name="Log">Has the scope of a message while it is called with it.</param>
/// <param name="Abort">Fires when the consumer stops and its drain time is over.</param>
internal sealed record CallerSettings(
    TimeSpan Timeout, TimeSpan AbandonAfter, AbandonedCalls Abandoned, bool WantsDurations, TimeProvider Time, ConsumerMetrics Metrics, ILogger Log, CancellationToken Abort);

/// <summary>Those for whom the sink is called. They are asked right before a call, and told of its end.</summary>
internal interface ISinkCalls
{
    /// <summary>Whether a call that was let in may still begin; one that may not is reported as <see cref="OutcomeKind.Refused"/>.</summary>
    bool MayBegin(Admission admission);

    /// <summary>A call of one message has ended.</summary>
    /// <param name="outcome">How.</param>
    /// <param name="call">The call.</param>
    void Ended(in Outcome outcome, in CallEnd call);

    /// <summary>A call of a batch has ended, with an outcome for each of its messages. They are the receiver's from now on.</summary>
    /// <param name="outcomes">How, for each.</param>
    /// <param name="call">The call.</param>
    /// <param name="isOurThread">Whether the calling thread is one that we gave the call, and may do what comes after it. A thread of the sink's may be one that a store or another call waits for.</param>
    void Ended(Span<Outcome> outcomes, in CallEnd call, bool isOurThread);
}
