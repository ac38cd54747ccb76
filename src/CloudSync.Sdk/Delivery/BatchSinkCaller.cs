using System.Buffers;

namespace CloudSync.Sdk;

/// <summary>Calls a sink that takes many messages in one call.</summary>
internal sealed class BatchSinkCaller(
    IBatchCloudSink sink, TimeSpan timeout, TimeProvider time, ConsumerMetrics metrics, CancellationToken abort)
    : SinkCaller(timeout, time, metrics, abort)
{
    public override bool TakesBatches => true;

    public override void Start(List<Delivery> batch, Admission admission, IOutcomes outcomes) =>
        ThreadPool.UnsafeQueueUserWorkItem(
            static call => _ = call.Owner.CallAsync(call.Batch, call.Admission, call.Outcomes),
            (Owner: this, Batch: batch, Admission: admission, Outcomes: outcomes),
            preferLocal: false);

    private async Task CallAsync(List<Delivery> batch, Admission admission, IOutcomes outcomes)
    {
        var errors = new Exception?[batch.Count];
        var started = Started();
        using (Trace(batch))
        {
            try
            {
                // On a thread of its own: a sink that blocks it has a time-out all the same.
                var token = NewToken();
                var call = Task.Run(() => sink.SendAsync(batch, token.Token).AsTask());
                await FinishAsync(call, token);

                // Read here, for the list is the sink's as well, and may throw.
                var results = await call;
                for (var i = 0; i < errors.Length; i++)
                    errors[i] = ErrorOf(results, i);
            }
            catch (Exception e)
            {
                Array.Fill(errors, e);
            }
        }

        Processed(started);
        var ended = ArrayPool<Outcome>.Shared.Rent(batch.Count);
        var isAlive = false;
        for (var i = 0; i < batch.Count; i++)
        {
            ended[i] = Ended(batch[i], admission, errors[i]);
            isAlive |= ended[i].Kind == OutcomeKind.Delivered;
        }

        // An endpoint that has taken one of them is not down.
        if (isAlive)
        {
            foreach (ref var outcome in ended.AsSpan(0, batch.Count))
                outcome = outcome with { IsAlive = true };
        }

        outcomes.Report(ended.AsSpan(0, batch.Count));
        ArrayPool<Outcome>.Shared.Return(ended, clearArray: true);
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
