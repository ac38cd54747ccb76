using System.Diagnostics;
using System.Globalization;
using System.Text;
using CloudSync.Tests;
using Xunit;

namespace CloudSync.IntegrationTests.Consuming;

/// <summary>A consumer in a process of its own (CloudSync.TestHost), to be killed or frozen.</summary>
internal sealed class ConsumerProcess : IDisposable
{
    private readonly StringBuilder _output = new();
    private readonly Process _process;

    private ConsumerProcess(IEnumerable<string> command)
    {
        _process = Process.Start(new ProcessStartInfo("dotnet", command) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        _process.OutputDataReceived += (_, line) => Keep(line.Data);
        _process.ErrorDataReceived += (_, line) => Keep(line.Data);
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    public bool HasExited => _process.HasExited;

    public string Output
    {
        get
        {
            lock (_output)
                return _output.ToString();
        }
    }

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public static ConsumerProcess Start(KafkaCluster cluster, TestTopic topic, string group, params string[] more) => new(
    [
        Path.Combine(AppContext.BaseDirectory, "CloudSync.TestHost.dll"),
        $"--CloudSync:BootstrapServers={topic.BootstrapServers}",
        $"--CloudSync:Topic={topic.Name}",
        $"--CloudSync:GroupId={group}",
        $"--CloudSync:ReadInBatches={TestReader.ReadsInBatches}",
        "--CloudSync:CommitInterval=00:00:00.100",
        $"--CloudSync:Kafka:session.timeout.ms={cluster.SessionTimeout.TotalMilliseconds.ToString(CultureInfo.InvariantCulture)}",
        "--CloudSync:Kafka:heartbeat.interval.ms=500",
        .. more,
    ]);

    /// <summary>Ends it in the middle of whatever it does: kill -9.</summary>
    public async Task KillAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync(Cancelled);
        if (!OperatingSystem.IsWindows())
            Assert.Equal(128 + 9, _process.ExitCode);
    }

    public async Task SignalAsync(string signal)
    {
        using var kill = Process.Start("kill", [$"-{signal}", _process.Id.ToString(CultureInfo.InvariantCulture)]);
        await kill.WaitForExitAsync(Cancelled);
        Assert.Equal(0, kill.ExitCode);
    }

    public Task UntilAsync(Func<bool> condition, string what) => Eventually.TrueAsync(
        () => HasExited ? throw new InvalidOperationException($"The consumer has ended by itself: {Output}") : condition(), what, Cancelled);

    public void Dispose()
    {
        if (!_process.HasExited)
            _process.Kill();

        _process.Dispose();
    }

    private void Keep(string? line)
    {
        lock (_output)
            _output.AppendLine(line);
    }
}
