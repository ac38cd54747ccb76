using CloudSync.LoadTest;
using CloudSync.LoadTest.Parts;
using CloudSync.LoadTest.Reports;
using CloudSync.LoadTest.Reports.Compare;
using CloudSync.LoadTest.Results;
using CloudSync.LoadTest.Views;
using CloudSync.Measuring;
using Spectre.Console;

if (args is [Part.Argument, var part, var settings])
{
    using var none = new Interrupt(); // The process that started this one hears of it, and ends this one in its turn.
    return await RunPartAsync(part, settings);
}

Options options;
try
{
    if (args.Contains("--help"))
    {
        Console.WriteLine(Options.Usage);
        return 0;
    }

    options = Options.Parse(args, Environment.GetEnvironmentVariable);
}
catch (FormatException e)
{
    await Console.Error.WriteLineAsync(e.Message);
    return 2;
}

using var interrupt = new Interrupt();
try
{
    // Found out before the run, and not after it.
    var old = options.Compare is { } file ? JsonReport.Read(file) : null;
    await ReportFiles.CheckAsync(options.Out);
    var exitCode = 0;
    for (var round = 1; round <= options.Rounds && !interrupt.Token.IsCancellationRequested; round++)
    {
        var result = await LiveView.ShowAsync(AnsiConsole.Console, view => new Run(options, view).RunAsync(round, interrupt.Token));
        await ShowAsync(result, old);
        exitCode = Math.Max(exitCode, result is { IsGreen: true, Steps.Count: > 0 } ? 0 : 1);
    }

    return exitCode == 0 && interrupt.Token.IsCancellationRequested ? Interrupt.ExitCode : exitCode;
}
catch (OperationCanceledException) when (interrupt.Token.IsCancellationRequested)
{
    return Interrupt.ExitCode;
}
catch (ReportException e)
{
    await Console.Error.WriteLineAsync(e.Message);
    return 2;
}
catch (InvalidOperationException e)
{
    await Console.Error.WriteLineAsync(e.Message);
    return 1;
}

async Task ShowAsync(RunResult result, RunResult? old)
{
    Console.WriteLine();
    Console.WriteLine(Verdict.Of(result).Headline);
    if (old is not null)
        AnsiConsole.Write(ComparisonTable.Of(Comparison.Of(old, result)));
    foreach (var report in await ReportFiles.WriteAsync(result, options.Out, old))
        Console.WriteLine(report);
}

static async Task<int> RunPartAsync(string part, string settings)
{
    await (part switch
    {
        EmbeddedKafkaPart.Name => EmbeddedKafkaPart.RunAsync(),
        ApiPart.Name => ApiPart.RunAsync(settings),
        EndpointPart.Name => EndpointPart.RunAsync(settings),
        _ => ConsumerPart.RunAsync(settings),
    });
    return 0;
}
