using System.ComponentModel;
using CloudSync.Sdk;
using Spectre.Console.Cli;

namespace CloudSync.Cli.DeadLetters;

/// <summary>Which dead letters.</summary>
internal class FilterSettings : ConnectionSettings
{
    [CommandOption("--group <GROUP>")]
    [Description("Of this consumer group.")]
    public string? Group { get; init; }

    [CommandOption("--consumer <NAME>")]
    [Description("Of the consumer with this name.")]
    public string? Consumer { get; init; }

    [CommandOption("--source-topic <TOPIC>")]
    [Description("Whose messages came from this topic, and go back to it.")]
    public string? SourceTopic { get; init; }

    [CommandOption("--error-type <TYPE>")]
    [Description("That failed in this way, such as ValidationError or Permanent; any number of times.")]
    public string[] ErrorTypes { get; init; } = [];

    [CommandOption("--since <TIME>")]
    [Description("That last failed at this time or later: 2h, 1d, or 2026-11-23T08:00:00Z.")]
    public string? Since { get; init; }

    [CommandOption("--until <TIME>")]
    [Description("That last failed before this time.")]
    public string? Until { get; init; }

    [CommandOption("--key <KEY>")]
    [Description("With this key.")]
    public string? Key { get; init; }

    [CommandOption("--id <ID>")]
    [Description("With this message id.")]
    public string? Id { get; init; }

    [CommandOption("--position <PARTITION:OFFSET>")]
    [Description("At this position of the dead-letter topic; any number of times.")]
    public string[] Positions { get; init; } = [];

    [CommandOption("--except <PARTITION:OFFSET>")]
    [Description("Not at this position; any number of times.")]
    public string[] Except { get; init; } = [];

    [CommandOption("--limit <N>")]
    [Description("So many letters at most.")]
    public long? Limit { get; init; }

    /// <exception cref="WrongCommandLineException">A value can't be read.</exception>
    public DeadLetterFilter Filter(DateTimeOffset now, bool includeRedriven = false)
    {
        if (Limit < 1)
            throw new WrongCommandLineException($"--limit is {Limit}; it must be at least 1.");

        return new DeadLetterFilter
        {
            Group = Group,
            Consumer = Consumer,
            SourceTopic = SourceTopic,
            ErrorTypes = [.. ErrorTypes.Select(ErrorTypeOf)],
            FailedFrom = TimeOf("--since", Since, now),
            FailedUntil = TimeOf("--until", Until, now),
            Key = Key,
            Id = Id,
            Positions = Positions.Length == 0 ? null : Positions.Select(text => PositionOf("--position", text)).ToHashSet(),
            Except = Except.Select(text => PositionOf("--except", text)).ToHashSet(),
            IncludeRedriven = includeRedriven,
        };
    }

    private static ErrorType ErrorTypeOf(string text) =>
        Enum.GetNames<ErrorType>().FirstOrDefault(name => name.Equals(text, StringComparison.OrdinalIgnoreCase)) is { } known
            ? Enum.Parse<ErrorType>(known)
            : throw new WrongCommandLineException($"--error-type is '{text}'; it must be one of {string.Join(", ", Enum.GetNames<ErrorType>())}.");

    private static DateTimeOffset? TimeOf(string option, string? text, DateTimeOffset now)
    {
        if (text is null)
            return null;

        return TimeText.TryRead(text, now, out var time)
            ? time
            : throw new WrongCommandLineException($"{option} is '{text}'; it must be how long ago, such as 90s, 2h or 1d, or a time such as 2026-11-23T08:00:00Z.");
    }

    private static DeadLetterPosition PositionOf(string option, string text) => DeadLetterPosition.TryParse(text, out var position)
        ? position
        : throw new WrongCommandLineException($"{option} is '{text}'; it must be partition:offset, such as 3:1042.");
}
