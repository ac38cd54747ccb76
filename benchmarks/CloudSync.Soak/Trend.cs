namespace CloudSync.Soak;

/// <summary>A straight line through the samples of one figure, by least squares.</summary>
/// <param name="Mean">The mean.</param>
/// <param name="Least">The least.</param>
/// <param name="Most">The most.</param>
/// <param name="PerHour">The slope.</param>
/// <param name="Change">By how much the line changes from the first sample to the last.</param>
/// <param name="Scatter">How far samples are from the line, typically: their standard deviation.</param>
internal sealed record Trend(double Mean, double Least, double Most, double PerHour, double Change, double Scatter)
{
    /// <summary>Which part of the mean is no change worth speaking of.</summary>
    public const double Tolerance = 0.05;

    /// <summary>Less of a change than this part of the mean, or than what samples scatter by anyway.</summary>
    public bool IsFlat => Math.Abs(Change) <= Math.Max(Tolerance * Math.Abs(Mean), Scatter);

    public string Verdict => IsFlat ? "flat" : Change > 0 ? "grows" : "falls";

    /// <param name="samples">Seconds and values, in the order of time.</param>
    /// <returns><see langword="null"/> for fewer than three, through which a line says nothing.</returns>
    public static Trend? Of(IReadOnlyList<(double Seconds, double Value)> samples)
    {
        if (samples.Count < 3)
            return null;

        var (meanX, meanY) = (samples.Average(sample => sample.Seconds), samples.Average(sample => sample.Value));
        var slope = samples.Sum(sample => (sample.Seconds - meanX) * (sample.Value - meanY)) / samples.Sum(sample => (sample.Seconds - meanX) * (sample.Seconds - meanX));
        var squares = samples.Sum(sample => Math.Pow(sample.Value - meanY - (slope * (sample.Seconds - meanX)), 2));
        return new Trend(
            meanY,
            samples.Min(sample => sample.Value),
            samples.Max(sample => sample.Value),
            slope * 3_600,
            slope * (samples[^1].Seconds - samples[0].Seconds),
            Math.Sqrt(squares / (samples.Count - 2)));
    }
}
