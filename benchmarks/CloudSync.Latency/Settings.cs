using System.Globalization;

namespace CloudSync.Latency;

/// <summary>What is measured, from the command line.</summary>
internal sealed record Settings
{
    public const string Usage =
        """
        How long a message takes from when it is due until the brokers have acknowledged it, at a fixed rate (open loop).

          --rate N        messages in a second; more than once for several; default 10,000 and 100,000
          --preset NAME   Balanced, LowLatency or HighThroughput; default Balanced
          --format NAME   Binary or Structured; default Binary
          --seconds N     how long is measured, after a warm-up of 5 s; default 20
          --kafka ADDR    brokers that are there; default: one started from KAFKA_HOME, else the embedded ones, which are no measure of a real cluster
        """;

    public List<int> Rates { get; } = [];

    public CloudSyncPreset Preset { get; private set; }

    public CloudEventsFormat Format { get; private set; }

    public int Seconds { get; private set; } = 20;

    public string? Kafka { get; private set; }

    /// <exception cref="FormatException">It can't be understood; the message says what, and how to use the program.</exception>
    public static Settings Parse(string[] args)
    {
        var settings = new Settings();
        for (var i = 0; i < args.Length; i++)
        {
            switch (args[i])
            {
                case "--rate": settings.Rates.Add(Number()); break;
                case "--seconds": settings.Seconds = Number(); break;
                case "--preset": settings.Preset = Named<CloudSyncPreset>(); break;
                case "--format": settings.Format = Named<CloudEventsFormat>(); break;
                case "--kafka": settings.Kafka = Next(); break;
                default: throw new FormatException($"{args[i]} is not understood.\n\n{Usage}");
            }

            string Next() => ++i < args.Length ? args[i] : throw new FormatException($"{args[^1]} lacks its value.\n\n{Usage}");
            int Number() => int.TryParse(Next(), NumberStyles.AllowThousands, CultureInfo.InvariantCulture, out var number) && number > 0
                ? number : throw new FormatException($"{args[i]} is no number from 1 on.\n\n{Usage}");
            T Named<T>()
                where T : struct, Enum => Enum.TryParse<T>(Next(), ignoreCase: true, out var value) && Enum.IsDefined(value) ? value : throw new FormatException($"{args[i]} is not understood.\n\n{Usage}");
        }

        if (settings.Rates.Count == 0)
            settings.Rates.AddRange([10_000, 100_000]);

        return settings;
    }
}
