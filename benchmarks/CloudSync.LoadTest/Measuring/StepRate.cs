namespace CloudSync.LoadTest.Measuring;

/// <summary>The rate of a step, of what has come back or arrived while messages were due.</summary>
internal static class StepRate
{
    /// <summary>
    /// From the first that came to the end of the step: the time before is the path's latency, and what is under way at the end makes up for it. Over half of the step at least, so that a few that
    /// come in a burst at its end are no rate; and never more than was asked, which is what a path gets that catches up with a stall.
    /// </summary>
    /// <param name="asked">The rate that was asked for.</param>
    /// <param name="count">Messages until the end.</param>
    /// <param name="sinceFirst">Seconds from the first of them to the end.</param>
    /// <param name="seconds">Of the step.</param>
    public static double Of(int asked, long count, double sinceFirst, double seconds) =>
        count == 0 ? 0 : Math.Min(asked, count / Math.Max(sinceFirst, seconds / 2));
}
