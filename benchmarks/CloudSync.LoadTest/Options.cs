using System.Text.RegularExpressions;
using CloudSync.LoadTest.Load;
using CloudSync.LoadTest.ScaleOut;

namespace CloudSync.LoadTest;

/// <summary>What is asked for how long, and of whom.</summary>
internal enum Target
{
    /// <summary>API → Kafka → both consumer groups → both endpoints.</summary>
    Path,

    /// <summary>API → Kafka.</summary>
    Api,

    /// <summary>Producer → Kafka.</summary>
    Producer,
}

/// <summary>Whose API and consumers.</summary>
internal enum Hosts
{
    /// <summary>The samples.</summary>
    Ours,

    /// <summary><see cref="Parts.BareApi"/> and <see cref="Parts.BareConsumer"/>.</summary>
    Bare,
}

/// <summary>The command line.</summary>
internal sealed record Options
{
    public const string TokenVariable = "CLOUDSYNC_LOADTEST_TOKEN";
    /// <summary>What every error ends with.</summary>
    public const string Hint = "--help has all options.";

    public const string QuickVariable = "QUICK_TEST";

    public const string Usage =
        """
        How many messages a second go through, how long they take, and whether all of them arrive? Asks for higher and higher rates, by the clock and whatever the answers do, and writes reports.

          --target WHAT       path (default): ingest API, Kafka, both consumer groups, both endpoints; api: as far as Kafka; producer: without the API
          --quick             fewer and shorter steps, some two minutes in all; also QUICK_TEST=true in the environment
          --steps A,B,…       the rates, in messages a second; default: 1, 2, 5, 10, 20, 40, 60, 80, 100, 200 … 1,000,000
          --duration SECONDS  of a step; default 10, with --quick 5
          --warm-up SECONDS   before the first step; default 5. What is sent then is audited and not measured
          --batch N           messages of a request: 1 to 500; default: as many as make 200 requests a second, 500 at most
          --in-flight N       requests at the same time, at most; default 256. There are as few connections as do
          --payload BYTES     of a message; default 256, 64 at least
          --keys N            different keys; default 10,000
          --partitions N      of the topic; default 12
          --endpoint-ms N     how long an endpoint takes for an answer; default 0
          --producer A=B      a setting of the producer (Preset=HighThroughput), any number of times
          --ingest A=B        a setting of the API (MaxConcurrentRequests=512), any number of times
          --consumer A=B      a setting of both consumers (MaxConcurrency=32), any number of times
          --hosts WHAT        ours (default); bare: the least that one writes by hand with the same clients, without checks, duplicates, retries or dead letters, as a baseline
          --kafka ADDR        brokers that are there; default: one started from KAFKA_HOME, else the embedded ones, which are no measure of a real cluster
          --api URL           an API that is there, with --target api. CLOUDSYNC_LOADTEST_TOKEN in the environment is its bearer token
          --rounds N          runs all steps so often; a JSON file each; default 1
          --out FOLDER        where the reports go; default: performance_results
          --compare OLD.json  says what has changed since an earlier round, and whether it is beyond noise
          --fault WHAT        has the endpoints drop, repeat or reorder one message in 100,000, to see that the audit finds it: --steps 20000 --duration 15 has enough
          --scale-out A,B,…   in place of all that: one consumer group of so many processes, one number after the other, which share a Redis; default as the value: 1,2,4,2,1. The load is more than they take, so
                              the rate is theirs; each number is held for --duration (20), the endpoint takes --endpoint-ms (20), there are --keys (100,000). Processes are started and stopped; the last to go are killed

        It stops by itself when two steps in a row get less than 80 % of what they ask for. Ctrl-C ends it with the reports of what was measured.
        Exit code: 0; 1 when a message was lost, came twice or out of order, a part has ended, no rate was held or a step accepted nothing; 2 for a command line that is not understood, or a file that can't be read or written; 130 when it was interrupted.
        """;

    private static readonly TimeSpan LeastStandstill = TimeSpan.FromSeconds(20);

