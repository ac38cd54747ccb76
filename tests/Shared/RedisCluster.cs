using System.Globalization;

namespace CloudSync.Tests;

/// <summary>A Redis Cluster of three real nodes, without replicas: each has a third of the slots. Skips the test where there is no <c>redis-server</c>.</summary>
internal sealed class RedisCluster : IAsyncDisposable
{
    private const int Slots = 16_384;

    private RedisCluster(IReadOnlyList<RedisServer> nodes) => Nodes = nodes;

    /// <summary>The nodes.</summary>
    public IReadOnlyList<RedisServer> Nodes { get; }

    /// <summary>The addresses of all nodes, separated by commas.</summary>
    public string Address => string.Join(',', Nodes.Select(node => node.Address));

    /// <summary>Starts a cluster, and waits until all nodes know each other and all slots are served.</summary>
    /// <param name="settings">Settings of every node, as on its command line.</param>
    public static async Task<RedisCluster> StartAsync(params string[] settings)
    {
        var nodes = new List<RedisServer>();
        var cluster = new RedisCluster(nodes);
        try
        {
            for (var i = 0; i < 3; i++)
                nodes.Add(await RedisServer.StartAsync(["--cluster-enabled", "yes", "--cluster-node-timeout", "2000", .. settings]));

            for (var i = 0; i < 3; i++)
            {
                var slots = Enumerable.Range(0, Slots).Where(slot => slot * 3 / Slots == i).Select(slot => slot.ToString(CultureInfo.InvariantCulture));
                await OkAsync(nodes[i], $"CLUSTER ADDSLOTS {string.Join(' ', slots)}");
                await OkAsync(nodes[i], FormattableString.Invariant($"CLUSTER SET-CONFIG-EPOCH {i + 1}"));
            }

            foreach (var other in nodes.Skip(1))
                await OkAsync(nodes[0], FormattableString.Invariant($"CLUSTER MEET 127.0.0.1 {other.Port}"));

            foreach (var node in nodes)
            {
                await node.UntilAsync("CLUSTER INFO", line => line == "cluster_known_nodes:3");
                await node.UntilAsync("CLUSTER INFO", line => line == "cluster_state:ok");
            }

            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (var node in Nodes)
            await node.DisposeAsync();
    }

    private static async Task OkAsync(RedisServer node, string command)
    {
        var answer = await node.SendAsync(command, _ => true);
        if (answer != "+OK")
            throw new InvalidOperationException($"{command[..Math.Min(40, command.Length)]} at {node.Address}: {answer}");
    }
}
