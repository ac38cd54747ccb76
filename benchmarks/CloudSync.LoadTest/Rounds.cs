using CloudSync.LoadTest.Reports;
using CloudSync.LoadTest.Reports.Compare;
using CloudSync.LoadTest.Results;
using CloudSync.LoadTest.Views;
using CloudSync.Measuring;
using Spectre.Console;

namespace CloudSync.LoadTest;

/// <summary>Runs all steps as often as was asked for. Each round has reports of its own.</summary>
internal static class Rounds
{
    /// <returns>The exit code.</returns>
    /// <exception cref="ReportException">An earlier round can't be read, or no report can be written.</exception>
    /// <exception cref="InvalidOperationException">A part does not start or has ended, or nothing is accepted.</exception>
    public static async Task<int> RunAsync(Options options, CancellationToken cancellationToken)
    {
        // Found out before the run, and not after it.
        var old = options.Compare is { } file ? JsonReport.Read(file) : null;
        ReportFiles.Check(options.Out);

        var isRed = false;
        for (var round = 1; round <= options.Rounds && !cancellationToken.IsCancellationRequested; round++)
        {
            var result = await LiveView.ShowAsync(AnsiConsole.Console, view => new Run(options, view).RunAsync(round, cancellationToken));
            await ShowAsync(result, options.Out, old);
            isRed |= !result.IsGreen || (!result.HasMeasured && result.Ended != RunResult.Interrupted);
        }

        return isRed ? 1 : cancellationToken.IsCancellationRequested ? Interrupt.ExitCode : 0;
    }

    private static async Task ShowAsync(RunResult result, string folder, RunResult? old)
    {
        Console.WriteLine();
        Console.WriteLine(Verdict.Of(result).Headline);
        if (result.Ended is { } ended)
            Console.WriteLine(ended);
        if (old is not null)
            AnsiConsole.Write(ComparisonTable.Of(Comparison.Of(old, result)));
        foreach (var report in await ReportFiles.WriteAsync(result, folder, old))
            Console.WriteLine(report);
    }
}
