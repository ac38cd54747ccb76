using System.Buffers.Binary;

namespace CloudSync.Idempotency;

/// <summary>Ids that are spread like hashes and differ between workers.</summary>
internal static class Ids
{
    public static IdempotencyKey Key(int seed, int number)
    {
        var x = ((ulong)(uint)seed << 32) | (uint)number;
        return new IdempotencyKey(Mix(x), Mix(x ^ 0x9E3779B97F4A7C15));
    }

    public static void Write(IdempotencyKey key, Span<byte> bytes)
    {
        BinaryPrimitives.WriteUInt64BigEndian(bytes, key.High);
        BinaryPrimitives.WriteUInt64BigEndian(bytes[8..], key.Low);
    }

    /// <summary>Some ids, as one text of 16 bytes each.</summary>
    public static byte[] Text(int seed, int first, int count)
    {
        var bytes = new byte[count * 16];
        for (var i = 0; i < count; i++)
            Write(Key(seed, first + i), bytes.AsSpan(i * 16));
        return bytes;
    }

    private static ulong Mix(ulong x)
    {
        x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
        x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
        return x ^ (x >> 31);
    }
}
