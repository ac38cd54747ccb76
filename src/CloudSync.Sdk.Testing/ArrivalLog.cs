using System.Globalization;

namespace CloudSync.Sdk.Testing;

/// <summary>Keeps things in the order in which they came, and completes whoever waits for the n-th of them.</summary>
internal sealed class ArrivalLog<T>(string whatArrives)
{
    private readonly Lock _lock = new();
    private readonly List<T> _items = [];
    private readonly List<Waiter> _waiters = [];

    public int Count
    {
        get
        {
            lock (_lock)
                return _items.Count;
        }
    }

    public IReadOnlyList<T> Snapshot()
    {
        lock (_lock)
            return _items.ToArray();
    }

    public void Add(T item)
    {
        List<Waiter>? due = null;
        lock (_lock)
        {
            _items.Add(item);
            if (_waiters.Count > 0)
            {
                due = _waiters.FindAll(w => w.Count <= _items.Count);
                _waiters.RemoveAll(w => w.Count <= _items.Count);
            }
        }

        // Outside the lock, and never on this thread: who waits may go on for long.
        due?.ForEach(w => w.Reached.TrySetResult());
    }

    public async Task<IReadOnlyList<T>> WaitForAsync(int count, TimeSpan timeout, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        var waiter = new Waiter(count, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        lock (_lock)
        {
            if (_items.Count >= count)
                return _items.ToArray();

            _waiters.Add(waiter);
        }

        try
        {
            await waiter.Reached.Task.WaitAsync(timeout, cancellationToken).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            throw new TimeoutException(string.Create(
                CultureInfo.InvariantCulture, $"Waited {timeout.TotalSeconds:0.###} s for {count} {whatArrives}; {Count} came."));
        }
        finally
        {
            lock (_lock)
                _waiters.Remove(waiter);
        }

        return Snapshot();
    }

    private sealed record Waiter(int Count, TaskCompletionSource Reached);
}
