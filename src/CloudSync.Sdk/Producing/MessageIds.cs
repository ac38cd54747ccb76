namespace CloudSync.Sdk;

/// <summary>Makes the ids of messages that bring none: version 7 UUIDs (RFC 9562), in the order of time to the millisecond, and of each thread to the id.</summary>
/// <remarks>
/// <see cref="Guid.CreateVersion7()"/> asks the kernel for randomness each time, which costs more than all the rest of a message's envelope. Here 62 bits come
/// from <see cref="Random.Shared"/>, which each thread seeds with 256 bits of the kernel's once. So an id is unique, but it can be guessed: it is no secret.
/// </remarks>
internal static class MessageIds
{
    private const int SequenceBits = 12;

    /// <summary>Milliseconds and the sequence within them. It runs ahead of the clock when a thread makes more than 4,096 ids in one.</summary>
    [ThreadStatic]
    private static long _last;

    public static string New(DateTimeOffset now)
    {
        var at = Math.Max(_last + 1, now.ToUnixTimeMilliseconds() << SequenceBits);
        _last = at;
        return From(at, (ulong)Random.Shared.NextInt64()).ToString();
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
