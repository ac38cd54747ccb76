using System.ComponentModel;
using System.Globalization;
using System.Text.Json.Nodes;
using CloudSync.Sdk;
using Spectre.Console;
using Spectre.Console.Cli;

namespace CloudSync.Cli.DeadLetters;

/// <summary>Sends dead letters back.</summary>
internal sealed class RedriveCommand(Surroundings surroundings) : AsyncCommand<RedriveCommand.Settings>
{
    public override async Task<int> ExecuteAsync(CommandContext context, Settings settings, CancellationToken cancellationToken)
    {
        if (settings.AllGroups == (settings.Group is not null || settings.Consumer is not null))
            throw new WrongCommandLineException(settings.AllGroups
                ? "--all-groups goes with neither --group nor --consumer."
                : "Whose letters? Give --group or --consumer, or --all-groups.");
        if (settings.Rate is < 1 or > 1_000_000)
            throw new WrongCommandLineException($"--rate is {settings.Rate}; it must be from 1 to 1,000,000 letters a second.");
        if (settings.Json && !settings.DryRun && !settings.Yes)
            throw new WrongCommandLineException("--json asks nobody. Give --yes to send, or --dry-run to see what would be sent.");
        if (!settings.DryRun && !settings.Yes && !surroundings.IsInteractive)
            throw new WrongCommandLineException("Nobody can be asked here. Give --yes to send, or --dry-run to see what would be sent.");

        var redrive = settings.Connect(surroundings);
        var filter = settings.Filter(surroundings.Time.GetUtcNow());
        var most = settings.Limit;
        if (settings.DryRun || !settings.Yes)
        {
            var plan = await redrive.RedriveAsync(
                filter, new RedriveSettings { DryRun = true, MaxLetters = settings.Limit, AllowUnknownGroup = settings.AllowUnknownGroup }, cancellationToken: cancellationToken);
            await TellAsync(plan, settings, isPlan: true);
            if (settings.DryRun || plan.Counts.Count == 0)
                return CommandLine.Done;

            if (!await surroundings.Console.ConfirmAsync("Send them back?", defaultValue: false, cancellationToken))
            {
                await surroundings.Out.WriteLineAsync("Nothing was sent.");
                return CommandLine.Done;
            }

            // What came while somebody was thinking was not shown, and so not agreed to.
            most = plan.Counts.Sum(c => c.Letters);
        }

        var progress = new RedriveProgressView(surroundings, isQuiet: settings.Json);
        try
        {
            var result = await progress.ShowAsync(reports => redrive.RedriveAsync(
                filter,
                new RedriveSettings { MaxPerSecond = settings.Rate, MaxLetters = most, AllowUnknownGroup = settings.AllowUnknownGroup },
                reports,
                cancellationToken));
            await TellAsync(result, settings, isPlan: false);
            return CommandLine.Done;
        }
        catch (OperationCanceledException)
        {
            await surroundings.Error.WriteLineAsync($"Interrupted. {Letters(progress.Sent)} sent and marked; the same command goes on from here.");
            return CommandLine.Interrupted;
        }
    }

    private async Task TellAsync(RedriveResult result, Settings settings, bool isPlan)
    {
        if (settings.Json)
        {
            // Of a plan, only when it is all that was asked for: one object is the answer.
            if (!isPlan || settings.DryRun)
                await surroundings.Out.WriteLineAsync(Json(result, isPlan));

            return;
        }

        foreach (var count in result.Counts)
            await surroundings.Out.WriteLineAsync(
                $"  {LetterText.Number(count.Letters),9}  {count.ErrorType?.ToString() ?? "?"}, to {SafeText.Line(count.Topic)} for group {SafeText.Line(count.Group)}");

        var would = result.Counts.Sum(c => c.Letters);
        await surroundings.Out.WriteLineAsync(isPlan
            ? $"{Letters(would)} would be sent back; {LetterText.Number(result.Waiting)} match and wait, {LetterText.Number(result.RedrivenBefore)} were redriven before."
            : $"{Letters(result.Sent)} sent back; {LetterText.Number(result.Waiting - result.Sent)} more match and wait, {LetterText.Number(result.RedrivenBefore)} had been redriven before.");
        if (result.Unreadable == 0)
            return;

        await surroundings.Out.WriteLineAsync($"{LetterText.Number(result.Unreadable)} records of the topic can't be redriven:");
        foreach (var letter in result.UnreadableLetters)
            await surroundings.Out.WriteLineAsync($"  {letter.Position}  {SafeText.Line(letter.Problem)}");
    }

    private static string Json(RedriveResult result, bool isPlan) => new JsonObject
    {
        ["dryRun"] = isPlan,
        ["waiting"] = result.Waiting,
        ["redrivenBefore"] = result.RedrivenBefore,
        ["sent"] = result.Sent,
        ["letters"] = new JsonArray([.. result.Counts.Select(c => new JsonObject
        {
            ["group"] = c.Group, ["errorType"] = c.ErrorType?.ToString(), ["topic"] = c.Topic, ["count"] = c.Letters,
        })]),
        ["unreadable"] = result.Unreadable,
        ["unreadablePositions"] = new JsonArray([.. result.UnreadableLetters.Select(l => JsonValue.Create(l.Position.ToString()))]),
    }.ToJsonString();

    private static string Letters(long letters) => letters == 1 ? "1 letter" : string.Create(CultureInfo.InvariantCulture, $"{letters:N0} letters");

    internal sealed class Settings : FilterSettings
    {
        [CommandOption("--all-groups")]
        [Description("Of all groups: each letter goes to its own.")]
        public bool AllGroups { get; init; }

        [CommandOption("--allow-unknown-group")]
        [Description("Sends letters of a group that has committed nothing in their topic, and that may never deliver them.")]
        public bool AllowUnknownGroup { get; init; }

        [CommandOption("--dry-run")]
        [Description("Says what would be sent, and sends nothing.")]
        public bool DryRun { get; init; }

        [CommandOption("--rate <N>")]
        [Description("So many letters a second at most.")]
        public int? Rate { get; init; }

        [CommandOption("-y|--yes")]
        [Description("Does not ask.")]
        public bool Yes { get; init; }
    }
}
