namespace CloudSync.Sdk;

/// <summary>How dead letters are redriven.</summary>
public sealed class RedriveSettings
{
    /// <summary>Whether nothing is sent, and the result says what would be. Default: no.</summary>
    public bool DryRun { get; init; }

    /// <summary>How many letters a second are sent at most, from 1 to 1,000,000. Default: as many as the brokers take.</summary>
    public int? MaxPerSecond { get; init; }

    /// <summary>After how many letters to stop. Default: after all.</summary>
    public long? MaxLetters { get; init; }

    /// <summary>
    /// Whether letters are sent for a group that has committed nothing in the topic that they go back to, which nobody may ever deliver. Default: no, the run stops at such a letter.
    /// </summary>
    public bool AllowUnknownGroup { get; init; }
}

/// <summary>What a redrive is doing.</summary>
public enum RedriveStage
{
    /// <summary>Reads the dead-letter topic once: which letters match, and which have been redriven. Counted in offsets.</summary>
    Reading = 0,

    /// <summary>Sends letters back. Counted in letters.</summary>
    Sending = 1,
}

/// <summary>How far a redrive is.</summary>
/// <param name="Stage">What it is doing.</param>
/// <param name="Done">How much of that is done; of letters, how many the brokers have acknowledged.</param>
/// <param name="Total">How much there is to do.</param>
public readonly record struct RedriveProgress(RedriveStage Stage, long Done, long Total);

/// <summary>What a redrive has done, or would do.</summary>
public sealed class RedriveResult
{
    /// <summary>Letters that match and had not been redriven.</summary>
    public long Waiting { get; internal set; }

    /// <summary>Letters that match and had been redriven before.</summary>
    public long RedrivenBefore { get; internal set; }

    /// <summary>Letters that were sent back and acknowledged by all in-sync replicas; 0 in a dry run.</summary>
    public long Sent { get; internal set; }

    /// <summary>Letters that were sent, or would be, by group, kind of failure and the topic that they go to.</summary>
    public IReadOnlyList<RedriveCount> Counts { get; internal set; } = [];

    /// <summary>
    /// Records of the dead-letter topic that can't be redriven, whatever the filter: no dead letters, letters that don't say where they came from, and markers that
    /// can't be read.
    /// </summary>
    public long Unreadable { get; internal set; }

    /// <summary>The first hundred of them.</summary>
    public IReadOnlyList<UnreadableDeadLetter> UnreadableLetters { get; internal set; } = [];
}

/// <summary>How many letters of one kind.</summary>
/// <param name="Group">The group that failed.</param>
/// <param name="ErrorType">The kind of the last failure.</param>
/// <param name="Topic">The topic that they go back to.</param>
/// <param name="Letters">How many.</param>
public sealed record RedriveCount(string Group, ErrorType? ErrorType, string Topic, long Letters);

/// <summary>A record of the dead-letter topic that can't be redriven.</summary>
/// <param name="Position">Where it stands.</param>
/// <param name="Problem">Why not, as a sentence.</param>
public sealed record UnreadableDeadLetter(DeadLetterPosition Position, string Problem);
