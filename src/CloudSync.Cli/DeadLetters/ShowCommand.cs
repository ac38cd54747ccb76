using System.ComponentModel;
using CloudSync.Sdk;
using Spectre.Console.Cli;

namespace CloudSync.Cli.DeadLetters;

/// <summary>All that is known of a dead letter.</summary>
internal sealed class ShowCommand(Surroundings surroundings) : AsyncCommand<ShowCommand.Settings>
{
    private const int MostBytes = 4_096;

    public override async Task<int> ExecuteAsync(CommandContext context, Settings settings, CancellationToken cancellationToken)
    {
        var isPosition = DeadLetterPosition.TryParse(settings.Which, out var position);
        var filter = new DeadLetterFilter
        {
            Positions = isPosition ? new HashSet<DeadLetterPosition> { position } : null,
            Id = isPosition ? null : settings.Which,
            IncludeRedriven = true,
        };
        var found = false;
        await foreach (var letter in settings.Connect(surroundings).ReadAsync(filter, cancellationToken))
        {
            if (settings.Json)
                await surroundings.Out.WriteLineAsync(LetterText.Json(letter, withHeaders: true, settings.Payload ? letter.Value : null));
            else
                await ShowAsync(letter, settings.Payload);

            found = true;
        }

        if (found)
            return CommandLine.Done;

        await surroundings.Error.WriteLineAsync(
            $"{settings.Topic} has no dead letter {(isPosition ? "at position" : "with the id")} {SafeText.Line(settings.Which, 100)}. Try dlq list --all.");
        return CommandLine.Failed;
    }

    private async Task ShowAsync(DeadLetterRecord letter, bool withPayload)
    {
        List<string> lines =
        [
            $"Dead letter {letter.Position}, {LetterText.Status(letter)}",
            $"  id            {SafeText.Line(letter.MessageId ?? "?")}",
            $"  failed in     group {SafeText.Line(letter.Group ?? "?")}, consumer {SafeText.Line(letter.Consumer ?? "?")}",
            FormattableString.Invariant($"  came from     {SafeText.Line(letter.Topic ?? "?")} [{letter.Partition}] @{letter.Offset}, {TimeText.Show(letter.Timestamp)}"),
            $"  failed        first {TimeText.Show(letter.FirstFailure)}, last {TimeText.Show(letter.LastFailure)}",
            $"  attempts      {LetterText.Number(letter.Attempts)}, redriven {LetterText.Number(letter.Redrives)} times before it failed",
            $"  error         {LetterText.ErrorType(letter)} {SafeText.Line(letter.ExceptionType)}",
            $"  reason        {SafeText.Line(LetterText.Reason(letter) ?? "?")}",
            $"  key           {Size(letter.Key)}",
            $"  payload       {Size(letter.Value)}",
            "  headers of the message",
            .. letter.OriginalHeaders.Select(Header),
            "  headers of the dead letter",
            .. letter.Details.Select(Header),
        ];
        if (withPayload)
        {
            // Behind a bar: no payload can pass for one of our lines.
            lines.Add("  the key itself");
            lines.AddRange(letter.Key is { } key ? SafeText.Lines(key, MostBytes).Select(line => $"  │ {line}") : []);
            lines.Add("  the payload itself");
            lines.AddRange(letter.Value is { } value ? SafeText.Lines(value, MostBytes).Select(line => $"  │ {line}") : []);
        }

        foreach (var line in lines)
            await surroundings.Out.WriteLineAsync(line);
    }

    private static string Header(MessageHeader header) => $"    {SafeText.Line(header.Name)}: {SafeText.Line(header.Value)}";

    private static string Size(ReadOnlyMemory<byte>? bytes) => bytes is { } there ? $"{LetterText.Number(there.Length)} bytes" : "none";

    internal sealed class Settings : ConnectionSettings
    {
        [CommandArgument(0, "<POSITION|ID>")]
        [Description("Where the letter stands, partition:offset, or the id of its message.")]
        public string Which { get; init; } = "";

        [CommandOption("--payload")]
        [Description("The key and the payload too: as text where they are, else in hex, 4,096 bytes at most.")]
        public bool Payload { get; init; }
    }
}
