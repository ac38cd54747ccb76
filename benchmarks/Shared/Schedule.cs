using System.Diagnostics;
using System.Runtime.InteropServices;

namespace CloudSync.Measuring;

/// <summary>
/// When each message is due. It does not wait for anybody: a message that is late because the one before it was slow counts from when it should have been sent, as its user would.
/// </summary>
internal sealed partial class Schedule(int perSecond)
{
    private readonly long _start = Stopwatch.GetTimestamp();

    /// <summary>When a message is due, by the clock of <see cref="Stopwatch.GetTimestamp"/>.</summary>
    public long Due(long number) => _start + (long)((Int128)number * Stopwatch.Frequency / perSecond);

    /// <summary>Waits until the message is due.</summary>
    public static void WaitUntil(long due)
    {
        while (Stopwatch.GetTimestamp() is var now && now < due)
        {
            // Thread.Sleep knows whole milliseconds only, and to spin would take a processor from the brokers.
            if (OperatingSystem.IsLinux())
                _ = Sleep((uint)Math.Max(1, (due - now) * 1_000_000 / Stopwatch.Frequency / 2));
            else
                Thread.Yield();
        }
    }

    [LibraryImport("libc", EntryPoint = "usleep")]
    private static partial int Sleep(uint microseconds);
}
