using System.Text;
using System.Text.Json;
using Demo;
using Xunit;

namespace CloudSync.Samples.Tests;

/// <summary>A verdict that can't turn red is worth nothing: each way to break the promise must show, with the id that broke it.</summary>
public sealed class VerdictTests
{
    private const int Count = 1_000;
    private static readonly string[] Clouds = ["aws", "azure"];
    private static readonly Dictionary<string, long?> NoLag = new() { ["aws"] = 0, ["azure"] = 0 };

    private readonly Ledger _ledger = new(new DemoMessages("run1", Count), Clouds);

    private DemoMessages Messages => _ledger.Messages;

    // 17 has a key; 27 has none, so it may come late without breaking an order.
    private CloudLedger Aws => _ledger["aws"];

    [Fact]
    public void A_perfect_run_is_good()
    {
        Deliver();

        var verdict = Verdict.Of(_ledger, NoLag, interrupted: false);

        Assert.True(verdict.IsGood);
        Assert.Equal(0, verdict.ExitCode);
        Assert.Equal(Count - 10, verdict.Clouds[0].Accepted);
        Assert.Equal(10, verdict.Clouds[0].DeadLettered);
    }

    [Fact]
    public void A_lost_message_is_found()
    {
        Deliver(except: 17);

        Broken("every accepted message delivered or dead-lettered", "run1-17");
    }

    [Fact]
    public void A_poison_message_that_is_not_in_the_dead_letters_is_lost()
    {
        Assert.True(DemoMessages.IsPoison(203));
        Deliver(except: 203);

        Broken("every accepted message delivered or dead-lettered", "run1-203");
    }

    [Fact]
    public void A_message_that_only_one_cloud_has_is_lost_in_the_other()
    {
        Deliver(except: 17);

        var verdict = Verdict.Of(_ledger, NoLag, interrupted: false);

        Assert.All(verdict.Checks.Where(c => c.Where == "azure"), check => Assert.True(check.Holds));
        Assert.Equal(1, verdict.ExitCode);
    }

    [Fact]
    public void A_message_accepted_under_two_idempotency_keys_is_found()
    {
        Deliver();
        Aws.Accept("run1-17", "another key", Messages.Payload(17));

        Broken("none accepted twice", "run1-17");
    }

    [Fact]
    public void A_message_accepted_twice_without_any_idempotency_key_is_found()
    {
        Deliver(except: 27);
        Aws.Accept("run1-27", null, Messages.Payload(27));
        Aws.Accept("run1-27", null, Messages.Payload(27));

        Broken("none accepted twice", "run1-27");
    }

    [Fact]
    public void A_repeat_with_the_same_key_after_a_lost_answer_is_counted_apart()
    {
        Deliver();

        Assert.Equal(Receipt.Repeated, Aws.Accept("run1-17", "run1-17", Messages.Payload(17)));

        var verdict = Verdict.Of(_ledger, NoLag, interrupted: false);
        Assert.True(verdict.IsGood);
        Assert.Equal(1, verdict.Clouds[0].RepeatedAfterLostAnswer);
    }

    [Fact]
    public void A_repeat_after_the_answer_was_read_is_found()
    {
        Deliver();
        Aws.AnswerRead(["run1-17"]);
        Aws.Accept("run1-17", "run1-17", Messages.Payload(17));

        Broken("none repeated once its answer was read", "run1-17");
    }

    [Fact]
    public void A_message_that_was_never_posted_is_found()
    {
        foreach (var n in Enumerable.Range(0, Count).Where(n => n != 27))
        {
            _ledger.Post(n);
            _ledger.Accept(n);
        }

        DeliverAccepted(27);
        Aws.Accept("run1-27", "run1-27", Messages.Payload(27));

        var broken = Assert.Single(Verdict.Of(_ledger, NoLag, interrupted: true).Checks, c => !c.Holds);
        Assert.Equal(("aws", "none invented", "run1-27"), (broken.Where, broken.Name, broken.Offenders[0]));
    }

    [Theory]
    [InlineData("run1-1000")]
    [InlineData("run1-017")]
    [InlineData("run1-")]
    public void An_id_with_our_prefix_that_is_none_of_ours_is_invented(string id)
    {
        Deliver();
        Aws.Accept(id, id, "{}"u8);

        Broken("none invented", id);
    }

    [Fact]
    public void A_message_of_ours_under_another_id_is_invented()
    {
        Deliver();
        Aws.Accept("data-topic-3-17", "data-topic-3-17", Messages.Payload(17));

        Broken("none invented", "data-topic-3-17");
    }

    [Fact]
    public void A_message_of_another_run_or_another_producer_is_none_of_ours()
    {
        Deliver();
        Aws.Accept("run2-17", "run2-17", new DemoMessages("run2", Count).Payload(17));
        Aws.Accept("data-topic-3-17", "data-topic-3-17", "hello"u8);

        var verdict = Verdict.Of(_ledger, NoLag, interrupted: false);
        Assert.True(verdict.IsGood);
        Assert.Equal(2, verdict.Clouds[0].FromElsewhere);
        Assert.Equal(["run2-17", "data-topic-3-17"], Aws.LastForeign().Select(f => f.Id));
    }

