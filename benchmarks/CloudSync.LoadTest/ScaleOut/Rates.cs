namespace CloudSync.LoadTest.ScaleOut;

/// <summary>How many came a second. Moments are rising.</summary>
internal static class Rates
{
    /// <summary>A rate is reached when it is not farther off than this share,</summary>
    public const double Tolerance = 0.1;

    /// <summary>in each second</summary>
    public static readonly TimeSpan Window = TimeSpan.FromSeconds(1);

    /// <summary>of so many in a row.</summary>
    public const int Windows = 2;

    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(100);

    public static double Mean(IReadOnlyList<TimeSpan> arrivals, TimeSpan from, TimeSpan to) =>
        to <= from ? 0 : (FirstAtOrAfter(arrivals, to) - FirstAtOrAfter(arrivals, from)) / (to - from).TotalSeconds;

    /// <summary>How long after the begin the rate was reached, to two tenths of a second: a second that begins a little before that is near enough already. Both what is too slow and what is too fast has not reached it: with fewer processes than before the rate falls.</summary>
    /// <returns><see langword="null"/> when it was not.</returns>
    public static TimeSpan? Reached(IReadOnlyList<TimeSpan> arrivals, double rate, TimeSpan from, TimeSpan to)
    {
        for (var at = from; at + (Windows * Window) <= to; at += Step)
            if (Enumerable.Range(0, Windows).All(window => IsNear(Mean(arrivals, at + (window * Window), at + ((window + 1) * Window)), rate)))
                return at - from;
        return null;
    }

    /// <summary>The place of the first arrival that is not before a moment.</summary>
    public static int FirstAtOrAfter(IReadOnlyList<TimeSpan> arrivals, TimeSpan moment)
    {
        var (low, high) = (0, arrivals.Count);
        while (low < high)
        {
            var middle = (low + high) / 2;
            (low, high) = arrivals[middle] < moment ? (middle + 1, high) : (low, middle);
        }

        return low;
    }

    private static bool IsNear(double rate, double wanted) => Math.Abs(rate - wanted) <= wanted * Tolerance;
}
