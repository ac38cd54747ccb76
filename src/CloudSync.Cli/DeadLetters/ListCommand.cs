using System.ComponentModel;
using System.Globalization;
using CloudSync.Sdk;
using Spectre.Console;
using Spectre.Console.Cli;

namespace CloudSync.Cli.DeadLetters;

/// <summary>Which dead letters there are.</summary>
internal sealed class ListCommand(Surroundings surroundings) : AsyncCommand<ListCommand.Settings>
{
    private const long DefaultLimit = 100;
    private const int LongestReason = 80;
    private const int LongestId = 48;
    private const int LongestGroup = 64;

    public override async Task<int> ExecuteAsync(CommandContext context, Settings settings, CancellationToken cancellationToken)
    {
        var redrive = settings.Connect(surroundings);
        var letters = redrive.ReadAsync(settings.Filter(surroundings.Time.GetUtcNow(), settings.All), cancellationToken);
        if (settings.Json)
        {
            var left = settings.Limit ?? long.MaxValue;
            await foreach (var letter in letters)
            {
                if (left-- == 0)
                    break;

                await surroundings.Out.WriteLineAsync(LetterText.Json(letter));
            }

            return CommandLine.Done;
        }

        var limit = settings.Limit ?? DefaultLimit;
        var table = NewTable("position", "failed at", "error type", "status", "attempts", "redrives", "group", "id", "reason");
        var kinds = new SortedDictionary<(string Group, string ErrorType, string Status), long>();
        long count = 0;
        await foreach (var letter in letters)
        {
            if (count++ < limit)
                AddTo(table, letter);

            var kind = (SafeText.Line(letter.Group ?? "?", LongestGroup), LetterText.ErrorType(letter), LetterText.Status(letter));
            kinds[kind] = kinds.GetValueOrDefault(kind) + 1;
        }

        if (count == 0)
        {
            await surroundings.Out.WriteLineAsync(settings.All ? "No such dead letters." : "No such dead letters wait. Those that were redriven: --all.");
            return CommandLine.Done;
        }

        surroundings.Console.Write(table);
        if (count > limit)
            await surroundings.Out.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"… and {count - limit:N0} more: --limit."));

        Summarise(kinds);
        return CommandLine.Done;
    }

    private static void AddTo(Table table, DeadLetterRecord letter) => table.AddRow(Cells(
        letter.Position.ToString(),
        TimeText.Show(letter.LastFailure),
        LetterText.ErrorType(letter),
        LetterText.Status(letter),
        LetterText.Number(letter.Attempts),
        LetterText.Number(letter.Redrives),
        SafeText.Line(letter.Group ?? "?", LongestGroup),
        SafeText.Line(letter.MessageId ?? "?", LongestId),
        SafeText.Line(LetterText.Reason(letter), LongestReason)));

    private void Summarise(SortedDictionary<(string Group, string ErrorType, string Status), long> kinds)
    {
        var table = NewTable("group", "error type", "status", "letters");
        foreach (var (kind, letters) in kinds)
            table.AddRow(Cells(kind.Group, kind.ErrorType, kind.Status, LetterText.Number(letters)));

        surroundings.Console.Write(table);
    }

    private static Table NewTable(params string[] columns)
    {
        var table = new Table().Border(TableBorder.Simple);
        foreach (var column in columns)
            table.AddColumn(column);

        return table;
    }

    /// <summary>As text, which is no markup.</summary>
    private static Text[] Cells(params string[] cells) => [.. cells.Select(cell => new Text(cell))];

    internal sealed class Settings : FilterSettings
    {
        [CommandOption("--all")]
        [Description("Letters that were redriven as well.")]
        public bool All { get; init; }
    }
}