    [Fact]
    public void Two_messages_of_a_key_in_the_wrong_order_are_found()
    {
        var later = Enumerable.Range(1, Count).First(n => Messages.KeyIndex(n) == Messages.KeyIndex(0) && DemoMessages.HasKey(n) && !DemoMessages.IsPoison(n));
        PostAll();
        Aws.Accept(Messages.Id(later), Messages.Id(later), Messages.Payload(later));
        DeliverAccepted(later);

        Broken("order of each key kept", "run1-0");
    }

    [Fact]
    public void Messages_without_a_key_have_no_order()
    {
        var keyless = Enumerable.Range(0, Count).Where(n => !DemoMessages.HasKey(n)).ToList();
        PostAll();
        foreach (var n in Enumerable.Reverse(keyless))
            Aws.Accept(Messages.Id(n), Messages.Id(n), Messages.Payload(n));
        DeliverAccepted([.. keyless]);

        Assert.True(Verdict.Of(_ledger, NoLag, interrupted: false).IsGood);
    }

    [Fact]
    public void A_payload_with_one_other_byte_is_found()
    {
        Deliver(except: 27);
        Aws.Accept("run1-27", "run1-27", Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(Messages.Payload(27)).Replace("\\u002c", ",", StringComparison.Ordinal)));

        Broken("payload untouched, byte for byte", "run1-27");
    }

    [Theory]
    [InlineData(true, false, true)]
    [InlineData(false, true, true)]
    [InlineData(true, true, false)]
    public void A_dead_letter_without_its_key_its_value_or_a_reason_is_found(bool key, bool value, bool saysWhy)
    {
        Deliver(except: 203);
        Aws.DeadLetter(
            "run1-203",
            key ? Encoding.UTF8.GetBytes(Messages.Key(203)!) : default,
            value ? Messages.Payload(203) : "{}"u8,
            saysWhy);

        Broken("dead letters complete, and say why", "run1-203");
    }

    [Fact]
    public void A_message_that_the_api_never_took_is_found_and_is_no_loss()
    {
        Deliver();
        var ledger = new Ledger(Messages, Clouds);

        var verdict = Verdict.Of(ledger, NoLag, interrupted: false);

        var broken = Assert.Single(verdict.Checks, c => !c.Holds);
        Assert.Equal(("api", "every message accepted", Count, Offences.Shown), (broken.Where, broken.Name, broken.Offences, broken.Offenders.Count));
    }

    [Theory]
    [InlineData(3L)]
    [InlineData(null)]
    public void Offsets_that_are_not_committed_to_the_end_are_found(long? lag)
    {
        Deliver();

        var verdict = Verdict.Of(_ledger, new Dictionary<string, long?> { ["aws"] = lag, ["azure"] = 0 }, interrupted: false);

        Assert.Equal("offsets committed to the end (lag 0)", Assert.Single(verdict.Checks, c => !c.Holds).Name);
    }

    [Fact]
    public void After_an_interruption_what_is_not_delivered_is_no_loss_and_the_rest_is_judged()
    {
        Deliver(except: 17);
        Assert.Equal(130, Verdict.Of(_ledger, new Dictionary<string, long?>(), interrupted: true).ExitCode);

        Aws.Accept("run1-9999", null, "{}"u8);
        Assert.Equal(1, Verdict.Of(_ledger, new Dictionary<string, long?>(), interrupted: true).ExitCode);
    }

    [Fact]
    public void The_report_holds_every_check_and_its_offenders()
    {
        Deliver(except: 17);

        var report = JsonDocument.Parse(Verdict.Of(_ledger, NoLag, interrupted: false).ToJson()).RootElement;

        Assert.False(report.GetProperty("isGood").GetBoolean());
        Assert.Equal(1, report.GetProperty("exitCode").GetInt32());
        var broken = Assert.Single(report.GetProperty("checks").EnumerateArray(), c => !c.GetProperty("holds").GetBoolean());
        Assert.Equal("run1-17", broken.GetProperty("offenders")[0].GetString());
    }

    private void Broken(string check, string id)
    {
        var verdict = Verdict.Of(_ledger, NoLag, interrupted: false);

        var broken = Assert.Single(verdict.Checks, c => !c.Holds);
        Assert.Equal(("aws", check), (broken.Where, broken.Name));
        Assert.Equal([id], broken.Offenders);
        Assert.Equal(1, verdict.ExitCode);
    }

    private void PostAll()
    {
        for (var n = 0; n < Count; n++)
        {
            _ledger.Post(n);
            _ledger.Accept(n);
        }
    }

    private void Deliver(int except = -1)
    {
        PostAll();
        DeliverAccepted(except);
    }

    private void DeliverAccepted(params int[] exceptInAws)
    {
        foreach (var cloud in _ledger.Clouds)
        {
            foreach (var n in Enumerable.Range(0, Count).Where(n => _ledger.IsAccepted(n) && !(cloud == Aws && exceptInAws.Contains(n))))
            {
                if (DemoMessages.IsPoison(n))
                    cloud.DeadLetter(Messages.Id(n), Messages.Key(n) is { } key ? Encoding.UTF8.GetBytes(key) : default, Messages.Payload(n), saysWhy: true);
                else
                    cloud.Accept(Messages.Id(n), Messages.Id(n), Messages.Payload(n));
            }
        }
    }
}
