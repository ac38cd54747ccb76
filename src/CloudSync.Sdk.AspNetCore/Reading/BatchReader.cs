using System.Buffers;
using System.IO.Pipelines;

namespace CloudSync.Sdk.Ingest;

/// <summary>
/// Takes the items of a batch off a body one by one, as they come. It holds one item, of <see cref="CloudSyncIngestOptions.MaxBodyBytes"/> at most, and what one read brought with it.
/// </summary>
internal sealed class BatchReader(PipeReader body, ItemScanner scanner, CloudSyncIngestOptions limits) : IDisposable
{
    private ReadOnlySequence<byte> _unread;
    private SequencePosition _end;
    private bool _isRead;
    private bool _isCompleted;
    private bool _isTooLong;
    private long _received;
    private byte[] _copy = [];

    /// <summary>Why there are no more items, where that is not the end of the body: the status, and what is wrong.</summary>
    public (int Status, FieldError Error)? Stop { get; private set; }

    /// <summary>The line of the body that the last item begins on, from 1; 0 where items are no lines.</summary>
    public long Line => scanner.Line;

    /// <summary>The largest buffer that was taken for an item in several pieces, in bytes.</summary>
    public int LargestCopy { get; private set; }

    /// <summary>The most that was held of the body, read and not yet handed on, in bytes.</summary>
    public long MostHeld { get; private set; }

    /// <summary>The next item, good until the next call; <see langword="null"/> when there is none: see <see cref="Stop"/>.</summary>
    public async ValueTask<ReadOnlyMemory<byte>?> NextAsync(CancellationToken cancellation)
    {
        // Of what is not yet handed on, the item that has begun; all of it was looked at.
        var length = 0L;
        while (Stop is null)
        {
            var found = Look(ref length);
            if (length > limits.MaxBodyBytes)
                Refuse(413, $"holds an item that is larger than the limit of {limits.MaxBodyBytes} bytes", limits.MaxBodyBytes);
            else if (found == Found.Item)
                return Take(length);
            else if (found == Found.End)
                return null;
            else if (found == Found.Broken)
                Refuse(400, scanner.Problem!, null);
            else if (_unread.Length == length && _isTooLong)
                Refuse(413, $"is larger than the limit of {limits.MaxBatchBodyBytes} bytes", limits.MaxBatchBodyBytes);
            else if (_unread.Length == length && !_isCompleted)
                await ReadAsync(cancellation);
        }

        return null;
    }

    public void Dispose()
    {
        if (_isRead)
            body.AdvanceTo(_end);
        _isRead = false;
        if (_copy.Length > 0)
            ArrayPool<byte>.Shared.Return(_copy);
        _copy = [];
    }

    /// <summary>Looks at one piece of what nobody has looked at yet.</summary>
    private Found Look(ref long length)
    {
        var unseen = _unread.Slice(length);
        if (unseen.IsEmpty)
            return _isCompleted ? scanner.Complete(length > 0) : Found.Between;

        var position = unseen.Start;
        ReadOnlyMemory<byte> piece;
        while (unseen.TryGet(ref position, out piece) && piece.IsEmpty)
        {
        }

        var found = scanner.Scan(piece.Span, out var passed);
        if (found is Found.Part or Found.Item)
            length += passed;
        else
            _unread = _unread.Slice(passed);
        return found;
    }

    private ReadOnlyMemory<byte> Take(long length)
    {
        var item = _unread.Slice(0, length);
        _unread = _unread.Slice(length);
        if (item.IsSingleSegment)
            return item.First;

        if (_copy.Length < length)
        {
            if (_copy.Length > 0)
                ArrayPool<byte>.Shared.Return(_copy);
            _copy = ArrayPool<byte>.Shared.Rent((int)length);
            LargestCopy = Math.Max(LargestCopy, _copy.Length);
        }

        item.CopyTo(_copy);
        return _copy.AsMemory(0, (int)length);
    }

    private async ValueTask ReadAsync(CancellationToken cancellation)
    {
        var held = _unread.Length;
        if (_isRead)
            body.AdvanceTo(_unread.Start, _end);

        _isRead = false;
        var read = await BodyFault.Of(() => body.ReadAsync(cancellation));
        _isRead = true;
        _unread = read.Buffer;
        _end = _unread.End;
        _isCompleted = read.IsCompleted;
        _received += _unread.Length - held;
        MostHeld = Math.Max(MostHeld, _unread.Length);
        if (_received <= limits.MaxBatchBodyBytes)
            return;

        // What is within the limit counts, however much came at once.
        _unread = _unread.Slice(0, _unread.Length - (_received - limits.MaxBatchBodyBytes));
        (_isTooLong, _isCompleted) = (true, false);
    }

    private void Refuse(int status, string detail, long? limit) => Stop = (status, new FieldError("body", detail, limit));
}
