using System.Globalization;
using System.Text;
using Confluent.Kafka;

namespace CloudSync.Measuring;

/// <summary>What a topic holds. Message i has key i modulo the number of keys.</summary>
/// <param name="Messages">How many messages.</param>
internal sealed record Shape(int Messages)
{
    public int Partitions { get; init; } = Load.Partitions;

    public int Keys { get; init; } = Load.Keys;

    /// <summary>Bytes of a payload.</summary>
    public int ValueSize { get; init; } = Load.ValueSize;
}

/// <summary>The messages: 256 bytes of JSON, keys from 100,000, and the six headers of the envelope. The same for all contenders, and made before anything is measured.</summary>
internal static class Load
{
    public const int Partitions = 12;
    public const int Keys = 100_000;
    public const int ValueSize = 256;

    /// <summary>How long an id is: as a GUID.</summary>
    public const int IdLength = 36;

    /// <summary>Digits at the end of an id that say its message's number.</summary>
    public const int NumberLength = 12;

    private const int DifferentValues = 1_000;

    /// <summary>Bytes of all different payloads, at most.</summary>
    private const int MostValueBytes = 16 * 1024 * 1024;

    public static Header SpecVersion { get; } = new(CloudEvents.SpecVersion, "1.0"u8.ToArray());

    public static Header Source { get; } = new(CloudEvents.Source, "cloudsync"u8.ToArray());

    public static Header Type { get; } = new(CloudEvents.Type, "cloudsync.message"u8.ToArray());

    public static Header Time { get; } = new(CloudEvents.Time, "2026-01-01T12:00:00.0000000Z"u8.ToArray());

    public static Header ContentType { get; } = new(CloudEvents.ContentType, "application/json"u8.ToArray());

    /// <summary>Payloads as they come: names that repeat, texts that don't, so that they compress to about a half.</summary>
    /// <param name="size">Bytes of each: 100 at least.</param>
    public static byte[][] Values(int size = ValueSize)
    {
        var random = new Random(1);
        return [.. Enumerable.Range(0, Math.Min(DifferentValues, MostValueBytes / size)).Select(i =>
        {
            var order = string.Create(CultureInfo.InvariantCulture, $$"""{"order":{{random.Next()}},""");
            if (size >= ValueSize)
                order += string.Create(CultureInfo.InvariantCulture, $"\"customer\":{random.Next(Keys)},\"amount\":{random.Next(100_000) / 100m},\"currency\":\"EUR\",\"status\":\"shipped\",");

            var json = $"{order}\"note\":\"{Convert.ToHexStringLower(Bytes(random, (size / 4) - 4))}\",\"text\":\"";
            return Encoding.UTF8.GetBytes(json.PadRight(size - 2, 'x') + "\"}");
        })];
    }

    public static string KeyText(int key) => string.Create(CultureInfo.InvariantCulture, $"customer-{key}");

    public static byte[] Key(int key) => Encoding.UTF8.GetBytes(KeyText(key));

    public static string[] KeyTexts() => [.. Enumerable.Range(0, Keys).Select(KeyText)];

    public static byte[][] KeyBytes() => [.. KeyTexts().Select(Encoding.UTF8.GetBytes)];

    /// <summary>An id that is as long as a GUID, and has the message's number at its end.</summary>
    public static byte[] Id(long number) => Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{(uint)number * 2654435761u:x8}-0000-7000-8000-{number:D12}"));

    /// <summary>The number of the message with this id.</summary>
    public static long NumberOf(ReadOnlySpan<byte> id) => long.Parse(id[(IdLength - NumberLength)..IdLength], CultureInfo.InvariantCulture);

    /// <summary>The full envelope.</summary>
    public static Headers Headers(byte[] id) => new() { SpecVersion, new Header(CloudEvents.Id, id), Source, Type, Time, ContentType };

    private static byte[] Bytes(Random random, int count)
    {
        var bytes = new byte[count];
        random.NextBytes(bytes);
        return bytes;
    }
}
