namespace CloudSync.LoadTest.ScaleOut;

/// <summary>Times in which nothing came.</summary>
internal static class Pauses
{
    /// <summary>The longest one of those that touch a window. It counts whole, also what of it lies before or after the window; one that nothing ended, or that nothing came before, is cut there.</summary>
    /// <param name="arrivals">Moments, rising.</param>
    /// <param name="from">The begin of the window.</param>
    /// <param name="to">Its end.</param>
    public static TimeSpan Longest(IReadOnlyList<TimeSpan> arrivals, TimeSpan from, TimeSpan to)
    {
        var next = Rates.FirstAtOrAfter(arrivals, from);
        var before = next > 0 ? arrivals[next - 1] : from;
        var longest = TimeSpan.Zero;
        for (; before < to; next++)
        {
            var arrival = next < arrivals.Count ? arrivals[next] : to;
            longest = arrival - before > longest ? arrival - before : longest;
            before = arrival;
        }

        return longest;
    }
}
