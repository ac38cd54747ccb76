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

    /// <summary>
    /// Beyond noise is a difference of the seconds' means that 95 of 100 do not reach by chance (Welch: each side with its own variance, √(s₁²/n₁ + s₂²/n₂); as many of these standard errors as
    /// Student's t says for so few seconds) <b>and</b> that is larger than 5 % of the old mean. The second condition is there because seconds that follow each other are alike, so the standard error is too small rather than too large.
    /// </summary>
    /// <param name="old">The figure in each second of the old step.</param>
    /// <param name="now">That of the new one.</param>
    public static Noise Of(IReadOnlyList<double> old, IReadOnlyList<double> now)
    {
        if (old.Count < FewestSeconds || now.Count < FewestSeconds)
            return Noise.TooShort;

        var difference = Math.Abs(now.Average() - old.Average());
        var (before, after) = (SquaredErrorOfMean(old), SquaredErrorOfMean(now));
        return difference > Chance(before, old.Count, after, now.Count) && difference > Least * Math.Abs(old.Average()) ? Noise.Beyond : Noise.Within;
    }

    /// <summary>In words.</summary>
    public static string Text(Noise noise) => noise switch
    {
        Noise.Within => "within noise",
        Noise.Beyond => "BEYOND NOISE",
        Noise.TooShort => "too short to tell",
        _ => "one figure, noise unknown",
    };

    /// <summary>The difference that 5 of 100 pairs of the same distribution exceed.</summary>
    private static double Chance(double before, int old, double after, int now)
    {
        if (before + after == 0)
            return 0;

        // Welch and Satterthwaite: from the fewer seconds less one up to both together less two.
        var freedom = (before + after) * (before + after) / ((before * before / (old - 1)) + (after * after / (now - 1)));
        return Student(freedom) * Math.Sqrt(before + after);
    }

    /// <summary>Student's t that 95 of 100 do not exceed on either side, by its expansion about the normal distribution: to a hundredth from four degrees of freedom on.</summary>
    private static double Student(double freedom)
    {
        const double Z = 1.96, Z3 = Z * Z * Z, Z5 = Z3 * Z * Z, Z7 = Z5 * Z * Z;
        return Z + ((Z3 + Z) / (4 * freedom)) + (((5 * Z5) + (16 * Z3) + (3 * Z)) / (96 * freedom * freedom))
            + (((3 * Z7) + (19 * Z5) + (17 * Z3) - (15 * Z)) / (384 * freedom * freedom * freedom));
    }

    private static double SquaredErrorOfMean(IReadOnlyList<double> values)
    {
        var mean = values.Average();
        return values.Sum(value => (value - mean) * (value - mean)) / (values.Count - 1) / values.Count;
    }
}
