using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using StackExchange.Redis;

namespace CloudSync.Idempotency;

/// <summary>A redis-server for one measurement: no persistence, a folder of its own, gone when it is disposed of.</summary>
internal sealed class RedisProcess : IAsyncDisposable
{
    private readonly Process _process;
    private readonly DirectoryInfo _folder;

    private RedisProcess(Process process, DirectoryInfo folder, ConnectionMultiplexer connection)
    {
        _process = process;
        _folder = folder;
        Connection = connection;
    }

    public ConnectionMultiplexer Connection { get; }

    public static async Task<RedisProcess> StartAsync()
    {
        var port = FreePort();
        var folder = Directory.CreateTempSubdirectory("cloudsync-bench-");
        var process = Process.Start(new ProcessStartInfo(
            "redis-server", ["--bind", "127.0.0.1", "--port", port.ToString(CultureInfo.InvariantCulture), "--dir", folder.FullName, "--save", "", "--appendonly", "no", "--loglevel", "warning"])
        {
            RedirectStandardOutput = true,
        })!;
        var connection = await ConnectionMultiplexer.ConnectAsync($"127.0.0.1:{port},allowAdmin=true,abortConnect=false,connectRetry=20,asyncTimeout=60000");
        await connection.GetDatabase().PingAsync();
        return new RedisProcess(process, folder, connection);
    }

    /// <summary>What INFO says under a name.</summary>
    public async Task<double> InfoAsync(string section, string name)
    {
        var info = await Connection.GetServers()[0].InfoAsync(section);
        return double.Parse(info.SelectMany(group => group).First(pair => pair.Key == name).Value, CultureInfo.InvariantCulture);
    }

    /// <summary>Processor seconds that its main thread has used.</summary>
    public async Task<double> CpuAsync() => await InfoAsync("cpu", "used_cpu_user_main_thread") + await InfoAsync("cpu", "used_cpu_sys_main_thread");

    public Task FlushAsync() => Connection.GetServers()[0].FlushAllDatabasesAsync();

    public async ValueTask DisposeAsync()
    {
        await Connection.DisposeAsync();
        _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
        _folder.Delete(recursive: true);
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
