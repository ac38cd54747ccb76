namespace CloudSync.LoadTest.Measuring;

/// <summary>How far an endpoint was behind at a moment of a step.</summary>
/// <param name="Second">Since the start of the step.</param>
/// <param name="Lag">Messages that were accepted and had not arrived.</param>
internal readonly record struct LagSample(double Second, long Lag);

/// <summary>Where a lag goes, by its seconds.</summary>
internal static class LagTrend
{
    /// <summary>Fewer tell nothing.</summary>
    private const int FewestSamples = 5;

    /// <summary>The lag at half of the time that a step has really taken: one that is broken off has a half, too.</summary>
    public static long AtHalf(IReadOnlyList<LagSample> samples, double seconds) =>
        samples.Count == 0 ? 0 : samples.MinBy(sample => Math.Abs(sample.Second - (seconds / 2))).Lag;

    /// <summary>The straight line through the seconds from the first arrival on, by least squares: before, a lag grows by what is on its way for the first time.</summary>
    /// <returns>Messages a second, and the standard error of that; 0 and 0 where there are too few.</returns>
    public static (double Growth, double Error) Growth(IReadOnlyList<LagSample> samples, double firstArrival)
    {
        var line = samples.Where(sample => sample.Second >= firstArrival).ToArray();
        if (line.Length < FewestSamples)
            return (0, 0);

        var (second, lag) = (line.Average(sample => sample.Second), line.Average(sample => sample.Lag));
        var squares = line.Sum(sample => (sample.Second - second) * (sample.Second - second));
        var growth = line.Sum(sample => (sample.Second - second) * (sample.Lag - lag)) / squares;
        var rest = line.Sum(sample => Math.Pow(sample.Lag - lag - (growth * (sample.Second - second)), 2));
        return (growth, Math.Sqrt(rest / (line.Length - 2) / squares));
    }
}
