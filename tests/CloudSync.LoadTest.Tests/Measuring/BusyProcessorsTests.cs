using CloudSync.LoadTest.Measuring;
using Xunit;

namespace CloudSync.LoadTest.Tests.Measuring;

public sealed class BusyProcessorsTests
{
    private static readonly string[] Stat = ["cpu  100 10 50 9000 700 20 30 400 0 0", "cpu0 50 5 25 4500 350 10 15 200 0 0", "cpu1 50 5 25 4500 350 10 15 200 0 0", "intr 12345"];

    [Fact]
    public void Who_waits_is_not_busy_and_what_the_host_has_taken_is_not_ours() => Assert.Equal((100 + 10 + 50 + 20 + 30) / 100.0, BusyProcessors.Read(Stat, 2));

    [Fact]
    public void Figures_of_other_processors_than_ours_say_nothing() => Assert.Null(BusyProcessors.Read(Stat, 1));
}
