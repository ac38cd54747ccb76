using System.Buffers.Binary;
using System.Security.Cryptography;

namespace CloudSync.Sdk;

/// <summary>Makes the ids of messages that bring none: version 7 UUIDs (RFC 9562), in the order of time to the millisecond, and of each thread to the id.</summary>
/// <remarks>
/// <see cref="Guid.CreateVersion7()"/> asks the kernel for randomness each time, which costs more than all the rest of a message's envelope. Here each thread asks for that of 64 ids at once. It is
/// the kernel's all the same: no two processes share it, and none of it comes from what a process had before it was copied (a snapshot of its machine), but for the few that lay ready
/// at that moment, and those are thrown away after a second.
/// </remarks>
internal static class MessageIds
{
    private const int SequenceBits = 12;
    private const int Ready = 64;

    /// <summary>Milliseconds and the sequence within them. It runs ahead of the clock when a thread makes more than 4,096 ids in one.</summary>
    [ThreadStatic]
    private static long _last;

    [ThreadStatic]
    private static byte[]? _random;

    [ThreadStatic]
    private static int _used;

    [ThreadStatic]
    private static long _filledAt;

    public static Guid New(DateTimeOffset now)
    {
        var milliseconds = now.ToUnixTimeMilliseconds();
        var at = Math.Max(_last + 1, milliseconds << SequenceBits);
        _last = at;
        return From(at, Random(milliseconds));
    }

    private static ulong Random(long now)
    {
        var random = _random ??= new byte[Ready * sizeof(ulong)];
        if (_used == 0 || Math.Abs(now - _filledAt) > 1_000)
        {
            RandomNumberGenerator.Fill(random);
            _used = random.Length;
            _filledAt = now;
        }

        _used -= sizeof(ulong);
        return BinaryPrimitives.ReadUInt64LittleEndian(random.AsSpan(_used));
    }

    private static Guid From(long at, ulong random)
    {
        var milliseconds = at >> SequenceBits;
        var sequence = (ushort)(at & ((1 << SequenceBits) - 1));
        return new Guid(
            (int)(milliseconds >> 16),
            (short)milliseconds,
            (short)(0x7000 | sequence),
            (byte)(0x80 | ((random >> 56) & 0x3F)),
            (byte)(random >> 48),
            (byte)(random >> 40),
            (byte)(random >> 32),
            (byte)(random >> 24),
            (byte)(random >> 16),
            (byte)(random >> 8),
            (byte)random);
    }
}
