namespace CloudSync.Sdk.Ingest;

/// <summary>The items of newline-delimited JSON: lines, of which those with nothing in them are passed over.</summary>
internal sealed class LineScanner : ItemScanner
{
    private bool _isInItem;
    private long _ended;

    public override long Line => _ended + 1;

    public override Found Scan(ReadOnlySpan<byte> bytes, out int length)
    {
        if (!_isInItem)
        {
            length = bytes.IndexOfAnyExcept("\r\n \t"u8);
            if (length < 0)
                length = bytes.Length;
            else
                _isInItem = true;
            _ended += bytes[..length].Count((byte)'\n');
            if (length > 0)
                return Found.Between;
        }

        // What ends a line is no part of it, and counts for no limit.
        length = bytes.IndexOf((byte)'\n');
        if (length < 0)
        {
            length = bytes.Length;
            return Found.Part;
        }

        _isInItem = false;
        return Found.Item;
    }

    public override Found Complete(bool isInItem)
    {
        _isInItem = false;
        return isInItem ? Found.Item : Found.End;
    }
}
