using System.Buffers;

namespace CloudSync.Sdk;

/// <summary>Calls a sink that takes many messages in one call.</summary>
internal sealed class BatchSinkCaller(IBatchCloudSink sink, CallerSettings settings) : SinkCaller(settings)
{
    public override bool TakesBatches => true;

    public override void Start(List<Delivery> batch, Admission admission, ISinkCalls calls) => _ = StartAsync(batch, admission, calls);

    private async Task StartAsync(List<Delivery> batch, Admission admission, ISinkCalls calls)
    {
        var outcomes = ArrayPool<Outcome>.Shared.Rent(batch.Count);

        // Refused, it is still the thread that dispatches, which has other things to do.
        var (call, isOurThread) = calls.MayBegin(admission) ? await CallAsync(batch, admission, outcomes) : (Refuse(batch, admission, outcomes), false);
        calls.Ended(outcomes.AsSpan(0, batch.Count), call, isOurThread);
        ArrayPool<Outcome>.Shared.Return(outcomes, clearArray: true);
    }

    private static CallEnd Refuse(List<Delivery> batch, Admission admission, Outcome[] outcomes)
    {
        for (var i = 0; i < batch.Count; i++)
            outcomes[i] = new Outcome(OutcomeKind.Refused, batch[i]);

        return new CallEnd(admission, default);
    }

    private async Task<(CallEnd End, bool IsOurThread)> CallAsync(List<Delivery> batch, Admission admission, Outcome[] outcomes)
    {
        var started = Started();
        var activity = Trace(batch);
        using var scope = MessageScope.Begin(Log, batch);
        var thread = 0;
        try
        {
            // On a thread of its own: a sink that blocks it has a time-out all the same. One that ends at once leaves us on it; one that does not, on a thread of its choice.
            var token = new CancellationTokenSource();
            var call = Task.Run(
                () =>
                {
                    var sending = sink.SendAsync(batch, token.Token);
                    thread = sending.IsCompleted ? Environment.CurrentManagedThreadId : 0;
                    return sending.AsTask();
                },
                token.Token);
            await FinishAsync(call, token, batch[0], batch.Count);

            // Read here, for the list is the sink's as well, and may throw.
            var results = await call;
            for (var i = 0; i < batch.Count; i++)
                outcomes[i] = Ended(batch[i], ErrorOf(results, i));

            // No result at all says as little of the single messages as an exception.
            return (End(admission, started, activity, failedWhole: results is null or { Count: 0 }), thread == Environment.CurrentManagedThreadId);
        }
        catch (Exception e)
        {
            for (var i = 0; i < batch.Count; i++)
                outcomes[i] = Ended(batch[i], e);

            return (End(admission, started, activity, failedWhole: true), false);
        }
    }

    /// <summary>What a message failed with. No result is a failure: a sink that forgets an item must not lose it.</summary>
    private static Exception? ErrorOf(IReadOnlyList<SinkResult>? results, int index)
    {
        var result = results is not null && index < results.Count ? results[index] : default;
        return result.IsDelivered
            ? null
            : result.Error ?? new SinkException($"The sink reported no result for item {index} of its batch.");
    }
}
