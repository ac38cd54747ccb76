using CloudSync.LoadTest.Results;

namespace CloudSync.LoadTest.Reports;

/// <summary>One thing to do, or to know.</summary>
/// <param name="Title">In a few words.</param>
/// <param name="Text">The figures that it is drawn from, what to change, and what to expect of it: plain, but for settings, which stand in backticks.</param>
internal sealed record Recommendation(string Title, string Text)
{
    /// <summary>The text by turns with what is code in it, for whoever sets it.</summary>
    public IEnumerable<(string Text, bool IsCode)> Pieces => Text.Split('`').Select((piece, index) => (piece, index % 2 == 1));
}

/// <summary>What the figures of a run say about what to change. Each rule looks at the whole run and knows nothing of the others.</summary>
internal static class Recommendations
{
    /// <summary>From so many of the processors on there is nothing left to give.</summary>
    public const double AllBusy = 0.9;

    /// <summary>A P99 so many times the median is a tail, and no wide distribution.</summary>
    public const double Tail = 10;

    /// <summary>A tail below that is nobody's trouble, in milliseconds.</summary>
    public const double TailFrom = 20;

    /// <summary>A process that stands still for a larger share of its time is slowed by its collections.</summary>
    public const double Paused = 0.05;

    /// <summary>Memory that is so many times as large in the end, and larger by <see cref="GrowthFrom"/>, has grown.</summary>
    public const double Growth = 1.5;

    /// <summary>In MiB.</summary>
    public const double GrowthFrom = 100;

    /// <summary>With fewer steps, memory that grows is memory that is taken at first.</summary>
    public const int GrowthSteps = 4;

    /// <summary>A smaller share of the messages is no reason to change anything.</summary>
    private const double Few = 0.01;

    private const string RateLimited = "HTTP 429";
    private const string Unavailable = "HTTP 503";

    /// <summary>In the order of their weight.</summary>
    public static IReadOnlyList<Func<RunResult, Recommendation?>> Rules { get; } =
    [
        OfViolations, OfQueueFull, OfRateLimit, OfRefusals, OfClient, OfProcessors, OfApi, OfSinglePosts, OfBroker, OfConsumer, OfEndpoint, OfTail, OfCollections, OfMemory, OfNothing, OfSizing,
    ];

    public static IReadOnlyList<Recommendation> Of(RunResult run) => [.. Rules.Select(rule => rule(run)).OfType<Recommendation>()];

    /// <summary>Something was lost or came wrongly: the first thing to look at, and the rest hardly matters.</summary>
    public static Recommendation? OfViolations(RunResult run)
    {
        if (run.IsGreen)
            return null;

        if (!run.IsAudited)
            return new("Find out why a part has ended", $"{Name(run.Ended ?? "")} Look at what it said on the standard error, and whether the system has ended it for its memory. Nobody knows what has arrived: run it again before a figure of this run is believed.");

        var faults = run.Audit.Where(audit => !audit.IsGreen).Select(audit =>
            $"{Name(audit.Endpoint)}: {string.Join(", ", Verdict.Faults(audit))} of {Figures.Count(audit.Accepted)} accepted{(audit.Examples.Count > 0 ? $" ({Name(string.Join(", ", audit.Examples))})" : "")}");
        return new("Find what was lost or came wrongly", $"{string.Join("; ", faults)}. Look for these messages in the hosts' logs, by their ids in `messaging.message.id`, before anything is made faster.");
    }

    /// <summary>The producer had no room: Kafka takes less than comes in.</summary>
    public static Recommendation? OfQueueFull(RunResult run) => Worst(run, step => step.QueueFull) is not { } step || step.QueueFull < Few * step.Due ? null : new(
        "The producer's queue was full",
        $"At {Rate(step)}, {Of(step.QueueFull, step.Sent)} were refused because Kafka acknowledged fewer than came in. `Preset=HighThroughput` of the producer makes fewer and larger requests (`Linger` 20 ms, `BatchSize` 262,144): less work for the brokers, for tens of milliseconds. `BufferBytes` only lets more wait. What remains is more of the brokers: more machines, faster disks.");

    /// <summary>The API's own limit for one client.</summary>
    public static Recommendation? OfRateLimit(RunResult run) => Worst(run, step => step.Errors.GetValueOrDefault(RateLimited)) is not { } step ? null : new(
        "The API's rate limit was met",
        $"At {Rate(step)}, {Of(step.Errors[RateLimited], step.Sent)} were answered with 429. The limit counts requests of one client, and a batch is one: {Figures.Rate(RequestRate(step))} requests a second were asked for, with {Figures.Count(step.BatchSize, "message")} in each. Post larger batches to `/api/sync/batch`, raise `Ingest:RateLimit:TokensPerSecond` and its `:Burst`, or set the former to 0 where a gateway limits. Until then the steps from {Figures.Rate(step.Asked)} on measure the limit and nothing else.");

