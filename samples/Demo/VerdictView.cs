using System.Globalization;
using Spectre.Console;

namespace Demo;

/// <summary>The verdict for a person: what went wrong at the endpoints, each check, and the first offenders of those that don't hold.</summary>
internal static class VerdictView
{
    public static void Show(Verdict verdict, IEnumerable<BadDayEndpoint> endpoints, Poster poster, TimeSpan elapsed)
    {
        AnsiConsole.WriteLine();
        foreach (var endpoint in endpoints)
            AnsiConsole.WriteLine($"{endpoint.Cloud}'s bad day: {BadDayOf(endpoint)}");
        AnsiConsole.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"Posted in {poster.Requests:N0} requests; {poster.Duplicates:N0} messages posted twice on purpose, {poster.PostedAgain:N0} posted again because the API had not taken them."));
        foreach (var cloud in verdict.Clouds)
            AnsiConsole.WriteLine($"{cloud.Cloud}: {CountsOf(cloud, verdict.Interrupted)}");
        AnsiConsole.WriteLine();
        Show(verdict.Checks);
        AnsiConsole.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{Summary(verdict)} ({elapsed.TotalSeconds:0.0} s)"));
    }

    /// <summary>Each check, and the first offenders of those that don't hold.</summary>
    public static void Show(IReadOnlyList<Check> checks)
    {
        // A pipe has no width; 80 columns would break the table.
        if (Console.IsOutputRedirected)
            AnsiConsole.Profile.Width = 1000;

        var table = new Table().Border(TableBorder.Rounded)
            .AddColumn("where").AddColumn("what must hold").AddColumn(new TableColumn("checked").RightAligned())
            .AddColumn(new TableColumn("offences").RightAligned()).AddColumn("");
        foreach (var check in checks)
            table.AddRow(check.Where, check.Name, Number(check.Checked), Number(check.Offences), check.Holds ? "[green]holds[/]" : "[red]BROKEN[/]");
        AnsiConsole.Write(table);

        foreach (var check in checks.Where(c => !c.Holds))
            AnsiConsole.WriteLine($"{check.Where}: '{check.Name}' is broken by {string.Join(", ", check.Offenders)}{(check.Offences > check.Offenders.Count ? " …" : "")}");
    }

    private static string Summary(Verdict verdict) => (verdict.IsGood, verdict.Interrupted) switch
    {
        (true, false) => $"VERDICT: good. Every message in every cloud, once and in order, or in its dead-letter topic.",
        (true, true) => "VERDICT: interrupted before the end; nothing wrong in what was seen.",
        _ => "VERDICT: BROKEN.",
    };

    private static string BadDayOf(BadDayEndpoint endpoint)
    {
        var day = endpoint.Day;
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{day.Count(Weather.Slow):N0} slow answers, {day.Count(Weather.Down):N0} × 503, {day.Count(Weather.Throttled):N0} × 429, "
            + $"{day.Count(Weather.HangBefore) + day.Count(Weather.HangAfter):N0} without an answer in time, "
            + $"{day.Count(Weather.ResetBefore) + day.Count(Weather.ResetAfter):N0} connections cut, "
            + $"{day.Count(Weather.HangAfter) + day.Count(Weather.ResetAfter):N0} of these after having accepted; {endpoint.Refused:N0} × 400 for poison");
    }

    private static string CountsOf(CloudCounts cloud, bool interrupted)
    {
        var text = string.Create(
            CultureInfo.InvariantCulture,
            $"{cloud.Accepted:N0} accepted, {cloud.DeadLettered:N0} dead-lettered, {cloud.RepeatedAfterLostAnswer:N0} repeated with the same Idempotency-Key because an answer was lost");
        if (cloud.DeadLetteredWithoutPoison > 0)
            text += string.Create(CultureInfo.InvariantCulture, $"; {cloud.DeadLetteredWithoutPoison:N0} dead letters without poison, their retries used up");
        if (cloud.FromElsewhere > 0)
            text += string.Create(CultureInfo.InvariantCulture, $"; {cloud.FromElsewhere:N0} from elsewhere");
        if (interrupted && cloud.NotYetDelivered > 0)
            text += string.Create(CultureInfo.InvariantCulture, $"; {cloud.NotYetDelivered:N0} not yet delivered: they stand in Kafka, uncommitted");
        return text;
    }

    private static string Number(long value) => value.ToString("N0", CultureInfo.InvariantCulture);
}
