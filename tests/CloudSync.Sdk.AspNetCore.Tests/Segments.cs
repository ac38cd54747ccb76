using System.Buffers;

namespace CloudSync.Sdk.AspNetCore.Tests;

/// <summary>Bytes in several pieces.</summary>
internal static class Segments
{
    /// <summary>Cuts a body.</summary>
    /// <param name="body">The body.</param>
    /// <param name="cuts">The lengths of the pieces, over and over.</param>
    public static ReadOnlySequence<byte> Of(byte[] body, IReadOnlyList<int> cuts)
    {
        Piece? first = null, last = null;
        for (int at = 0, i = 0; at < body.Length; i++)
        {
            var length = Math.Min(cuts[i % cuts.Count], body.Length - at);
            last = new Piece(body.AsMemory(at, length), last);
            first ??= last;
            at += length;
        }

        return first is null ? ReadOnlySequence<byte>.Empty : new ReadOnlySequence<byte>(first, 0, last!, last!.Memory.Length);
    }

    private sealed class Piece : ReadOnlySequenceSegment<byte>
    {
        public Piece(ReadOnlyMemory<byte> memory, Piece? before)
        {
            Memory = memory;
            if (before is null)
                return;

            RunningIndex = before.RunningIndex + before.Memory.Length;
            before.Next = this;
        }
    }
}
