using CloudSync.LoadTest.Reports.Tables;

namespace CloudSync.LoadTest.Reports.Html;

/// <summary>A table in a box of its own, which scrolls sideways where the screen is narrow.</summary>
internal static class HtmlTable
{
    /// <param name="label">What it is, for who can't see it.</param>
    /// <param name="columns">The first is the heading of its row.</param>
    /// <param name="rows">A row each.</param>
    /// <param name="isMarked">Whether a row stands out; the words for it are in one of its columns.</param>
    public static Markup Of<T>(string label, IReadOnlyList<TableColumn<T>> columns, IEnumerable<T> rows, Func<T, bool>? isMarked = null) => Markup.Of(
        $"""
        <div class="scroll" role="region" aria-label="{label}" tabindex="0"><table>
        <thead><tr>{columns.Select(column => Markup.Of($"<th scope=\"col\" class=\"{Class(column)}\">{column.Name}</th>"))}</tr></thead>
        <tbody>
        {rows.Select(row => Row(columns, row, isMarked?.Invoke(row) == true))}</tbody>
        </table></div>

        """);

    private static Markup Row<T>(IReadOnlyList<TableColumn<T>> columns, T row, bool isMarked)
    {
        var heading = Markup.Of($"<th scope=\"row\" class=\"{Class(columns[0])}\">{columns[0].Text(row)}</th>");
        var cells = columns.Skip(1).Select(column => Markup.Of($"<td class=\"{Class(column)}\">{column.Text(row)}</td>"));
        return Markup.Of($"<tr class=\"{(isMarked ? "marked" : "")}\">{heading}{cells}</tr>\n");
    }

    private static string Class<T>(TableColumn<T> column) => column.IsNumber ? "number" : "words";
}
