using System.Globalization;

namespace CloudSync.Soak;

/// <summary>What is held for how long, from the command line.</summary>
internal sealed record Settings
{
    public const string Usage =
        """
        Do memory, handles and threads of a consumer stay flat for a long time? Producer and consumer are processes of their own; each 10 s the consumer is looked at.

          --minutes N     how long; default 30. The first fifth warms up and is not judged
          --share F       which part of the highest rate is held; default 0.7
          --rate N        the highest rate, in messages a second; default: the program looks for it first, which takes some minutes
          --replay        no producer: a topic is filled once, and read again and again by new groups of one process, which is the consumer alone. Without --rate, four passes find its highest rate
          --messages N    how many messages that topic has; default 5,000,000
          --csv FILE      where the samples go; the result is then on the standard output. Default: the samples on the standard output, the result on the standard error
          --kafka ADDR    brokers that are there; default: one started from KAFKA_HOME, else the embedded ones, which are no measure of a real cluster

        Brokers that are there delete what is old as often as they are set up to (log.retention.check.interval.ms, default five minutes): they need disk for that long.

        Exit code: 0; 1 when something was lost, repeated or not acknowledged, the lag grew, the rate was not held, or nothing was measured; 2 for a command line that is not understood, or a file that
        can't be written. Ctrl-C ends it with the result so far.
        """;

    public int Minutes { get; private set; } = 30;

    public double Share { get; private set; } = 0.7;

    public int? Rate { get; private set; }

    public bool Replay { get; private set; }

    public int Messages { get; private set; } = 5_000_000;

    public string? Csv { get; private set; }

    public string? Kafka { get; private set; }

    public TimeSpan Duration => TimeSpan.FromMinutes(Minutes);

    /// <summary>The rate that is held, in messages a second: one at least.</summary>
    public int ShareOf(double highest) => Math.Max(1, (int)(Share * highest));

    /// <summary>Opens the file for the samples: now, and not after the minutes that it takes to find the highest rate.</summary>
    /// <returns><see langword="null"/> when they go to the standard output.</returns>
    /// <exception cref="FormatException">It can't be written.</exception>
    public StreamWriter? OpenCsv()
    {
        try
        {
            return Csv is null ? null : new StreamWriter(Csv) { AutoFlush = true };
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new FormatException($"--csv {Csv} can't be written: {e.Message}", e);
        }
    }

    /// <exception cref="FormatException">It can't be understood; the message says what, and how to use the program.</exception>
    public static Settings Parse(string[] args)
    {
        var settings = new Settings();
        for (var i = 0; i < args.Length; i++)
        {
            switch (args[i])
            {
                case "--minutes": settings.Minutes = Number(); break;
                case "--share": settings.Share = Fraction(); break;
                case "--rate": settings.Rate = Number(); break;
                case "--replay": settings.Replay = true; break;
                case "--messages": settings.Messages = Number(); break;
                case "--csv": settings.Csv = Next(); break;
                case "--kafka": settings.Kafka = Next(); break;
                default: throw new FormatException($"{args[i]} is not understood.\n\n{Usage}");
            }

            string Next() => ++i < args.Length ? args[i] : throw new FormatException($"{args[^1]} lacks its value.\n\n{Usage}");
            int Number() => int.TryParse(Next(), NumberStyles.AllowThousands, CultureInfo.InvariantCulture, out var number) && number > 0
                ? number : throw new FormatException($"{args[i]} is no number from 1 on.\n\n{Usage}");
            double Fraction() => double.TryParse(Next(), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number) && number is > 0 and <= 1
                ? number : throw new FormatException($"{args[i]} is no number above 0 and up to 1.\n\n{Usage}");
        }

        return settings;
    }
}
