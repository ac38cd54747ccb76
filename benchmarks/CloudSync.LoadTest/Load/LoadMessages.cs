using System.Buffers;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace CloudSync.LoadTest.Load;

/// <summary>
/// The messages of a run. Message n has key n modulo the number of keys, an id of the run's name and n, and a payload that begins with when it was due: whoever receives it needs nothing else to
/// know which one it is and how long it took.
/// </summary>
internal sealed class LoadMessages
{
    /// <summary>The smallest payload that has room for what must stand in it.</summary>
    public const int LeastPayload = 64;

    /// <summary>Digits of a number in an id.</summary>
    public const int NumberDigits = 12;

    /// <summary>Digits of a time, in microseconds since 1970.</summary>
    public const int DueDigits = 16;

    private const int DifferentPayloads = 1_000;
    private const int MostPayloadBytes = 16 * 1024 * 1024;

    private static readonly byte[] DuePrefix = """{"due":"""u8.ToArray();

    private readonly byte[][] _payloads;
    private readonly int _keys;

    /// <param name="run">The run's name, which is unique: the consumers remember ids.</param>
    /// <param name="payloadBytes">Bytes of a payload.</param>
    /// <param name="keys">How many different keys there are.</param>
    public LoadMessages(string run, int payloadBytes, int keys)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(payloadBytes, LeastPayload);
        (Run, PayloadBytes, _keys) = (run, payloadBytes, keys);
        var random = new Random(1);
        _payloads = [.. Enumerable.Range(0, Math.Clamp(MostPayloadBytes / payloadBytes, 1, DifferentPayloads)).Select(_ => Payload(random, payloadBytes))];
    }

    /// <summary>What all ids of the run begin with.</summary>
    public string Run { get; }

    public int PayloadBytes { get; }

    /// <summary>A name for a run that no other has.</summary>
    public static string NewRun() => Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(6));

    public string IdOf(long number) => string.Create(CultureInfo.InvariantCulture, $"{Run}-{number:D12}");

    /// <summary>The number of a message; <see langword="null"/> of one that is none of the run's.</summary>
    public long? NumberOf(string? id) =>
        id is not null && id.StartsWith($"{Run}-", StringComparison.Ordinal) && long.TryParse(id.AsSpan(Run.Length + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;

    public string KeyOf(long number) => string.Create(CultureInfo.InvariantCulture, $"customer-{number % _keys}");

    /// <summary>A number for each key.</summary>
    public int KeyNumberOf(long number) => (int)(number % _keys);

    /// <summary>The payload of a message of its own.</summary>
    public byte[] PayloadOf(long number, DateTimeOffset due)
    {
        var payload = _payloads[number % _payloads.Length].AsSpan().ToArray();
        WriteDue(payload, due);
        return payload;
    }

    /// <summary>Writes a message as the ingest API takes it.</summary>
    public void Write(IBufferWriter<byte> body, long number, DateTimeOffset due)
    {
        var template = _payloads[number % _payloads.Length];
        var span = body.GetSpan(template.Length + Run.Length + 80);
        var at = 0;
        Copy("{\"id\":\"", span, ref at);
        Copy(Run, span, ref at);
        span[at++] = (byte)'-';
        number.TryFormat(span[at..], out var written, "D12", CultureInfo.InvariantCulture);
        at += written;
        Copy("\",\"key\":\"customer-", span, ref at);
        (number % _keys).TryFormat(span[at..], out written, default, CultureInfo.InvariantCulture);
        at += written;
        Copy("\",\"data\":", span, ref at);
        template.CopyTo(span[at..]);
        WriteDue(span.Slice(at, template.Length), due);
        at += template.Length;
        span[at++] = (byte)'}';
        body.Advance(at);
    }

    /// <summary>Microseconds since 1970.</summary>
    public static long Microseconds(DateTimeOffset time) => (time.UtcTicks - DateTime.UnixEpoch.Ticks) / TimeSpan.TicksPerMicrosecond;

    private static void WriteDue(Span<byte> payload, DateTimeOffset due) =>
        Microseconds(due).TryFormat(payload.Slice(DuePrefix.Length, DueDigits), out _, "D16", CultureInfo.InvariantCulture);

    /// <summary>Names that repeat and texts that don't, so that it compresses to about a half.</summary>
    private static byte[] Payload(Random random, int size)
    {
        var text = $"{Encoding.ASCII.GetString(DuePrefix)}{new string('0', DueDigits)},\"note\":\"{RandomHex(random, size / 2)}";
        text = text[..Math.Min(text.Length, size - 13)];
        return Encoding.ASCII.GetBytes((text + "\",\"text\":\"").PadRight(size - 2, 'x') + "\"}");
    }

    private static string RandomHex(Random random, int digits)
    {
        var bytes = new byte[(digits + 1) / 2];
        random.NextBytes(bytes);
        return Convert.ToHexStringLower(bytes)[..digits];
    }

    private static void Copy(string ascii, Span<byte> to, ref int at) => at += Encoding.ASCII.GetBytes(ascii, to[at..]);
}
