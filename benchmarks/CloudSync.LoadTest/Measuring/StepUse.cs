using System.Diagnostics;
using CloudSync.LoadTest.Parts;
using CloudSync.LoadTest.Results;

namespace CloudSync.LoadTest.Measuring;

/// <summary>What all parts have taken up to a moment.</summary>
internal sealed record StepUse(long At, double? Busy, IReadOnlyList<(string Name, Use Use)> Parts)
{
    public static async Task<StepUse> NowAsync(IReadOnlyList<IUsed> parts)
    {
        var uses = new List<(string, Use)>();
        foreach (var part in parts)
            uses.Add((part.Name, await part.UseAsync()));
        return new StepUse(Stopwatch.GetTimestamp(), BusyProcessors.Seconds(), uses);
    }

    /// <summary>What they have taken since an earlier moment.</summary>
    public (IReadOnlyList<PartUse> Parts, double? Busy) Since(StepUse before)
    {
        var seconds = Stopwatch.GetElapsedTime(before.At, At).TotalSeconds;
        return ([.. Parts.Zip(before.Parts, (now, then) => Of(now.Name, then.Use, now.Use, seconds))], (Busy - before.Busy) / seconds);
    }

    private static PartUse Of(string name, Use then, Use now, double seconds) => new()
    {
        Name = name,
        Processors = (now.ProcessorSeconds - then.ProcessorSeconds) / seconds,
        MemoryMiB = now.MemoryMiB,
        Collections = now.Collections?.Zip(then.Collections!, (after, before) => after - before).ToArray(),
        PausedShare = (now.PausedSeconds - then.PausedSeconds) / seconds,
    };
}
