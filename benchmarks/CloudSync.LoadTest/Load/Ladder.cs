namespace CloudSync.LoadTest.Load;

/// <summary>The rates that are asked for, one after the other, in messages a second.</summary>
internal static class Ladder
{
    /// <summary>From 1 to 1,000,000: 1, 2, 5, 10, 20, 40, 60, 80, 100, 200 … 1,000, 2,000 … 10,000, 20,000 … 100,000, 200,000 … 1,000,000.</summary>
    public static IReadOnlyList<int> Full { get; } =
    [
        1, 2, 5, 10, 20, 40, 60, 80, 100,
        .. from decade in (int[])[100, 1_000, 10_000, 100_000] from step in Enumerable.Range(2, 9) select decade * step,
    ];

    /// <summary>A few of them, for a run of some minutes.</summary>
    public static IReadOnlyList<int> Quick { get; } = [1, 10, 100, 1_000, 5_000, 10_000, 20_000, 40_000, 60_000, 80_000, 100_000, 200_000, 500_000, 1_000_000];

    /// <summary>Messages of one request: so many that there are some 200 requests a second (from 200 to 400, in whole messages), and 500 at most, as our sinks send them.</summary>
    public static int BatchSizeOf(int rate) => Math.Clamp(rate / 200, 1, 500);

    /// <summary>Whether a step got far less than it asked for.</summary>
    public static bool FallsFarShort(int asked, double got) => got < 0.8 * asked;

    /// <summary>Whether a step got what it asked for, but for a little.</summary>
    public static bool IsHeld(int asked, double got) => got >= 0.95 * asked;
}
