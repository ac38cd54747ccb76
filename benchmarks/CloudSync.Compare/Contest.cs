using System.Globalization;

namespace CloudSync.Compare;

/// <summary>One of those that are compared.</summary>
/// <param name="Name">What it is called.</param>
/// <param name="RunAsync">Runs it once, in a process of its own, and checks that it lost nothing.</param>
internal sealed record Contender(string Name, Func<CancellationToken, Task<RunResult>> RunAsync);

/// <summary>Which of them are set against each other.</summary>
/// <param name="Ours">Above the line.</param>
/// <param name="Baseline">Below the line.</param>
/// <param name="BaselineName">What it is called there, if not by its own name.</param>
internal sealed record Pairing(Contender Ours, Contender Baseline, string? BaselineName = null);

/// <summary>What one run has shown.</summary>
/// <param name="Messages">Messages that it has done.</param>
/// <param name="Seconds">From the first to the last.</param>
/// <param name="Sum">The sum of what tells them apart: offsets, or numbers in ids. With the number of messages it shows that each was done, and once.</param>
/// <param name="BytesPerMessage">Bytes that the process allocated for each; <see langword="null"/> when it is not one of ours to ask.</param>
/// <param name="CpuSecondsPerMillion">Processor seconds of the process for a million of them; <see langword="null"/> when it is not one of ours to ask.</param>
internal sealed record RunResult(long Messages, double Seconds, long Sum, double? BytesPerMessage, double? CpuSecondsPerMillion)
{
    /// <summary>Messages a second.</summary>
    public double Rate => Messages / Seconds;
}

/// <summary>Runs contenders in turns, so that whatever else happens on the machine happens to all of them.</summary>
internal static class Contest
{
    /// <summary>Runs all rounds.</summary>
    /// <param name="arm">What it is about.</param>
    /// <param name="rounds">How often each contender runs.</param>
    /// <param name="contenders">Who takes part, in the order of the first round: those of a pairing as neighbours, as far as that goes.</param>
    /// <param name="pairings">Which ratios are wanted.</param>
    /// <param name="say">Hears of each run.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public static async Task<IReadOnlyList<Ratio>> RunAsync(
        string arm, int rounds, IReadOnlyList<Contender> contenders, IReadOnlyList<Pairing> pairings, Action<string> say, CancellationToken cancellationToken)
    {
        // The first run warms up the server and its page cache, and is not counted.
        var warmUp = contenders[^1];
        Tell("warm-up", warmUp, await warmUp.RunAsync(cancellationToken));

        var results = contenders.ToDictionary(contender => contender, _ => new List<RunResult>());
        for (var round = 1; round <= rounds; round++)
        {
            foreach (var contender in Order(contenders, round))
            {
                var result = await contender.RunAsync(cancellationToken);
                results[contender].Add(result);
                Tell(string.Create(CultureInfo.InvariantCulture, $"{round}/{rounds}"), contender, result);
            }
        }

        return [.. pairings.Select(pair => Ratio.Of(arm, pair.Ours.Name, results[pair.Ours], pair.BaselineName ?? pair.Baseline.Name, results[pair.Baseline]))];

        void Tell(string when, Contender contender, RunResult result) =>
            say(string.Create(CultureInfo.InvariantCulture, $"{arm} {when,-7} {contender.Name,-54} {result.Rate,11:N0}/s{Measured(result.BytesPerMessage, " B/msg")}{Measured(result.CpuSecondsPerMillion, " CPU s/M")}"));
    }

    /// <summary>There and back again: what gets slower or faster over the rounds favours nobody.</summary>
    internal static IEnumerable<T> Order<T>(IReadOnlyList<T> contenders, int round) => round % 2 == 1 ? contenders : contenders.Reverse();

    private static string Measured(double? figure, string unit) => figure is null ? "" : string.Create(CultureInfo.InvariantCulture, $" {figure,9:N1}{unit}");
}
