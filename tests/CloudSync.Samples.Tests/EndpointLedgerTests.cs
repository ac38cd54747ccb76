using Demo;
using Demo.Copies;
using Xunit;

namespace CloudSync.Samples.Tests;

/// <summary>One duplicate is excused, that of a killed process' last request for a key; every other is found.</summary>
public sealed class EndpointLedgerTests
{
    private const int Count = 1_000;
    private const int Half = Count / 2;

    private readonly DemoMessages _messages = new("run1", Count);
    private readonly EndpointLedger _ledger;

    public EndpointLedgerTests() => _ledger = new EndpointLedger("aws", _messages);

    [Fact]
    public void A_message_that_died_unanswered_with_the_victim_may_come_again_once()
    {
        Send(EndpointLedger.Victim, 17, isAnswered: false);
        Assert.Equal(1, _ledger.Kill());

        Send(EndpointLedger.Other, 17);
        Assert.Equal((1, 1, 0, 0L), (_ledger.DiedWithProcess, _ledger.CameAgain, _ledger.CameAgainAnswered, _ledger.CameAgainForNothing.Count));

        Send(EndpointLedger.Other, 17);
        Assert.Equal(["run1-17"], _ledger.CameAgainForNothing.Ids);
    }

    [Fact]
    public void A_message_that_comes_again_while_its_sender_lives_is_found()
    {
        Send(EndpointLedger.Other, 17, isAnswered: false);
        Send(EndpointLedger.Victim, 17);

        Assert.Equal(["run1-17"], _ledger.CameAgainForNothing.Ids);
    }

    [Fact]
    public void A_message_that_its_own_sender_repeats_is_found_even_when_that_is_killed_later()
    {
        Send(EndpointLedger.Victim, 17, isAnswered: false);
        Send(EndpointLedger.Victim, 17, isAnswered: false);
        _ledger.Kill();

        Assert.Equal(["run1-17"], _ledger.CameAgainForNothing.Ids);
    }

    [Fact]
    public void The_last_answered_message_of_a_key_may_come_again_and_is_counted_apart()
    {
        Send(EndpointLedger.Victim, 17);
        _ledger.Kill();
        Send(EndpointLedger.Other, 17);

        Assert.Equal((0, 1, 0L), (_ledger.CameAgain, _ledger.CameAgainAnswered, _ledger.CameAgainForNothing.Count));
    }

    [Fact]
    public void A_message_whose_successor_of_the_same_key_was_sent_has_no_excuse()
    {
        Send(EndpointLedger.Victim, 17, key: "one");
        Send(EndpointLedger.Victim, 18, key: "one", isAnswered: false);
        _ledger.Kill();
        Send(EndpointLedger.Other, 17, key: "one");
        Send(EndpointLedger.Other, 18, key: "one");

        Assert.Equal(["run1-17"], _ledger.CameAgainForNothing.Ids);
        Assert.Equal(1, _ledger.CameAgain);
    }

    [Fact]
    public void A_message_that_comes_again_is_carried_out_once()
    {
        Send(EndpointLedger.Victim, 17);
        Send(EndpointLedger.Other, 17);

        Assert.Equal((1, 2L, 0L), (_ledger.CarriedOut, _ledger.Received, _ledger.CarriedOutTwice.Count));
    }

    [Theory]
    [InlineData("another")]
    [InlineData(null)]
    public void A_message_that_comes_again_with_another_idempotency_key_is_carried_out_twice_and_found(string? idempotencyKey)
    {
        Send(EndpointLedger.Victim, 17, isAnswered: false);
        _ledger.Kill();
        _ledger.Arrive(EndpointLedger.Other, [new Arrival("run1-17", idempotencyKey, "key", _messages.Payload(17))]);

        Assert.Equal(["run1-17"], _ledger.CameWithAnotherIdempotencyKey.Ids);
        Assert.Equal(["run1-17"], _ledger.CarriedOutTwice.Ids);
    }

