using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace CloudSync.Tests;

/// <summary>One real broker, by <c>bin/kafka-cluster.sh</c> of a Kafka home, in a new folder under the temporary ones.</summary>
internal sealed class StartedKafka : IAsyncDisposable
{
    private const string UpIsOver = "up-is-over ";

    /// <summary>
    /// Starts the cluster, and ends it when this process closes the pipe to the shell: in its disposal or by dying, in whatever way, even while the cluster starts.
    /// The traps let the shell outlive an interrupt from the terminal, which goes to all processes of a test run.
    /// </summary>
    private const string Guard =
        """
        trap : HUP INT TERM
        folder=$1
        shift
        bash "$0" up --dir "$folder" "$@" </dev/null
        echo "up-is-over $?"
        while read -r _; do :; done
        [ -f "$folder/env" ] && bash "$0" down --dir "$folder"
        rm -rf "$folder"
        """;

    private readonly Process _guard;
    private readonly string _script;
    private readonly StringBuilder _errors = new();

    private StartedKafka(Process guard, string script)
    {
        (_guard, _script) = (guard, script);
        _guard.ErrorDataReceived += (_, line) =>
        {
            lock (_errors)
                _errors.AppendLine(line.Data);
        };
        _guard.BeginErrorReadLine();
    }

    /// <summary>The address, for clients.</summary>
    public string BootstrapServers { get; private set; } = "";

    /// <summary>Where it lives, its certificates in <c>tls</c>.</summary>
    public string Folder { get; private init; } = "";

    /// <summary>Its processes.</summary>
    public IReadOnlyList<int> ProcessIds =>
        [.. Directory.GetFiles(Folder, "pid", new EnumerationOptions { RecurseSubdirectories = true, MaxRecursionDepth = 1 }).Select(file => int.Parse(File.ReadAllText(file), CultureInfo.InvariantCulture))];

    /// <summary>Starts a broker.</summary>
    /// <param name="home">A folder with <c>bin/kafka-cluster.sh</c>.</param>
    /// <param name="settings">Settings of the broker, as <c>name=value</c>.</param>
    /// <exception cref="InvalidOperationException">It does not start; the message says why.</exception>
    public static Task<StartedKafka> StartAsync(string home, params string[] settings) => StartAsync(home, "plaintext", "", settings);

    /// <summary>Starts a broker that lets in only whom it knows.</summary>
    /// <param name="home">A folder with <c>bin/kafka-cluster.sh</c>.</param>
    /// <param name="security">How clients connect: <c>plaintext</c>, <c>ssl</c> or <c>sasl_ssl</c>.</param>
    /// <param name="java">Further options of its Java.</param>
    /// <param name="settings">Settings of the broker, as <c>name=value</c>.</param>
    /// <exception cref="InvalidOperationException">It does not start; the message says why.</exception>
    public static async Task<StartedKafka> StartAsync(string home, string security, string java, params string[] settings)
    {
        var script = Path.Combine(home, "bin", "kafka-cluster.sh");
        if (OperatingSystem.IsWindows() || !File.Exists(script))
            throw new InvalidOperationException($"there is no {script}, or no bash to run it.");

        var folder = Path.Combine(Path.GetTempPath(), $"cloudsync-kafka-{Guid.NewGuid():N}");
        var start = new ProcessStartInfo("bash", ["-c", Guard, script, folder, "--security", security, .. settings.SelectMany(setting => new[] { "--set", setting })])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["KAFKA_OPTS"] = java;
        var started = new StartedKafka(Process.Start(start)!, script) { Folder = folder };
        if (await started.UntilUpAsync())
            return started;

        // Its disposal waits for the end, and so for the last line of what it said.
        await started.DisposeAsync();
        throw new InvalidOperationException(started._errors.Length > 0 ? started._errors.ToString().Trim() : $"{script} up failed and said nothing.");
    }

    /// <summary>Does something to a node of it: <c>kill</c>, <c>start</c>, <c>pause</c>, <c>resume</c>.</summary>
    /// <exception cref="InvalidOperationException">It could not be done.</exception>
    public async Task RunAsync(string verb, string node)
    {
        using var run = Process.Start(new ProcessStartInfo("bash", [_script, verb, "--dir", Folder, node]) { RedirectStandardError = true })!;
        var errors = await run.StandardError.ReadToEndAsync();
        await run.WaitForExitAsync();
        if (run.ExitCode != 0)
            throw new InvalidOperationException($"{_script} {verb} {node} failed: {errors}");
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        _guard.StandardInput.Close();
        await _guard.WaitForExitAsync();
        _guard.Dispose();
    }

    /// <summary>The script gives up by itself, after a minute for each node, so this ends.</summary>
    private async Task<bool> UntilUpAsync()
    {
        while (await _guard.StandardOutput.ReadLineAsync() is { } line)
        {
            if (line.StartsWith(UpIsOver, StringComparison.Ordinal))
                return int.Parse(line.AsSpan(UpIsOver.Length), CultureInfo.InvariantCulture) == 0;

            BootstrapServers = line;
        }

        return false;
    }
}
