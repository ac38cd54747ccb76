using System.Diagnostics;

namespace CloudSync.Compare;

/// <summary>Counts what a contender has done, and measures from the first message to the last. All members may be called from any thread.</summary>
internal sealed class Tally(long expected)
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    private readonly TaskCompletionSource _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _begin = new();
    private Mark? _begun;
    private Mark? _ended;
    private long _count;
    private long _sum;

    public long Count => Volatile.Read(ref _count);

    /// <summary>The first message is here, or the first of a batch. Later calls do nothing.</summary>
    public void Begin()
    {
        if (Volatile.Read(ref _begun) is not null)
            return;

        lock (_begin)
            _begun ??= Mark.Now();
    }

    /// <summary>Messages are done.</summary>
    /// <param name="count">How many.</param>
    /// <param name="sum">The sum of their offsets, or of whatever tells them apart.</param>
    public void Add(int count, long sum)
    {
        Interlocked.Add(ref _sum, sum);
        if (Interlocked.Add(ref _count, count) < expected)
            return;

        lock (_begin)
            _ended ??= Mark.Now();
        _done.TrySetResult();
    }

    /// <summary>Waits for the last message.</summary>
    /// <exception cref="InvalidOperationException">There is no further message for a minute.</exception>
    public async Task<RunResult> WaitAsync()
    {
        for (var seen = -1L; !_done.Task.IsCompleted;)
        {
            if (Count == seen)
                throw new InvalidOperationException($"After {seen:N0} of {expected:N0} messages nothing more has come for a minute.");

            seen = Count;
            await Task.WhenAny(_done.Task, Task.Delay(Patience));
        }

        var (begun, ended) = (_begun!, _ended!);
        return new RunResult(
            Count,
            Stopwatch.GetElapsedTime(begun.At, ended.At).TotalSeconds,
            Volatile.Read(ref _sum),
            (double)(ended.Allocated - begun.Allocated) / expected,
            (ended.Cpu - begun.Cpu).TotalSeconds * 1e6 / expected);
    }

    private sealed record Mark(long At, long Allocated, TimeSpan Cpu)
    {
        public static Mark Now() => new(Stopwatch.GetTimestamp(), GC.GetTotalAllocatedBytes(), Environment.CpuUsage.TotalTime);
    }
}
