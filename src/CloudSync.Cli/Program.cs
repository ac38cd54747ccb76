using System.Collections;
using System.Runtime.InteropServices;
using CloudSync.Cli;
using Spectre.Console;

// The first Ctrl-C, or SIGTERM, ends the work in order; a second one ends the process.
using var stop = new CancellationTokenSource();
using var interrupted = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
using var terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);

var console = AnsiConsole.Console;
console.Profile.Capabilities.Interactive = !Console.IsInputRedirected && !Console.IsOutputRedirected;

// Nobody folds a table in a file or a pipe.
if (Console.IsOutputRedirected)
    console.Profile.Width = 300;

var environment = Environment.GetEnvironmentVariables().Cast<DictionaryEntry>().ToDictionary(e => (string)e.Key, e => (string?)e.Value ?? "");
return await CommandLine.RunAsync(args, new Surroundings(console, Console.Error, environment, TimeProvider.System), stop.Token);

void Stop(PosixSignalContext context)
{
    context.Cancel = !stop.IsCancellationRequested;
    stop.Cancel();
}
