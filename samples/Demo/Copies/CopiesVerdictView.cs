using System.Globalization;
using Spectre.Console;

namespace Demo.Copies;

/// <summary>The verdict for a person.</summary>
internal static class CopiesVerdictView
{
    public static void Show(CopiesVerdict verdict, TimeSpan elapsed)
    {
        AnsiConsole.WriteLine();
        foreach (var cloud in verdict.Clouds)
            Console.WriteLine($"{cloud.Cloud}: {CountsOf(cloud, verdict.CopiesPosted)}");
        AnsiConsole.WriteLine();
        VerdictView.Show(verdict.Checks);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{Summary(verdict)} ({elapsed.TotalSeconds:0.0} s)"));
    }

    private static string Summary(CopiesVerdict verdict) => (verdict.IsGood, verdict.Interrupted) switch
    {
        (true, false) => "VERDICT: good. Every message was posted three times and carried out once in each cloud; nothing was sent twice but what a killed process could not write down.",
        (true, true) => "VERDICT: interrupted before the end; nothing wrong in what was seen.",
        _ => "VERDICT: BROKEN.",
    };

    private static string CountsOf(CopiesCounts cloud, int posted) => string.Create(
        CultureInfo.InvariantCulture,
        $"{cloud.CarriedOut:N0} messages carried out, {cloud.Received:N0} received in requests, of {posted:N0} copies in Kafka. Of the {cloud.Received - cloud.CarriedOut:N0} received again, "
        + $"{cloud.CameAgain:N0} of {cloud.DiedWithProcess:N0} had died unanswered with the killed process, and {cloud.CameAgainAnswered:N0} had been answered in its last moment.");
}
