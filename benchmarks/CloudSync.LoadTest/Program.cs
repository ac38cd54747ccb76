using CloudSync.LoadTest;
using CloudSync.LoadTest.Parts;
using CloudSync.LoadTest.Reports;
using CloudSync.LoadTest.ScaleOut;
using CloudSync.Measuring;

// A part of the path in a process of its own: see Part.
if (args is [Part.Argument, var part, var settings])
    return await PartProgram.RunAsync(part, settings);

using var interrupt = new Interrupt();
try
{
    if (args.Contains("--help"))
    {
        Console.WriteLine(Options.Usage);
        return 0;
    }

    var options = Options.Parse(args, Environment.GetEnvironmentVariable);
    return options.ScaleOut is null ? await Rounds.RunAsync(options, interrupt.Token) : await ScaleOutProgram.RunAsync(options, interrupt.Token);
}
catch (Exception e) when (e is FormatException or ReportException)
{
    await Console.Error.WriteLineAsync(e.Message);
    return 2;
}
catch (OperationCanceledException) when (interrupt.Token.IsCancellationRequested)
{
    return Interrupt.ExitCode;
}
catch (InvalidOperationException e)
{
    await Console.Error.WriteLineAsync(e.Message);
    return 1;
}