    [Fact]
    public void From_the_middle_on_the_victim_gets_no_answer_and_every_second_of_its_messages_is_not_carried_out()
    {
        SendAll(EndpointLedger.Other, 0, Half);

        Assert.True(Send(EndpointLedger.Other, Half));
        for (var n = Half + 1; n <= Half + EndpointLedger.EnoughUnderWay; n++)
        {
            Assert.False(_ledger.EnoughAreUnderWay.IsCompleted);
            Assert.False(Send(EndpointLedger.Victim, n));
            Assert.Equal(n % 2 == 0, _ledger.IsCarriedOut(n));
        }

        Assert.True(_ledger.EnoughAreUnderWay.IsCompleted);
    }

    [Fact]
    public void The_victim_is_not_killed_while_another_answer_to_it_is_due()
    {
        Arrival[] before = [Arrival(Half, "before")];
        _ledger.Arrive(EndpointLedger.Victim, before);
        SendAll(EndpointLedger.Other, 0, Half);
        SendAll(EndpointLedger.Victim, Half + 1, Half + 1 + EndpointLedger.EnoughUnderWay);
        Assert.False(_ledger.EnoughAreUnderWay.IsCompleted);

        _ledger.Answer(EndpointLedger.Victim, before);
        Assert.True(_ledger.EnoughAreUnderWay.IsCompleted);
    }

    [Fact]
    public void What_another_had_sent_before_the_victim_did_need_not_come_again()
    {
        Send(EndpointLedger.Other, 17);
        Send(EndpointLedger.Victim, 17, isAnswered: false);

        Assert.Equal(0, _ledger.Kill());
        Assert.Equal(["run1-17"], _ledger.CameAgainForNothing.Ids);
    }

    [Fact]
    public void What_the_victim_sent_and_is_read_after_its_death_has_died_with_it()
    {
        _ledger.Kill();
        Assert.False(Send(EndpointLedger.Victim, 17));

        Assert.Equal(["run1-17"], _ledger.NotCameAgain());
        Send(EndpointLedger.Other, 17);
        Assert.Equal((1, 1, 0L), (_ledger.DiedWithProcess, _ledger.CameAgain, _ledger.CameAgainForNothing.Count));
    }

    [Fact]
    public void An_answer_to_the_dead_is_no_answer()
    {
        Arrival[] arrivals = [Arrival(17, "key")];
        _ledger.Arrive(EndpointLedger.Victim, arrivals);
        _ledger.Kill();
        _ledger.Answer(EndpointLedger.Victim, arrivals);

        Send(EndpointLedger.Other, 17);

        Assert.Equal((1, 0), (_ledger.CameAgain, _ledger.CameAgainAnswered));
    }

    [Fact]
    public void A_message_that_nobody_posted_or_that_has_changed_is_found_and_a_strangers_is_none_of_ours()
    {
        _ledger.Arrive(EndpointLedger.Other, [new Arrival("run1-1000", "run1-1000", "key", [])]);
        _ledger.Arrive(EndpointLedger.Other, [new Arrival("run1-17", "run1-17", "key", [1])]);
        _ledger.Arrive(EndpointLedger.Other, [new Arrival("run2-17", "run2-17", "key", [])]);

        Assert.Equal(["run1-1000"], _ledger.Invented.Ids);
        Assert.Equal(["run1-17"], _ledger.Altered.Ids);
        Assert.Equal((1L, 3L), (_ledger.Received, _ledger.RequestsOf(EndpointLedger.Other)));
    }

    private Arrival Arrival(int n, string key) => new(_messages.Id(n), _messages.Id(n), key, _messages.Payload(n));

    private void SendAll(int life, int from, int to)
    {
        for (var n = from; n < to; n++)
            Send(life, n);
    }

    private bool Send(int life, int n, bool isAnswered = true, string key = "key")
    {
        Arrival[] arrivals = [Arrival(n, key)];
        var mayAnswer = _ledger.Arrive(life, arrivals);
        if (mayAnswer && isAnswered)
            _ledger.Answer(life, arrivals);
        return mayAnswer;
    }
}
