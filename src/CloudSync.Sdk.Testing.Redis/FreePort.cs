using System.Net;
using System.Net.Sockets;

namespace CloudSync.Sdk.Testing;

/// <summary>Ports for servers that may be stopped and started again.</summary>
internal static class FreePort
{
    /// <summary>
    /// Finds a port of 127.0.0.1 that nobody listens on. Below those that a system hands out by itself: a client that keeps on trying to reach a server that is
    /// stopped may be given the server's own port, and is then connected to itself.
    /// </summary>
    /// <param name="secondAt">How far above it the server listens on a second port, which must be free as well: a node of a cluster does. 0 for none.</param>
    public static int Find(int secondAt = 0)
    {
        for (var attempt = 0; attempt < 100; attempt++)
        {
            var port = Random.Shared.Next(20_000, 32_768 - secondAt);
            try
            {
                using var listener = new TcpListener(IPAddress.Loopback, port);
                listener.Start();
                if (secondAt == 0)
                    return port;

                using var second = new TcpListener(IPAddress.Loopback, port + secondAt);
                second.Start();
                return port;
            }
            catch (SocketException)
            {
            }
        }

        throw new InvalidOperationException("There is no free port from 20,000 to 32,767 on 127.0.0.1.");
    }
}
