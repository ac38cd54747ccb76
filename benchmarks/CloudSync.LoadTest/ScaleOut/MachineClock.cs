using System.Diagnostics;

namespace CloudSync.LoadTest.ScaleOut;

/// <summary>A clock that never jumps and is the same in all processes of the machine, so that what one of them did can be held against what another one saw.</summary>
internal static class MachineClock
{
    public static TimeSpan Now => Stopwatch.GetElapsedTime(0);
}
