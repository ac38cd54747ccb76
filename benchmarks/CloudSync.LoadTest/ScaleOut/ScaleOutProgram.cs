using CloudSync.LoadTest.Reports;
using CloudSync.Measuring;
using Spectre.Console;

namespace CloudSync.LoadTest.ScaleOut;

/// <summary>What the program does with <c>--scale-out</c>.</summary>
internal static class ScaleOutProgram
{
    /// <returns>The exit code.</returns>
    /// <exception cref="ReportException">No report can be written.</exception>
    /// <exception cref="InvalidOperationException">A part does not start or has ended, or a report can't be written.</exception>
    public static async Task<int> RunAsync(Options options, CancellationToken cancellationToken)
    {
        // Found out before the run, and not after it.
        ReportFiles.Check(options.Out);
        var result = await new ScaleOutRun(options, Console.WriteLine).RunAsync(cancellationToken);
        ScaleOutView.Show(AnsiConsole.Console, result);
        foreach (var file in await ScaleOutReport.WriteAsync(result, options.Out))
            Console.WriteLine(file);
        return cancellationToken.IsCancellationRequested ? Interrupt.ExitCode : result.IsGood ? 0 : 1;
    }
}
