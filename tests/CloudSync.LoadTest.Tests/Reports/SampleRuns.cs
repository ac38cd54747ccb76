using CloudSync.LoadTest.Results;

namespace CloudSync.LoadTest.Tests.Reports;

/// <summary>Runs with figures as a machine of four processors might give them; the same each time.</summary>
internal static class SampleRuns
{
    public const int Processors = 4;
    public const int Seconds = 10;

    /// <summary>What the broker of the samples takes at most, messages a second.</summary>
    public const double Capacity = 342_000;

    private static readonly int[] TwentyRates = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 300_000, 400_000, 500_000];

    /// <summary>Processor seconds for a million messages, and memory in MiB at rest.</summary>
    private static readonly (string Name, double Cost, double Memory)[] Costs =
        [("client", 1.1, 130), ("api", 2.9, 160), ("broker", 2.4, 900), ("aws", 1.7, 140), ("azure", 1.9, 145), ("endpoint", 0.6, 110)];

    /// <summary>The whole path in 20 steps, of which the broker ends the last two.</summary>
    public static RunResult Green { get; } = Run(TwentyRates);

    /// <summary>One message of them did not arrive.</summary>
    public static RunResult Red { get; } = Green with
    {
        Audit = [Green.Audit[0], Green.Audit[1] with { Arrived = Green.Audit[1].Arrived - 1, Lost = 1, Examples = ["1204331"] }],
        Ended = "The audit found a message that was lost at azure.",
    };

    /// <summary>A single step, of which nothing is the limit.</summary>
    public static RunResult OneStep { get; } = Run([10_000]);

    /// <summary>45 steps from 1 to 1,000,000.</summary>
    public static RunResult ManySteps { get; } = Run([.. Enumerable.Range(0, 45).Select(step => (int)Math.Round(Math.Pow(10, step * 6.0 / 44)))]);

    /// <summary>The API alone: no endpoint, and so no audit.</summary>
    public static RunResult WithoutEndpoints { get; } = OfTheApi(Green);

    /// <summary>A step of which no message was acknowledged.</summary>
    public static RunResult NothingAcknowledged { get; } = Green with
    {
        Highest = 0,
        Steps =
        [
            Green.Steps[^1] with
            {
                Accepted = 0,
                Achieved = 0,
                Latency = Latency.None,
                Lateness = Latency.None,
                BusyProcessors = null,
                QueueFull = 0,
                Errors = new Dictionary<string, long> { ["connection"] = Green.Steps[^1].Sent },
                Endpoints = [.. Green.Steps[^1].Endpoints.Select(endpoint => endpoint with { Rate = 0, Latency = Latency.None, LagAtHalf = 0, LagAtEnd = 0 })],
                Limit = new Limit(Limit.Api, "Every request failed."),
                BrokenOff = "Nothing was acknowledged for 5 s.",
            },
        ],
        Ended = "Nothing was acknowledged.",
    };

    public static RunResult Run(params IReadOnlyList<int> rates)
    {
        var steps = rates.Select(Step).ToArray();
        var accepted = steps.Sum(step => step.Accepted);
        return new RunResult
        {
            Info = new RunInfo
            {
                Started = new DateTimeOffset(2026, 11, 30, 22, 6, 7, TimeSpan.FromHours(1)),
                Target = "path",
                Description = "one Kafka 4.1 broker, IngestApi, AwsSyncHost, AzureSyncHost, an endpoint; each a process of its own",
                Command = "load-test --target path --steps 1..500000 --seconds 10 --batch 100",
                Processors = Processors,
                Machine = "Debian 12, x64, 4 × 2.8 GHz, 16 GiB",
                PayloadBytes = 256,
                Keys = 100_000,
                Round = 1,
            },
            Steps = steps,
            Audit = [Audit("aws", accepted), Audit("azure", accepted)],
            Highest = steps.Where(step => step.Limit.Part == Limit.Nothing).Select(step => step.Asked).DefaultIfEmpty(0).Max(),
            Ended = steps[^1].Limit.Part == Limit.Broker ? "The broker took less than was asked for in two steps in a row." : null,
        };
    }

    public static StepResult Step(int asked)
    {
        var achieved = Math.Min(asked, Capacity);
        var isOver = asked > Capacity;
        var due = (long)asked * Seconds;
        var queueFull = isOver ? (long)((asked - achieved) * Seconds * 0.6) : 0;
        var median = 1.9 + (achieved / 60_000) + (isOver ? 380 : 0);
        var load = achieved / Capacity;
        return new StepResult
        {
            Asked = asked,
            BatchSize = 100,
            Seconds = Seconds,
            Due = due,
            Sent = due - (isOver ? (long)((asked - achieved) * Seconds * 0.4) : 0),
            Accepted = (long)(achieved * Seconds),
            Achieved = achieved * 0.9995,
            QueueFull = queueFull,
            Errors = isOver ? new Dictionary<string, long> { ["time-out"] = asked / 400 } : new Dictionary<string, long>(),
            Latency = Distribution((long)(achieved * Seconds), median, 1 + (2.5 * load)),
            Endpoints = [Endpoint("aws", achieved, median, isOver, 1), Endpoint("azure", achieved, median, isOver, 1.25)],
            Lateness = Distribution(due, 0.05, 1 + load),
            MaxInFlight = Math.Max(1, (int)(load * load * 512)),
            InFlightLimit = 512,
            Parts = [.. Costs.Select(part => Part(part.Name, achieved * part.Cost / 1_000_000, part.Memory, load))],
            BusyProcessors = Math.Min(Processors, (achieved * Costs.Sum(part => part.Cost) / 1_000_000) + 0.12),
            Limit = isOver
                ? new Limit(Limit.Broker, $"The producer's queue was full for {queueFull:N0} messages while the generator was 0.2 ms late at P99 and 0.3 processors were idle.")
                : new Limit(Limit.Nothing, "All that was due was acknowledged."),
            BrokenOff = asked >= 500_000 ? "More than 5 % of what was due was refused." : null,
            Intervals = Intervals(achieved, median, 0.01),
        };
    }

    /// <summary>Seconds that scatter about a rate and a median by such a share of them.</summary>
    public static IReadOnlyList<SecondResult> Intervals(double rate, double median, double scatter, int seconds = Seconds) =>
    [
        .. Enumerable.Range(0, seconds).Select(second =>
        {
            // Up and down by turns: a scatter that is known, and no chance.
            var factor = 1 + (second % 2 == 0 ? scatter : -scatter);
            return new SecondResult { Second = second, Accepted = rate * factor, P50 = median * factor, P99 = 5 * median * factor, Lag = (long)(rate / 20) };
        }),
    ];

    private static Latency Distribution(long count, double median, double tail) => new(
        count, median * 1.15, median, median * (1 + tail), median * (1 + (1.6 * tail)), median * (1 + (3 * tail)), median * (1 + (7 * tail)), median * (1 + (20 * tail)), "HISTFAAAAB4=");

    private static EndpointResult Endpoint(string name, double achieved, double median, bool isOver, double factor) => new()
    {
        Name = name,
        Rate = achieved * (isOver ? 0.97 : 0.999),
        Latency = Distribution((long)(achieved * Seconds), (median + 9) * factor, 1.5),
        LagAtHalf = (long)(achieved * 0.02 * factor),
        LagAtEnd = (long)(achieved * (isOver ? 0.3 : 0.02) * factor),
        DrainSeconds = isOver ? 1.4 * factor : 0.1,
    };

    private static PartUse Part(string name, double processors, double memory, double load) => new()
    {
        Name = name,
        Processors = processors + 0.01,
        MemoryMiB = memory * (1 + (0.4 * load)),
        Collections = name == "broker" ? null : [(int)(load * 140), (int)(load * 22), (int)(load * 3)],
        PausedShare = name == "broker" ? null : load * 0.012,
    };

    private static AuditResult Audit(string endpoint, long accepted) => new()
    {
        Endpoint = endpoint,
        Accepted = accepted,
        Arrived = accepted + 12,
        Lost = 0,
        Duplicates = 0,
        OutOfOrder = 0,
        DeadLetters = 0,
        Unanswered = 12,
        Invented = 0,
        Examples = [],
    };

    private static RunResult OfTheApi(RunResult run) => run with
    {
        Info = run.Info with { Target = "api" },
        Steps = [.. run.Steps.Select(step => step with { Endpoints = [], Parts = [.. step.Parts.Where(part => part.Name is "client" or "api" or "broker")] })],
        Audit = [],
    };
}
