namespace CloudSync.LoadTest.Reports.Compare;

/// <summary>One figure of one rate, before and now.</summary>
/// <param name="Asked">The rate that both runs were asked for.</param>
/// <param name="Name">What it is, with its unit where it has one.</param>
/// <param name="Old">Before; <see langword="null"/> where nothing was measured.</param>
/// <param name="Now">Now; <see langword="null"/> where nothing was measured.</param>
/// <param name="Noise">Whether the difference says anything.</param>
/// <param name="Format">How the figure is written.</param>
/// <param name="Floor">Up to here it matters to nobody, however often it has doubled.</param>
internal sealed record ComparedFigure(int Asked, string Name, double? Old, double? Now, Noise Noise, Func<double?, string> Format, double Floor)
{
    /// <summary>Whether a figure of unknown noise has doubled or halved at least: a hint, and no proof.</summary>
    public bool IsLeap => Noise == Noise.Unknown && Old is { } old && Now is { } now && Math.Max(old, now) > Floor && Math.Max(old, now) >= 2 * Math.Max(Math.Min(old, now), Floor / 2);

    /// <summary>As a share of the old one; <see langword="null"/> where that is not known, or was 0 and is not.</summary>
    public double? Change => Old is null || Now is null ? null : Old == Now ? 0 : Old == 0 ? null : (Now - Old) / Math.Abs(Old.Value);

    public string OldText => Format(Old);

    public string NowText => Format(Now);

    public string ChangeText => Figures.Change(Change);

    public string NoiseText => NoiseRule.Text(Noise);
}
