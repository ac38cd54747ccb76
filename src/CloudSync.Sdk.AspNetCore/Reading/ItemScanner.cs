namespace CloudSync.Sdk.Ingest;

/// <summary>What a scanner came upon.</summary>
internal enum Found
{
    /// <summary>Bytes between items.</summary>
    Between,

    /// <summary>Bytes of an item that goes on behind them.</summary>
    Part,

    /// <summary>The last bytes of an item, or none where what follows has ended it.</summary>
    Item,

    /// <summary>The end of all items.</summary>
    End,

    /// <summary>What can stand nowhere; see <see cref="ItemScanner.Problem"/>.</summary>
    Broken,
}

/// <summary>
/// Finds where the items of a batch begin and end. It looks at each byte once, however the body was cut into pieces, and remembers a few numbers, whatever the size of an item.
/// </summary>
internal abstract class ItemScanner
{
    /// <summary>What is wrong; <see langword="null"/> when nothing is.</summary>
    public string? Problem { get; protected set; }

    /// <summary>The line of the body that the item begins on which was found last, from 1; 0 where lines are not counted.</summary>
    public virtual long Line => 0;

    /// <summary>Looks at the bytes that follow those that it has looked at.</summary>
    /// <param name="bytes">The bytes, at least one.</param>
    /// <param name="length">How many of them it has passed, and are what is returned.</param>
    public abstract Found Scan(ReadOnlySpan<byte> bytes, out int length);

    /// <summary>There are no more bytes.</summary>
    /// <param name="isInItem">Whether the last ones were of an item that has not ended.</param>
    public abstract Found Complete(bool isInItem);
}
