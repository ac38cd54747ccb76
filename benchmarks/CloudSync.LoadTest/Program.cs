using CloudSync.LoadTest;
using CloudSync.LoadTest.Parts;
using CloudSync.LoadTest.Reports;
using CloudSync.LoadTest.ScaleOut;
using CloudSync.Measuring;
using Microsoft.Extensions.Options;

// A part of the path in a process of its own: see Part.
if (args is [Part.Argument, var part])
    return await PartProgram.RunAsync(part);

using var interrupt = new Interrupt();
try
{
    if (args.Contains("--help"))
    {
        Console.WriteLine(CloudSync.LoadTest.Options.Usage);
        return 0;
    }

    var options = CloudSync.LoadTest.Options.Parse(args, Environment.GetEnvironmentVariable);
    return options.ScaleOut is null ? await Rounds.RunAsync(options, interrupt.Token) : await ScaleOutProgram.RunAsync(options, interrupt.Token);
}
catch (Exception e) when (e is FormatException or ReportException or OptionsValidationException)
{
    // A setting of the producer that is in this process is found to be wrong when that is made.
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
