namespace CloudSync.LoadTest.Reports.Compare;

/// <summary>Whether a figure has changed by more than it would have anyway.</summary>
internal enum Noise
{
    /// <summary>The difference may be chance, or is too small to matter.</summary>
    Within,

    /// <summary>It is neither.</summary>
    Beyond,

    /// <summary>One of the steps has too few seconds to know by how much they scatter.</summary>
    TooShort,

    /// <summary>There is one figure a step, and no seconds of it.</summary>
    Unknown,
}

/// <summary>Tells a change from noise, by the seconds of both steps.</summary>
internal static class NoiseRule
{
    /// <summary>Fewer seconds than that don't tell how much they scatter.</summary>
    public const int FewestSeconds = 5;

    /// <summary>What is smaller is no change worth speaking of, however sure.</summary>
    public const double Least = 0.05;

    /// <summary>Standard errors that a difference has to exceed: some 95 of 100 by chance alone do not.</summary>
    public const double StandardErrors = 2;

    /// <summary>
    /// Beyond noise is a difference of the seconds' means that is larger than twice its standard error by Welch (each side with its own variance: √(s₁²/n₁ + s₂²/n₂)) <b>and</b> than 5 %
    /// of the old mean. The second condition is there because seconds that follow each other are alike, so the standard error is too small rather than too large.
    /// </summary>
    /// <param name="old">The figure in each second of the old step.</param>
    /// <param name="now">That of the new one.</param>
    public static Noise Of(IReadOnlyList<double> old, IReadOnlyList<double> now)
    {
        if (old.Count < FewestSeconds || now.Count < FewestSeconds)
            return Noise.TooShort;

        var difference = Math.Abs(now.Average() - old.Average());
        var standardError = Math.Sqrt(SquaredErrorOfMean(old) + SquaredErrorOfMean(now));
        return difference > StandardErrors * standardError && difference > Least * Math.Abs(old.Average()) ? Noise.Beyond : Noise.Within;
    }

    /// <summary>In words.</summary>
    public static string Text(Noise noise) => noise switch
    {
        Noise.Within => "within noise",
        Noise.Beyond => "BEYOND NOISE",
        Noise.TooShort => "too short to tell",
        _ => "one figure, noise unknown",
    };

    private static double SquaredErrorOfMean(IReadOnlyList<double> values)
    {
        var mean = values.Average();
        return values.Sum(value => (value - mean) * (value - mean)) / (values.Count - 1) / values.Count;
    }
}
