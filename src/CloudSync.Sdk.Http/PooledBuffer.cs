using System.Buffers;
using System.Net;

namespace CloudSync.Sdk;

/// <summary>A buffer that grows, from the shared pool. A batch is often too large for the small-object heap.</summary>
internal sealed class PooledBuffer(int capacity) : IBufferWriter<byte>
{
    private byte[] _bytes = ArrayPool<byte>.Shared.Rent(capacity);
    private int _written;

    public ReadOnlyMemory<byte> Written => _bytes.AsMemory(0, _written);

    public void Advance(int count) => _written += count;

    public Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;

    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        var needed = checked(_written + Math.Max(1, sizeHint));
        if (needed > _bytes.Length)
        {
            var larger = ArrayPool<byte>.Shared.Rent((int)Math.Min(Array.MaxLength, Math.Max(needed, 2L * _bytes.Length)));
            _bytes.AsSpan(0, _written).CopyTo(larger);
            ArrayPool<byte>.Shared.Return(_bytes);
            _bytes = larger;
        }

        return _bytes.AsMemory(_written);
    }

    /// <summary>Gives the bytes back to the pool. Nobody may look at <see cref="Written"/> any more.</summary>
    public void Return()
    {
        var bytes = _bytes;
        (_bytes, _written) = ([], 0);
        if (bytes.Length > 0)
            ArrayPool<byte>.Shared.Return(bytes);
    }
}

/// <summary>A request's body in a pooled buffer, which goes back to the pool when nobody reads it any more.</summary>
/// <remarks>
/// A request that is over need not have been sent to its end: an endpoint may answer early, and HTTP/2 goes on sending in the background. A buffer given
/// back by then would be filled with another batch, whose payloads would go out in this request. So every write under way holds the buffer too.
/// </remarks>
internal sealed class PooledContent(PooledBuffer buffer) : HttpContent
{
    private readonly int _length = buffer.Written.Length;
    private int _holders = 1;
    private int _disposed;

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
        SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        Hold();
        try
        {
            await stream.WriteAsync(buffer.Written, cancellationToken);
        }
        finally
        {
            Release();
        }
    }

    protected override bool TryComputeLength(out long length)
    {
        length = _length;
        return true;
    }

    protected override void Dispose(bool disposing)
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0)
            Release();
        base.Dispose(disposing);
    }

    private void Hold()
    {
        for (var holders = Volatile.Read(ref _holders);;)
        {
            ObjectDisposedException.ThrowIf(holders == 0, this);
            var seen = Interlocked.CompareExchange(ref _holders, holders + 1, holders);
            if (seen == holders)
                return;
            holders = seen;
        }
    }

    private void Release()
    {
        if (Interlocked.Decrement(ref _holders) == 0)
            buffer.Return();
    }
}
