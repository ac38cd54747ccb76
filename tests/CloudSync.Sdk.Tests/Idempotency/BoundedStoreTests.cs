using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace CloudSync.Sdk.Tests;

public sealed class BoundedStoreTests : IDisposable
{
    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(5);
    private static readonly IdempotencyKey[] Key = [new(1, 2)];

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    private readonly FakeTimeProvider _time = new();
    private readonly FakeStore _store;
    private readonly BoundedStore _bounded;
    private readonly TaskCompletionSource _answer = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public BoundedStoreTests()
    {
        _store = new FakeStore(new InMemoryIdempotencyStore(new IdempotencyOptions(), _time));
        _bounded = new BoundedStore(_store, Timeout, _time);
    }

    public void Dispose() => _store.Dispose();

    [Fact]
    public async Task A_call_that_does_not_come_back_fails_after_its_time()
    {
        _store.BeforeClaim = _store.BeforeComplete = _store.BeforeExtend = _store.BeforeRelease = () => _answer.Task;
        var claims = new IdempotencyClaim[] { new(Key[0], 1) };
        Task[] calls =
        [
            _bounded.ClaimAsync(Key, Lease, new ClaimResult[1], Cancelled).AsTask(),
            _bounded.CompleteAsync(claims, new bool[1], Cancelled).AsTask(),
            _bounded.ExtendAsync(claims, Lease, new bool[1], Cancelled).AsTask(),
            _bounded.ReleaseAsync(claims, Cancelled).AsTask(),
        ];
        _time.Advance(Timeout - TimeSpan.FromMilliseconds(1));
        Assert.All(calls, call => Assert.False(call.IsCompleted));
        _time.Advance(TimeSpan.FromMilliseconds(1));

        foreach (var call in calls)
        {
            var error = await Assert.ThrowsAsync<TimeoutException>(() => call);
            Assert.Equal("The idempotency store did not answer within Idempotency:StoreTimeout (00:00:05).", error.Message);
        }
    }

    [Fact]
    public async Task Claims_that_are_made_after_all_are_given_back()
    {
        _store.BeforeClaim = () => _answer.Task;
        var call = _bounded.ClaimAsync(Key, Lease, new ClaimResult[1], Cancelled).AsTask();
        _time.Advance(Timeout);
        await Assert.ThrowsAsync<TimeoutException>(() => call);

        _answer.SetResult();
        await Eventually.True(() => _store.Releases == 1);
        _store.BeforeClaim = null;
        Assert.Equal(ClaimStatus.Acquired, (await ClaimAsync()).Status);
    }

    [Fact]
    public async Task Nor_do_they_stay_when_the_caller_has_left()
    {
        using var stop = new CancellationTokenSource();
        _store.BeforeClaim = () => _answer.Task;
        var call = _bounded.ClaimAsync(Key, Lease, new ClaimResult[1], stop.Token).AsTask();
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);

        _answer.SetResult();
        await Eventually.True(() => _store.Releases == 1);
    }

    /// <summary>Made after all, behind a release, it would claim the id again.</summary>
    [Fact]
    public async Task An_extension_that_was_given_up_is_called_off()
    {
        var claim = await ClaimAsync();
        _store.BeforeExtend = () => _answer.Task;
        var call = _bounded.ExtendAsync(new IdempotencyClaim[] { new(Key[0], claim.Token) }, Lease, new bool[1], Cancelled).AsTask();
        _time.Advance(Timeout);
        await Assert.ThrowsAsync<TimeoutException>(() => call);
        await Eventually.True(() => _store.LastExtension.IsCancellationRequested);
        Assert.False(Cancelled.IsCancellationRequested);
    }

    [Fact]
    public async Task What_the_store_says_in_time_is_passed_on()
    {
        var claim = await ClaimAsync();
        var ours = new bool[1];
        await _bounded.CompleteAsync(new IdempotencyClaim[] { new(Key[0], claim.Token) }, ours, Cancelled);
        Assert.True(ours[0]);

        _store.BeforeClaim = () => throw new InvalidOperationException("READONLY");
        Assert.Equal("READONLY", (await Assert.ThrowsAsync<InvalidOperationException>(ClaimAsync)).Message);
        Assert.Equal(1, _bounded.Statistics.Claims);
    }

    private async Task<ClaimResult> ClaimAsync()
    {
        var results = new ClaimResult[1];
        await _bounded.ClaimAsync(Key, Lease, results, Cancelled);
        return results[0];
    }
}
