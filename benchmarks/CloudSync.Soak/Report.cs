using System.Globalization;
using System.Text;

namespace CloudSync.Soak;

/// <summary>What the samples mean.</summary>
/// <param name="duration">How long it was to be.</param>
/// <param name="rate">Messages a second.</param>
/// <param name="samples">All of them.</param>
/// <param name="end">How far both sides were in the end; <see langword="null"/> when one of them has died.</param>
internal sealed class Report(TimeSpan duration, int rate, IReadOnlyList<Sample> samples, (Produced Produced, Delivered Delivered)? end)
{
    /// <summary>The first part of the time, which is not judged.</summary>
    public const double WarmUp = 0.2;

    private const int FewestSamples = 3;

    private readonly Sample[] _judged = [.. samples.Where(sample => sample.Seconds >= duration.TotalSeconds * WarmUp)];

    /// <summary>Whether nothing was lost or repeated, and the lag has not grown.</summary>
    public bool IsFine => Faults().Count == 0;

    /// <summary>What is wrong, in words; nothing, as it should be.</summary>
    public List<string> Faults()
    {
        var faults = new List<string>();
        if (end is not var (produced, delivered))
        {
            faults.Add("One of the processes has died: nobody knows what was delivered.");
            return faults;
        }

        if (NothingMeasured is { } nothing)
            faults.Add(nothing);
        else if (produced.Acknowledged == 0)
            faults.Add("Nothing was measured: no message was produced.");

        if (produced.Failed > 0)
            faults.Add(Text($"{produced.Failed:N0} messages were not acknowledged."));

        if (delivered.Messages < produced.Acknowledged)
            faults.Add(Text($"{produced.Acknowledged - delivered.Messages:N0} messages were lost."));
        else if (delivered.Messages > produced.Acknowledged)
            faults.Add(Text($"{delivered.Messages - produced.Acknowledged:N0} messages were delivered twice."));
        else if (produced.Failed == 0 && delivered.NumberSum != SumBelow(produced.Sent))
            faults.Add("As many messages were delivered as were produced, but not the same: some were lost, and others delivered twice.");

        if (produced.Due - produced.Sent > Trend.Tolerance * produced.Due)
            faults.Add(Text($"The rate was not held: {produced.Due - produced.Sent:N0} of {produced.Due:N0} messages were due and not sent, for the producer or the brokers were more than a second late."));

        if (LagFault is { } lag)
            faults.Add(lag);

        return faults;
    }

    /// <summary>Why the samples say nothing; <see langword="null"/> when there are enough of them.</summary>
    public string? NothingMeasured =>
        _judged.Length < FewestSamples ? "Nothing was measured: there are fewer than three samples after the first fifth of the time, which warms up." : null;

    /// <summary>That the lag has grown by more than is noise; <see langword="null"/> when it has not.</summary>
    public string? LagFault =>
        Lag is { IsFlat: false } lag && lag.Change > rate ? Text($"The lag has grown by {lag.Change:N0} messages, more than come in a second.") : null;

    private Trend? Lag => Of(sample => sample.Lag);

    public override string ToString()
    {
        var text = new StringBuilder(Trends());
        if (end is var (produced, delivered))
        {
            text.AppendLine(Text($"{produced.Acknowledged:N0} messages produced, {delivered.Messages:N0} delivered."));
            if (produced.Due > produced.Sent)
                text.AppendLine(Text($"{produced.Due - produced.Sent:N0} more were due and not sent: the process, the machine or the brokers stood still for more than a second."));
        }

        var faults = Faults();
        foreach (var fault in faults)
            text.AppendLine(fault);

        if (faults.Count == 0)
            text.AppendLine(Lag is { IsFlat: false, Change: > 0 } lag ? Text($"Each was delivered once; the lag has grown by {lag.Change:N0} messages, fewer than come in a second.") : "Each was delivered once, and the lag has not grown.");

        return text.ToString();
    }

    /// <summary>The line through each figure.</summary>
    public string Trends()
    {
        var text = new StringBuilder();
        if (NothingMeasured is null)
        {
            text.AppendLine(Text($"{_judged.Length} samples from second {_judged[0].Seconds:F0} to {_judged[^1].Seconds:F0}, at {rate:N0} messages a second. Flat: by its line it changes by less than {Trend.Tolerance:P0} of the mean, or than samples scatter by."));
            text.AppendLine().AppendLine(Text($"{"",-38} {"mean",12} {"least",12} {"most",12} {"per hour",12} {"change",12} {"scatter",12}"));
            Row("heap after a collection, MiB", sample => Sample.InMiB(sample.Delivered.Use.Heap));
            Row("in use after one of everything, MiB", sample => Sample.InMiB(sample.Delivered.Use.Live));
            Row("committed by the collector, MiB", sample => Sample.InMiB(sample.Delivered.Use.Committed));
            Row("RSS, MiB", sample => Sample.InMiB(sample.Delivered.Use.Rss));
            Row("anonymous, native included, MiB", sample => Sample.InMiB(sample.Delivered.Use.Anonymous));
            // Not the PSS: of pages that processes share it counts less when others start and more when they end.
            Row("handles", sample => sample.Delivered.Use.Handles);
            Row("threads", sample => sample.Delivered.Use.Threads);
            Row("ids remembered", sample => sample.Delivered.Ids);
            Row("lag, messages", sample => sample.Lag);
            Row("rate, messages a second", sample => sample.Rate);
            text.AppendLine().AppendLine(Text($"{Per(use => use.CpuSeconds * 1e6, sample => sample.Delivered.Messages):F2} processor seconds for a million messages; {Per(use => (use.Gen0 + use.Gen1 + use.Gen2) * 60, sample => sample.Seconds):F1} collections a minute, {Per(use => use.Gen2 * 60, sample => sample.Seconds):F1} of them of everything."));
        }

        return text.ToString();

        void Row(string name, Func<Sample, double?> value)
        {
            if (Of(value) is { } trend)
                text.AppendLine(Text($"{name,-38} {trend.Mean,12:N1} {trend.Least,12:N1} {trend.Most,12:N1} {trend.PerHour,12:+#,0.0;-#,0.0;0.0} {trend.Change,12:+#,0.0;-#,0.0;0.0} {trend.Scatter,12:N1}  {trend.Verdict}"));
        }

        double Per(Func<ProcessUse, double> use, Func<Sample, double> by) => (use(_judged[^1].Delivered.Use) - use(_judged[0].Delivered.Use)) / (by(_judged[^1]) - by(_judged[0]));
    }

    /// <summary>The line through those samples that have the figure.</summary>
    private Trend? Of(Func<Sample, double?> value) => Trend.Of([.. _judged.Where(sample => value(sample) is not null).Select(sample => (sample.Seconds, value(sample)!.Value))]);

    /// <summary>The sum of the numbers from 0 on.</summary>
    private static long SumBelow(long count) => (long)((Int128)count * (count - 1) / 2);

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
