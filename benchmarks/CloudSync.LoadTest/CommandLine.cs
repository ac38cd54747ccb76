using System.Globalization;

namespace CloudSync.LoadTest;

/// <summary>The words of a command line, and what is said of those that are wrong.</summary>
internal sealed class CommandLine(string[] args, string hint)
{
    private int _at = -1;

    /// <summary>The next word; <see langword="null"/> after the last.</summary>
    public string? Next() => ++_at < args.Length ? args[_at] : null;

    /// <summary>The word after an option, which is its value.</summary>
    public string Value() => _at + 1 < args.Length ? args[++_at] : throw Wrong($"{args[_at]} lacks its value.");

    public FormatException Wrong(string what) => new($"{what} {hint}");

    public int Number(string name, string text, int least, int most) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= least && number <= most
            ? number
            : throw Wrong(string.Create(CultureInfo.InvariantCulture, $"{name} {text}: must be a whole number from {least} to {most}."));

    public T OneOf<T>(string name, string text)
        where T : struct, Enum =>
        Enum.GetNames<T>().Any(known => known.Equals(text, StringComparison.OrdinalIgnoreCase))
            ? Enum.Parse<T>(text, ignoreCase: true)
            : throw Wrong($"{name} {text}: must be one of {string.Join(", ", Enum.GetNames<T>().Select(known => known.ToLowerInvariant()))}.");

    public KeyValuePair<string, string> Pair(string name, string text) =>
        text.IndexOf('=', StringComparison.Ordinal) is > 0 and var at
            ? new KeyValuePair<string, string>(text[..at], text[(at + 1)..])
            : throw Wrong($"{name} {text}: must be a name, = and a value.");

    public Uri Address(string name, string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out var address) && address.Scheme is "http" or "https" ? address : throw Wrong($"{name} {text}: must be an http or https address.");

    /// <summary>A variable that is <c>true</c>, <c>false</c> or not set.</summary>
    public bool Flag(string name, string? text) =>
        string.IsNullOrEmpty(text) ? false : bool.TryParse(text, out var value) ? value : throw Wrong($"{name}={text}: must be true or false.");
}
