namespace CloudSync.LoadTest.Reports.Compare;

/// <summary>One figure of one rate, before and now.</summary>
/// <param name="Asked">The rate that both runs were asked for.</param>
/// <param name="Name">What it is, with its unit where it has one.</param>
/// <param name="Old">Before; <see langword="null"/> where nothing was measured.</param>
/// <param name="Now">Now; <see langword="null"/> where nothing was measured.</param>
/// <param name="Noise">Whether the difference says anything.</param>
/// <param name="Format">How the figure is written.</param>
internal sealed record ComparedFigure(int Asked, string Name, double? Old, double? Now, Noise Noise, Func<double?, string> Format)
{
    /// <summary>As a share of the old one; <see langword="null"/> where that is 0 or not known.</summary>
    public double? Change => Old is null or 0 || Now is null ? null : (Now - Old) / Math.Abs(Old.Value);

    public string OldText => Format(Old);

    public string NowText => Format(Now);

    public string ChangeText => Figures.Change(Change);

    public string NoiseText => NoiseRule.Text(Noise);
}
