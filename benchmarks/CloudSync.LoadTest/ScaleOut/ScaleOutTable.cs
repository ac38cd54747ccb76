using System.Globalization;

namespace CloudSync.LoadTest.ScaleOut;

/// <summary>What stands in the table, on the terminal and in the report.</summary>
internal static class ScaleOutTable
{
    private const string None = "–";

    public static IReadOnlyList<string> Columns { get; } =
        ["processes", "change", "messages/s", "of the first's share", "nothing arrived for, ms", "a partition stood for, ms", "without a change, ms", "partitions owned after, s", "rate reached after, s", "processors"];

    public static IReadOnlyList<string> Row(CountResult count) =>
    [
        Text(count.Instances, "0"), count.Change, Text(count.Rate, "#,0"), Text(count.Share, "0.00"), Text(count.Pause, "#,0"), Text(count.PartitionPause, "#,0"), Text(count.UndisturbedPartitionPause, "#,0"),
        Text(count.SettledAfter, "0.0"), Text(count.ReachedAfter, "0.0"), Text(count.Processors, "0.00"),
    ];

    /// <summary>What the ledger says, in a sentence.</summary>
    public static string Audit(ScaleOutResult result) => string.Create(
        CultureInfo.InvariantCulture,
        $"{result.Audit.Accepted:N0} accepted, {result.Audit.Arrived:N0} arrived, {result.Audit.Lost:N0} {(result.Ended is null ? "lost" : "not arrived yet")}, {result.Audit.OutOfOrder:N0} out of order, {result.Audit.Invented:N0} invented, {result.Audit.DeadLetters:N0} dead letters. {result.Audit.Duplicates:N0} came twice: {result.CameAgainUnanswered:N0} that a killed process had no answer of, {result.CameAgainAnswered:N0} that it had answered and not written down.");

    public static string Summary(ScaleOutResult result) =>
        (result.Ended is { } ended ? ended + " " : "") + (result.IsGood
            ? "VERDICT: good."
            : result.Counts.Count == 0 || result.Counts.Any(count => count.Rate <= 0) ? "VERDICT: BROKEN. Nothing was measured, or nothing arrived with some number of processes." : "VERDICT: BROKEN.");

    public static string Line(Check check) => string.Create(
        CultureInfo.InvariantCulture, $"{(check.Holds ? "ok" : "BROKEN")}: {check.Name} ({check.Offences:N0} of {check.Looked:N0}){(!check.Holds && check.Examples.Count > 0 ? ": " + string.Join("; ", check.Examples) : "")}");

    private static string Text(double? number, string format) => number?.ToString(format, CultureInfo.InvariantCulture) ?? None;
}
