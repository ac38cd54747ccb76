using CloudSync.LoadTest.Reports;
using CloudSync.LoadTest.Reports.Compare;
using CloudSync.LoadTest.Results;
using Xunit;

namespace CloudSync.LoadTest.Tests.Reports;

public sealed class MarkdownReportTests
{
    [Fact]
    public void The_sentence_for_who_decides_comes_before_all_else()
    {
        var lines = MarkdownReport.Of(SampleRuns.Green, comparison: null).Split('\n');

        Assert.Equal(["# Load test, 2026-11-30 21:06:07 UTC", "", $"**{Verdict.Of(SampleRuns.Green).Sentence}**"], lines[..3]);
    }

    [Fact]
    public void It_has_verdict_advice_steps_errors_and_how_it_was_run() => Assert.Equal(
        ["## Verdict", "## What to do", "## Steps", "## Errors", "## How it was run"],
        Headings(MarkdownReport.Of(SampleRuns.Green, comparison: null)));

    [Fact]
    public void A_comparison_has_its_own_section_with_what_differs_first()
    {
        var old = SampleRuns.Green with { Info = SampleRuns.Green.Info with { Keys = 1 } };

        var report = MarkdownReport.Of(SampleRuns.Green, Comparison.Of(old, SampleRuns.Green));

        var section = report.Split("## Beside the run of before\n\n")[1];
        Assert.StartsWith("- The number of keys differs: 1 before, 100,000 now.\n- Highest rate held: 300,000 a second before, 300,000 a second now.\n- Audit: green before, green now.\n\nNothing has changed beyond noise.\n\n| asked /s |", section, StringComparison.Ordinal);
    }

    [Fact]
    public void Each_step_is_a_row_with_as_many_cells_as_the_header()
    {
        var table = MarkdownReport.Of(SampleRuns.Green, comparison: null).Split("## Steps")[1].Split("## ")[0].Split('\n').Where(line => line.StartsWith('|')).ToArray();

        Assert.Equal(SampleRuns.Green.Steps.Count + 2, table.Length);
        Assert.Single(table.Select(row => row.Count(sign => sign == '|')).Distinct());
        Assert.Contains(table, row => row.StartsWith("| 300,000 | 299,850 |", StringComparison.Ordinal) && row.EndsWith("| highest rate held |", StringComparison.Ordinal));
    }

    [Fact]
    public void Others_words_break_no_table_and_make_no_markup()
    {
        var step = SampleRuns.OneStep.Steps[0] with { Errors = new Dictionary<string, long> { ["a | b\n<img src=x> **bold** `code`"] = 1 } };

        var report = MarkdownReport.Of(SampleRuns.OneStep with { Steps = [step], Ended = "<script>" }, comparison: null);

        Assert.Contains(@"| a \| b \<img src=x\> \*\*bold\*\* \`code\` | 1 |", report, StringComparison.Ordinal);
        Assert.Contains(@"- Ended: \<script\>", report, StringComparison.Ordinal);
    }

    [Fact]
    public void Advice_has_our_settings_as_code_and_others_words_as_words()
    {
        var step = SampleRuns.Step(400_000) with { Limit = new Limit("broker", "<b>**bold**</b>") };

        var report = MarkdownReport.Of(SampleRuns.Green with { Steps = [.. SampleRuns.Green.Steps.SkipLast(2), step] }, comparison: null);

        Assert.Contains(@"\<b\>\*\*bold\*\*\</b\> That was at 400,000 a second. 341,829 were acknowledged, and the broker took 0.83 processors. `Preset=HighThroughput` of", report, StringComparison.Ordinal);
    }

    [Fact]
    public void Each_part_has_its_cores_for_other_rates() => Assert.Contains(
        "| api | 2.93 | 0.03 | 0.29 | 2.93 |", MarkdownReport.Of(SampleRuns.Green, comparison: null), StringComparison.Ordinal);

    [Fact]
    public void A_run_of_which_nothing_was_acknowledged_has_dashes_and_no_nonsense()
    {
        var report = MarkdownReport.Of(SampleRuns.NothingAcknowledged, Comparison.Of(SampleRuns.Green, SampleRuns.NothingAcknowledged));

        Assert.DoesNotContain("NaN", report, StringComparison.Ordinal);
        Assert.DoesNotContain("∞", report, StringComparison.Ordinal);
        Assert.Contains("| 500,000 | 0 | 0 | 4,368,000 | – | – |", report, StringComparison.Ordinal);
    }

    private static IEnumerable<string> Headings(string report) => report.Split('\n').Where(line => line.StartsWith("## ", StringComparison.Ordinal));
}
