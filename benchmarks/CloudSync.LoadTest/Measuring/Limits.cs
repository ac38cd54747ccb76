using System.Globalization;
using CloudSync.LoadTest.Load;
using CloudSync.LoadTest.Results;

namespace CloudSync.LoadTest.Measuring;

/// <summary>What is known of a step besides its result, to say what held it down.</summary>
internal sealed record Evidence
{
    /// <summary>From a message's coming to the producer to its acknowledgement, in milliseconds; <see langword="null"/> where there is no producer of ours.</summary>
    public double? AcknowledgementMean { get; init; }

    /// <summary>What each consumer did.</summary>
    public IReadOnlyList<ConsumerEvidence> Consumers { get; init; } = [];

    /// <summary>The cloud whose consumer was so far behind that the step was broken off; <see langword="null"/> for none.</summary>
    public string? PastLagLimit { get; init; }
}

/// <summary>What one consumer did during a step.</summary>
/// <param name="Name">The cloud.</param>
/// <param name="CallsUnderWay">Calls of the endpoint under way at the same time, in the mean.</param>
/// <param name="MaxConcurrency">How many may be.</param>
/// <param name="CallMilliseconds">How long one took.</param>
/// <param name="Retries">Attempts that were tried again.</param>
internal sealed record ConsumerEvidence(string Name, double CallsUnderWay, int MaxConcurrency, double CallMilliseconds, long Retries);

/// <summary>Says which part held a step down, and by which figures. Pure: the same figures, the same answer.</summary>
internal static class Limits
{
    /// <summary>The share of the processors from which on they are all busy: what is left over can't be used by parts that wait for one another.</summary>
    private const double Busy = 0.9;

    /// <summary>A generator that begins one request in a hundred so late, in milliseconds, does not hold its rate by itself.</summary>
    private const double Late = 50;

    /// <summary>The share of refused messages from which on they are what holds the rate down.</summary>
    private const double ManyRefused = 0.01;

    private static readonly CultureInfo Culture = CultureInfo.InvariantCulture;

    public static Limit Of(StepResult step, Evidence evidence, int processors)
    {
        // Nothing else has ended the step.
        if (step.Endpoints.FirstOrDefault(endpoint => endpoint.Name == evidence.PastLagLimit) is { } past)
            return Arriving(step, past, evidence, processors);

        var isAcknowledged = Ladder.IsHeld(step.Asked, step.Achieved) && !ManyFailed(step);
        var behind = step.Endpoints.Where(endpoint => !KeepsUp(step, endpoint)).MaxBy(endpoint => endpoint.LagAtEnd);
        if (isAcknowledged && behind is null)
            return new Limit(Limit.Nothing, string.Create(Culture, $"{step.Achieved:N0} of {step.Asked:N0} messages a second were acknowledged{Arrived(step)}."));

        return isAcknowledged ? Arriving(step, behind!, evidence, processors) : Acknowledging(step, evidence, processors);
    }

    /// <summary>What got through to the end of the path, in messages a second.</summary>
    public static double Got(StepResult step) => step.Endpoints.Select(endpoint => endpoint.Rate).Append(step.Achieved).Min();

    /// <summary>Whether the whole path held the rate that was asked for.</summary>
    public static bool IsHeld(StepResult step) =>
        step.BrokenOff is null && Ladder.IsHeld(step.Asked, Got(step)) && !ManyFailed(step) && step.Endpoints.All(endpoint => KeepsUp(step, endpoint) && endpoint.DrainSeconds is not null);

    /// <summary>The highest rate that was held each time it was asked for; 0 if none was.</summary>
    public static int Highest(IEnumerable<StepResult> steps) =>
        steps.GroupBy(step => step.Asked).Where(same => same.All(IsHeld)).Select(same => same.Key).DefaultIfEmpty().Max();

    /// <summary>Whether so many failed or were refused that it does not count what became of the others. Who calls the producer itself is not refused, and waits.</summary>
    private static bool ManyFailed(StepResult step) =>
        step.Errors.Values.Sum() + (step.InFlightLimit == int.MaxValue ? 0 : step.QueueFull) > ManyRefused * step.Due;

    private static bool KeepsUp(StepResult step, EndpointResult endpoint) => Ladder.IsHeld(step.Asked, endpoint.Rate) && !IsBehind(step, endpoint);

    /// <summary>Whether an endpoint falls further and further behind: what is under way at any moment is no lag.</summary>
    public static bool IsBehind(StepResult step, EndpointResult endpoint) =>
        (endpoint.LagAtEnd > step.Asked / 2 && endpoint.LagAtEnd > endpoint.LagAtHalf + (0.05 * step.Asked * step.Seconds / 2)) || GrowsForEver(step, endpoint);

    /// <summary>However slowly: the seconds tell it from a lag that goes up and down. What is under way for a tenth of a second is none.</summary>
    private static bool GrowsForEver(StepResult step, EndpointResult endpoint) =>
        endpoint.LagAtEnd > Math.Max(10, 0.1 * step.Asked) && endpoint.LagGrowth > 0.005 * step.Asked && endpoint.LagGrowth > 2 * endpoint.LagGrowthError;

    private static string Arrived(StepResult step) => step.Endpoints switch
    {
        [] => "",
        var endpoints when endpoints.FirstOrDefault(endpoint => endpoint.DrainSeconds is null) is { } stuck => $", and not all of them arrived at {stuck.Name}",
        _ => ", and arrived",
    };