    /// <summary>503 that is not the queue: too many posts at once.</summary>
    public static Recommendation? OfRefusals(RunResult run) => Worst(run, step => step.Errors.GetValueOrDefault(Unavailable)) is not { } step ? null : new(
        "The API refused posts",
        $"At {Rate(step)}, {Of(step.Errors[Unavailable], step.Sent)} were answered with 503, with up to {Figures.Count(step.MaxInFlight, "request")} under way. None of them was Kafka's. One more than `Ingest:MaxConcurrentRequests` (256) is refused at once: a higher one lets more in where processors and memory have room, and each may take up to `Ingest:MaxBodyBytes`. So is who has a token while the keys of its issuer can't be had: the API's log says so (event 3004).");

    /// <summary>The generator was the slowest.</summary>
    public static Recommendation? OfClient(RunResult run) => Limited(run, Limit.Client) is not { } step ? null : new(
        "The generator was the limit",
        $"{Said(step)} The generator's lateness at P99 was {Figures.Milliseconds(step.Lateness.Of(latency => latency.P99))} ms. What the path would have taken is not known from here on: run the generator on another machine{(step.BatchSize < 500 ? $", or with more than {Figures.Count(step.BatchSize, "message")} in a request" : "")}.");

    /// <summary>No processor had anything left; what moving the largest part away would give.</summary>
    public static Recommendation? OfProcessors(RunResult run)
    {
        var step = run.LimitedStep ?? run.HeldStep;
        if (step is not { BusyProcessors: { } busy, Parts.Count: > 0, Achieved: > 0 } || busy < AllBusy * run.Info.Processors)
            return null;

        if (step.Parts.Sum(part => part.Processors) < busy / 2)
            return new("Something else took the processors", $"At {Rate(step)}, {Figures.Processors(busy)} of {Figures.Count(run.Info.Processors, "processor")} were busy, and the parts of the run took {Figures.Processors(step.Parts.Sum(part => part.Processors))} of them. Run it again when nothing else does: these figures are not those of the path.");

        var largest = step.Parts.MaxBy(part => part.Processors)!;

        // With the part on a machine of its own, the larger of the two halves is the limit.
        var fuller = Math.Max(largest.Processors, busy - largest.Processors);
        return new(
            "All processors were busy",
            $"At {Rate(step)}, {Figures.Processors(busy)} of {Figures.Count(run.Info.Processors, "processor")} were busy, {Figures.Processors(largest.Processors)} of them ({Figures.Share(largest.Processors / busy)}) with {Name(largest.Name)}, more than with any other part. On a second machine like this one for it, at as many processors a message as here, expect up to {Figures.About(step.Achieved * run.Info.Processors / fuller)} a second in place of {Figures.Rate(step.Achieved)}.");
    }

    /// <summary>The front door was the slowest.</summary>
    public static Recommendation? OfApi(RunResult run) => Limited(run, Limit.Api) is not { } step ? null : new(
        "The API was the limit",
        $"{Said(step)} The API took {PartOf(step, "api")}. More instances behind a load balancer share the requests, and each takes what this one did. `Ingest:MaxConcurrentRequests` (256) lets more posts in where processors have room; within a batch `Ingest:MaxUnacknowledged` (1,000) bounds what waits for Kafka.");

    /// <summary>What a request costs is paid for each message.</summary>
    public static Recommendation? OfSinglePosts(RunResult run) =>
        run.Info.Target == "producer" || run.LimitedStep is not { BatchSize: 1, Asked: >= 400, Limit.Part: Limit.Api or Limit.Client } step ? null : new(
            "Post batches",
            $"Each message was a request of its own: {Figures.Rate(step.Achieved)} requests a second were the most, and the {Name(step.Limit.Part)} was the limit. `/api/sync/batch` takes up to `Ingest:MaxBatchItems` (1,000) in one, so what a request costs is paid once for all of them. Expect several times the rate; run it with a batch size of 100 to know.");

    /// <summary>Kafka was the slowest.</summary>
    public static Recommendation? OfBroker(RunResult run) => Limited(run, Limit.Broker) is not { } step ? null : new(
        "The broker was the limit",
        $"{Said(step)} {Figures.Rate(step.Achieved)} were acknowledged, and the broker took {PartOf(step, "broker")}. `Preset=HighThroughput` of producer and consumers makes larger and fewer requests, for tens of milliseconds; `Compression=Zstd` makes them smaller for more of our processors, `Format=Structured` with one header in place of six. Beyond that: more brokers, and partitions that are spread over them.");

