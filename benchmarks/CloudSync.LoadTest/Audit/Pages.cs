namespace CloudSync.LoadTest.Audit;

/// <summary>A long row of values that are all zero at first, and take memory where one was set. Different ones may be set at the same time.</summary>
internal sealed class Pages<T>
    where T : struct
{
    /// <summary>How many there may be.</summary>
    public const long Length = (long)PageLength * PageCount;

    private const int PageLength = 1 << 16;
    private const int PageCount = 1 << 14;

    private readonly T[]?[] _pages = new T[PageCount][];

    public T this[long index]
    {
        get => _pages[index / PageLength] is { } page ? page[index % PageLength] : default;
        set => Of(index) = value;
    }

    /// <summary>The value itself, for whoever changes it in one step.</summary>
    public ref T Of(long index)
    {
        ref var page = ref _pages[index / PageLength];
        if (Volatile.Read(ref page) is null)
            Interlocked.CompareExchange(ref page, new T[PageLength], null);
        return ref page![index % PageLength];
    }
}
