using System.Diagnostics;
using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;

namespace Demo.Copies;

/// <summary>One process of a cloud's group: the host's own program, in a process that can be killed.</summary>
internal sealed class Member : IDisposable
{
    private readonly Process _process;

    private Member(string name, Process process)
    {
        Name = name;
        _process = process;
    }

    public string Name { get; }

    public int ProcessId => _process.Id;

    public bool HasEnded => _process.HasExited;

    /// <summary>Starts a host with these settings and no others: what the shell has set for a host of its own must not decide this run.</summary>
    public static Member Start(string name, string program, IEnumerable<string> settings, (string Variable, string Value) secret, FileLog log)
    {
        // The hosts' programs lie beside this one and share what it is started with.
        var here = AppContext.BaseDirectory;
        var dotnet = Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", "..", OperatingSystem.IsWindows() ? "dotnet.exe" : "dotnet");
        var start = new ProcessStartInfo(
            Path.GetFullPath(dotnet),
            ["exec", "--runtimeconfig", Path.Combine(here, "Demo.runtimeconfig.json"), "--depsfile", Path.Combine(here, "Demo.deps.json"), Path.Combine(here, program), .. settings])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        foreach (var variable in start.Environment.Keys.Where(v => v.StartsWith("CloudSync", StringComparison.OrdinalIgnoreCase)).ToList())
            start.Environment.Remove(variable);
        start.Environment[secret.Variable] = secret.Value;

        var process = Process.Start(start)!;
        process.OutputDataReceived += (_, line) => Log(line.Data);
        process.ErrorDataReceived += (_, line) => Log(line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return new Member(name, process);

        void Log(string? line)
        {
            if (!string.IsNullOrWhiteSpace(line))
                log.Write(LogLevel.Information, name, line, null);
        }
    }

    /// <summary>SIGKILL, or what the system has in its place: nothing is finished, nothing is said. Returns when the process is gone.</summary>
    public async Task KillAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            _process.WaitForExit();
        }

        _process.Dispose();
    }
}
