using System.Buffers;

namespace CloudSync.Sdk.Ingest;

/// <summary>
/// The items of a JSON array. It knows strings and brackets and no more: whether an item is JSON is found out by who reads it, and a bracket that closes another kind than it should is found there too.
/// </summary>
internal sealed class ArrayScanner : ItemScanner
{
    private const string NotAnArray = "must be an array of messages";

    private static readonly SearchValues<byte> InString = SearchValues.Create("\"\\"u8);
    private static readonly SearchValues<byte> OutsideString = SearchValues.Create("\"{}[]"u8);
    private static readonly SearchValues<byte> AfterScalar = SearchValues.Create(",] \t\r\n"u8);

    private State _state = State.Start;
    private int _bom;
    private int _depth;
    private bool _isString;
    private bool _isEscape;

    private enum State
    {
        Start,
        FirstItem,
        NextItem,
        InItem,
        InScalar,
        AfterItem,
        AfterArray,
    }

    public override Found Scan(ReadOnlySpan<byte> bytes, out int length)
    {
        for (length = 0; length < bytes.Length; length++)
        {
            if (_state is State.InItem)
                return ScanItem(bytes, out length);
            if (_state is State.InScalar)
                return ScanScalar(bytes, out length);

            var next = bytes[length];
            if (IsByteOrderMark(next))
                continue;

            if (!IsInByteOrderMark && next is (byte)' ' or (byte)'\t' or (byte)'\r' or (byte)'\n')
            {
                // None may follow.
                _bom = 3;
                continue;
            }

            switch (_state)
            {
                case State.Start when next == '[' && !IsInByteOrderMark:
                    _state = State.FirstItem;
                    break;
                case State.FirstItem when next == ']':
                case State.AfterItem when next == ']':
                    _state = State.AfterArray;
                    break;
                case State.AfterItem when next == ',':
                    _state = State.NextItem;
                    break;
                case State.FirstItem or State.NextItem when next is not ((byte)',' or (byte)']' or (byte)'}' or (byte)':'):
                    _state = next is (byte)'{' or (byte)'[' or (byte)'"' ? State.InItem : State.InScalar;
                    if (length > 0)
                        return Found.Between;
                    length--;
                    break;
                default:
                    Problem = _state == State.Start ? NotAnArray : "is not valid JSON: after an item comes a comma or the end of the array, and nothing after that";
                    return Found.Broken;
            }
        }

        return Found.Between;
    }

    public override Found Complete(bool isInItem)
    {
        if (_state == State.AfterArray)
            return Found.End;

        Problem = _state == State.Start ? "is empty" : "is not valid JSON: it ends before its array does";
        return Found.Broken;
    }

    private Found ScanItem(ReadOnlySpan<byte> bytes, out int length)
    {
        length = 0;
        while (length < bytes.Length)
        {
            if (_isEscape)
            {
                _isEscape = false;
                length++;
                continue;
            }

            var at = bytes[length..].IndexOfAny(_isString ? InString : OutsideString);
            if (at < 0)
            {
                length = bytes.Length;
                break;
            }

            length += at + 1;
            switch (bytes[length - 1])
            {
                case (byte)'\\':
                    _isEscape = true;
                    break;
                case (byte)'"':
                    _isString = !_isString;
                    break;
                case (byte)'{' or (byte)'[':
                    _depth++;
                    break;
                default:
                    _depth--;
                    break;
            }

            if (_depth == 0 && !_isString && !_isEscape)
            {
                _state = State.AfterItem;
                return Found.Item;
            }
        }

        return Found.Part;
    }

    private Found ScanScalar(ReadOnlySpan<byte> bytes, out int length)
    {
        length = bytes.IndexOfAny(AfterScalar);
        if (length < 0)
        {
            length = bytes.Length;
            return Found.Part;
        }

        _state = State.AfterItem;
        return Found.Item;
    }

    private bool IsInByteOrderMark => _bom is 1 or 2;

    private bool IsByteOrderMark(byte next)
    {
        if (_state != State.Start || _bom >= 3 || next != "\uFEFF"u8[_bom])
            return false;

        _bom++;
        return true;
    }
}
