namespace CloudSync.LoadTest.Reports.Html;

/// <summary>Draws a chart as SVG.</summary>
internal static class ChartDrawing
{
    private const double LabelRoom = 38;
    private const double LoneBar = 40;
    private const int MostMarks = 25;

    /// <summary>The chart with its heading and legend.</summary>
    public static Markup Figure(Chart chart) => Markup.Of(
        $"""
        <figure class="card">
        <h3>{chart.Title}</h3>
        <ul class="legend">{chart.Series.Select(series => Markup.Of($"<li><i class=\"swatch {series.Style} {series.Stroke}\"></i>{series.Name}</li>"))}</ul>
        {(chart.IsEmpty ? [Markup.Of($"<p class=\"nothing\">Nothing was measured.</p>")] : Frame.All.Select(frame => Svg(chart, frame)))}
        </figure>

        """);

    private static Markup Svg(Chart chart, Frame frame)
    {
        var across = LogScale.Along(chart.Asked);
        var xs = chart.Asked.Select(asked => frame.X(across, asked)).ToArray();
        return Markup.Of(
            $"""
            <svg class="{frame.Name}" viewBox="0 0 {frame.Width} {frame.Height}" role="img" aria-labelledby="{chart.Id}-{frame.Name}-title {chart.Id}-{frame.Name}-description">
            <title id="{chart.Id}-{frame.Name}-title">{chart.Title}</title>
            <desc id="{chart.Id}-{frame.Name}-description">{chart.Description}</desc>
            {Axes(chart, frame, across)}
            {(chart.IsStacked ? Layers(chart, frame, xs) : chart.Series.Select(series => Line(series, chart, frame, xs)))}
            {Level(chart, frame)}
            {Steps(chart, frame, xs)}
            </svg>

            """);
    }

    private static Markup Axes(Chart chart, Frame frame, Scale across)
    {
        var up = chart.Scale.Ticks.Select(tick => (Tick: tick, Y: frame.Y(chart.Scale, tick))).Select(tick => Markup.Of(
            $"<line class=\"grid\" x1=\"{Frame.Left}\" x2=\"{frame.PlotRight}\" y1=\"{tick.Y}\" y2=\"{tick.Y}\"/><text class=\"up\" x=\"{Frame.Left - 7}\" y=\"{tick.Y + 4}\">{Figures.Short(tick.Tick)}</text>"));
        var along = Apart(across.Ticks, tick => frame.X(across, tick)).Select(tick => Markup.Of(
            $"<line class=\"tick\" x1=\"{tick.X}\" x2=\"{tick.X}\" y1=\"{frame.PlotBottom}\" y2=\"{frame.PlotBottom + 4}\"/><text class=\"along\" x=\"{tick.X}\" y=\"{frame.PlotBottom + 17}\">{Figures.Short(tick.Value)}</text>"));
        return Markup.Of(
            $"""
            {up}
            <line class="axis" x1="{Frame.Left}" x2="{frame.PlotRight}" y1="{frame.PlotBottom}" y2="{frame.PlotBottom}"/>
            {along}
            <text class="unit" x="0" y="12">{chart.Unit}</text>
            <text class="unit end" x="{frame.PlotRight}" y="{frame.Height - 4}">asked, messages a second</text>
            """);
    }

    private static IEnumerable<Markup> Layers(Chart chart, Frame frame, double[] xs)
    {
        var below = new double[xs.Length];
        foreach (var series in chart.Series)
        {
            var above = below.Zip(series.Values, (sum, value) => sum + (value ?? 0)).ToArray();
            yield return Markup.Of($"<polygon class=\"layer {series.Style}\" points=\"{Outline(chart, frame, xs, below, above)}\"/>");
            below = above;
        }
    }

