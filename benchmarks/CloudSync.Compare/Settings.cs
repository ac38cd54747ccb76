using System.Globalization;
using CloudSync.Compare.Arms;

namespace CloudSync.Compare;

/// <summary>What is compared, from the command line.</summary>
internal sealed record Settings
{
    public const int FewestMessages = 2_000_000;
    public const int FewestRounds = 5;

    public const string Usage =
        """
        Compares ours with raw baselines in one run, alternating, each in a process of its own.

          --arm NAME      produce, consume, http or redis, which are the default; or trouble, partitions, keys, payload, window or latency; more than once for several
          --messages N    messages in a round; default 2,000,000 (fewer are a try and no measurement); of those posted one by one there is one in 4
          --rounds N      rounds; default 5
          --remembered N  ids that the store remembers beforehand in the arm consume; default 10,000,000; 0 for no such contender
          --kafka ADDR    brokers that are there; default: one started from KAFKA_HOME, else the embedded ones, which are no measure of a real cluster
          --json          one line of JSON for each ratio and nothing else on the standard output
        """;

    private static readonly string[] ByDefault = [Produce.Name, Consume.Name, Http.Name, Redis.Name];
    private static readonly string[] All = [.. ByDefault, Trouble.Name, .. Growth.Names];

    public IReadOnlyList<string> Arms { get; private set; } = ByDefault;

    public int Messages { get; private set; } = FewestMessages;

    public int Rounds { get; private set; } = FewestRounds;

    public int Remembered { get; private set; } = 10_000_000;

    public string? Kafka { get; private set; }

    public bool Json { get; private set; }

    public bool IsTooSmall => Messages < FewestMessages || Rounds < FewestRounds;

    public bool NeedsKafka => Arms.Any(arm => arm != Redis.Name);

    /// <exception cref="FormatException">It can't be understood; the message says what, and how to use the program.</exception>
    public static Settings Parse(string[] args)
    {
        var settings = new Settings();
        var arms = new List<string>();
        for (var i = 0; i < args.Length; i++)
        {
            switch (args[i])
            {
                case "--arm" when All.Contains(Next()): arms.Add(args[i]); break;
                case "--messages": settings.Messages = Number(1); break;
                case "--rounds": settings.Rounds = Number(1); break;
                case "--remembered": settings.Remembered = Number(0); break;
                case "--kafka": settings.Kafka = Next(); break;
                case "--json": settings.Json = true; break;
                default: throw new FormatException($"{args[i]} is not understood.\n\n{Usage}");
            }

            string Next() => ++i < args.Length ? args[i] : throw new FormatException($"{args[^1]} lacks its value.\n\n{Usage}");
            int Number(int least) => int.TryParse(Next(), NumberStyles.AllowThousands, CultureInfo.InvariantCulture, out var number) && number >= least
                ? number : throw new FormatException($"{args[i]} is no number from {least} on.\n\n{Usage}");
        }

        if (arms.Count > 0)
            settings.Arms = [.. All.Where(arms.Contains)];

        return settings;
    }
}
