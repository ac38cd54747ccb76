using CloudSync.LoadTest.Reports;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Xunit;

namespace CloudSync.LoadTest.Tests;

/// <summary>What a shell is told of a run.</summary>
public sealed class RoundsTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("load-test-rounds-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task A_target_that_accepts_all_is_fine_though_nothing_is_audited() => Assert.Equal(0, await RunAsync(isDeadAfter: int.MaxValue));

    [Fact]
    public async Task A_target_that_accepts_nothing_after_the_warm_up_is_not()
    {
        // The warm-up is ten requests.
        Assert.Equal(1, await RunAsync(isDeadAfter: 10));

        var round = JsonReport.Read(Assert.Single(_folder.GetFiles("round_*.json")).FullName);
        Assert.Equal("Not audited: no endpoint is part of the run; no rate was held, nothing was accepted at 10", Verdict.Of(round).Headline);
    }

    private async Task<int> RunAsync(int isDeadAfter)
    {
        var requests = 0;
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(System.Net.IPAddress.Loopback, 0));
        await using var api = builder.Build();
        api.Run(async context =>
        {
            var number = Interlocked.Increment(ref requests);
            context.Response.StatusCode = number <= isDeadAfter ? StatusCodes.Status202Accepted : StatusCodes.Status500InternalServerError;
            if (number <= isDeadAfter)
                await context.Response.WriteAsync($$"""{"status":202,"id":"a","partition":0,"offset":{{number}}}""");
        });
        await api.StartAsync(TestContext.Current.CancellationToken);
        var options = Options.Parse(["--target", "api", "--api", api.Urls.Single(), "--steps", "10", "--duration", "1", "--warm-up", "1", "--batch", "1", "--out", _folder.FullName], _ => null);
        return await Rounds.RunAsync(options, TestContext.Current.CancellationToken);
    }
}
