using System.Globalization;
using System.Text;

namespace Demo;

/// <summary>
/// The messages of one run: a pure function from a number to a message, so that who posts and who judges agree on every byte without keeping any of them.
/// </summary>
/// <remarks>
/// Number n belongs to lane n mod <see cref="Lanes"/>, and each key to one lane. A lane posts one batch after the other, so the messages of a key enter
/// Kafka in the order of their numbers.
/// </remarks>
internal sealed class DemoMessages
{
    public const int Lanes = 8;

    private readonly int _keysPerLane;
    private readonly string _prefix;

    public DemoMessages(string run, int count)
    {
        Run = run;
        Count = count;
        _prefix = run + "-";
        _keysPerLane = Math.Clamp(count / (Lanes * 5), 1, 50);
    }

    /// <summary>What tells this run's messages from another's on the same cluster.</summary>
    public string Run { get; }

    public int Count { get; }

    public int KeyCount => _keysPerLane * Lanes;

    /// <summary>So many consecutive messages of a lane have different keys.</summary>
    public int KeysPerLane => _keysPerLane;

    public static bool HasKey(int n) => n % 20 != 7;

    /// <summary>The endpoints refuse it every time.</summary>
    public static bool IsPoison(int n) => n % 100 == 3;

    /// <summary>It is posted a second time, with the same id.</summary>
    public static bool IsPostedTwice(int n) => n % 50 == 5;

    public int KeyIndex(int n) => (n / Lanes % _keysPerLane * Lanes) + (n % Lanes);

    /// <summary>The place of a message among those of its key.</summary>
    public int Sequence(int n) => n / Lanes / _keysPerLane;

    public string Id(int n) => string.Create(CultureInfo.InvariantCulture, $"{_prefix}{n}");

    public string? Key(int n) => HasKey(n) ? string.Create(CultureInfo.InvariantCulture, $"{_prefix}k{KeyIndex(n)}") : null;

    /// <summary>JSON that nobody would write this way: what arrives must be these bytes, not an equal document.</summary>
    public byte[] Payload(int n) => Encoding.UTF8.GetBytes(string.Create(
        CultureInfo.InvariantCulture,
        $$"""{"run":"{{Run}}", "n":{{n}},"key": "{{KeyIndex(n)}}","seq":{{Sequence(n)}},"note":"Grüße\u002c \"Kafka\"", "poison":{{(IsPoison(n) ? "true" : "false")}} }"""));

    /// <summary>Whether an id is one of this run's, and which.</summary>
    /// <returns>The number; -1 for another's message; -2 for an id with our prefix that none of our messages has.</returns>
    public int Number(string id)
    {
        if (!id.StartsWith(_prefix, StringComparison.Ordinal))
            return -1;

        return int.TryParse(id.AsSpan(_prefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var n) && n < Count && Id(n) == id ? n : -2;
    }
}
