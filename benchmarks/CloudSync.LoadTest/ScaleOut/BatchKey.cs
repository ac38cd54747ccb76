using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace CloudSync.LoadTest.ScaleOut;

/// <summary>The <c>Idempotency-Key</c> that a batch must have, reckoned anew from what docs/configuration.md says of it and not by the SDK: SHA-256 of the ids in order, each after its length.</summary>
internal static class BatchKey
{
    public static string Of(string run, IReadOnlyList<long> numbers)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Span<byte> length = stackalloc byte[sizeof(int)];
        foreach (var number in numbers)
        {
            var id = Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{run}-{number:D12}"));
            BinaryPrimitives.WriteInt32BigEndian(length, id.Length);
            hash.AppendData(length);
            hash.AppendData(id);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
