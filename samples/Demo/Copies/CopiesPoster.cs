using System.Globalization;

namespace Demo.Copies;

/// <summary>
/// Posts every message three times under one id: the first copy and its twin at the same time, and a late one when some thousand other messages have been posted. One of the copies
/// has another key, so most of the time it stands in another partition: for even numbers it is the twin, for odd ones the late copy.
/// </summary>
/// <remarks>
/// The embedded Kafka keeps about 5 MB of a partition and then forgets the oldest records, read or not. At most <see cref="MaxOutstanding"/> messages are posted and not carried out,
/// so with all their copies they would fit into one partition.
/// </remarks>
internal sealed class CopiesPoster : IDisposable
{
    public const int Copies = 3;
    public const int MaxOutstanding = 2_000;
    private const int MaxBatch = 50;
    private static readonly TimeSpan BetweenKnocks = TimeSpan.FromMilliseconds(250);

    private readonly CopiesLedger _ledger;
    private readonly DemoMessages _messages;
    private readonly int _lateBy;
    private readonly SyncApi _home;
    private readonly SyncApi _elsewhere;
    private readonly DemoMessages _knocks;
    private readonly SyncApi _knocking;
    private int _nextKnock;

    public CopiesPoster(CopiesLedger ledger, Uri api)
    {
        _ledger = ledger;
        _messages = ledger.Messages;
        _lateBy = LateBy(_messages.Count);
        _home = new SyncApi(_messages, n => KeyOf(_messages, n, elsewhere: false), api, ledger.Accept);
        _elsewhere = new SyncApi(_messages, n => KeyOf(_messages, n, elsewhere: true), api, ledger.Accept);

        // Their ids are no ids of this run, so the ledger passes them over.
        _knocks = new DemoMessages("knock-" + _messages.Run, 1_000_000);
        _knocking = new SyncApi(_knocks, n => KeyOf(_knocks, n, elsewhere: false), api, _ => { });
    }

    /// <summary>By how many messages the late copy comes after the first.</summary>
    public static int LateBy(int messages) => Math.Min(messages / 4, 5_000);

    /// <summary>Every message has a key here: the ledger's proof rests on the order of keys.</summary>
    public static string KeyOf(DemoMessages messages, int n, bool elsewhere) =>
        string.Create(CultureInfo.InvariantCulture, $"{messages.Run}-{(elsewhere ? "else" : "home")}-{messages.KeyIndex(n)}");

    public void Dispose()
    {
        _home.Dispose();
        _elsewhere.Dispose();
        _knocking.Dispose();
    }

    /// <summary>Posts all copies of all messages, the last quarter only when <paramref name="lastQuarter"/> has completed.</summary>
    public async Task RunAsync(Task lastQuarter, CancellationToken cancellation)
    {
        try
        {
            await Task.WhenAll(Enumerable.Range(0, DemoMessages.Lanes).Select(lane => Task.Run(() => PostLaneAsync(lane, lastQuarter, cancellation), cancellation)));
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
        }
    }

    /// <summary>Posts strangers' messages, for all partitions, until those who are waited for have been heard.</summary>
    public async Task KnockAsync(Func<bool> isHeard, CancellationToken cancellation)
    {
        while (!isHeard())
        {
            await _knocking.PostBatchAsync([.. Enumerable.Range(_nextKnock, MaxBatch)], cancellation);
            _nextKnock += MaxBatch;
            await Task.Delay(BetweenKnocks, cancellation);
        }
    }

    private async Task PostLaneAsync(int lane, Task lastQuarter, CancellationToken cancellation)
    {
        var toCome = new Queue<int>();
        for (var next = lane; next < _messages.Count;)
        {
            if (next >= _messages.Count * 3L / 4)
                await lastQuarter.WaitAsync(cancellation);
            while (_ledger.Outstanding >= MaxOutstanding)
                await Task.Delay(10, cancellation);

            var numbers = new List<int>(MaxBatch);
            for (; numbers.Count < MaxBatch && next < _messages.Count; next += DemoMessages.Lanes)
                numbers.Add(next);
            var late = new List<int>();
            while (toCome.TryPeek(out var n) && n <= numbers[0] - _lateBy)
                late.Add(toCome.Dequeue());

            _ledger.Post(numbers.Count);
            await PostAsync(numbers, late, cancellation);
            numbers.ForEach(toCome.Enqueue);
        }

        foreach (var late in toCome.Chunk(MaxBatch))
            await PostAsync([], [.. late], cancellation);
    }

    private Task PostAsync(List<int> numbers, List<int> late, CancellationToken cancellation) => Task.WhenAll(
        PostAsync(_home, numbers, cancellation),
        PostAsync(_elsewhere, [.. numbers.Where(int.IsEvenInteger)], cancellation),
        PostAsync(_home, [.. numbers.Where(int.IsOddInteger)], cancellation),
        PostAsync(_home, [.. late.Where(int.IsEvenInteger)], cancellation),
        PostAsync(_elsewhere, [.. late.Where(int.IsOddInteger)], cancellation));

    private static Task PostAsync(SyncApi api, List<int> numbers, CancellationToken cancellation) =>
        numbers.Count == 0 ? Task.CompletedTask : api.PostBatchAsync(numbers, cancellation);
}
