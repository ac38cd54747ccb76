using System.Globalization;
using CloudSync.LoadTest.Results;

namespace CloudSync.LoadTest.Reports.Tables;

/// <summary>How it was run: what somebody needs who would run it again.</summary>
internal static class RunFacts
{
    public const string Command = "command";

    public static IReadOnlyList<(string Name, string Text)> Of(RunInfo info) =>
    [
        ("target", info.Target),
        ("behind it", info.Description),
        (Command, info.Command),
        ("machine", info.Machine),
        ("processors", Figures.Count(info.Processors)),
        ("payload", $"{Figures.Count(info.PayloadBytes)} bytes"),
        ("keys", Figures.Count(info.Keys)),
        ("round", Figures.Count(info.Round)),
        ("started", Started(info)),
    ];

    public static string Started(RunInfo info) => info.Started.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss 'UTC'", CultureInfo.InvariantCulture);
}
