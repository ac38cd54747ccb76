using CloudSync.LoadTest.Tests.Reports;
using CloudSync.LoadTest.Views;
using Xunit;

namespace CloudSync.LoadTest.Tests.Views;

public sealed class StepLineTests
{
    [Fact]
    public void Where_nothing_was_acknowledged_there_is_no_latency() =>
        Assert.Contains("| mean – ms, p99 –, max –; to the end p99 – |", StepLine.Of(SampleRuns.NothingAcknowledged.Steps[0] with { BusyProcessors = 1 }), StringComparison.Ordinal);

    [Fact]
    public void A_second_in_which_nothing_was_acknowledged_has_none_either() => Assert.EndsWith(
        "0 acknowledged, p99 – ms, lag 5",
        StepLine.Of(10, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(2), new() { Second = 1, Accepted = 0, P50 = 0, P99 = 0, Lag = 5 }), StringComparison.Ordinal);
}
