namespace CloudSync.LoadTest.Results;

/// <summary>What a step asked for, and what it got. Rates are messages a second, latencies milliseconds from the scheduled time.</summary>
internal sealed record StepResult
{
    /// <summary>The rate that was asked for.</summary>
    public required int Asked { get; init; }

    /// <summary>Messages in a request.</summary>
    public required int BatchSize { get; init; }

    /// <summary>How long messages were due: less than was asked when the step was broken off.</summary>
    public required double Seconds { get; init; }

    /// <summary>Messages that were due.</summary>
    public required long Due { get; init; }

    /// <summary>Of them, those whose request was begun.</summary>
    public required long Sent { get; init; }

    /// <summary>Of them, those that were acknowledged, in time or later.</summary>
    public required long Accepted { get; init; }

    /// <summary>The rate that was acknowledged, from the first acknowledgement until no more was due; what came after the end does not count.</summary>
    public required double Achieved { get; init; }

    /// <summary>Messages that were refused because the producer's queue was full: Kafka took no more.</summary>
    public required long QueueFull { get; init; }

    /// <summary>Messages that failed otherwise, by kind: <c>HTTP 429</c>, <c>time-out</c>, <c>connection</c> …</summary>
    public required IReadOnlyDictionary<string, long> Errors { get; init; }

    /// <summary>From the scheduled time to the acknowledgement; or to the time-out, or to the end of the step for what could not be begun.</summary>
    public required Latency Latency { get; init; }

    /// <summary>What arrived where; empty where no endpoint is part of the run.</summary>
    public required IReadOnlyList<EndpointResult> Endpoints { get; init; }

    /// <summary>How late the generator began its requests though it had a place for them: its own fault, and nobody else's.</summary>
    public required Latency Lateness { get; init; }

    /// <summary>The most requests under way at the same time.</summary>
    public required int MaxInFlight { get; init; }

    /// <summary>How many may be.</summary>
    public required int InFlightLimit { get; init; }

    /// <summary>What each process took, the generator first.</summary>
    public required IReadOnlyList<PartUse> Parts { get; init; }

    /// <summary>Processors that were busy with anything at all, of <see cref="RunInfo.Processors"/>; <see langword="null"/> where the system does not say.</summary>
    public required double? BusyProcessors { get; init; }

    /// <summary>What held the rate down.</summary>
    public required Limit Limit { get; init; }

    /// <summary>Why the step was broken off; <see langword="null"/> for a whole one.</summary>
    public string? BrokenOff { get; init; }

    /// <summary>Second by second.</summary>
    public required IReadOnlyList<SecondResult> Intervals { get; init; }
}

/// <summary>A distribution, in milliseconds. The histogram is the whole of it in microseconds, as HdrHistogram's tools read it: compressed V2, in base64.</summary>
internal sealed record Latency(long Count, double Mean, double P50, double P90, double P95, double P99, double P999, double Max, string Histogram)
{
    public static Latency None { get; } = new(0, 0, 0, 0, 0, 0, 0, 0, "");
}

/// <summary>What one cloud's endpoint received in a step.</summary>
internal sealed record EndpointResult
{
    /// <summary>The cloud.</summary>
    public required string Name { get; init; }

    /// <summary>Messages a second that arrived, from the first arrival until no more was due.</summary>
    public required double Rate { get; init; }

    /// <summary>From the scheduled time to the arrival.</summary>
    public required Latency Latency { get; init; }

    /// <summary>Messages that were accepted and had not arrived, at half of the step and at its end.</summary>
    public required long LagAtHalf { get; init; }

    public required long LagAtEnd { get; init; }

    /// <summary>By how many messages a second that grew, as a straight line through the seconds; not in files of before.</summary>
    public double LagGrowth { get; init; }

    /// <summary>The standard error of <see cref="LagGrowth"/>.</summary>
    public double LagGrowthError { get; init; }

    /// <summary>Seconds from the end of the step until all had arrived; <see langword="null"/> when that was not waited for any longer.</summary>
    public required double? DrainSeconds { get; init; }
}

/// <summary>What a process took during a step.</summary>
internal sealed record PartUse
{
    /// <summary><c>client</c>, <c>api</c>, <c>broker</c>, <c>aws</c>, <c>azure</c>, <c>endpoint</c>.</summary>
    public required string Name { get; init; }

    /// <summary>Processors, in the mean.</summary>
    public required double Processors { get; init; }

    /// <summary>Resident memory at the end, in MiB.</summary>
    public required double MemoryMiB { get; init; }

    /// <summary>Collections of each generation; <see langword="null"/> where there is no .NET in it.</summary>
    public int[]? Collections { get; init; }

    /// <summary>The share of the time that it stood still for them.</summary>
    public double? PausedShare { get; init; }
}

/// <summary>One second of a step.</summary>
internal sealed record SecondResult
{
    /// <summary>Since the start of the step.</summary>
    public required double Second { get; init; }

    /// <summary>Messages a second.</summary>
    public required double Accepted { get; init; }

    /// <summary>In milliseconds; 0 when nothing was acknowledged.</summary>
    public required double P50 { get; init; }

    public required double P99 { get; init; }

    /// <summary>The largest of the endpoints'; 0 without.</summary>
    public required long Lag { get; init; }
}

/// <summary>What held a step down: a part of the path, or nothing.</summary>
/// <param name="Part"><c>nothing</c>, <c>client</c>, <c>API</c>, <c>broker</c>, <c>consumer</c>, <c>endpoint</c> or <c>other processes</c>.</param>
/// <param name="Evidence">The figures that say so, as a sentence.</param>
internal sealed record Limit(string Part, string Evidence)
{
    public const string Nothing = "nothing";
    public const string Client = "client";
    public const string Api = "API";
    public const string Broker = "broker";
    public const string Consumer = "consumer";
    public const string Endpoint = "endpoint";

    /// <summary>Other processes of the machine, which are no part of the run.</summary>
    public const string Others = "other processes";
}
