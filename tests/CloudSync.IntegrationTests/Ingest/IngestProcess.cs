using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using CloudSync.IntegrationTests.Consuming;
using Xunit;

namespace CloudSync.IntegrationTests.Ingest;

/// <summary>The sample API in a process of its own, with the settings of a test.</summary>
internal sealed partial class IngestProcess : IDisposable
{
    private readonly StringBuilder _output = new();
    private readonly Process _process;

    private IngestProcess(IEnumerable<string> command)
    {
        _process = Process.Start(new ProcessStartInfo("dotnet", command) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        _process.OutputDataReceived += (_, line) => Keep(line.Data);
        _process.ErrorDataReceived += (_, line) => Keep(line.Data);
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    public string Output
    {
        get
        {
            lock (_output)
                return _output.ToString();
        }
    }

    /// <summary>Where it listens.</summary>
    public Uri Address { get; private set; } = null!;

    /// <summary>What the process takes of the machine's memory, in bytes.</summary>
    public long WorkingSet
    {
        get
        {
            _process.Refresh();
            return _process.WorkingSet64;
        }
    }

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public static async Task<IngestProcess> StartAsync(string bootstrapServers, string topic, params string[] more)
    {
        var started = new IngestProcess(
        [
            Path.Combine(AppContext.BaseDirectory, "IngestApi.dll"),
            "--Urls=http://127.0.0.1:0",
            $"--CloudSync:Producer:BootstrapServers={bootstrapServers}",
            $"--CloudSync:Producer:Topic={topic}",
            "--CloudSync:Producer:Kafka:reconnect.backoff.max.ms=500",
            "--Ingest:Authentication:AllowAnonymous=true",
            "--Ingest:RateLimit:TokensPerSecond=0",
            "--Logging:LogLevel:Microsoft.Hosting.Lifetime=Information",
            .. more,
        ]);
        await Eventually.TrueAsync(
            () => started._process.HasExited ? throw new InvalidOperationException($"The API has ended by itself: {started.Output}") : ListensAt().IsMatch(started.Output), "the API listens", Cancelled);
        started.Address = new Uri(ListensAt().Match(started.Output).Groups[1].Value);
        return started;
    }

    /// <summary>Asks it to end, as Docker and Kubernetes do.</summary>
    public async Task TerminateAsync()
    {
        using var kill = Process.Start("kill", ["-TERM", _process.Id.ToString(CultureInfo.InvariantCulture)]);
        await kill.WaitForExitAsync(Cancelled);
        Assert.Equal(0, kill.ExitCode);
    }

    /// <summary>Its exit code, once it has ended.</summary>
    /// <exception cref="TimeoutException">It has not ended within the time.</exception>
    public async Task<int> ExitCodeAsync(TimeSpan within)
    {
        await _process.WaitForExitAsync(Cancelled).WaitAsync(within, Cancelled);
        return _process.ExitCode;
    }

    public void Dispose()
    {
        if (!_process.HasExited)
            _process.Kill();

        TestContext.Current.TestOutputHelper?.WriteLine(Output);
        _process.Dispose();
    }

    private void Keep(string? line)
    {
        lock (_output)
            _output.AppendLine(line);
    }

    [GeneratedRegex(@"Now listening on: (http://[\d.]+:\d+)")]
    private static partial Regex ListensAt();
}