    private static readonly HashSet<string> Names = [.. Regex.Matches(Usage, "^  (--[a-z-]+)", RegexOptions.Multiline).Select(match => match.Groups[1].Value)];

    private static readonly string[] OfThePath = ["--consumer", "--endpoint-ms", "--fault"];
    private static readonly string[] OfHosts = ["--producer", "--ingest", "--consumer"];
    private static readonly string[] OfTheApi = ["--ingest", "--in-flight"];
    private static readonly string[] OfOurs = [.. OfThePath, "--ingest", "--producer", "--kafka", "--partitions", "--hosts"];

    /// <summary>What means nothing to a scale-out.</summary>
    private static readonly string[] StepOptions = ["--target", "--quick", "--steps", "--warm-up", "--batch", "--in-flight", "--ingest", "--api", "--rounds", "--compare", "--fault", "--hosts"];

    public Target Target { get; private init; } = Target.Path;

    public bool Quick { get; private init; }

    public IReadOnlyList<int> Steps { get; private init; } = Ladder.Full;

    public TimeSpan Duration { get; private init; } = TimeSpan.FromSeconds(10);

    public TimeSpan WarmUp { get; private init; } = TimeSpan.FromSeconds(5);

    /// <summary><see langword="null"/> to suit the rate.</summary>
    public int? Batch { get; private init; }

    public int InFlight { get; private init; } = 256;

    public int Payload { get; private init; } = 256;

    public int Keys { get; private init; } = 10_000;

    public int Partitions { get; private init; } = 12;

    public TimeSpan EndpointLatency { get; private init; }

    public IReadOnlyList<KeyValuePair<string, string>> Producer { get; private init; } = [];

    public IReadOnlyList<KeyValuePair<string, string>> Ingest { get; private init; } = [];

    public IReadOnlyList<KeyValuePair<string, string>> Consumer { get; private init; } = [];

    public string? Kafka { get; private init; }

    /// <summary>Whether the hosts are a baseline in place of ours.</summary>
    public bool IsBare { get; private init; }

    public Uri? Api { get; private init; }

    public string? Token { get; private init; }

    public int Rounds { get; private init; } = 1;

    public string Out { get; private init; } = "performance_results";

    public string? Compare { get; private init; }

    public Parts.Fault Fault { get; private init; }

    /// <summary>When nothing has come for so long, nothing more comes: several calls of the slowest endpoint.</summary>
    public TimeSpan Standstill => EndpointLatency * 3 is var calls && calls > LeastStandstill ? calls : LeastStandstill;

    /// <summary>How many processes of one group, one number after the other; <see langword="null"/> for the steps.</summary>
    public IReadOnlyList<int>? ScaleOut { get; private init; }

