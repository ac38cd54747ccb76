using CloudSync.LoadTest.Reports.Tables;

namespace CloudSync.LoadTest.Reports;

/// <summary>Text that somebody else wrote, as Markdown that shows it and does nothing else.</summary>
internal static class MarkdownText
{
    private const string Special = "\\`*_{}[]<>#|~&";

    /// <summary>On one line, with every sign that means something to Markdown made harmless.</summary>
    public static string Escape(string text) =>
        string.Concat(text.Select(sign => char.IsControl(sign) ? " " : Special.Contains(sign, StringComparison.Ordinal) ? $"\\{sign}" : $"{sign}"));

    public static string Table<T>(IReadOnlyList<TableColumn<T>> columns, IEnumerable<T> rows) => string.Join(
        '\n',
        rows.Select(row => Row(columns.Select(column => Escape(column.Text(row)))))
            .Prepend(Row(columns.Select(column => column.IsNumber ? "---:" : "---")))
            .Prepend(Row(columns.Select(column => Escape(column.Name)))));

    private static string Row(IEnumerable<string> cells) => $"| {string.Join(" | ", cells)} |";
}
