using Spectre.Console;

namespace CloudSync.Cli;

/// <summary>What a command has around it.</summary>
/// <param name="Console">Where results go, and who is asked.</param>
/// <param name="Error">Where it says what went wrong.</param>
/// <param name="Environment">The environment's variables.</param>
/// <param name="Time">The clock.</param>
internal sealed record Surroundings(IAnsiConsole Console, TextWriter Error, IReadOnlyDictionary<string, string> Environment, TimeProvider Time)
{
    /// <summary>Where text goes that nobody folds or colours.</summary>
    public TextWriter Out => Console.Profile.Out.Writer;

    /// <summary>Whether somebody sits there.</summary>
    public bool IsInteractive => Console.Profile.Capabilities.Interactive;
}
