using System.Diagnostics;
using System.Text.Json;
using Xunit;

namespace CloudSync.LoadTest.Tests.ScaleOut;

/// <summary>The whole program, small: on embedded brokers, with processes that are started and killed. How fast it is says nothing here.</summary>
public sealed class ScaleOutProgramTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("cloudsync-scale-out-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task Two_processes_and_then_one_lose_nothing_though_the_other_is_killed()
    {
        var (exitCode, output) = await RunAsync("--scale-out", "2,1", "--duration", "3", "--partitions", "4", "--out", _folder.FullName);

        Assert.True(exitCode == 0, output);
        Assert.Contains("VERDICT: good.", output, StringComparison.Ordinal);
        using var json = JsonDocument.Parse(await File.ReadAllTextAsync(Assert.Single(_folder.GetFiles("scale_out_*.json")).FullName, TestContext.Current.CancellationToken));
        Assert.Equal(["2 started", "1 killed"], json.RootElement.GetProperty("counts").EnumerateArray().Select(count => count.GetProperty("change").GetString()));
        Assert.All(json.RootElement.GetProperty("counts").EnumerateArray(), count => Assert.True(count.GetProperty("rate").GetDouble() > 0, output));
        Assert.Equal(json.RootElement.GetProperty("audit").GetProperty("accepted").GetInt64(), json.RootElement.GetProperty("audit").GetProperty("arrived").GetInt64());
        Assert.Contains("| 1 | 1 killed |", await File.ReadAllTextAsync(Assert.Single(_folder.GetFiles("scale_out_*.md")).FullName, TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    /// <summary>The program of its own folder: the hosts' settings lie beside it, and not beside the tests.</summary>
    private static string Program()
    {
        var path = typeof(Options).Assembly.Location.Replace(Path.Combine("tests", "CloudSync.LoadTest.Tests"), Path.Combine("benchmarks", "CloudSync.LoadTest"), StringComparison.Ordinal);
        Assert.True(File.Exists(path), $"There is no {path}.");
        return path;
    }

    private static async Task<(int ExitCode, string Output)> RunAsync(params string[] args)
    {
        var start = new ProcessStartInfo("dotnet", [Program(), .. args]) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        start.Environment.Remove("KAFKA_HOME");
        using var process = Process.Start(start)!;
        using var killed = TestContext.Current.CancellationToken.Register(process.Kill);
        var errors = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        var output = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (process.ExitCode, output + await errors);
    }
}
