using System.Diagnostics;
using System.Globalization;
using CloudSync.LoadTest.Parts;
using Xunit;

namespace CloudSync.LoadTest.Tests.Parts;

public sealed class PartTests
{
    [Fact]
    public async Task A_part_that_does_not_answer_is_named_and_ended()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "There a process can't be stopped from outside.");
        await using var part = await Part.StartAsync(EndpointPart.Name, new EndpointSettings("run", 64, ["aws"], TimeSpan.Zero), TestContext.Current.CancellationToken);
        using (var stop = Process.Start("kill", ["-STOP", part.ProcessId.ToString(CultureInfo.InvariantCulture)]))
            await stop.WaitForExitAsync(TestContext.Current.CancellationToken);

        var error = await Assert.ThrowsAsync<InvalidOperationException>(() => part.AskAsync<EndpointCount>($"{EndpointPart.CountQuestion} aws", TimeSpan.FromSeconds(1)));

        Assert.Equal("The process of endpoint has not answered for 1 s and was ended.", error.Message);
        Assert.Equal("The process of endpoint has ended.", (await Assert.ThrowsAsync<InvalidOperationException>(part.UseAsync)).Message);
    }

    [Fact]
    public async Task What_a_part_is_told_stands_in_no_list_of_processes()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Only Linux says what a process was started with.");
        await using var part = await Part.StartAsync(EndpointPart.Name, new EndpointSettings("hunter2", 64, ["aws"], TimeSpan.Zero), TestContext.Current.CancellationToken);

        Assert.DoesNotContain("hunter2", await File.ReadAllTextAsync($"/proc/{part.ProcessId}/cmdline", TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }
}
