namespace CloudSync.LoadTest.Reports.Html;

/// <summary>A drawing's size, and where in it the plot is. A page holds each chart twice, for letters would shrink with a drawing that is scaled.</summary>
/// <param name="Name">The class that shows it on such a screen.</param>
/// <param name="Width">In pixels, where it is not scaled.</param>
/// <param name="Height">As the width.</param>
internal sealed record Frame(string Name, double Width, double Height)
{
    public const double Left = 46;
    public const double Top = 26;

    // Lines and marks at the ends are not cut off, nor is the last tick's text.
    private const double Right = 16;
    private const double Bottom = 40;
    private const double Inset = 8;

    public static IReadOnlyList<Frame> All { get; } = [new("wide", 560, 300), new("narrow", 340, 260)];

    public double PlotRight => Width - Right;

    public double PlotBottom => Height - Bottom;

    public double X(Scale scale, double value) => Left + Inset + (scale.Share(value) * (PlotRight - Left - (2 * Inset)));

    public double Y(Scale scale, double value) => PlotBottom - (scale.Share(value) * (PlotBottom - Top));
}
