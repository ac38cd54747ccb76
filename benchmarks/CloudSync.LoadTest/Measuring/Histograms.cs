using CloudSync.LoadTest.Results;
using HdrHistogram;
using HdrHistogram.Utilities;

namespace CloudSync.LoadTest.Measuring;

/// <summary>Histograms of microseconds, to three digits, up to an hour.</summary>
internal static class Histograms
{
    private const int Digits = 3;
    private const double MicrosecondsInMillisecond = 1_000;

    private static readonly long Longest = (long)TimeSpan.FromHours(1).TotalMicroseconds;

    public static LongHistogram New() => new(Longest, Digits);

    public static void Record(LongHistogram histogram, TimeSpan time, int count) =>
        histogram.RecordValueWithCount(Math.Clamp((long)time.TotalMicroseconds, 0, Longest), count);

    public static double Milliseconds(LongHistogram histogram, double percentile) =>
        histogram.TotalCount == 0 ? 0 : histogram.GetValueAtPercentile(percentile) / MicrosecondsInMillisecond;

    public static Latency Summary(LongHistogram histogram) => histogram.TotalCount == 0
        ? Latency.None
        : new Latency(
            histogram.TotalCount, histogram.GetMean() / MicrosecondsInMillisecond, Milliseconds(histogram, 50), Milliseconds(histogram, 90), Milliseconds(histogram, 95),
            Milliseconds(histogram, 99), Milliseconds(histogram, 99.9), histogram.GetMaxValue() / MicrosecondsInMillisecond, Encode(histogram));

    private static string Encode(LongHistogram histogram)
    {
        var target = ByteBuffer.Allocate(histogram.GetNeededByteBufferCapacity());
        var bytes = new byte[histogram.EncodeIntoCompressedByteBuffer(target)];
        target.Position = 0;
        for (var i = 0; i < bytes.Length; i++)
            bytes[i] = target.Get();
        return Convert.ToBase64String(bytes);
    }
}
