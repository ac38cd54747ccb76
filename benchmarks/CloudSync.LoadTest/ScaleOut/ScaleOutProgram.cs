using CloudSync.Measuring;
using Spectre.Console;

namespace CloudSync.LoadTest.ScaleOut;

/// <summary>What the program does with <c>--scale-out</c>.</summary>
internal static class ScaleOutProgram
{
    /// <returns>The exit code.</returns>
    /// <exception cref="InvalidOperationException">A part does not start or has ended, or a report can't be written.</exception>
    public static async Task<int> RunAsync(Options options, CancellationToken cancellationToken)
    {
        var result = await new ScaleOutRun(options, Console.WriteLine).RunAsync(cancellationToken);
        ScaleOutView.Show(AnsiConsole.Console, result);
        foreach (var file in await ScaleOutReport.WriteAsync(result, options.Out))
            Console.WriteLine(file);
        return cancellationToken.IsCancellationRequested ? Interrupt.ExitCode : result.IsGood ? 0 : 1;
    }
}
