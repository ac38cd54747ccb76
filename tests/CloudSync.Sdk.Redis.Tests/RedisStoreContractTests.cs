using CloudSync.Sdk.Testing;
using CloudSync.Tests;
using FsCheck.Xunit;
using Xunit;

namespace CloudSync.Sdk.Redis.Tests;

/// <summary>The contract of a store, on Garnet and on redis-server: case by case, against the model by random steps, and by owners that race.</summary>
public sealed class RedisStoreContractTests(SharedServers servers) : IClassFixture<SharedServers>
{
    public static MatrixTheoryData<string, On> Cases => new(IdempotencyStoreContract.Cases, Enum.GetValues<On>());

    [Theory, MemberData(nameof(Cases))]
    public Task It_keeps_the_contract(string name, On on) => new IdempotencyStoreContract(async retention =>
    {
        var group = await servers.GroupAsync(on, retention);
        return new IdempotencyStoreUnderTest { Store = group.Open(), OpenAnother = () => new(group.Open()), LetTimePass = group.PassAsync };
    }).VerifyAsync(name);

    [Property(MaxTest = 200, Arbitrary = [typeof(IdempotencySteps)])]
    public Task On_Garnet_it_answers_as_the_model(IdempotencyStep[] steps, bool inParts) => RunAsync(On.Embedded, steps, inParts);

    [Fact]
    public async Task On_redis_server_it_answers_as_the_model()
    {
        RedisServer.SkipWithout();
        var first = Random.Shared.Next(int.MaxValue - 200);
        for (var seed = first; seed < first + 200; seed++)
            await RunAsync(On.Real, IdempotencySteps.Random(seed, 50), inParts: seed % 2 == 0);
    }

    [Theory]
    [InlineData(On.Embedded)]
    [InlineData(On.Real)]
    public async Task Of_32_owners_that_stall_longer_than_their_lease_one_completes_each_of_10_000_ids(On on)
    {
        var group = await servers.GroupAsync(on, TimeSpan.FromDays(30));
        var owners = Enumerable.Range(0, 32).Select(_ => group.Open()).ToArray();
        var start = group.Now;

        await new IdempotencyRace(owners, () => TimeSpan.FromMilliseconds(group.Now - start), group.Pass, Random.Shared.Next()).RunAsync(10_000);

        foreach (var owner in owners)
            await owner.DisposeAsync();
    }

    private async Task RunAsync(On on, IdempotencyStep[] steps, bool inParts)
    {
        var group = await servers.GroupAsync(on, IdempotencySteps.Retention, shards: inParts ? 3 : 1);
        RedisIdempotencyStore[] owners = [group.Open(), group.Open(), group.Open()];
        await new IdempotencySteps(owners, group.PassAsync).RunAsync(steps);
        foreach (var owner in owners)
            await owner.DisposeAsync();
    }
}
