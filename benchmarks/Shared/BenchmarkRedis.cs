using System.Diagnostics;
using System.Globalization;
using CloudSync.Sdk.Testing;
using StackExchange.Redis;

namespace CloudSync.Measuring;

/// <summary>A redis-server without persistence, where there is one, else the embedded one, which is no measure of a real one.</summary>
internal sealed class BenchmarkRedis : IAsyncDisposable
{
    /// <summary>
    /// Kills the server when this process closes the pipe to the shell: in its disposal or by dying, in whatever way. The trap lets the shell outlive an interrupt from the terminal, which
    /// goes to all processes; the server would end by it, and is in a session of its own where there is a setsid.
    /// </summary>
    private const string Guard =
        """
        trap : HUP INT TERM
        folder=$1
        shift
        $(command -v setsid) "$@" </dev/null >/dev/null 2>&1 &
        server=$!
        read -r _
        kill -9 $server
        wait 2>/dev/null
        rm -rf "$folder"
        """;

    private readonly Process? _guard;
    private readonly EmbeddedRedis? _embedded;

    private BenchmarkRedis(string address, string description, Process? guard = null, EmbeddedRedis? embedded = null)
    {
        (Address, Description) = (address, description);
        (_guard, _embedded) = (guard, embedded);
    }

    public string Address { get; }

    public string Description { get; }

    public static async Task<BenchmarkRedis> StartAsync()
    {
        if (!IsInstalled())
        {
            var embedded = await EmbeddedRedis.StartAsync();
            return new BenchmarkRedis(embedded.Address, "the embedded Redis, which is no measure of a real one", embedded: embedded);
        }

        var port = FreePort.Find();
        var folder = Directory.CreateTempSubdirectory("cloudsync-compare-");
        var guard = Process.Start(new ProcessStartInfo(
            "bash",
            ["-c", Guard, "guard", folder.FullName, "redis-server", "--bind", "127.0.0.1", "--port", port.ToString(CultureInfo.InvariantCulture), "--dir", folder.FullName, "--save", "", "--appendonly", "no", "--loglevel", "warning"])
        {
            RedirectStandardInput = true,
        })!;
        var redis = new BenchmarkRedis($"127.0.0.1:{port}", "one redis-server without persistence", guard);
        await using var connection = await redis.ConnectAsync();
        return redis;
    }

    public Task<ConnectionMultiplexer> ConnectAsync() => ConnectAsync(Address);

    public static async Task<ConnectionMultiplexer> ConnectAsync(string address)
    {
        var connection = await ConnectionMultiplexer.ConnectAsync($"{address},allowAdmin=true,abortConnect=false,connectRetry=20,asyncTimeout=60000,syncTimeout=60000");
        await connection.GetDatabase().PingAsync();
        return connection;
    }

    public async ValueTask DisposeAsync()
    {
        if (_guard is not null)
        {
            _guard.StandardInput.Close();
            await _guard.WaitForExitAsync();
            _guard.Dispose();
        }

        if (_embedded is not null)
            await _embedded.DisposeAsync();
    }

    private static bool IsInstalled() =>
        !OperatingSystem.IsWindows()
        && (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Any(folder => File.Exists(Path.Combine(folder, "redis-server")));
}
