using Spectre.Console;

namespace CloudSync.LoadTest.ScaleOut;

/// <summary>The result for a person.</summary>
internal static class ScaleOutView
{
    /// <summary>What a table gets where there is no terminal: a line of it must not be broken.</summary>
    private const int WidthWithoutTerminal = 240;

    public static void Show(IAnsiConsole console, ScaleOutResult result)
    {
        if (!console.Profile.Out.IsTerminal)
            console.Profile.Width = WidthWithoutTerminal;
        var table = new Table().Border(TableBorder.Simple);
        foreach (var column in ScaleOutTable.Columns)
            table.AddColumn(new TableColumn(Markup.Escape(column)).RightAligned());
        foreach (var count in result.Counts)
            table.AddRow([.. ScaleOutTable.Row(count).Select(Markup.Escape)]);
        console.Write(table);
        console.WriteLine(ScaleOutTable.Audit(result));
        foreach (var check in result.Checks)
            console.WriteLine("  " + ScaleOutTable.Line(check));
        console.WriteLine(ScaleOutTable.Summary(result));
    }
}
