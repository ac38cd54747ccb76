using CloudSync.Sdk.Testing;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace CloudSync.Sdk.Tests;

public class InMemoryIdempotencyStoreContractTests
{
    public static TheoryData<string> Cases => [.. IdempotencyStoreContract.Cases];

    [Theory, MemberData(nameof(Cases))]
    public Task It_keeps_the_contract(string name) => new IdempotencyStoreContract(retention =>
    {
        var time = new FakeTimeProvider();
        return Task.FromResult(new IdempotencyStoreUnderTest
        {
            Store = new InMemoryIdempotencyStore(new IdempotencyOptions { Retention = retention, CleanupInterval = TimeSpan.FromSeconds(1) }, time),
            LetTimePass = by =>
            {
                time.Advance(by);
                return Task.CompletedTask;
            },
        });
    }).VerifyAsync(name);
}
