using System.Buffers.Binary;
using System.Security.Cryptography;

namespace CloudSync.Sdk;

/// <summary>Makes the ids of messages that bring none: version 7 UUIDs (RFC 9562), in the order of time to the millisecond, and of each thread to the id.</summary>
/// <remarks>
/// <para>
/// <see cref="Guid.CreateVersion7()"/> asks the kernel for randomness each time, which costs more than all the rest of a message's envelope. Here each thread asks for that of 64 ids at once. It is
/// the kernel's all the same, and no two processes share it.
/// </para>
/// <para>
/// Two copies of one running machine, that is one snapshot restored twice, do share it: what lay ready, until the clock is a second past the moment when it was asked for, and what the kernel makes after that, unless
/// the hypervisor tells it of the copy (VMGENID). The copies then make the same id where they make one in the same millisecond by their own clocks. So it is guarded where the clock is set when a snapshot
/// is restored, for two restores are hardly ever in the same millisecond; and not where both copies go on with the time of the snapshot.
/// </para>
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
