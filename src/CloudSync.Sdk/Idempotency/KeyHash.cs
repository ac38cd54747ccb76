using System.Security.Cryptography;

namespace CloudSync.Sdk;

/// <summary>Where in the in-memory store an id lies: the upper half names its shard, the lower its bucket there.</summary>
/// <remarks>
/// An id is a hash already, but one without a secret: whoever may produce can choose ids whose hashes end alike, and all of them in one bucket would be a list to walk for each
/// call. So they are mixed with two numbers that are drawn anew in each process.
/// </remarks>
internal static class KeyHash
{
    private static readonly ulong HighSecret = Draw();
    private static readonly ulong LowSecret = Draw();

    public static ulong Of(in IdempotencyKey key)
    {
        var upper = Math.BigMul(key.High ^ HighSecret, key.Low ^ LowSecret, out var lower);
        return upper ^ lower;
    }

    private static ulong Draw() => BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(sizeof(ulong)));
}
