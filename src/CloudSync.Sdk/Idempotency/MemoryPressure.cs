namespace CloudSync.Sdk;

/// <summary>Whether memory is short: the load of the machine, or of the container, is above the line where the garbage collector itself begins to economise (90 % by default).</summary>
internal static class MemoryPressure
{
    /// <summary>The number of the last collection if it found memory short, else 0. What it says changes with a collection only, so nobody should act on it twice.</summary>
    public static long Collection()
    {
        var last = GC.GetGCMemoryInfo();
        return last.MemoryLoadBytes >= last.HighMemoryLoadThresholdBytes ? last.Index : 0;
    }
}
