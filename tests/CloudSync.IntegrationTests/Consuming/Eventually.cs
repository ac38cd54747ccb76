using System.Diagnostics;

namespace CloudSync.IntegrationTests.Consuming;

/// <summary>Waits for a condition, never for a time.</summary>
internal static class Eventually
{
    /// <summary>A bound for what should never happen; on a busy machine it may be a while before it may not.</summary>
    public static readonly TimeSpan Bound = TimeSpan.FromSeconds(60);

    public static Task TrueAsync(Func<bool> condition, string what, CancellationToken cancellationToken) =>
        TrueAsync(() => Task.FromResult(condition()), what, cancellationToken);

    public static async Task TrueAsync(Func<Task<bool>> condition, string what, CancellationToken cancellationToken)
    {
        var waited = Stopwatch.StartNew();
        while (!await condition())
        {
            if (waited.Elapsed > Bound)
                throw new TimeoutException($"Waited {Bound.TotalSeconds:0} s until {what}.");

            await Task.Delay(20, cancellationToken);
        }
    }
}
