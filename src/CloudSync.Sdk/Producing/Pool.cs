namespace CloudSync.Sdk;

/// <summary>Objects that are used again, so many at most. The one that was given last is taken first: it is the one that the processor's caches still have.</summary>
internal sealed class Pool<T>(int capacity)
    where T : class
{
    private readonly Lock _lock = new();
    private readonly T?[] _items = new T?[capacity];
    private int _count;

    public T? TryTake()
    {
        lock (_lock)
        {
            if (_count == 0)
                return null;

            var item = _items[--_count];
            _items[_count] = null;
            return item;
        }
    }

    /// <summary>Nobody else may hold it any more. Past the capacity it is left to the garbage collector.</summary>
    public void Give(T item)
    {
        lock (_lock)
        {
            if (_count < _items.Length)
                _items[_count++] = item;
        }
    }
}
