using CloudSync.Tests;
using FsCheck.Xunit;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace CloudSync.Sdk.Tests;

/// <summary>Random steps of several owners: the in-memory store answers as the model of the contract does, and a store that is broken does not.</summary>
public class IdempotencyModelTests
{
    /// <summary>What the model can't see: too much memory of the past is allowed to it, its batches are small, and its calls come one after another.</summary>
    private static readonly Break[] Unseen = [Break.NothingIsForgotten, Break.ClaimsTakeAThousandIds];

    public static TheoryData<Break> Breaks => [.. Enum.GetValues<Break>().Except([Break.Nothing, .. Unseen])];

    [Property(MaxTest = 500, Arbitrary = [typeof(IdempotencySteps)])]
    public Task The_in_memory_store_answers_as_the_model(IdempotencyStep[] steps) => RunAsync(steps, new IdempotencyOptions { Retention = IdempotencySteps.Retention });

    [Property(MaxTest = 500, Arbitrary = [typeof(IdempotencySteps)])]
    public Task An_in_memory_store_with_little_room_forgets_the_oldest_completed_and_never_a_claim(IdempotencyStep[] steps, byte room) =>
        RunAsync(steps, new IdempotencyOptions { Retention = IdempotencySteps.Retention, MaxEntries = 1 + (room % 12) }, mayEvict: true);

    [Fact]
    public async Task A_store_that_keeps_the_contract_answers_as_the_model()
    {
        for (var seed = 0; seed < 300; seed++)
            await RunBreakableAsync(Break.Nothing, seed);
    }

    [Theory, MemberData(nameof(Breaks))]
    public async Task A_store_that_breaks_a_rule_does_not_answer_as_the_model(Break broken) => await Assert.ThrowsAsync<InvalidOperationException>(async () =>
    {
        for (var seed = 0; seed < 300; seed++)
            await RunBreakableAsync(broken, seed);
    });

    private static async Task RunAsync(IdempotencyStep[] steps, IdempotencyOptions options, bool mayEvict = false)
    {
        var time = new FakeTimeProvider();
        using var store = new InMemoryIdempotencyStore(options, time);
        await new IdempotencySteps([store, store, store], Pass(time), mayEvict).RunAsync(steps);
    }

    private static Task RunBreakableAsync(Break broken, int seed)
    {
        var time = new FakeTimeProvider();
        var store = new BreakableStore(time, IdempotencySteps.Retention, broken);
        return new IdempotencySteps([store, store, store], Pass(time)).RunAsync(IdempotencySteps.Random(seed, 60));
    }

    private static Func<TimeSpan, Task> Pass(FakeTimeProvider time) => by =>
    {
        time.Advance(by);
        return Task.CompletedTask;
    };
}
