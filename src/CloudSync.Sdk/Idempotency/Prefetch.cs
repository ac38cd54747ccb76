using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace CloudSync.Sdk;

/// <summary>Has memory brought into the processor's caches that is to be read soon, and doesn't wait for it.</summary>
internal static class Prefetch
{
    /// <summary>A hint: where the processor has none, nothing happens. The garbage collector may move what is there meanwhile, and the hint is wasted.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe void Read<T>(ref T place)
        where T : struct
    {
        if (Sse.IsSupported)
            Sse.Prefetch0(Unsafe.AsPointer(ref place));
    }
}