    private static Markup Outline(Chart chart, Frame frame, double[] xs, double[] below, double[] above)
    {
        var upper = xs.Zip(above, (x, value) => (X: x, Y: frame.Y(chart.Scale, value)));
        var lower = xs.Zip(below, (x, value) => (X: x, Y: frame.Y(chart.Scale, value)));

        // One rate has no width to fill: it becomes a bar.
        return xs is [] || xs[0] < xs[^1]
            ? Points(upper.Concat(lower.Reverse()))
            : Points(
            [
                .. upper.TakeLast(1).SelectMany(point => new[] { (point.X - (LoneBar / 2), point.Y), (point.X + (LoneBar / 2), point.Y) }),
                .. lower.TakeLast(1).SelectMany(point => new[] { (point.X + (LoneBar / 2), point.Y), (point.X - (LoneBar / 2), point.Y) }),
            ]);
    }

    private static Markup Line(Series series, Chart chart, Frame frame, double[] xs)
    {
        var points = xs.Zip(series.Values, (x, value) => value is { } known ? (X: x, Y: frame.Y(chart.Scale, known)) : ((double X, double Y)?)null).ToArray();
        var runs = Unbroken(points);
        var lines = runs.Where(run => run.Count > 1).Select(run => Markup.Of($"<polyline points=\"{Points(run)}\"/>"));

        // Many marks would cover what is under them; a point that no line goes through needs its own.
        var marks = runs.Where(run => run.Count == 1 || points.Length <= MostMarks).SelectMany(run => run).Select(point => Markup.Of($"<circle cx=\"{point.X}\" cy=\"{point.Y}\" r=\"2.5\"/>"));
        return Markup.Of($"<g class=\"line {series.Style} {series.Stroke}\">{lines}{marks}</g>");
    }

    private static Markup Level(Chart chart, Frame frame) => chart.Level is not var (value, label) ? Markup.Empty : Markup.Of(
        $"<line class=\"level\" x1=\"{Frame.Left}\" x2=\"{frame.PlotRight}\" y1=\"{frame.Y(chart.Scale, value)}\" y2=\"{frame.Y(chart.Scale, value)}\"/><text class=\"level-label\" x=\"{Frame.Left + 6}\" y=\"{frame.Y(chart.Scale, value) + 14}\">{label}</text>");

    // A band a step, as wide as it can be: pointing at it shows its figures, without a script.
    private static IEnumerable<Markup> Steps(Chart chart, Frame frame, double[] xs)
    {
        for (var step = 0; step < xs.Length; step++)
        {
            var left = step == 0 ? Frame.Left : (xs[step - 1] + xs[step]) / 2;
            var right = step == xs.Length - 1 ? frame.PlotRight : (xs[step] + xs[step + 1]) / 2;
            var figures = chart.Series.Select(series => $"{series.Name}: {chart.Format(series.Values[step])}");
            yield return Markup.Of(
                $"<rect class=\"step\" x=\"{left}\" y=\"{Frame.Top}\" width=\"{right - left}\" height=\"{frame.PlotBottom - Frame.Top}\"><title>{string.Join('\n', figures.Prepend($"{Figures.Rate(chart.Asked[step])} a second asked"))}</title></rect>");
        }
    }

    // Texts that would touch the one before are left out.
    private static IEnumerable<(double Value, double X)> Apart(IEnumerable<double> ticks, Func<double, double> x)
    {
        var last = double.NegativeInfinity;
        foreach (var tick in ticks.Where(tick => x(tick) - last >= LabelRoom))
        {
            last = x(tick);
            yield return (tick, last);
        }
    }

    private static List<List<(double X, double Y)>> Unbroken(IEnumerable<(double X, double Y)?> points)
    {
        var runs = new List<List<(double X, double Y)>> { new() };
        foreach (var point in points)
        {
            if (point is { } known)
                runs[^1].Add(known);
            else if (runs[^1].Count > 0)
                runs.Add([]);
        }

        return runs;
    }

    private static Markup Points(IEnumerable<(double X, double Y)> points) => Markup.Join(points.Select(point => Markup.Of($"{point.X},{point.Y} ")));
}
