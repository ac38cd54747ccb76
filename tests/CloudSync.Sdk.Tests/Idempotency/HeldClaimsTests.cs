using FsCheck.Xunit;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace CloudSync.Sdk.Tests;

public class HeldClaimsTests
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);
    private readonly FakeTimeProvider _time = new();
    private readonly HeldClaims _held;

    public HeldClaimsTests() => _held = new HeldClaims(_time);

    [Fact]
    public void A_message_has_its_claim_until_it_is_done_with()
    {
        var messages = Add(1, 2, 3);
        Assert.Equal([1, 2, 3], TokensOf(messages));

        _held.Remove([messages[1]]);
        Assert.Equal([1, 3], TokensOf(messages));
        Assert.Equal(2, _held.Count);
        _held.Remove(messages);
        _held.Remove(messages);
        Assert.Equal(0, _held.Count);
    }

    [Fact]
    public void Only_those_that_are_old_and_claimed_are_to_be_extended()
    {
        var old = Add(1, 0);
        _time.Advance(Second);
        Add(2);

        Assert.Equal([1], Old());
        _held.Remove(old);
        Assert.Empty(Old());
    }

    [Fact]
    public void An_extended_claim_is_young_again()
    {
        Add(1, 2);
        _time.Advance(Second);
        Assert.Equal(0, _held.Extended([Claim(1), Claim(2)], [true, true], _time.GetTimestamp()));
        Assert.Empty(Old());

        _time.Advance(Second);
        Assert.Equal([1, 2], Old());
    }

    [Fact]
    public void A_claim_that_is_lost_is_not_asked_about_again()
    {
        var messages = Add(1, 2);
        _time.Advance(Second);
        Assert.Equal(1, _held.Extended([Claim(1), Claim(2)], [true, false], _time.GetTimestamp()));
        _time.Advance(Second);

        Assert.Equal([1], Old());
        Assert.Equal([1, 0], TokensOf(messages));
    }

    /// <summary>A slot that is used again must not be taken for the one that stood there before.</summary>
    [Property]
    public void It_holds_what_was_added_and_not_removed(bool[] adds)
    {
        var held = new HeldClaims(_time);
        var messages = new Queue<Delivery>();
        var expected = new Queue<long>();
        var token = 0L;
        foreach (var add in adds)
        {
            if (add || messages.Count == 0)
            {
                var message = Message();
                held.Add([message], [Claim(++token)], _time.GetTimestamp());
                messages.Enqueue(message);
                expected.Enqueue(token);
            }
            else
            {
                held.Remove([messages.Dequeue()]);
                expected.Dequeue();
            }
        }

        var claims = new List<IdempotencyClaim>();
        held.Of([.. messages], claims);
        Assert.Equal(expected, claims.Select(c => c.Token));
        Assert.Equal(expected.Count, held.Count);
    }

    private static IdempotencyClaim Claim(long token) => new(new IdempotencyKey(7, (ulong)token), token);

    private static Delivery Message() => new(Records.Raw(0), new PartitionProgress("data-topic", 0, 1), lane: 0);

    private List<Delivery> Add(params long[] tokens)
    {
        var messages = tokens.Select(_ => Message()).ToList();
        _held.Add(messages.ToArray(), tokens.Select(Claim).ToArray(), _time.GetTimestamp());
        return messages;
    }

    private List<long> TokensOf(List<Delivery> messages)
    {
        var claims = new List<IdempotencyClaim>();
        _held.Of(messages, claims);
        return [.. claims.Select(c => c.Token)];
    }

    private List<long> Old()
    {
        var claims = new List<IdempotencyClaim>();
        _held.OlderThan(Second, claims);
        return [.. claims.Select(c => c.Token)];
    }
}
