using System.Diagnostics;
using System.Globalization;
using System.Text;
using Xunit;

namespace CloudSync.Samples.Tests.Hosting;

/// <summary>A sample in a process of its own, from its own build output with its own appsettings.json.</summary>
internal sealed class SampleProcess : IDisposable
{
    /// <summary>For what comes within seconds, unless it never comes.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly StringBuilder _output = new();
    private readonly StringBuilder _errors = new();
    private readonly Process _process;

    private SampleProcess(ProcessStartInfo start)
    {
        _process = Process.Start(start)!;
        _process.OutputDataReceived += (_, line) => Keep(_output, line.Data);
        _process.ErrorDataReceived += (_, line) => Keep(_errors, line.Data);
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    public string Output => Text(_output);

    public string Errors => Text(_errors);

    public bool HasExited => _process.HasExited;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    /// <param name="sample">The sample's name.</param>
    /// <param name="environment">What is set for it alone.</param>
    /// <param name="args">Its command line.</param>
    public static SampleProcess Start(string sample, IEnumerable<KeyValuePair<string, string>>? environment = null, params string[] args)
    {
        var start = new ProcessStartInfo("dotnet", [DllOf(sample), .. args]) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var (name, value) in environment ?? [])
            start.Environment[name] = value;

        return new SampleProcess(start);
    }

    public async Task SignalAsync(string signal)
    {
        using var kill = Process.Start("kill", [$"-{signal}", _process.Id.ToString(CultureInfo.InvariantCulture)]);
        await kill.WaitForExitAsync(Cancelled);
        Assert.Equal(0, kill.ExitCode);
    }

    /// <summary>Its exit code; a platform would have killed it after <paramref name="atMost"/>.</summary>
    public async Task<int> ExitCodeAsync(TimeSpan atMost)
    {
        await _process.WaitForExitAsync(Cancelled).WaitAsync(atMost, Cancelled);
        return _process.ExitCode;
    }

    public async Task UntilAsync(Func<bool> condition, string what)
    {
        var since = Stopwatch.StartNew();
        while (!condition())
        {
            Assert.True(since.Elapsed < Patience, $"{Patience.TotalSeconds} s are over, and not yet: {what}. {Output}{Errors}");
            Assert.False(_process.HasExited, $"Ended before {what}: {Output}{Errors}");
            await Task.Delay(20, Cancelled);
        }
    }

    public void Dispose()
    {
        if (!_process.HasExited)
            _process.Kill();

        _process.Dispose();
    }

    /// <summary>tests/X/bin/Debug/net10.0 → samples/Y/bin/Debug/net10.0</summary>
    private static string DllOf(string sample)
    {
        var here = AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar);
        var built = Path.GetRelativePath(Path.Combine(here, "../../.."), here);
        return Path.Combine(Repository.Root, "samples", sample, built, sample + ".dll");
    }

    private static void Keep(StringBuilder text, string? line)
    {
        lock (text)
            text.AppendLine(line);
    }

    private static string Text(StringBuilder text)
    {
        lock (text)
            return text.ToString();
    }
}
