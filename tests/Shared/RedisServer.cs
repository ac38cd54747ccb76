using System.Diagnostics;
using System.Globalization;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;
using CloudSync.Sdk.Testing;
using Xunit;

namespace CloudSync.Tests;

/// <summary>
/// A real <c>redis-server</c> of one test, in a new folder under the temporary ones: the one that <c>REDIS_SERVER</c> names, else the one on the PATH. Where there is none, and
/// on Windows, the test is skipped. A test that has nothing to ask of a real one uses an <see cref="EmbeddedRedis"/>.
/// </summary>
internal sealed class RedisServer : IAsyncDisposable
{
    private const string ProgramVariable = "REDIS_SERVER";

    /// <summary>How far above its port a node of a cluster listens to the other nodes.</summary>
    private const int ClusterBus = 10_000;

    /// <summary>
    /// Kills the server when this process closes the pipe to the shell: in <see cref="KillAsync"/>, or by dying, in whatever way; then its folder goes as well. The trap
    /// lets the shell outlive an interrupt from the terminal, which goes to all processes of a test run.
    /// </summary>
    private const string Guard =
        """
        trap : HUP INT TERM
        folder=$1
        shift
        "$@" </dev/null >&2 &
        echo "pid $!"
        read -r keep
        kill -9 %1
        wait
        [ -n "$keep" ] || rm -rf "$folder"
        """;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly string _program;
    private readonly string[] _settings;
    private readonly DirectoryInfo _folder;
    private readonly StringBuilder _said = new();
    private Process? _guard;
    private int _pid;

    private RedisServer(string program, string[] settings, TestCertificate? certificate)
    {
        _program = program;
        _settings = settings;
        Certificate = certificate;
        _folder = Directory.CreateTempSubdirectory("cloudsync-redis-");
        Port = FreePort.Find(settings.Contains("--cluster-enabled") ? ClusterBus : 0);
    }

    /// <summary>The port that it listens on, on 127.0.0.1. It stays the same over a restart.</summary>
    public int Port { get; }

    /// <summary>The address, for clients.</summary>
    public string Address => $"127.0.0.1:{Port}";

    /// <summary>What clients must trust; <see langword="null"/> without TLS.</summary>
    public TestCertificate? Certificate { get; }

    /// <summary>The file that it is in, in PEM; <see langword="null"/> without TLS.</summary>
    public string? CertificateFile { get; private set; }

    /// <summary>Starts a server that keeps nothing on disk unless the settings say so, or skips the test.</summary>
    /// <param name="settings">Settings as on its command line: <c>"--appendonly", "yes"</c>. Those of redis.conf, with two dashes before the name.</param>
    public static Task<RedisServer> StartAsync(params string[] settings) => StartAsync(settings, certificate: null);

    /// <summary>Starts a server that speaks TLS and nothing else, with a certificate of its own for <c>localhost</c> and 127.0.0.1, or skips the test.</summary>
    /// <param name="settings">Further settings.</param>
    public static Task<RedisServer> StartWithTlsAsync(params string[] settings) => StartAsync(settings, TestCertificate.Make());

    /// <summary>Skips the test where there is no <c>redis-server</c>, and says how to have one.</summary>
    public static void SkipWithout() => Program();

    /// <summary>Ends the server in the middle of whatever it does (kill -9).</summary>
    public async Task KillAsync()
    {
        if (_guard is null)
            return;

        await _guard.StandardInput.WriteLineAsync("keep");
        _guard.StandardInput.Close();
        await _guard.WaitForExitAsync();
        _guard.Dispose();
        _guard = null;
    }

    /// <summary>Starts a server that was killed again, on the same port, with what it had on its disk: nothing, unless a setting such as <c>--appendonly yes</c> keeps it there.</summary>
    public async Task StartAgainAsync()
    {
        Assert.Null(_guard);
        await RunAsync();
    }

    /// <summary>Starts a server that was killed again, on the same port, with an empty disk.</summary>
    public async Task StartEmptyAsync()
    {
        Assert.Null(_guard);
        foreach (var part in _folder.EnumerateFileSystemInfos())
        {
            if (part is DirectoryInfo folder)
                folder.Delete(recursive: true);
            else
                part.Delete();
        }

        await RunAsync();
    }

    /// <summary>Stops its processor: connections stay, and nothing is answered until <see cref="ResumeAsync"/>.</summary>
    public Task PauseAsync() => SignalAsync("STOP");

