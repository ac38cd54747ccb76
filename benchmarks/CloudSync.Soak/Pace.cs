using System.Diagnostics;

namespace CloudSync.Soak;

/// <summary>How many messages are due.</summary>
/// <param name="rate">Messages a second.</param>
/// <param name="since">Since when, by the clock of <see cref="Stopwatch.GetTimestamp"/>.</param>
/// <param name="first">How many had been sent before.</param>
/// <param name="most">How many are sent in all.</param>
internal sealed class Pace(int rate, long since, long first, long most = long.MaxValue)
{
    private long _skipped;

    /// <summary>Messages that were due and are not sent any more.</summary>
    public long Skipped { get => Volatile.Read(ref _skipped); init => _skipped = value; }

    /// <summary>How many should have been sent by now, without those that are not sent any more.</summary>
    public long Due => DueAfter(rate == 0 ? TimeSpan.Zero : Stopwatch.GetElapsedTime(since));

    internal long DueAfter(TimeSpan elapsed) => Math.Min(most, first + (long)(elapsed.TotalSeconds * rate) - Skipped);

    /// <summary>
    /// What is sent of that: no more than a second's messages at once. After a pause of the process, or of the brokers, all that had become due meanwhile would come as one burst, and what is
    /// measured next would be the burst. Only the thread that sends calls it.
    /// </summary>
    public long Capped(long due, long sent)
    {
        var late = Math.Max(0, due - sent - rate);
        Volatile.Write(ref _skipped, _skipped + late);
        return due - late;
    }
}
