using System.Net;
using Garnet;
using Garnet.server;

namespace CloudSync.Sdk.Testing;

/// <summary>
/// A server inside the process that speaks the protocol of Redis, for tests and demos: nothing to install, started in a moment, and able to fail on demand. It is
/// Microsoft's Garnet, with Lua scripts; it listens on a free port of 127.0.0.1, so other processes on the machine can use it too.
/// </summary>
/// <remarks>
/// <para>What it is not:</para>
/// <list type="bullet">
/// <item>It keeps nothing on disk: a server that is started again is empty. And it holds about 1 GiB; beyond that it forgets the oldest without a word.</item>
/// <item>It is not Redis. It has one node, no TLS and no passwords, and what Redis answers under want of memory (<c>OOM</c>) or while it loads (<c>LOADING</c>) it never does.</item>
/// <item>A script runs as a transaction on the keys that it was given, beside scripts with other keys: give it every key that it touches.</item>
/// <item>It has the memory and the processors of the process that it is in. A figure measured against it says nothing about Redis.</item>
/// </list>
/// <para>All members may be called from any thread.</para>
/// </remarks>
/// <example>
/// <code>
/// await using var redis = await EmbeddedRedis.StartAsync();
/// using var connection = await ConnectionMultiplexer.ConnectAsync(redis.Address);
/// </code>
/// </example>
public sealed class EmbeddedRedis : IAsyncDisposable
{
    private const int Attempts = 20;

    private readonly SemaphoreSlim _gate = new(1, 1);
    private GarnetServer? _server;
    private bool _disposed;

    private EmbeddedRedis(int port, GarnetServer server)
    {
        Port = port;
        _server = server;
    }

    /// <summary>The address for clients, <c>127.0.0.1:port</c>. It stays the same when the server is stopped and started again.</summary>
    public string Address => $"127.0.0.1:{Port}";

    /// <summary>The port that it listens on.</summary>
    public int Port { get; }

    /// <summary>Starts a server.</summary>
    /// <returns>The server, empty and ready for clients. It lives until it is disposed of, or the process ends.</returns>
    /// <exception cref="InvalidOperationException">The server can't be started, for want of a free port or of memory.</exception>
    public static Task<EmbeddedRedis> StartAsync() => Task.Run(() =>
    {
        for (var attempt = 1; ; attempt++)
        {
            // Another process may take the port between the look and the start.
            var port = FreePort.Find();
            try
            {
                return new EmbeddedRedis(port, Listen(port));
            }
            catch (InvalidOperationException) when (attempt < Attempts)
            {
            }
        }
    });

    /// <summary>Cuts all connections and refuses new ones, as when the server crashed. What it held is gone. Does nothing to a server that is stopped already.</summary>
    /// <exception cref="ObjectDisposedException">The server has been disposed of.</exception>
    public Task StopAsync() => InTurnAsync(() =>
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        EndServer();
    });

    /// <summary>Lets clients connect again, at the same address. The server is empty. Does nothing to a server that runs.</summary>
    /// <exception cref="InvalidOperationException">The server can't be started: another process may have taken its port meanwhile.</exception>
    /// <exception cref="ObjectDisposedException">The server has been disposed of.</exception>
    public Task StartAgainAsync() => InTurnAsync(() =>
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        _server ??= Listen(Port);
    });

    /// <summary>Ends the server.</summary>
    public async ValueTask DisposeAsync() => await InTurnAsync(() =>
    {
        _disposed = true;
        EndServer();
    }).ConfigureAwait(false);

    private static GarnetServer Listen(int port)
    {
        GarnetServer? server = null;
        try
        {
            server = new GarnetServer(new GarnetServerOptions
            {
                EndPoints = [new IPEndPoint(IPAddress.Loopback, port)],
                QuietMode = true,
                EnableLua = true,
                LuaTransactionMode = true,
                LuaOptions = new LuaOptions(),

                // Pages are taken when they are needed, so a server of a test is small.
                LogMemorySize = "1g",
                PageSize = "4m",
                IndexMemorySize = "1m",
            });
            server.Start();
            return server;
        }
        catch (Exception e)
        {
            server?.Dispose();
            throw new InvalidOperationException($"The embedded Redis can't be started on 127.0.0.1:{port}: {e.Message}", e);
        }
    }

    private void EndServer()
    {
        _server?.Dispose();
        _server = null;
    }

    /// <summary>One at a time, and on another thread: starting and ending block.</summary>
    private async Task InTurnAsync(Action action)
    {
        await _gate.WaitAsync().ConfigureAwait(false);
        try
        {
            await Task.Run(action).ConfigureAwait(false);
        }
        finally
        {
            _gate.Release();
        }
    }
}
