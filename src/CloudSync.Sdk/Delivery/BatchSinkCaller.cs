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
        IReadOnlyList<SinkResult> results = [];
        Exception? error = null;
        var started = Started();
        using (Trace(batch))
        {
            try
            {
                var token = NewToken();
                var call = sink.SendAsync(batch, token.Token).AsTask();
                if (!call.IsCompleted)
                    await FinishAsync(call, token);

                results = await call;
            }
            catch (Exception e)
            {
                error = e;
            }
        }

        Processed(started);
        var ended = ArrayPool<Outcome>.Shared.Rent(batch.Count);
        for (var i = 0; i < batch.Count; i++)
        {
            ended[i] = Ended(batch[i], admission, error ?? ErrorOf(results, i));
            if (i > 0 && ended[i].Error is { } failed && ReferenceEquals(failed, ended[i - 1].Error))
                ended[i] = ended[i] with { IsEcho = true };
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
