using System.Text;
using CloudSync.LoadTest.Reports.Compare;
using CloudSync.LoadTest.Reports.Tables;
using CloudSync.LoadTest.Results;

namespace CloudSync.LoadTest.Reports;

/// <summary>What was run, what it comes to, and what to do about it: for a ticket or a review.</summary>
internal static class MarkdownReport
{
    private static readonly IReadOnlyList<TableColumn<ComparedFigure>> ComparisonColumns =
    [
        new("asked /s", figure => Figures.Rate(figure.Asked)),
        new("figure", figure => figure.Name, IsNumber: false),
        new("before", figure => figure.OldText),
        new("now", figure => figure.NowText),
        new("change", figure => figure.ChangeText),
        new("noise", figure => figure.NoiseText, IsNumber: false),
    ];

    public static string Of(RunResult run, Comparison? comparison)
    {
        var text = new StringBuilder();
        var verdict = Verdict.Of(run);
        Paragraph($"# Load test, {RunFacts.Started(run.Info)}");
        Paragraph($"**{MarkdownText.Escape(verdict.Sentence)}**");

        Paragraph("## Verdict");
        Paragraph($"**{MarkdownText.Escape(verdict.Headline)}.**");
        List(
        [
            $"Limited by: {MarkdownText.Escape(verdict.LimitedBy.Part)}. {MarkdownText.Escape(verdict.LimitedBy.Evidence)}",
            $"Ended: {MarkdownText.Escape(verdict.Ended)}",
        ]);
        if (run.Audit.Count > 0)
            Paragraph(MarkdownText.Table(AuditTable.Columns, run.Audit));

        Paragraph("## What to do");
        List(Recommendations.Of(run).Select(recommendation => $"**{recommendation.Title}.** {string.Concat(recommendation.Pieces.Select(Piece))}"));
        if (Sizing.Of(run) is { Count: > 0 } sizing)
        {
            Paragraph($"{SizingTable.Introduction(run)}:");
            Paragraph(MarkdownText.Table(SizingTable.Columns, sizing));
        }

        Paragraph("## Steps");
        Paragraph("Rates are messages a second, latencies milliseconds from the scheduled time.");
        Paragraph(MarkdownText.Table(StepTable.Columns(run), run.Steps));

        if (FailureTable.Of(run) is { Count: > 0 } failures)
        {
            Paragraph("## Errors");
            Paragraph(MarkdownText.Table(FailureTable.Columns, failures));
        }

        if (comparison is not null)
            Compared(comparison);

        Paragraph("## How it was run");
        List(RunFacts.Of(run.Info).Select(fact => $"{fact.Name}: {MarkdownText.Escape(fact.Text)}"));
        return text.ToString();

        void Compared(Comparison with)
        {
            Paragraph("## Beside the run of before");
            List(with.Differences.Concat(with.Outcomes).Select(MarkdownText.Escape));

            Paragraph(MarkdownText.Escape(with.Summary));
            if (with.Figures.Count > 0)
                Paragraph(MarkdownText.Table(ComparisonColumns, with.Figures));
        }

        static string Piece((string Text, bool IsCode) piece) => piece.IsCode ? $"`{piece.Text}`" : MarkdownText.Escape(piece.Text);

        void Paragraph(string paragraph) => text.Append(paragraph).Append("\n\n");

        void List(IEnumerable<string> items) => Paragraph(string.Join('\n', items.Select(item => $"- {item}")));
    }
}
