using System.Diagnostics;
using System.Runtime.CompilerServices;
using Xunit;

namespace CloudSync.Sdk.Tests;

/// <summary>Waits for what other threads are about to do. The deadline is for a defect, not for a slow machine.</summary>
internal static class Eventually
{
    public static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);

    public static async Task True(Func<bool> condition, [CallerArgumentExpression(nameof(condition))] string? what = null)
    {
        var started = Stopwatch.StartNew();
        while (!condition())
        {
            if (started.Elapsed > Deadline)
                Assert.Fail($"This has not become true within {Deadline}: {what}");

            await Task.Delay(1, TestContext.Current.CancellationToken);
        }
    }
}
