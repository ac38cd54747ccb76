namespace CloudSync.Sdk;

/// <summary>A message and where it is on its way through the consumer. One object for both: at 500,000 a second each further object shows.</summary>
internal sealed class Delivery : SyncMessage
{
    private const int MaxShownId = 256;

    /// <summary>The claim's slot, or the complement of the number of checks: nobody has both. Four bytes a message are 40 KB of what survives each collection.</summary>
    private int _claim = -1;

    public Delivery(in RawRecord record, PartitionProgress progress, ulong lane)
        : base(progress, record) => Lane = lane;

    /// <summary>The partition's progress in the assignment that the message was read in: its epoch.</summary>
    public PartitionProgress Progress => (PartitionProgress)RecordSource;

    /// <summary>The lane in which the message waits for its predecessors; 0 for none.</summary>
    public ulong Lane { get; }

    /// <summary>The next message of the lane. Guarded by the lock of <see cref="KeyLanes"/>.</summary>
    public Delivery? Next { get; set; }

    /// <summary>Where the claim stands that this consumer holds on the message's id, in <see cref="HeldClaims"/>; -1 for none.</summary>
    public int ClaimSlot
    {
        get => Math.Max(-1, _claim);
        set => _claim = value;
    }

    /// <summary>How often in a row another was found to be delivering the id; 0 once it is ours.</summary>
    public int HeldChecks
    {
        get => _claim < 0 ? ~_claim : 0;
        set => _claim = ~value;
    }

    /// <summary>
    /// The id as a log may show it. Whoever produced the record chose it: cut, or an id of a megabyte would be logged at each retry, and without control
    /// characters, or it could forge a line of the log.
    /// </summary>
    public string ShownId => Shown(Id);

    /// <summary>Any text of a record's header, as <see cref="ShownId"/> shows the id.</summary>
    public static string Shown(string text)
    {
        var cut = text.Length > MaxShownId ? string.Concat(text.AsSpan(0, MaxShownId - 1), "…") : text;
        return cut.Any(char.IsControl) ? string.Concat(cut.Select(c => char.IsControl(c) ? '\uFFFD' : c)) : cut;
    }

    /// <summary>What went wrong so far; <see langword="null"/> for a message that has not failed yet, which is nearly every one.</summary>
    public FailureHistory? Failures { get; set; }
}

/// <summary>What went wrong with a message so far.</summary>
internal sealed class FailureHistory
{
    /// <summary>Attempts that count against the message: the sink was called, and it was no outage.</summary>
    public int Attempts { get; set; }

    /// <summary>Attempts that counted since others got through last, and may turn out to have been the beginning of an outage.</summary>
    public int ProvisionalAttempts { get; set; }

    /// <summary>Retries in a row, whatever they counted for: what the backoff grows by.</summary>
    public int Retries { get; set; }

    /// <summary>How long it waits before the next retry, or waited before the last.</summary>
    public TimeSpan Delay { get; set; }

    /// <summary>How many messages the endpoint had taken when this one failed last: whether others got through since.</summary>
    public long SuccessesSeen { get; set; }

    /// <summary>When it failed first, by the clock's time since its beginning.</summary>
    public TimeSpan FailingSince { get; init; }

    public DateTimeOffset FirstFailure { get; init; }

    public DateTimeOffset LastFailure { get; set; }

    public ErrorType ErrorType { get; set; }

    /// <summary>How long the endpoint asked us to wait at the last failure, within reason.</summary>
    public TimeSpan RetryAfter { get; set; }

    public Exception? Exception { get; set; }

    /// <summary>What the last exception says of itself; its type where it can't, for that is the user's code, and may throw.</summary>
    public string? Reason
    {
        get
        {
            try
            {
                return Exception?.Message;
            }
            catch (Exception)
            {
                return Exception?.GetType().ToString();
            }
        }
    }

    /// <summary>The trace that the last call was made under; <see langword="null"/> when nobody traced it.</summary>
    public string? TraceParent { get; set; }

    /// <summary>Whether it waits as part of a batch that is taken apart, and not for a retry of its own.</summary>
    public bool IsPart { get; set; }

    /// <summary>How many messages may be in its next batch: fewer each time that a whole batch fails with it; 0 for as many as the settings say.</summary>
    public int MaxBatch { get; set; }
}
