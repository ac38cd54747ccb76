using System.Buffers;
using Xunit;

namespace CloudSync.Sdk.Tests.Http;

public class PooledContentTests
{
    [Fact]
    public async Task A_buffer_does_not_go_back_to_the_pool_while_it_is_being_sent()
    {
        var buffer = new PooledBuffer(1000);
        "payload"u8.CopyTo(buffer.GetSpan(7));
        buffer.Advance(7);
        var content = new PooledContent(buffer);
        var wire = new StalledStream();

        var sending = content.CopyToAsync(wire, TestContext.Current.CancellationToken);
        content.Dispose();
        var other = ArrayPool<byte>.Shared.Rent(1000);
        other.AsSpan().Fill((byte)'x');

        Assert.Equal("payload"u8, wire.Sent.Span);
        wire.GoOn();
        await sending;
        Assert.True(buffer.Written.IsEmpty);
        ArrayPool<byte>.Shared.Return(other);
    }

    [Fact]
    public async Task A_body_can_be_sent_again_until_it_is_disposed_and_never_after()
    {
        var buffer = new PooledBuffer(1);
        buffer.GetSpan(3).Fill(7);
        buffer.Advance(3);
        var content = new PooledContent(buffer);

        for (var i = 0; i < 2; i++)
        {
            var wire = new MemoryStream();
            await content.CopyToAsync(wire, TestContext.Current.CancellationToken);
            Assert.Equal([7, 7, 7], wire.ToArray());
        }

        content.Dispose();
        content.Dispose();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => content.CopyToAsync(new MemoryStream(), TestContext.Current.CancellationToken));
    }

    [Fact]
    public void A_buffer_grows_and_keeps_what_is_in_it()
    {
        var buffer = new PooledBuffer(1);
        for (var i = 0; i < 10_000; i++)
        {
            buffer.GetSpan()[0] = (byte)i;
            buffer.Advance(1);
        }

        Assert.Equal(Enumerable.Range(0, 10_000).Select(i => (byte)i), buffer.Written.ToArray());
        buffer.Return();
    }

    private sealed class StalledStream : MemoryStream
    {
        private readonly TaskCompletionSource _goOn = new();

        public ReadOnlyMemory<byte> Sent { get; private set; }

        public void GoOn() => _goOn.SetResult();

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            Sent = buffer;
            return new ValueTask(_goOn.Task);
        }
    }
}
