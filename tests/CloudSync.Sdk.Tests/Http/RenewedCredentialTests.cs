using System.Collections.Concurrent;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace CloudSync.Sdk.Tests.Http;

public sealed class RenewedCredentialTests : IDisposable
{
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 11, 30, 8, 0, 0, TimeSpan.Zero));
    private readonly ConcurrentQueue<(bool WasRefused, TaskCompletionSource<Credential<string>> Answer)> _fetches = [];
    private readonly ConcurrentQueue<SinkException> _told = [];
    private readonly RenewedCredential<string> _credential;

    public RenewedCredentialTests() => _credential = new RenewedCredential<string>(
        (wasRefused, _) =>
        {
            var answer = new TaskCompletionSource<Credential<string>>(TaskCreationOptions.RunContinuationsAsynchronously);
            _fetches.Enqueue((wasRefused, answer));
            return answer.Task;
        },
        e => e as SinkException ?? new SinkException(ErrorType.Authentication, e.GetType().Name, e),
        (error, _) => _told.Enqueue(error),
        _time);

    private DateTimeOffset Now => _time.GetUtcNow();

    public void Dispose() => _credential.Dispose();

    [Fact]
    public async Task A_valid_one_is_given_at_once_and_fetched_once()
    {
        await Fetched("one", TimeSpan.FromHours(1));

        _time.Advance(TimeSpan.FromMinutes(54));

        Assert.Equal("one", AtOnce());
        Assert.Single(_fetches);
    }

    [Fact]
    public async Task Five_minutes_before_its_end_a_new_one_is_fetched_once_while_all_go_on_with_the_old()
    {
        await Fetched("one", TimeSpan.FromHours(1));
        _time.Advance(TimeSpan.FromMinutes(55));

        Assert.All(Enumerable.Range(0, 100), _ => Assert.Equal("one", AtOnce()));
        await Eventually.True(() => _fetches.Count == 2);
        Assert.All(Enumerable.Range(0, 100), _ => Assert.Equal("one", AtOnce()));

        Answer(1, "two", TimeSpan.FromHours(1));
        await Eventually.True(() => AtOnce() == "two");
        Assert.Equal(2, _fetches.Count);
    }

    [Fact]
    public async Task One_that_lasts_for_less_than_ten_minutes_is_renewed_at_half_of_its_time()
    {
        await Fetched("one", TimeSpan.FromMinutes(4));
        _time.Advance(TimeSpan.FromMinutes(2) - TimeSpan.FromSeconds(1));
        AtOnce();
        Assert.Single(_fetches);

        _time.Advance(TimeSpan.FromSeconds(1));
        AtOnce();
        await Eventually.True(() => _fetches.Count == 2);
    }

    [Fact]
    public async Task Without_a_valid_one_all_wait_for_the_same_attempt_and_one_that_gives_up_does_not_end_it()
    {
        using var impatient = new CancellationTokenSource();
        var first = _credential.GetAsync(impatient.Token).AsTask();
        var others = Enumerable.Range(0, 20).Select(_ => Get()).ToArray();
        await Eventually.True(() => _fetches.Count == 1);

        await impatient.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);
        Assert.All(others, other => Assert.False(other.IsCompleted));

        Answer(0, "one", TimeSpan.FromHours(1));
        Assert.All(await Task.WhenAll(others), value => Assert.Equal("one", value));
        Assert.Single(_fetches);
    }

    [Fact]
    public async Task An_attempt_that_fails_while_the_old_one_is_valid_is_told_of_and_made_again_a_little_later()
    {
        await Fetched("one", TimeSpan.FromHours(1));
        _time.Advance(TimeSpan.FromMinutes(56));
        AtOnce();
        await Eventually.True(() => _fetches.Count == 2);
        Fail(1, new IOException());
        await Eventually.True(() => _told.Count == 1);

        Assert.Equal("one", AtOnce());
        Assert.Equal(2, _fetches.Count);

        _time.Advance(RenewedCredential<string>.Pause);
        Assert.Equal("one", AtOnce());
        await Eventually.True(() => _fetches.Count == 3);
    }

    [Fact]
    public async Task One_that_is_over_is_not_given_even_if_there_is_no_other()
    {
        await Fetched("one", TimeSpan.FromHours(1));
        _time.Advance(TimeSpan.FromHours(1));

        var waits = Get();
        Assert.False(waits.IsCompleted);
        await Eventually.True(() => _fetches.Count == 2);
        Fail(1, new IOException());

        Assert.Equal(ErrorType.Authentication, (await Assert.ThrowsAsync<SinkException>(() => waits)).ErrorType);
        Assert.Empty(_told);
    }

    [Fact]
    public async Task An_issuer_that_fails_is_not_asked_again_for_every_message()
    {
        var first = Get();
        await Eventually.True(() => _fetches.Count == 1);
        Fail(0, new IOException());
        await Assert.ThrowsAsync<SinkException>(() => first);

        for (var i = 0; i < 10; i++)
            await Assert.ThrowsAsync<SinkException>(Get);
        Assert.Single(_fetches);

        _time.Advance(RenewedCredential<string>.Pause);
        var later = Get();
        await Eventually.True(() => _fetches.Count == 2);
        Answer(1, "one", TimeSpan.FromHours(1));
        Assert.Equal("one", await later);
    }

    [Fact]
    public async Task An_issuer_that_asks_to_wait_is_left_alone_for_so_long()
    {
        var first = Get();
        await Eventually.True(() => _fetches.Count == 1);
        Fail(0, new SinkException(ErrorType.Authentication, "429") { RetryAfter = TimeSpan.FromMinutes(2) });
        await Assert.ThrowsAsync<SinkException>(() => first);

        _time.Advance(TimeSpan.FromMinutes(2) - TimeSpan.FromSeconds(1));
        await Assert.ThrowsAsync<SinkException>(Get);
        Assert.Single(_fetches);

        _time.Advance(TimeSpan.FromSeconds(1));
        _ = Get();
        await Eventually.True(() => _fetches.Count == 2);
    }

    [Fact]
    public async Task An_issuer_that_asks_to_wait_for_a_day_is_asked_again_after_five_minutes()
    {
        var first = Get();
        await Eventually.True(() => _fetches.Count == 1);
        Fail(0, new SinkException(ErrorType.Authentication, "429") { RetryAfter = TimeSpan.FromDays(1) });
        await Assert.ThrowsAsync<SinkException>(() => first);

        _time.Advance(TimeSpan.FromMinutes(5) - TimeSpan.FromSeconds(1));
        await Assert.ThrowsAsync<SinkException>(Get);
        Assert.Single(_fetches);

        _time.Advance(TimeSpan.FromSeconds(1));
        _ = Get();
        await Eventually.True(() => _fetches.Count == 2);
    }

    [Fact]
    public async Task An_attempt_that_never_ends_has_failed_after_a_minute()
    {
        var waits = Get();
        await Eventually.True(() => _fetches.Count == 1);

        _time.Advance(RenewedCredential<string>.Within);

        var error = await Assert.ThrowsAsync<SinkException>(() => waits);
        Assert.IsType<TimeoutException>(error.InnerException);
    }

    [Fact]
    public async Task After_a_refusal_the_next_call_gets_a_new_one_and_after_another_it_keeps_it()
    {
        var one = await Fetched("one", TimeSpan.FromHours(1));
        _credential.Refuse(one);
        _credential.Refuse(one);

        var two = await Fetched("two", TimeSpan.FromHours(1));
        Assert.True(_fetches.ElementAt(1).WasRefused);

        _credential.Refuse(one);
        _credential.Refuse(two);
        Assert.Equal("two", AtOnce());
        Assert.Equal(2, _fetches.Count);

        _time.Advance(RenewedCredential<string>.BetweenRefusals);
        _credential.Refuse(two);
        await Fetched("three", TimeSpan.FromHours(1));
        Assert.Equal(3, _fetches.Count);
    }

    [Fact]
    public async Task What_an_attempt_brings_that_began_before_a_refusal_is_renewed_at_once_for_it_may_be_what_was_refused()
    {
        var one = await Fetched("one", TimeSpan.FromHours(1));
        _time.Advance(TimeSpan.FromMinutes(55));
        AtOnce();
        await Eventually.True(() => _fetches.Count == 2);
        _credential.Refuse(one);
        var waits = Get();
        Answer(1, "kept", TimeSpan.FromHours(1));
        Assert.Equal("kept", await waits);

        Assert.Equal("kept", AtOnce());
        await Eventually.True(() => _fetches.Count == 3);
        Assert.Equal([false, false, true], _fetches.Select(fetch => fetch.WasRefused));
        Answer(2, "new", TimeSpan.FromHours(1));
        await Eventually.True(() => AtOnce() == "new");
        Assert.Equal(3, _fetches.Count);
    }

    [Fact]
    public async Task One_that_is_over_by_our_clock_as_soon_as_it_is_there_is_not_fetched_for_every_message()
    {
        await Fetched("one", TimeSpan.FromHours(-1));

        Assert.All(Enumerable.Range(0, 10), _ => Assert.Equal("one", AtOnce()));
        Assert.Single(_fetches);
    }

    /// <summary>What never comes is a defect, and no reason to wait for ever.</summary>
    private Task<string> Get() => _credential.GetAsync(TestContext.Current.CancellationToken).AsTask().WaitAsync(Eventually.Deadline);

    private string AtOnce()
    {
        var value = Get();
        Assert.True(value.IsCompletedSuccessfully, "A call waits though there is a valid one.");
        return value.GetAwaiter().GetResult();
    }

    private async Task<string> Fetched(string value, TimeSpan lifetime)
    {
        var before = _fetches.Count;
        var waits = Get();
        await Eventually.True(() => _fetches.Count == before + 1);
        Answer(before, value, lifetime);
        return await waits;
    }

    private void Answer(int index, string value, TimeSpan lifetime) => _fetches.ElementAt(index).Answer.SetResult(Credential<string>.Until(Now + lifetime, value, Now));

    private void Fail(int index, Exception e) => _fetches.ElementAt(index).Answer.SetException(e);
}
