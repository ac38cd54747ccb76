using CloudSync.Tests;
using Xunit;

namespace CloudSync.Sdk.Redis.Tests;

/// <summary>A real cluster of three nodes.</summary>
public sealed class RedisClusterTests
{
    private const int Shards = 12;

    private static readonly int[] Ids = [.. Enumerable.Range(0, 3_000)];

    [Fact]
    public async Task The_ids_of_a_batch_live_on_all_nodes()
    {
        await using var cluster = await RedisCluster.StartAsync();
        await using var store = Store(cluster);

        Assert.Equal(new string('a', Ids.Length), await store.LettersAsync(Ids));
        Assert.Equal(new string('h', Ids.Length), await store.LettersAsync(Ids));
        var done = new bool[3];
        await store.Store.CompleteAsync(new[] { new IdempotencyClaim(new(1, 1), 0), new IdempotencyClaim(new(2, 2), 0), new IdempotencyClaim(new(7, 7), 0) }, done, CancellationToken.None);

        Assert.DoesNotContain(false, done);
        foreach (var node in cluster.Nodes)
            Assert.NotNull(await node.SendAsync("DBSIZE", line => line.StartsWith(':') && line != ":0"));
    }

    [Fact]
    public async Task A_node_that_is_down_fails_the_call_and_what_the_others_acquired_is_given_back()
    {
        await using var cluster = await RedisCluster.StartAsync("--cluster-require-full-coverage", "no");
        await using var store = Store(cluster);
        await store.LettersAsync([.. Enumerable.Range(10_000, 100)]);
        await cluster.Nodes[0].KillAsync();

        await Assert.ThrowsAsync<RedisStoreException>(() => store.LettersAsync(Ids));

        // By shards: those of the other nodes are free again as soon as they have been given back.
        var free = 0;
        for (var shard = 0; shard < Shards; shard++)
        {
            var ids = Ids.Where(id => id % Shards == shard).ToArray();
            try
            {
                await store.UntilAsync(new string('a', ids.Length), ids);
                free++;
            }
            catch (RedisStoreException)
            {
            }
        }

        Assert.InRange(free, 1, Shards - 1);
    }

    [Fact]
    public async Task A_slot_that_moved_is_followed()
    {
        await using var cluster = await RedisCluster.StartAsync();
        await using var store = Store(cluster);
        await store.LettersAsync(Shards + 1);

        // The slot of another shard, which holds nothing yet, goes to the next node.
        var slot = (await cluster.Nodes[0].SendAsync("CLUSTER KEYSLOT {cloudsync:aws-sync-group:0}", line => line.StartsWith(':')))![1..];
        var owner = int.Parse(slot, System.Globalization.CultureInfo.InvariantCulture) * 3 / 16_384;
        var id = await cluster.Nodes[(owner + 1) % 3].SendAsync("CLUSTER MYID", line => line.Length == 40);
        foreach (var node in new[] { cluster.Nodes[(owner + 1) % 3], cluster.Nodes[owner], cluster.Nodes[(owner + 2) % 3] })
            Assert.NotNull(await node.SendAsync($"CLUSTER SETSLOT {slot} NODE {id}", line => line == "+OK"));

        Assert.Equal("a", await store.AnswerAsync(0));
        Assert.Equal("h", await store.LettersAsync(0));

        // The claims, and the set that they are in.
        Assert.NotNull(await cluster.Nodes[(owner + 1) % 3].SendAsync($"CLUSTER COUNTKEYSINSLOT {slot}", line => line == ":2"));
    }

    private static RegisteredStore Store(RedisCluster cluster) => new(options => (options.Endpoints, options.Shards) = (cluster.Address, Shards));
}