    /// <summary>A consumer fell behind though its endpoint was quick.</summary>
    public static Recommendation? OfConsumer(RunResult run)
    {
        if (Limited(run, Limit.Consumer) is not { } step)
            return null;

        var behind = step.Endpoints.Where(endpoint => endpoint.LagAtEnd > endpoint.LagAtHalf).ToArray();
        var lags = behind.Select(endpoint =>
            $"the lag of {Name(endpoint.Name)} grew from {Figures.Count(endpoint.LagAtHalf)} to {Figures.Count(endpoint.LagAtEnd)} in the second half, while {Figures.Rate(endpoint.Rate)} a second arrived; its consumer took {PartOf(step, endpoint.Name)}");
        return new(
            "A consumer was the limit",
            $"{Said(step)} {In(string.Join("; ", lags))}With processors to spare there are too few calls: at most `MaxConcurrency` (16) × `MaxBatchSize` (500) messages, and `MaxHeldMessages` (10,000), pass in the time of one call. Raise the first and the last together, and use `Mode=Batch` where the endpoint takes batches. Without, `Preset=HighThroughput` makes fewer fetches, and more instances share the partitions, up to one for each.");
    }

    /// <summary>A cloud's endpoint was the slowest.</summary>
    public static Recommendation? OfEndpoint(RunResult run) => Limited(run, Limit.Endpoint) is not { } step ? null : new(
        "An endpoint was the limit",
        $"{Said(step)} {In(string.Join("; ", step.Endpoints.Select(endpoint => $"{Name(endpoint.Name)} took {Figures.Rate(endpoint.Rate)} a second with {Figures.Count(endpoint.LagAtEnd)} behind")))}That is its owner's to raise. Ours to change is how it is asked: `Mode=Batch` with `MaxBatchSize` (500) makes fewer requests, `Http2` fewer connections, and `AdaptiveConcurrency:Enabled` keeps the calls to what it bears.");

    /// <summary>Most are quick, and some are not.</summary>
    public static Recommendation? OfTail(RunResult run)
    {
        if (run.HeldStep is not { Latency: { Count: > 0, P50: > 0 } latency } step || latency.P99 < TailFrom || latency.P99 < Tail * latency.P50)
            return null;

        var paused = step.Parts.MaxBy(part => part.PausedShare ?? 0);
        var causes = new List<string>();
        if (step.Lateness.Count > 0 && step.Lateness.P99 > latency.P99 / 2)
            causes.Add($"the generator was {Figures.Milliseconds(step.Lateness.P99)} ms late itself at P99, so much of it is its own");
        if (paused is { PausedShare: > 0.01 })
            causes.Add($"{Name(paused.Name)} stood still for {Figures.Share(paused.PausedShare)} of the time for its collections");
        if (step.BusyProcessors > AllBusy * run.Info.Processors)
            causes.Add($"{Figures.Processors(step.BusyProcessors)} of {Figures.Count(run.Info.Processors, "processor")} were busy, so work waited for one");

        return new(
            "Some messages take much longer than most",
            $"At {Rate(step)}, the highest rate held, P99 is {Figures.Milliseconds(latency.P99)} ms, {Figures.Count(latency.P99 / latency.P50)} times the median of {Figures.Milliseconds(latency.P50)} ms. {In(string.Join("; ", causes))}Where latency counts more than rate, stay well below this rate, and set `Preset=LowLatency`: nothing waits for company then, for more requests to the brokers.");
    }

    /// <summary>Collections that hold a process up.</summary>
    public static Recommendation? OfCollections(RunResult run)
    {
        var worst = run.Steps
            .SelectMany(step => step.Parts.Select(part => (Step: step, Part: part)))
            .Where(use => use.Part.PausedShare > Paused)
            .OrderByDescending(use => use.Part.PausedShare)
            .FirstOrDefault();
        if (worst.Part is not { } part)
            return null;

        var change = part.Name switch
        {
            "client" => "It is the generator's own: take the latencies there with care, and give it a machine, or at least processors, of its own.",
            "api" => "Fewer bodies at the same time make less to look through: a lower `Ingest:MaxConcurrentRequests`, or more instances that share the load.",
            _ => "Fewer messages that are held make less to look through: lower `MaxHeldMessages` and `MaxHeldBytes`, or more instances that share the load.",
        };
        var collections = part.Collections is { Length: > 2 } generations ? $" ({Figures.Count(generations[2], "collection")} of generation 2)" : "";
        return new("Collections hold a process up", $"At {Rate(worst.Step)}, {Name(part.Name)} stood still for {Figures.Share(part.PausedShare)} of the time{collections}, and 5 % is much. {change}");
    }

