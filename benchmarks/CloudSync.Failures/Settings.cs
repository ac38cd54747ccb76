using System.Globalization;

namespace CloudSync.Failures;

/// <summary>What is measured, from the command line.</summary>
internal sealed record Settings
{
    public const string Usage =
        """
        Measures what messages that fail cost all the others: a healthy run, one with failures and one that is stopped by SIGSTOP, in turns.

          --messages N    messages in a round; default 2,000,000
          --rounds N      rounds; default 5
          --sink KIND     noop, or slow: about 1 ms awaited; default noop
          --kafka ADDR    brokers that are there; default: one started from KAFKA_HOME, else the embedded ones
          --json          the result as JSON
        """;

    public int Messages { get; private set; } = 2_000_000;

    public int Rounds { get; private set; } = 5;

    public bool IsSlow { get; private set; }

    public string? Kafka { get; private set; }

    public bool Json { get; private set; }

    /// <exception cref="FormatException">It can't be understood.</exception>
    public static Settings Parse(string[] args)
    {
        var settings = new Settings();
        for (var i = 0; i < args.Length; i++)
        {
            switch (args[i])
            {
                case "--messages": settings.Messages = Number(); break;
                case "--rounds": settings.Rounds = Number(); break;
                case "--kafka": settings.Kafka = Next(); break;
                case "--json": settings.Json = true; break;
                case "--sink" when Next() is "noop" or "slow": settings.IsSlow = args[i] == "slow"; break;
                default: throw new FormatException($"{args[i]} is not understood.\n\n{Usage}");
            }

            string Next() => ++i < args.Length ? args[i] : throw new FormatException($"{args[^1]} lacks its value.\n\n{Usage}");
            int Number() => int.TryParse(Next(), CultureInfo.InvariantCulture, out var number) && number > 0
                ? number : throw new FormatException($"{args[i]} is no number above 0.\n\n{Usage}");
        }

        return settings;
    }
}
