using System.Globalization;

namespace CloudSync.Soak;

/// <summary>One look at both sides.</summary>
/// <param name="Seconds">Since the first.</param>
/// <param name="Rate">Messages a second that were delivered since the look before.</param>
/// <param name="Produced">How far the producer is.</param>
/// <param name="Delivered">How far the consumer is, which was asked right after it.</param>
internal sealed record Sample(double Seconds, double Rate, Produced Produced, Delivered Delivered)
{
    public const string CsvHeader = "seconds,rate,acknowledged,delivered,lag,behind,heap_mib,live_mib,committed_mib,rss_mib,anonymous_mib,pss_mib,handles,threads,ids,cpu_seconds,gen0,gen1,gen2";

    private const double MiB = 1_024 * 1_024;

    /// <summary>Messages that the brokers have and the sink has not. (It may have some whose acknowledgement is still on its way.)</summary>
    public long Lag => Math.Max(0, Produced.Acknowledged - Delivered.Messages);

    /// <summary>Messages that should have been sent and were not delivered: the lag, and what the producer and the brokers are late by.</summary>
    public long Behind => Math.Max(0, Produced.Due - Delivered.Messages);

    /// <param name="last">The look before; <see langword="null"/> for the first.</param>
    /// <param name="seconds">Since the first.</param>
    /// <param name="produced">How far the producer is.</param>
    /// <param name="delivered">How far the consumer is.</param>
    public static Sample After(Sample? last, double seconds, Produced produced, Delivered delivered) =>
        new(seconds, last is null ? 0 : (delivered.Messages - last.Delivered.Messages) / (seconds - last.Seconds), produced, delivered);

    public static double? InMiB(long? bytes) => bytes / MiB;

    public string ToCsv()
    {
        var use = Delivered.Use;
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{Seconds:F1},{Rate:F0},{Produced.Acknowledged},{Delivered.Messages},{Lag},{Behind},{InMiB(use.Heap):F2},{InMiB(use.Live):F2},{InMiB(use.Committed):F2},{InMiB(use.Rss):F2},{InMiB(use.Anonymous):F2},{InMiB(use.Pss):F2},{use.Handles},{use.Threads},{Delivered.Ids},{use.CpuSeconds:F2},{use.Gen0},{use.Gen1},{use.Gen2}");
    }

    public override string ToString()
    {
        var use = Delivered.Use;
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{Seconds,6:F0} s  {Rate,9:N0}/s  lag {Lag,7:N0}  heap {InMiB(use.Heap),7:N1} MiB  RSS {InMiB(use.Rss),7:N1} MiB  {use.Handles} handles  {use.Threads} threads  {Delivered.Ids,10:N0} ids");
    }
}
