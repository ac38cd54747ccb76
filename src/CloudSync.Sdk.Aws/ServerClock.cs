namespace CloudSync.Sdk;

/// <summary>The endpoint's time, as far as ours is known to differ from it.</summary>
internal sealed class ServerClock(TimeProvider time)
{
    /// <summary>AWS takes a signature that is up to five minutes old, or early.</summary>
    public static readonly TimeSpan Tolerated = TimeSpan.FromMinutes(4);

    private long _offset;

    /// <summary>How far the endpoint is ahead of this machine, as far as it matters.</summary>
    public TimeSpan Offset => new(Volatile.Read(ref _offset));

    public DateTimeOffset Now => time.GetUtcNow() + Offset;

    /// <summary>Takes an endpoint's time over after it refused a signature. Whether the refusal may have been about the time, so that another one helps.</summary>
    /// <param name="date">The endpoint's time, in the answer; <see langword="null"/> when it tells none.</param>
    /// <param name="signedOn">The time that was signed.</param>
    public bool Correct(DateTimeOffset? date, DateTimeOffset signedOn)
    {
        if (date is not { } theirs || (theirs - signedOn).Duration() <= Tolerated)
            return false;

        Volatile.Write(ref _offset, (theirs - time.GetUtcNow()).Ticks);
        return true;
    }
}
