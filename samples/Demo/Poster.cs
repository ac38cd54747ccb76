namespace Demo;

/// <summary>
/// Posts the messages over HTTP, as batches and singly, some of them twice. A message that was not taken is posted again, with its id, before the next
/// one of its key.
/// </summary>
/// <remarks>
/// The embedded Kafka keeps about 5 MB of a partition and then forgets the oldest records, read or not. So no more than <see cref="MaxOutstanding"/>
/// messages of less than 500 bytes are ever posted and not yet settled by both clouds: even in one partition they would fit.
/// </remarks>
internal sealed class Poster(Ledger ledger, Uri api, int? rate) : IDisposable
{
    public const int MaxOutstanding = 8_000;
    private const int MaxBatch = 50;

    private readonly DemoMessages _messages = ledger.Messages;
    private readonly long _began = TimeProvider.System.GetTimestamp();
    private readonly SyncApi _api = new(ledger.Messages, ledger.Messages.Key, api, ledger.Accept);
    private long _duplicates;

    /// <summary>Messages posted a second time on purpose.</summary>
    public long Duplicates => Volatile.Read(ref _duplicates);

    /// <summary>Messages posted again because the API had not taken them.</summary>
    public long PostedAgain => _api.PostedAgain;

    public long Requests => _api.Requests;

    public void Dispose() => _api.Dispose();

    /// <summary>Posts all messages; ends early, without an exception, when it is cancelled or the API takes no more.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        try
        {
            await Task.WhenAll(Enumerable.Range(0, DemoMessages.Lanes).Select(lane => Task.Run(() => PostLaneAsync(lane, cancellation))));
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
        }
    }

    private async Task PostLaneAsync(int lane, CancellationToken cancellation)
    {
        var size = Math.Min(MaxBatch, _messages.KeysPerLane);
        if (rate is { } perSecond)
            size = Math.Clamp(perSecond / (DemoMessages.Lanes * 10), 1, size);

        var again = new List<int>();
        var batches = 0;
        for (var next = lane; next < _messages.Count;)
        {
            // As many as there are keys in a lane, so that a batch never holds two of a key and their order never depends on an answer.
            var numbers = new List<int>(size + again.Count);
            for (; numbers.Count < size && next < _messages.Count; next += DemoMessages.Lanes)
                numbers.Add(next);

            await WaitForItsTimeAsync(numbers[0], cancellation);
            while (ledger.Outstanding >= MaxOutstanding)
                await Task.Delay(10, cancellation);

            foreach (var n in numbers)
                ledger.Post(n);
            var fresh = numbers.Count;
            numbers.AddRange(again);
            again = [.. numbers.Take(fresh).Where(DemoMessages.IsPostedTwice)];
            await (++batches % 10 == 0 ? _api.PostSinglyAsync(numbers, cancellation) : _api.PostBatchAsync(numbers, cancellation));
            Interlocked.Add(ref _duplicates, numbers.Count - fresh);
        }

        if (again.Count > 0)
            await _api.PostBatchAsync(again, cancellation);
        Interlocked.Add(ref _duplicates, again.Count);
    }

    private async Task WaitForItsTimeAsync(int n, CancellationToken cancellation)
    {
        if (rate is not { } perSecond)
            return;

        var wait = TimeSpan.FromSeconds((double)n / perSecond) - TimeProvider.System.GetElapsedTime(_began);
        if (wait > TimeSpan.Zero)
            await Task.Delay(wait, cancellation);
    }
}