    /// <summary>Lets it go on after <see cref="PauseAsync"/>.</summary>
    public Task ResumeAsync() => SignalAsync("CONT");

    /// <summary>Sends a command without blanks in its arguments, and gives the lines of the answer up to the first that ends it.</summary>
    /// <param name="command">The command, as one line.</param>
    /// <param name="last">Whether a line of the answer is the last to wait for.</param>
    public async Task<string?> SendAsync(string command, Func<string, bool> last)
    {
        using var client = new TcpClient();
        await client.ConnectAsync("127.0.0.1", Port);
        Stream stream = client.GetStream();
        if (Certificate is not null)
        {
            var secure = new SslStream(stream, leaveInnerStreamOpen: false, (_, shown, _, _) => Certificate.IsThatOf(shown));
            await secure.AuthenticateAsClientAsync("localhost");
            stream = secure;
        }

        await using (stream)
        {
            await stream.WriteAsync(Encoding.ASCII.GetBytes(command + "\r\nQUIT\r\n"));
            using var reader = new StreamReader(stream);
            while (await reader.ReadLineAsync() is { } line)
            {
                if (last(line))
                    return line;
            }
        }

        return null;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await KillAsync();
        _folder.Delete(recursive: true);
    }

    private static string Program()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "There is no redis-server for Windows.");
        if (Environment.GetEnvironmentVariable(ProgramVariable) is { Length: > 0 } named)
        {
            Assert.True(File.Exists(named), $"{ProgramVariable} is set to {named}, and there is no such file.");
            return named;
        }

        var found = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Select(folder => Path.Combine(folder, "redis-server")).FirstOrDefault(File.Exists);
        Assert.SkipWhen(found is null, $"redis-server is not installed (Debian: apt install redis-server), and {ProgramVariable} names none.");
        return found;
    }

    private static async Task<RedisServer> StartAsync(string[] settings, TestCertificate? certificate)
    {
        var server = new RedisServer(Program(), settings, certificate);
        try
        {
            await server.RunAsync();
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    private async Task RunAsync()
    {
        var arguments = new List<string> { "--bind", "127.0.0.1", "--dir", _folder.FullName, "--save", "", "--appendonly", "no" };
        if (Certificate is null)
        {
            arguments.AddRange(["--port", Text(Port)]);
        }
        else
        {
            var (certificate, key) = await Certificate.WriteAsync(_folder.FullName);
            CertificateFile = certificate;
            arguments.AddRange(
                ["--port", "0", "--tls-port", Text(Port), "--tls-auth-clients", "no", "--tls-cert-file", certificate, "--tls-key-file", key, "--tls-ca-cert-file", certificate]);
        }

        // The later setting wins.
        _guard = Process.Start(
            new ProcessStartInfo("bash", ["-c", Guard, "guard", _folder.FullName, _program, .. arguments, .. _settings])
            {
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            })!;
        _ = HearAsync(_guard.StandardError);
        _pid = int.Parse((await _guard.StandardOutput.ReadLineAsync())!.AsSpan("pid ".Length), CultureInfo.InvariantCulture);
        await UntilAsync("PING", line => line is "+PONG" || line.StartsWith("-NOAUTH", StringComparison.Ordinal));
    }

    /// <summary>Asks until the answer has a line that is wanted. A server that loads, or does not listen yet, is asked again.</summary>
    internal async Task UntilAsync(string command, Func<string, bool> wanted)
    {
        var asked = Stopwatch.StartNew();
        while (true)
        {
            try
            {
                if (await SendAsync(command, wanted) is not null)
                    return;
            }
            catch (Exception e) when (e is SocketException or IOException)
            {
            }

            if (asked.Elapsed > Patience)
            {
                lock (_said)
                    throw new TimeoutException($"{_program} at {Address} does not answer {command} as it should after {Patience.TotalSeconds} s. It said:\n{_said}");
            }

            await Task.Delay(20);
        }
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    /// <summary>Or the pipe would be full one day, and the server wait.</summary>
    private async Task HearAsync(StreamReader reader)
    {
        while (await reader.ReadLineAsync() is { } line)
        {
            lock (_said)
                _said.AppendLine(line);
        }
    }

    private async Task SignalAsync(string signal)
    {
        Assert.NotNull(_guard);
        using var kill = Process.Start("kill", [$"-{signal}", Text(_pid)]);
        await kill.WaitForExitAsync();
        Assert.Equal(0, kill.ExitCode);
    }
}
