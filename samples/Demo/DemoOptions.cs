using System.Globalization;
using Demo.Copies;

namespace Demo;

/// <summary>The command line.</summary>
internal sealed record DemoOptions
{
    /// <summary>Fewer messages end before a process can be killed among them and be started again.</summary>
    public const int FewestForIdempotency = 1_000;

    public const string Usage = """
        Posts messages to an HTTP API, which puts them into Kafka, from where two consumer groups deliver them to two endpoints that have a bad day.
        Ends with a verdict: was every accepted message delivered to each cloud, once, in order, or dead-lettered?

          dotnet run --project samples/Demo -- [options]

          --idempotency     another run: every message is posted three times, each cloud has two processes, one of them is killed (SIGKILL) half-way and
                            started again. The verdict: did each endpoint see each id once? Of at least 1,000 messages, and without --rate and --keep-running
          --redis ADDRESS   where the processes of --idempotency remember ids: host:port of a real Redis; 'embedded' (default); or 'none', each in its own
                            memory, which must turn the verdict red
          --messages N      how many messages to post, 1 to 10,000,000 (default 10,000)
          --rate N          messages a second, at most (default: as fast as the clouds take them)
          --kafka ADDRESS   host:port[,host:port] of a real Kafka in place of the embedded one; uses its topics data-topic and data-topic-dlq,
                            and makes them where they are missing
          --keep-running    goes on after the verdict, prints how to reach Kafka, the API and the endpoints, and waits for Ctrl-C
          --report FILE     writes the verdict as JSON
          --help            this

        Exit code: 0 the verdict is good · 1 it is not, or the demo could not run · 2 the command line is wrong · 130 interrupted before the end,
        and nothing wrong in what was seen until then. Ctrl-C ends in order; a second one at once.

        """;

    public int Messages { get; init; } = 10_000;

    public int? Rate { get; init; }

    public string? Kafka { get; init; }

    public bool Idempotency { get; init; }

    public string Redis { get; init; } = DemoRedis.Embedded;

    public bool KeepRunning { get; init; }

    public string? Report { get; init; }

    public bool Help { get; init; }

    /// <summary>Reads the command line; <paramref name="error"/> says what is wrong with it.</summary>
    public static DemoOptions? Parse(IReadOnlyList<string> args, out string error)
    {
        error = "";
        var options = new DemoOptions();
        var seen = new HashSet<string>(StringComparer.Ordinal);
        for (var i = 0; i < args.Count; i++)
        {
            // Both spellings are common: --messages 5 and --messages=5.
            var name = args[i].Split('=', 2)[0];
            string? value = name.Length < args[i].Length ? args[i][(name.Length + 1)..] : null;
            if (!seen.Add(name))
                return Refuse($"{name} is given twice.", out error);

            if (name is "--messages" or "--rate" or "--kafka" or "--redis" or "--report")
            {
                value ??= i + 1 < args.Count && !args[i + 1].StartsWith("--", StringComparison.Ordinal) ? args[++i] : null;
                if (string.IsNullOrWhiteSpace(value))
                    return Refuse($"{name} needs a value.", out error);
            }
            else if (value is not null && (name is "--idempotency" or "--keep-running" or "--help" or "-h"))
            {
                return Refuse($"{name} takes no value.", out error);
            }

            switch (name)
            {
                case "--messages" when TryNumber(value!, 10_000_000, out var messages):
                    options = options with { Messages = messages };
                    break;
                case "--rate" when TryNumber(value!, 1_000_000, out var rate):
                    options = options with { Rate = rate };
                    break;
                case "--messages":
                    return Refuse($"--messages must be a whole number from 1 to 10,000,000, not '{value}'.", out error);
                case "--rate":
                    return Refuse($"--rate must be a whole number from 1 to 1,000,000, not '{value}'.", out error);
                case "--kafka":
                    options = options with { Kafka = value };
                    break;
                case "--redis" when !IsRedis(value!):
                    return Refuse($"--redis must be host:port[,host:port], 'embedded' or 'none', not '{value}'.", out error);
                case "--redis":
                    options = options with { Redis = value! };
                    break;
                case "--idempotency":
                    options = options with { Idempotency = true };
                    break;
                case "--report":
                    options = options with { Report = value };
                    break;
                case "--keep-running":
                    options = options with { KeepRunning = true };
                    break;
                case "--help" or "-h":
                    options = options with { Help = true };
                    break;
                default:
                    return Refuse($"'{args[i]}' is not an option.", out error);
            }
        }

        return WhatContradicts(options, seen) is { } contradiction ? Refuse(contradiction, out error) : options;
    }

    private static string? WhatContradicts(DemoOptions options, HashSet<string> seen)
    {
        if (!options.Idempotency)
            return seen.Contains("--redis") ? "--redis is for --idempotency." : null;
        if (options.Messages < FewestForIdempotency)
            return "--idempotency needs at least 1,000 --messages: with fewer there is no half-way.";
        return seen.Contains("--rate") || options.KeepRunning ? "--rate and --keep-running are not for --idempotency." : null;
    }

    private static bool IsRedis(string text) =>
        text is DemoRedis.Embedded or DemoRedis.None || text.Split(',').All(address => address.LastIndexOf(':') is > 0 and var colon && ushort.TryParse(address.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out _));

    private static DemoOptions? Refuse(string why, out string error)
    {
        error = why;
        return null;
    }

    private static bool TryNumber(string text, int max, out int number) =>
        int.TryParse(text, NumberStyles.AllowThousands, CultureInfo.InvariantCulture, out number) && number >= 1 && number <= max;
}