    /// <param name="args">The command line.</param>
    /// <param name="variable">A variable of the environment.</param>
    /// <exception cref="FormatException">It can't be understood; the message says what, and how to use the program.</exception>
    public static Options Parse(string[] args, Func<string, string?> variable)
    {
        var words = new CommandLine(args, Hint);
        var values = new Dictionary<string, List<string>>();
        while (words.Next() is { } name)
        {
            if (!Names.Contains(name))
                throw words.Wrong($"{name} is not understood.");
            (values.TryGetValue(name, out var list) ? list : values[name] = []).Add(name == "--quick" ? "" : words.Value());
        }

        var given = values.Keys.ToArray();
        string? Text(string name) => values.Remove(name, out var list) ? list[^1] : null;
        T Read<T>(string name, T otherwise, Func<string, string, T> read) => Text(name) is { } text ? read(name, text) : otherwise;
        int Number(string name, int otherwise, int least, int most) => Read(name, otherwise, (n, text) => words.Number(n, text, least, most));
        IReadOnlyList<KeyValuePair<string, string>> Pairs(string name) => values.Remove(name, out var list) ? [.. list.Select(text => words.Pair(name, text)).GroupBy(pair => pair.Key).Select(pairs => pairs.Last())] : [];

        var scaleOut = Read<IReadOnlyList<int>?>("--scale-out", null, (name, text) => ScaleOuts(words, name, text));
        if (scaleOut is not null && StepOptions.FirstOrDefault(values.ContainsKey) is { } ofSteps)
            throw words.Wrong($"{ofSteps} is for the steps, which --scale-out takes the place of.");
        var isQuick = values.Remove("--quick") || words.Flag(QuickVariable, variable(QuickVariable));
        var options = new Options
        {
            Quick = isQuick,
            Target = Read("--target", Target.Path, words.OneOf<Target>),
            Steps = Read("--steps", isQuick ? Ladder.Quick : Ladder.Full, (name, text) => [.. text.Split(',').Select(step => words.Number(name, step, 1, 10_000_000))]),
            Duration = TimeSpan.FromSeconds(Number("--duration", scaleOut is not null ? 20 : isQuick ? 5 : 10, 1, 24 * 60 * 60)),
            WarmUp = TimeSpan.FromSeconds(Number("--warm-up", 5, 1, 600)),
            Batch = Text("--batch") is { } batch ? words.Number("--batch", batch, 1, 500) : null,
            InFlight = Number("--in-flight", 256, 1, 10_000),
            Payload = Number("--payload", 256, LoadMessages.LeastPayload, 900_000),
            Keys = Number("--keys", scaleOut is null ? 10_000 : 100_000, 1, int.MaxValue),
            Partitions = Number("--partitions", 12, 1, 1_000),
            EndpointLatency = TimeSpan.FromMilliseconds(scaleOut is null ? Number("--endpoint-ms", 0, 0, 60_000) : Number("--endpoint-ms", 20, 1, 5_000)),
            Producer = Pairs("--producer"),
            Ingest = Pairs("--ingest"),
            Consumer = Pairs("--consumer"),
            Kafka = Text("--kafka"),
            IsBare = Read("--hosts", Hosts.Ours, words.OneOf<Hosts>) == Hosts.Bare,
            Api = Read<Uri?>("--api", null, (name, text) => words.Address(name, text)),
            Token = variable(TokenVariable),
            Rounds = Number("--rounds", 1, 1, 100),
            Out = Text("--out") ?? "performance_results",
            Compare = Text("--compare"),
            Fault = Read("--fault", Parts.Fault.None, words.OneOf<Parts.Fault>),
            ScaleOut = scaleOut,
        };
        if (string.IsNullOrWhiteSpace(options.Out))
            throw words.Wrong("--out: must be a folder.");
        if (options.Api is { PathAndQuery: not "/" } api)
            throw words.Wrong($"--api {Secrets.Hide(api)}: must have no path: /api/sync and /api/sync/batch are asked.");
        if (options.Api is not null && options.Target != Target.Api)
            throw words.Wrong("--api needs --target api: where the messages of an API that is there arrive is not known here.");
        string[] idle = options.Api is not null ? OfOurs : options.Target switch { Target.Path => [], Target.Api => OfThePath, _ => [.. OfThePath, .. OfTheApi, "--hosts"] };
        if (scaleOut is null && given.FirstOrDefault(idle.Contains) is { } vain)
            throw words.Wrong($"{vain} changes nothing here: {(options.Api is null ? $"--target {options.Target.ToString().ToLowerInvariant()} has no such part" : "an API that is there has settings of its own")}.");
        if (options.IsBare && given.FirstOrDefault(OfHosts.Contains) is { } ofOurs)
            throw words.Wrong($"{ofOurs} changes nothing here: bare hosts have no settings.");
        if (scaleOut is not null)
            _ = GroupCapacity.Of(options.Consumer, options.EndpointLatency, isEmbedded: false);
        return options;
    }

    private static IReadOnlyList<int> ScaleOuts(CommandLine words, string name, string text)
    {
        IReadOnlyList<int> counts = text == "default" ? [1, 2, 4, 2, 1] : [.. text.Split(',').Select(count => words.Number(name, count, 1, 64))];
        return counts.Zip(counts.Skip(1)).Any(pair => pair.First == pair.Second) ? throw words.Wrong($"{name} {text}: a number must differ from the one before it.") : counts;
    }
}
