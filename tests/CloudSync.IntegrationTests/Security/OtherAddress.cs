using System.Net;
using System.Net.Sockets;

namespace CloudSync.IntegrationTests.Security;

/// <summary>The broker's port under an address that its certificate does not have, as one sees it who has been led to somebody else.</summary>
internal sealed class OtherAddress : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Parse("127.0.0.2"), 0);

    public OtherAddress(string broker)
    {
        _listener.Start();
        _ = ForwardAsync(IPEndPoint.Parse(broker));
    }

    public string Address => _listener.LocalEndpoint.ToString()!;

    public void Dispose() => _listener.Dispose();

    private async Task ForwardAsync(IPEndPoint broker)
    {
        try
        {
            while (true)
            {
                var client = await _listener.AcceptTcpClientAsync();
                _ = ForwardAsync(client, broker);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The end of the test.
        }
    }

    private static async Task ForwardAsync(TcpClient client, IPEndPoint broker)
    {
        using var ours = client;
        using var theirs = new TcpClient();
        try
        {
            await theirs.ConnectAsync(broker);
            await Task.WhenAny(ours.GetStream().CopyToAsync(theirs.GetStream()), theirs.GetStream().CopyToAsync(ours.GetStream()));
        }
        catch (Exception e) when (e is SocketException or IOException)
        {
            // One of the two hung up.
        }
    }
}
