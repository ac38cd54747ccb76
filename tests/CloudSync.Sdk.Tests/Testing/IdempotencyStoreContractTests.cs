using CloudSync.Sdk.Testing;
using CloudSync.Tests;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace CloudSync.Sdk.Tests.Testing;

public class IdempotencyStoreContractTests
{
    public static TheoryData<string> Cases => [.. IdempotencyStoreContract.Cases];

    public static TheoryData<Break> Breaks => [.. Enum.GetValues<Break>().Where(b => b != Break.Nothing)];

    [Theory, MemberData(nameof(Cases))]
    public Task A_store_that_keeps_the_contract_passes(string name) => Contract(Break.Nothing).VerifyAsync(name);

    [Theory, MemberData(nameof(Breaks))]
    public async Task A_store_that_breaks_a_rule_is_told_which(Break broken)
    {
        var failed = new List<string>();
        foreach (var name in IdempotencyStoreContract.Cases)
        {
            try
            {
                await Contract(broken).VerifyAsync(name);
            }
            catch (IdempotencyStoreContractException e)
            {
                Assert.Contains(name, e.Message, StringComparison.Ordinal);
                failed.Add(e.Message);
            }
        }

        TestContext.Current.TestOutputHelper?.WriteLine(string.Join('\n', failed));
        Assert.NotEmpty(failed);
    }

    [Fact]
    public async Task The_message_says_what_was_expected_and_what_came()
    {
        var error = await Assert.ThrowsAsync<IdempotencyStoreContractException>(
            () => Contract(Break.CompletionsTakeAnyToken).VerifyAsync("Completing a claimed id with another token changes nothing"));

        Assert.Equal(
            "The store breaks the contract: Completing a claimed id with another token changes nothing.\nCompleting an id that another has taken over: expected false, got true.",
            error.Message);
    }

    [Fact]
    public async Task A_store_that_throws_breaks_the_contract_and_its_exception_is_kept()
    {
        var contract = new IdempotencyStoreContract(_ => Task.FromResult(new IdempotencyStoreUnderTest { Store = new FailingStore() }));

        var error = await Assert.ThrowsAsync<IdempotencyStoreContractException>(() => contract.VerifyAsync(IdempotencyStoreContract.Cases[0]));

        Assert.Contains("The store threw NotSupportedException: not yet", error.Message, StringComparison.Ordinal);
        Assert.IsType<NotSupportedException>(error.InnerException);
    }

    [Fact]
    public async Task A_store_that_never_answers_is_given_up()
    {
        var contract = new IdempotencyStoreContract(_ => Task.FromResult(new IdempotencyStoreUnderTest { Store = new FailingStore { Hangs = true } }))
        {
            Patience = TimeSpan.FromMilliseconds(50),
        };

        var error = await Assert.ThrowsAsync<IdempotencyStoreContractException>(() => contract.VerifyAsync(IdempotencyStoreContract.Cases[0]));

        Assert.Contains("ClaimAsync has not answered within 00:00:00.05", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("The token rises when an id that was forgotten is claimed again")]
    [InlineData("A completed id is forgotten after its retention")]
    [InlineData("A lapsed id is forgotten after its retention")]
    public async Task A_store_that_may_remember_longer_is_not_asked_to_forget(string name)
    {
        var contract = Contract(Break.NothingIsForgotten, forgottenWithin: Timeout.InfiniteTimeSpan);

        await contract.VerifyAsync(name);
    }

    [Fact]
    public async Task A_name_that_is_no_case_is_refused()
    {
        var error = await Assert.ThrowsAsync<ArgumentException>(() => Contract(Break.Nothing).VerifyAsync("It works"));

        Assert.Contains("'It works' is no case", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Every_store_is_disposed_of_and_then_cleaned_up_after()
    {
        var events = new List<string>();
        var contract = new IdempotencyStoreContract(_ => Task.FromResult(new IdempotencyStoreUnderTest
        {
            Store = new FailingStore { Disposed = () => events.Add("first") },
            OpenAnother = () => new(new FailingStore { Disposed = () => events.Add("other") }),
            CleanUp = () =>
            {
                events.Add("clean");
                return default;
            },
        }));

        await Assert.ThrowsAsync<IdempotencyStoreContractException>(() => contract.VerifyAsync("A claim of a completed id answers Completed"));

        Assert.Equal(["first", "other", "clean"], events);
    }

    [Fact]
    public async Task Without_a_clock_that_can_be_moved_the_suite_waits()
    {
        var contract = new IdempotencyStoreContract(retention => Task.FromResult(new IdempotencyStoreUnderTest { Store = new BreakableStore(TimeProvider.System, retention) }))
        {
            Lease = TimeSpan.FromMilliseconds(50),
        };

        await contract.VerifyAsync("A claim of a lapsed id takes it over");
    }

    private static IdempotencyStoreContract Contract(Break broken, TimeSpan? forgottenWithin = null) => new(retention =>
    {
        var time = new FakeTimeProvider();
        return Task.FromResult(new IdempotencyStoreUnderTest
        {
            Store = new BreakableStore(time, retention, broken),
            LetTimePass = by =>
            {
                time.Advance(by);
                return Task.CompletedTask;
            },
        });
    })
    {
        ForgottenWithin = forgottenWithin,
        Patience = TimeSpan.FromSeconds(broken == Break.Nothing ? 30 : 2),
    };

    private sealed class FailingStore : IIdempotencyStore, IDisposable
    {
        public bool Hangs { get; init; }

        public Action? Disposed { get; init; }

        public IdempotencyStatistics Statistics => default;

        public ValueTask ClaimAsync(ReadOnlyMemory<IdempotencyKey> keys, TimeSpan lease, Memory<ClaimResult> results, CancellationToken cancellationToken) =>
            Hangs ? new(new TaskCompletionSource().Task) : throw new NotSupportedException("not yet");

        public ValueTask CompleteAsync(ReadOnlyMemory<IdempotencyClaim> claims, Memory<bool> results, CancellationToken cancellationToken) => throw new NotSupportedException();

        public ValueTask ReleaseAsync(ReadOnlyMemory<IdempotencyClaim> claims, CancellationToken cancellationToken) => throw new NotSupportedException();

        public ValueTask ExtendAsync(ReadOnlyMemory<IdempotencyClaim> claims, TimeSpan lease, Memory<bool> results, CancellationToken cancellationToken) =>
            throw new NotSupportedException();

        public void Dispose() => Disposed?.Invoke();
    }
}