    private static Limit Acknowledging(StepResult step, Evidence evidence, int processors)
    {
        var full = step.QueueFull / (double)Math.Max(1, step.Due);
        if (full > ManyRefused)
            return new Limit(Limit.Broker, string.Create(Culture, $"The producer's queue was full for {full:P1} of the messages: Kafka took {step.Achieved:N0} a second.{Acknowledgement(evidence)}"));

        if (Failures(step) is { } failures)
            return failures;

        if (IsClients(step))
        {
            return new Limit(
                Limit.Client,
                string.Create(Culture, $"The generator had places left ({Places(step)}) and began one request in a hundred more than {step.Lateness.P99:N0} ms late: ask from another machine, or with larger batches.{Busiest(step, processors)}"));
        }

        if (AllBusy(step, processors) is { } busy)
            return busy;

        if (evidence.AcknowledgementMean is { } acknowledgement && acknowledgement > 0.6 * step.Latency.Mean)
            return new Limit(Limit.Broker, string.Create(Culture, $"Of {step.Latency.Mean:N1} ms a request took in the mean, Kafka's acknowledgement took {acknowledgement:N1} ms."));

        return new Limit(
            step.Parts.Any(part => part.Name == "api") || evidence.AcknowledgementMean is null ? Limit.Api : Limit.Broker,
            string.Create(Culture, $"{Places(step)} requests were under way, {step.Latency.Mean:N1} ms each in the mean.{Acknowledgement(evidence)}{Busiest(step, processors)}"));
    }

    private static Limit Arriving(StepResult step, EndpointResult behind, Evidence evidence, int processors)
    {
        if (AllBusy(step, processors) is { } busy)
            return busy;

        var lag = string.Create(Culture, $"{behind.Name} fell {behind.LagAtEnd:N0} messages behind ({behind.LagAtHalf:N0} at half of the step{(behind.LagGrowth > 0 ? string.Create(Culture, $", {behind.LagGrowth:N0} more each second") : "")}), and {behind.Rate:N0} of {step.Asked:N0} messages a second arrived.");
        return evidence.Consumers.FirstOrDefault(consumer => consumer.Name == behind.Name) is { } consumer && consumer.CallsUnderWay > 0.8 * consumer.MaxConcurrency
            ? new Limit(Limit.Endpoint, string.Create(Culture, $"{lag} {consumer.CallsUnderWay:N1} of {consumer.MaxConcurrency} calls were under way, {consumer.CallMilliseconds:N1} ms each."))
            : new Limit(Limit.Consumer, lag + Busiest(step, processors));
    }

    private static bool IsClients(StepResult step) =>
        step.Lateness.P99 > Late && step.MaxInFlight < step.InFlightLimit && step.Parts[0].Processors >= step.Parts.Max(part => part.Processors) * 0.8;

    /// <summary>Errors of one kind for more than a few messages: what is refused is neither slow nor late.</summary>
    private static Limit? Failures(StepResult step)
    {
        var failed = step.Errors.Values.Sum() / (double)Math.Max(1, step.Due);
        if (failed == 0 || !ManyFailed(step))
            return null;

        var (kind, count) = step.Errors.MaxBy(error => error.Value);
        return new Limit(Limit.Api, string.Create(Culture, $"{failed:P1} of the messages failed, most of them by {kind}: {count:N0}."));
    }

    /// <summary>All processors are busy, so it is whoever takes most of them: one of the parts, or none of them.</summary>
    private static Limit? AllBusy(StepResult step, int processors)
    {
        // Where the system does not say it, what the parts take is the least.
        var busy = step.BusyProcessors ?? step.Parts.Sum(part => part.Processors);
        if (busy < Busy * processors)
            return null;

        // Brokers or an API that were there already, on this machine, are others too.
        if (step.Parts.Sum(part => part.Processors) < busy / 2)
            return new Limit(Limit.Others, string.Create(Culture, $"All processors are busy, {busy:N2} of {processors}, and most of that is no part of the run, so this measures the machine and not the path. {Shares(step)}"));

        var most = step.Parts.GroupBy(part => PartOf(part.Name)).MaxBy(parts => parts.Sum(part => part.Processors))!;
        return new Limit(most.Key, string.Create(Culture, $"All processors are busy: {busy:N2} of {processors}. {Shares(step)}"));
    }

    private static string Busiest(StepResult step, int processors) =>
        step.BusyProcessors is { } busy ? string.Create(Culture, $" {busy:N2} of {processors} processors were busy. {Shares(step)}") : " " + Shares(step);

    private static string Shares(StepResult step) =>
        string.Join(", ", step.Parts.OrderByDescending(part => part.Processors).Select(part => string.Create(Culture, $"{part.Name} {part.Processors:N2}"))) + ".";

    private static string Places(StepResult step) =>
        step.InFlightLimit == int.MaxValue ? string.Create(Culture, $"{step.MaxInFlight:N0}, without a bound") : string.Create(Culture, $"{step.MaxInFlight:N0} of {step.InFlightLimit:N0}");

    private static string Acknowledgement(Evidence evidence) =>
        evidence.AcknowledgementMean is { } mean ? string.Create(Culture, $" It acknowledged within {mean:N1} ms in the mean.") : "";

    private static string PartOf(string name) => name switch
    {
        "client" => Limit.Client,
        "api" => Limit.Api,
        "broker" => Limit.Broker,
        "endpoint" => Limit.Endpoint,
        _ => Limit.Consumer,
    };
}