    /// <summary>Memory that is larger after each step, or nearly each.</summary>
    public static Recommendation? OfMemory(RunResult run)
    {
        var growing = run.PartNames
            .Select(name => (Name: name, Memory: run.Steps.Select(step => step.Part(name)?.MemoryMiB).OfType<double>().ToArray()))
            .Where(part => Grows(part.Memory))
            .Select(part => $"{Name(part.Name)} from {Figures.Memory(part.Memory[0])} to {Figures.Memory(part.Memory[^1])} MiB")
            .ToArray();
        return growing.Length == 0 ? null : new(
            "Memory grows from step to step",
            $"It grew over {Figures.Count(run.Steps.Count, "step")}: {string.Join(", ", growing)}. The rate grew too, so that is no leak by itself: hold one rate for half an hour to know. What is held is bounded by `MaxHeldMessages`, `MaxHeldBytes`, `BufferBytes` and `Idempotency:MaxEntries`. Where the managed heap stays flat it is the allocator: preload jemalloc by `LD_PRELOAD`, which is faster too.");
    }

    /// <summary>All was held: how much room there is.</summary>
    public static Recommendation? OfNothing(RunResult run)
    {
        if (run.HeldStep is not { } held || run.LimitedStep is not null || run.Steps.Any(step => step.Asked > run.Highest))
            return null;

        var room = held.BusyProcessors is { } busy and > 0
            ? $"{Figures.Processors(busy)} of {Figures.Count(run.Info.Processors, "processor")} were busy: by the processors alone there is room for up to {Figures.About(held.Achieved * run.Info.Processors / busy)} a second."
            : "How many processors were busy is not known.";
        return new("Nothing limited the run", $"The highest rate that was asked for, {Figures.Rate(run.Highest)} a second, was held. {room} Ask for more to find the limit.");
    }

    /// <summary>How many cores other rates would take.</summary>
    public static Recommendation? OfSizing(RunResult run)
    {
        if (Sizing.Of(run) is not { Count: > 0 } parts)
            return null;

        var seconds = string.Join(", ", parts.Select(part => $"{Name(part.Part)} {Figures.Processors(part.SecondsPerMillion)}"));
        var service = parts.Where(part => part.Part is not ("client" or "endpoint")).ToArray();
        var cores = string.Join(", ", Sizing.Rates.Select(rate => $"{Figures.Processors(service.Sum(part => part.Cores(rate)))} at {Figures.Short(rate)} a second"));
        return new(
            "Sizing",
            $"At {Figures.Rate(run.Highest)} a second a million messages took these processor seconds: {seconds}. Cores for all but the generator and the endpoints, if a message costs the same there: {cores}. At a low rate it costs more, since batches are smaller; leave a third of the cores free for peaks.");
    }

    // The step at which most went wrong; null where nothing did.
    private static StepResult? Worst(RunResult run, Func<StepResult, long> count) => run.Steps.Where(step => count(step) > 0).MaxBy(count);

    private static StepResult? Limited(RunResult run, string part) => run.LimitedStep is { } step && step.Limit.Part == part ? step : null;

    private static bool Grows(double[] memory) =>
        memory.Length >= GrowthSteps
        && memory[^1] > Growth * memory[0]
        && memory[^1] - memory[0] > GrowthFrom
        && memory.Zip(memory.Skip(1)).Count(pair => pair.Second >= pair.First) >= 0.8 * (memory.Length - 1);

    private static double RequestRate(StepResult step) => (double)step.Asked / Math.Max(1, step.BatchSize);

    private static string Said(StepResult step) => $"{Name(step.Limit.Evidence)} That was at {Rate(step)}.";

    private static string Rate(StepResult step) => $"{Figures.Rate(step.Asked)} a second";

    private static string Of(long count, long all) => $"{Figures.Count(count, "message")} ({Figures.Share(all > 0 ? (double)count / all : null)} of those sent)";

    private static string PartOf(StepResult step, string name) =>
        step.Part(name) is { } part ? $"{Figures.Processors(part.Processors)} processors" : "an unknown share of the processors";

    private static string In(string facts) => facts.Length == 0 ? "" : $"In that step, {facts}. ";

    // Names and evidence are others' words, and no code of ours.
    private static string Name(string text) => text.Replace('`', '\'');
}
