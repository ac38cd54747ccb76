using System.Diagnostics;
using System.Globalization;

namespace CloudSync.Soak;

/// <summary>What a process takes at one moment. Bytes; what the system does not tell is <see langword="null"/>.</summary>
/// <param name="Heap">The managed heap after the last collection of any kind, with garbage that it did not look for.</param>
/// <param name="Live">What was in use after the last collection of everything, where the runtime tells it.</param>
/// <param name="Committed">Memory that the garbage collector holds.</param>
/// <param name="Rss">Memory of the process that is in RAM.</param>
/// <param name="Anonymous">That part of it which no file stands behind: the managed heap, native heaps, stacks.</param>
/// <param name="Pss">RAM, where pages that several processes share count in part.</param>
/// <param name="Handles">Open files and sockets, or handles.</param>
/// <param name="Threads">Threads, native ones too.</param>
/// <param name="CpuSeconds">Processor seconds since the start.</param>
/// <param name="Gen0">Collections since the start that began with generation 0 and went no further.</param>
/// <param name="Gen1">Those that went as far as generation 1.</param>
/// <param name="Gen2">Those of everything.</param>
internal sealed record ProcessUse(
    long Heap, long? Live, long Committed, long Rss, long? Anonymous, long? Pss, int Handles, int Threads, double CpuSeconds, int Gen0, int Gen1, int Gen2)
{
    private const string Status = "/proc/self/status";
    private const string Rollup = "/proc/self/smaps_rollup";
    private const string Descriptors = "/proc/self/fd";

    public static ProcessUse OfThis()
    {
        using var process = Process.GetCurrentProcess();
        var last = GC.GetGCMemoryInfo(GCKind.Any);
        var (blocking, background) = (GC.GetGCMemoryInfo(GCKind.FullBlocking), GC.GetGCMemoryInfo(GCKind.Background));

        // The runtime has a record for a background collection that it tells no sizes of.
        var full = background.HeapSizeBytes == 0 || blocking.Index > background.Index ? blocking : background;
        var (gen1, gen2) = (GC.CollectionCount(1), GC.CollectionCount(2));
        return new ProcessUse(
            last.HeapSizeBytes,
            full.HeapSizeBytes > 0 ? full.HeapSizeBytes - full.FragmentedBytes : null,
            last.TotalCommittedBytes,
            Bytes(Status, "VmRSS") ?? process.WorkingSet64,
            Bytes(Status, "RssAnon"),
            Bytes(Rollup, "Pss"),
            OperatingSystem.IsLinux() ? Directory.GetFileSystemEntries(Descriptors).Length : process.HandleCount,
            process.Threads.Count,
            Environment.CpuUsage.TotalTime.TotalSeconds,
            GC.CollectionCount(0) - gen1,
            gen1 - gen2,
            gen2);
    }

    /// <summary>A line such as <c>VmRSS:     12345 kB</c>.</summary>
    private static long? Bytes(string file, string name)
    {
        if (!File.Exists(file))
            return null;

        var line = File.ReadLines(file).FirstOrDefault(line => line.StartsWith(name + ":", StringComparison.Ordinal));
        return line?.Split(' ', StringSplitOptions.RemoveEmptyEntries) is [_, var kilobytes, "kB"] ? long.Parse(kilobytes, CultureInfo.InvariantCulture) * 1_024 : null;
    }
}
