using Spectre.Console;
using Spectre.Console.Rendering;

namespace CloudSync.LoadTest.Reports.Compare;

/// <summary>The comparison for a terminal; without lines or signs that a log could not show, and within 80 characters.</summary>
internal static class ComparisonTable
{
    public static IRenderable Of(Comparison comparison)
    {
        var parts = comparison.Differences.Concat(comparison.Outcomes).Select(difference => (IRenderable)new Text(difference)).ToList();
        if (comparison.Figures.Count > 0)
            parts.Add(Table(comparison));

        parts.Add(new Text(comparison.Summary));
        return new Rows(parts);
    }

    private static Table Table(Comparison comparison)
    {
        var table = new Table { Border = TableBorder.None };
        table.AddColumns(Column("asked"), Column("figure").LeftAligned(), Column("before"), Column("now"), Column("change"), Column("").LeftAligned());
        int? rate = null;
        foreach (var figure in comparison.Figures)
        {
            var style = figure.Noise == Noise.Beyond ? new Style(decoration: Decoration.Bold) : Style.Plain;
            var asked = figure.Asked == rate ? "" : Figures.Short(figure.Asked);
            table.AddRow(new[] { asked, figure.Name, figure.OldText, figure.NowText, figure.ChangeText, figure.NoiseText }.Select(text => new Text(text, style)));
            rate = figure.Asked;
        }

        return table;
    }

    private static TableColumn Column(string name) => new TableColumn(new Text(name)) { NoWrap = true, Padding = new Padding(0, 0, 1, 0) }.RightAligned();
}
