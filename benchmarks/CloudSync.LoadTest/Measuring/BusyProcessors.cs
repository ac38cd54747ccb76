using System.Globalization;

namespace CloudSync.LoadTest.Measuring;

/// <summary>How many processors are busy with anything at all, by what Linux says of them.</summary>
internal static class BusyProcessors
{
    private const string File = "/proc/stat";
    private const double TicksPerSecond = 100;

    /// <summary>Processor seconds since the system was started; <see langword="null"/> where that is not known, or the processors are not those of this process alone.</summary>
    public static double? Seconds() => OperatingSystem.IsLinux() && System.IO.File.Exists(File) ? Read(System.IO.File.ReadAllLines(File), Environment.ProcessorCount) : null;

    internal static double? Read(IReadOnlyList<string> lines, int processors)
    {
        if (lines.Count(line => line.StartsWith("cpu", StringComparison.Ordinal) && line.Length > 3 && char.IsAsciiDigit(line[3])) != processors)
            return null;

        // cpu user nice system idle iowait irq softirq steal …: what waits is not busy, and what the host has taken for others is not ours.
        var ticks = lines[0].Split(' ', StringSplitOptions.RemoveEmptyEntries).Skip(1).Select(word => long.Parse(word, CultureInfo.InvariantCulture)).ToArray();
        return (ticks[0] + ticks[1] + ticks[2] + ticks[5] + ticks[6]) / TicksPerSecond;
    }
}
