using System.Globalization;
using CloudSync.Measuring;

namespace CloudSync.Soak;

/// <summary>Holds a rate and looks at the consumer again and again.</summary>
internal static class Hold
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);

    /// <returns>What to say in the end, and whether nothing was lost or repeated and the lag has not grown.</returns>
    public static async Task<(string Report, bool IsFine)> RunAsync(BenchmarkKafka kafka, Settings settings, TextWriter csv, int rate, CancellationToken cancellationToken)
    {
        var ids = Ids(rate, settings.Duration);
        Program.Say(string.Create(CultureInfo.InvariantCulture, $"{rate:N0} messages a second for {settings.Minutes} min; up to {ids:N0} ids are remembered."));
        var samples = new List<Sample>();
        await using var pair = await Pair.StartAsync(kafka, ids);
        try
        {
            await pair.PaceAsync(rate);
            pair.Restart();
            await SampleAsync(settings, csv, samples, pair.SampleAsync, cancellationToken);
        }
        catch (InvalidOperationException e)
        {
            return (new Report(settings.Duration, rate, samples, null).ToString() + e.Message, false);
        }

        var report = new Report(settings.Duration, rate, samples, await pair.EndAsync());
        return (report.ToString(), report.IsFine);
    }

    /// <summary>Looks each ten seconds, until the time is over or the run is interrupted.</summary>
    /// <param name="settings">For how long.</param>
    /// <param name="csv">Where the samples go.</param>
    /// <param name="samples">Receives what was seen, also when a look fails.</param>
    /// <param name="look">Looks once.</param>
    /// <param name="cancellationToken">Interrupts.</param>
    internal static async Task SampleAsync(Settings settings, TextWriter csv, List<Sample> samples, Func<Task<Sample>> look, CancellationToken cancellationToken)
    {
        await csv.WriteLineAsync(Sample.CsvHeader);
        try
        {
            await LookAsync();
            while (samples[^1].Seconds < settings.Duration.TotalSeconds - (Interval.TotalSeconds / 2))
            {
                var next = samples.Count * Interval.TotalSeconds;
                await Task.Delay(TimeSpan.FromSeconds(Math.Max(0, next - samples[^1].Seconds)), cancellationToken);
                await LookAsync();
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            Program.Say("Interrupted: what there is so far.");
        }

        async Task LookAsync()
        {
            samples.Add(await look());
            await csv.WriteLineAsync(samples[^1].ToCsv());
            Program.Say(samples[^1].ToString());
        }
    }

    /// <summary>So many that the store is full when half of the warm-up is over: one that still grows is not flat, and should not be.</summary>
    internal static int Ids(int rate, TimeSpan duration) => (int)Math.Clamp(rate * duration.TotalSeconds * Report.WarmUp / 2, 10_000, 5_000_000);
}
