using System.Globalization;
using System.Net.Sockets;
using CloudSync.Sdk.Testing;

namespace Demo.Copies;

/// <summary>The embedded Redis, a real one, or none.</summary>
internal sealed class DemoRedis : IAsyncDisposable
{
    public const string Embedded = "embedded";
    public const string None = "none";
    private static readonly TimeSpan AnswerWithin = TimeSpan.FromSeconds(5);

    private readonly EmbeddedRedis? _embedded;

    private DemoRedis(string? address, EmbeddedRedis? embedded)
    {
        Address = address;
        _embedded = embedded;
    }

    /// <summary>Where it is; <see langword="null"/> when each process remembers its ids in its own memory.</summary>
    public string? Address { get; }

    /// <summary>What it is, for a person.</summary>
    public string Description => _embedded is not null ? "embedded" : Address ?? "none: each process has a memory of its own";

    /// <exception cref="DemoException">Nobody listens at the address of a real Redis.</exception>
    public static async Task<DemoRedis> StartAsync(string redis)
    {
        if (redis == None)
            return new DemoRedis(null, null);

        if (redis == Embedded)
        {
            var embedded = await EmbeddedRedis.StartAsync();
            return new DemoRedis(embedded.Address, embedded);
        }

        foreach (var address in redis.Split(','))
            await ConnectAsync(address);
        return new DemoRedis(redis, null);
    }

    public async ValueTask DisposeAsync()
    {
        if (_embedded is not null)
            await _embedded.DisposeAsync();
    }

    // The hosts would wait for it, for ever and in order; a run that is started by hand should say it at once.
    private static async Task ConnectAsync(string address)
    {
        try
        {
            var colon = address.LastIndexOf(':');
            using var patience = new CancellationTokenSource(AnswerWithin);
            using var client = new TcpClient();
            await client.ConnectAsync(address[..colon], int.Parse(address.AsSpan(colon + 1), CultureInfo.InvariantCulture), patience.Token);
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException)
        {
            throw new DemoException($"Redis at {address} (--redis) does not answer: {e.Message.TrimEnd('.')}.", e);
        }
    }
}
