using System.Globalization;
using CloudSync.LoadTest.Reports.Compare;
using CloudSync.LoadTest.Reports.Html;
using CloudSync.LoadTest.Results;

namespace CloudSync.LoadTest.Reports;

/// <summary>Where the reports go, and what they are called.</summary>
internal static class ReportFiles
{
    /// <summary>Writes the reports of a run: the JSON of its round, CSV, page and Markdown.</summary>
    /// <param name="result">The run.</param>
    /// <param name="folder">Is made if it is not there.</param>
    /// <param name="old">What it is compared with, in the Markdown.</param>
    /// <returns>The paths of the files.</returns>
    /// <exception cref="ReportException">The folder can't be written to.</exception>
    public static async Task<IReadOnlyList<string>> WriteAsync(RunResult result, string folder, RunResult? old)
    {
        var time = Timestamp(result.Info);
        return
        [
            await WriteRoundAsync(result, folder),
            await WriteAsync(folder, $"performance_results_{time}.csv", CsvReport.Of(result)),
            await WriteAsync(folder, $"summary_report_{time}.html", HtmlReport.Of(result)),
            await WriteAsync(folder, $"analysis_{time}.md", MarkdownReport.Of(result, old is null ? null : Comparison.Of(old, result))),
        ];
    }

    /// <summary>Finds out whether reports can be written: before a run of hours, and not after it.</summary>
    /// <param name="folder">Is made if it is not there.</param>
    /// <exception cref="ReportException">They can't.</exception>
    public static void Check(string folder)
    {
        // What arrived comes from its process in a file.
        if (!Directory.Exists(Path.GetTempPath()))
            throw new ReportException($"There is no folder {Path.GetTempPath()} for temporary files (TMPDIR). Make it, or name another.");

        try
        {
            Directory.CreateDirectory(folder);
            var file = Path.Combine(folder, $".{Guid.NewGuid():N}");
            File.WriteAllText(file, "");
            File.Delete(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ReportException($"No report can be written into the folder {folder} (--out): {e.Message}", e);
        }
    }

    /// <summary>Writes the JSON of a round alone, as soon as it is over: what follows may fail.</summary>
    /// <returns>The path of the file.</returns>
    /// <exception cref="ReportException">The folder can't be written to.</exception>
    public static Task<string> WriteRoundAsync(RunResult result, string folder) =>
        WriteAsync(folder, string.Create(CultureInfo.InvariantCulture, $"round_{Timestamp(result.Info)}_{result.Info.Round}.json"), JsonReport.Of(result));

    private static string Timestamp(RunInfo info) => info.Started.UtcDateTime.ToString("yyyyMMdd_HHmmss", CultureInfo.InvariantCulture);

    // Whoever waits for a file must never see half of it.
    private static async Task<string> WriteAsync(string folder, string name, string text)
    {
        var path = Path.Combine(folder, name);
        var unfinished = Path.Combine(folder, $".{name}.{Guid.NewGuid():N}");
        try
        {
            Directory.CreateDirectory(folder);
            await File.WriteAllTextAsync(unfinished, text);
            File.Move(unfinished, path, overwrite: true);
            return path;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            if (File.Exists(unfinished))
                File.Delete(unfinished);
            throw new ReportException($"The report {name} can't be written into the folder {folder}: {e.Message} Name another folder, or give the right to write there.", e);
        }
    }
}
