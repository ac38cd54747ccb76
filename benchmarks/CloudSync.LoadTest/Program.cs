using System.Globalization;
using CloudSync.LoadTest;
using CloudSync.LoadTest.Parts;
using CloudSync.LoadTest.ScaleOut;
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
    if (options.ScaleOut is not null)
        return await ScaleOutProgram.RunAsync(options, interrupt.Token);

    var isGreen = true;
    for (var round = 1; round <= options.Rounds && !interrupt.Token.IsCancellationRequested; round++)
    {
        var result = await LiveView.ShowAsync(AnsiConsole.Console, view => new Run(options, view).RunAsync(round, interrupt.Token));
        isGreen &= result.IsGreen && result.Steps.Count > 0;
        foreach (var audit in result.Audit)
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{audit.Endpoint}: {audit.Accepted:N0} accepted, {audit.Arrived:N0} arrived, {audit.Lost:N0} lost, {audit.Duplicates:N0} twice, {audit.OutOfOrder:N0} out of order, {audit.DeadLetters:N0} dead letters, {audit.Unanswered:N0} unanswered, {audit.Invented:N0} invented. {string.Join("; ", audit.Examples)}"));
        foreach (var step in result.Steps)
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{step.Asked}: {step.Limit.Part}: {step.Limit.Evidence} {step.BrokenOff}"));
        Console.WriteLine($"{result.Ended} highest {result.Highest}");
    }

    return interrupt.Token.IsCancellationRequested ? Interrupt.ExitCode : isGreen ? 0 : 1;
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

static async Task<int> RunPartAsync(string part, string settings)
{
    await (part switch
    {
        EmbeddedKafkaPart.Name => EmbeddedKafkaPart.RunAsync(),
        ApiPart.Name => ApiPart.RunAsync(settings),
        EndpointPart.Name => EndpointPart.RunAsync(settings),
        LoggingEndpointPart.Name => LoggingEndpointPart.RunAsync(settings),
        _ => ConsumerPart.RunAsync(settings),
    });
    return 0;
}
