using CloudSync.LoadTest.Results;

namespace CloudSync.LoadTest.ScaleOut;

/// <summary>What a run found out.</summary>
internal sealed record ScaleOutResult
{
    public required RunInfo Info { get; init; }

    /// <summary>Settings of each process, by name.</summary>
    public required IReadOnlyDictionary<string, string> Settings { get; init; }

    /// <summary>How long the endpoint takes for an answer, in milliseconds.</summary>
    public required double EndpointMilliseconds { get; init; }

    /// <summary>Messages a second that one process could take if a call took no longer than the endpoint does.</summary>
    public required double Capacity { get; init; }

    public required int Partitions { get; init; }

    public required IReadOnlyList<CountResult> Counts { get; init; }

    public required AuditResult Audit { get; init; }

    /// <summary>Messages that came again and that a killed process excuses: those it had no answer of, and those it had no time to write down.</summary>
    public required int CameAgainUnanswered { get; init; }

    public required int CameAgainAnswered { get; init; }

    public required IReadOnlyList<Check> Checks { get; init; }

    /// <summary>What arrived in each second, from the first arrival on.</summary>
    public required IReadOnlyList<int> PerSecond { get; init; }

    /// <summary>Why it ended before its time; <see langword="null"/> when it did not.</summary>
    public string? Ended { get; init; }

    public bool IsGood => Counts.Count > 0 && Counts.All(count => count.Rate > 0) && Checks.All(check => check.Holds);
}

/// <summary>What was measured with a number of processes. Times are seconds from the begin of the change, pauses milliseconds.</summary>
internal sealed record CountResult
{
    public required int Instances { get; init; }

    public required string Change { get; init; }

    /// <summary>Messages a second, in the middle part of the time.</summary>
    public required double Rate { get; init; }

    /// <summary>The rate of one process, beside what one process had in the first count: 1 when they don't hinder each other.</summary>
    public required double Share { get; init; }

    /// <summary>Partitions of each process.</summary>
    public required IReadOnlyList<int> Partitions { get; init; }

    /// <summary>The longest time around the change in which nothing arrived at all; <see langword="null"/> where nothing was there before.</summary>
    public required double? Pause { get; init; }

    /// <summary>The longest time around the change in which nothing of some partition arrived.</summary>
    public required double? PartitionPause { get; init; }

    /// <summary>The same in the middle part, where nothing changes: what is less than that can't be told from no pause.</summary>
    public required double UndisturbedPartitionPause { get; init; }

    /// <summary>Until all partitions had an owner again.</summary>
    public required double SettledAfter { get; init; }

    /// <summary>Until the rate was reached; <see langword="null"/> when it was not.</summary>
    public required double? ReachedAfter { get; init; }

    /// <summary>What each process of the run took, Redis left out.</summary>
    public required IReadOnlyList<PartUse> Parts { get; init; }

    /// <summary>Processors that they took together.</summary>
    public double Processors => Parts.Sum(part => part.Processors);
}
