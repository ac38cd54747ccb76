using CloudSync.LoadTest.Reports;
using Xunit;

namespace CloudSync.LoadTest.Tests.Reports;

public sealed class ReportFilesTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("load-test-").FullName;

    [Fact]
    public async Task All_reports_are_written_under_the_time_of_the_start_in_utc()
    {
        var folder = Path.Combine(_root, "not", "there", "yet");

        var paths = await ReportFiles.WriteAsync(SampleRuns.Green, folder, old: null);

        Assert.Equal(
            ["round_20261130_210607_1.json", "performance_results_20261130_210607.csv", "summary_report_20261130_210607.html", "analysis_20261130_210607.md"],
            paths.Select(path => Path.GetRelativePath(folder, path)));
        Assert.Equal(CsvReport.Of(SampleRuns.Green), Text(paths[1]));
        Assert.Equivalent(SampleRuns.Green, JsonReport.Read(paths[0]), strict: true);
    }

    [Fact]
    public async Task Nothing_else_is_left_in_the_folder_and_what_was_there_is_replaced()
    {
        await ReportFiles.WriteAsync(SampleRuns.Green, _root, old: null);
        var paths = await ReportFiles.WriteAsync(SampleRuns.Red, _root, old: null);

        Assert.Equal(paths.Order(StringComparer.Ordinal), Directory.GetFileSystemEntries(_root).Order(StringComparer.Ordinal));
        Assert.Contains("Red:", Text(paths[3]), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Each_round_has_its_own_json()
    {
        await ReportFiles.WriteRoundAsync(SampleRuns.Green, _root);
        await ReportFiles.WriteRoundAsync(SampleRuns.Green with { Info = SampleRuns.Green.Info with { Round = 2 } }, _root);

        Assert.Equal(["round_20261130_210607_1.json", "round_20261130_210607_2.json"], Directory.GetFiles(_root).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task A_run_of_before_is_compared_in_the_markdown()
    {
        var alone = await ReportFiles.WriteAsync(SampleRuns.Green, Path.Combine(_root, "alone"), old: null);
        var compared = await ReportFiles.WriteAsync(SampleRuns.Green, Path.Combine(_root, "compared"), SampleRuns.Red);

        Assert.DoesNotContain("Beside the run of before", Text(alone[3]), StringComparison.Ordinal);
        Assert.Contains("Beside the run of before", Text(compared[3]), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_folder_that_can_not_be_written_to_is_named()
    {
        var file = Path.Combine(_root, "a-file");
        File.Create(file).Dispose();

        var e = await Assert.ThrowsAsync<ReportException>(() => ReportFiles.WriteAsync(SampleRuns.OneStep, file, old: null));

        Assert.StartsWith($"The report round_20261130_210607_1.json can't be written into the folder {file}: ", e.Message, StringComparison.Ordinal);
        Assert.EndsWith("Name another folder, or give the right to write there.", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_that_can_not_get_its_name_leaves_no_part_of_it_behind()
    {
        Directory.CreateDirectory(Path.Combine(_root, "round_20261130_210607_1.json"));

        await Assert.ThrowsAsync<ReportException>(() => ReportFiles.WriteRoundAsync(SampleRuns.OneStep, _root));

        Assert.Empty(Directory.GetFiles(_root));
    }

    public void Dispose() => Directory.Delete(_root, recursive: true);

    private static string Text(string path)
    {
        using var reader = new StreamReader(path);
        return reader.ReadToEnd();
    }
}
