namespace CloudSync.LoadTest.Results;

/// <summary>A whole run: what the JSON file holds, and what all reports are made of.</summary>
internal sealed record RunResult
{
    public required RunInfo Info { get; init; }

    /// <summary>In the order in which they were run.</summary>
    public required IReadOnlyList<StepResult> Steps { get; init; }

    /// <summary>Accepted against arrived, an entry an endpoint; empty where no endpoint is part of the run.</summary>
    public required IReadOnlyList<AuditResult> Audit { get; init; }

    /// <summary>What <see cref="Ended"/> says of a run that was interrupted.</summary>
    public const string Interrupted = "It was interrupted.";

    /// <summary>Why it ended before its last step; <see langword="null"/> when it did not.</summary>
    public string? Ended { get; init; }

    /// <summary>The highest rate that was held each time it was asked for: acknowledged and, where there are endpoints, arrived. 0 if none was.</summary>
    public int Highest { get; init; }

    /// <summary>Whether what was accepted could be held against what arrived: not when a part has died.</summary>
    public bool IsAudited { get; init; } = true;

    /// <summary>Whether the ledger, where there is one, is in order: a run in which a message was lost, came twice or out of order is red, however fast.</summary>
    public bool IsGreen => IsAudited && Audit.All(audit => audit.IsGreen);

    /// <summary>Whether it says how much goes through: a rate was held, and of each step something was accepted.</summary>
    public bool HasMeasured => Highest > 0 && Steps.All(step => step.Accepted > 0);
}

/// <summary>What was run, where and how.</summary>
internal sealed record RunInfo
{
    public required DateTimeOffset Started { get; init; }

    /// <summary><c>producer</c>, <c>api</c> or <c>path</c>.</summary>
    public required string Target { get; init; }

    /// <summary>What stands behind it, in words: the broker, the processes.</summary>
    public required string Description { get; init; }

    /// <summary>The command line, without secrets.</summary>
    public required string Command { get; init; }

    public required int Processors { get; init; }

    public required string Machine { get; init; }

    /// <summary>Bytes of a payload.</summary>
    public required int PayloadBytes { get; init; }

    /// <summary>Different keys.</summary>
    public required int Keys { get; init; }

    /// <summary>1 for the first.</summary>
    public required int Round { get; init; }

    /// <summary>What the endpoints were told to do wrong; <see langword="null"/> for nothing.</summary>
    public string? Fault { get; init; }
}

/// <summary>What an endpoint received of what was accepted in the whole run.</summary>
internal sealed record AuditResult
{
    public required string Endpoint { get; init; }

    /// <summary>Messages that were acknowledged to the generator.</summary>
    public required long Accepted { get; init; }

    /// <summary>Different messages that arrived.</summary>
    public required long Arrived { get; init; }

    /// <summary>Acknowledged and not arrived, nor kept as a dead letter.</summary>
    public required long Lost { get; init; }

    /// <summary>The same after an interrupt, when they were not waited for: under way, and no fault.</summary>
    public long NotArrivedYet { get; init; }

    /// <summary>Arrivals of a message that was there already.</summary>
    public required long Duplicates { get; init; }

    /// <summary>Messages that arrived before one of the same key that Kafka had taken earlier.</summary>
    public required long OutOfOrder { get; init; }

    /// <summary>Kept as dead letters.</summary>
    public required long DeadLetters { get; init; }

    /// <summary>Arrived without having been acknowledged: the answer was an error or got lost, and the message was there all the same. No violation.</summary>
    public required long Unanswered { get; init; }

    /// <summary>Arrivals that nobody sent.</summary>
    public required long Invented { get; init; }

    /// <summary>The first messages at fault, by number, as help for whoever looks for the reason.</summary>
    public required IReadOnlyList<string> Examples { get; init; }

    public bool IsGreen => (Lost, Duplicates, OutOfOrder, Invented) == (0, 0, 0, 0);
}
