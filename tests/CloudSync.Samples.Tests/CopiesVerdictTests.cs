using System.Text.Json;
using Demo;
using Demo.Copies;
using Xunit;

namespace CloudSync.Samples.Tests;

/// <summary>A run of three copies and a kill: each way to break the promise must turn the verdict red, a run that proves nothing too.</summary>
public sealed class CopiesVerdictTests
{
    private const int Count = 1_000;
    private const int UnderWay = 500;
    private static readonly Dictionary<string, long?> NoLag = new() { ["aws"] = 0, ["azure"] = 0 };

    private readonly CopiesLedger _ledger = new(new DemoMessages("run1", Count), "aws", "azure");

    private EndpointLedger Aws => _ledger["aws"];

    [Fact]
    public void A_run_in_which_a_killed_process_left_calls_that_came_again_is_good()
    {
        RunBoth();

        var verdict = CopiesVerdict.Of(_ledger, NoLag, interrupted: false);

        Assert.True(verdict.IsGood);
        Assert.Equal(0, verdict.ExitCode);
        Assert.Equal(new CopiesCounts("aws", Count, Count + 1, 1, 1, 0), verdict.Clouds[0]);
    }

    [Fact]
    public void A_message_that_was_sent_twice_turns_it_red()
    {
        RunBoth();
        Send(Aws, EndpointLedger.Other, 17);

        Broken("none sent twice but what a killed process could not write down", "run1-17");
    }

    [Fact]
    public void A_copy_that_the_api_has_not_taken_turns_it_red()
    {
        RunBoth(except: 17);
        foreach (var cloud in _ledger.Clouds)
            Send(cloud, EndpointLedger.Other, 17);

        var broken = Assert.Single(CopiesVerdict.Of(_ledger, NoLag, interrupted: false).Checks, c => !c.Holds);
        Assert.Equal(("api", "run1-17"), (broken.Where, broken.Offenders[0]));
    }

    [Fact]
    public void A_message_that_never_came_turns_it_red()
    {
        Run(_ledger["azure"]);
        Run(Aws, except: 17);
        PostAll();

        Broken("every message carried out", "run1-17");
    }

    [Fact]
    public void A_message_that_died_and_never_came_again_turns_it_red()
    {
        Run(_ledger["azure"]);
        Run(Aws, comesAgain: false);
        PostAll();

        Broken("all that died with it came again", $"run1-{UnderWay}");
    }

    [Fact]
    public void A_run_without_a_kill_proves_nothing_and_is_red()
    {
        Run(_ledger["azure"]);
        for (var n = 0; n < Count; n++)
            Send(Aws, EndpointLedger.Other, n);
        Send(Aws, EndpointLedger.SecondLife, -1);
        PostAll();

        Broken("a process killed with calls under way", "nothing was under way, so nothing is proved");
    }

    [Fact]
    public void A_process_that_never_comes_back_turns_it_red()
    {
        Run(_ledger["azure"]);
        Run(Aws, comesBack: false);
        PostAll();

        Broken("its process, started again, delivers", "it has sent nothing");
    }

    [Theory]
    [InlineData(3L)]
    [InlineData(null)]
    public void Offsets_that_are_not_committed_turn_it_red(long? lag)
    {
        RunBoth();

        var verdict = CopiesVerdict.Of(_ledger, new Dictionary<string, long?> { ["aws"] = lag, ["azure"] = 0 }, interrupted: false);

        Assert.Equal("offsets committed to the end (lag 0)", Assert.Single(verdict.Checks, c => !c.Holds).Name);
    }

    [Fact]
    public void After_an_interruption_what_has_not_come_is_no_offence_and_the_rest_is_judged()
    {
        Send(Aws, EndpointLedger.Other, 17);
        Assert.Equal(130, CopiesVerdict.Of(_ledger, new Dictionary<string, long?>(), interrupted: true).ExitCode);

        Send(Aws, EndpointLedger.Other, 17);
        Assert.Equal(1, CopiesVerdict.Of(_ledger, new Dictionary<string, long?>(), interrupted: true).ExitCode);
    }

    [Fact]
    public void The_report_holds_the_figures_and_the_checks()
    {
        RunBoth();

        var report = JsonDocument.Parse(CopiesVerdict.Of(_ledger, NoLag, interrupted: false).ToJson()).RootElement;

        Assert.True(report.GetProperty("isGood").GetBoolean());
        Assert.Equal(Count + 1, report.GetProperty("clouds")[0].GetProperty("received").GetInt32());
    }

    private void Broken(string check, string offender)
    {
        var verdict = CopiesVerdict.Of(_ledger, NoLag, interrupted: false);

        var broken = Assert.Single(verdict.Checks, c => !c.Holds);
        Assert.Equal(("aws", check), (broken.Where, broken.Name));
        Assert.Equal([offender], broken.Offenders);
        Assert.Equal(1, verdict.ExitCode);
    }

    private void RunBoth(int except = -1)
    {
        foreach (var cloud in _ledger.Clouds)
            Run(cloud, except);
        PostAll(except);
    }

    private void PostAll(int except = -1)
    {
        for (var n = 0; n < Count; n++)
        {
            for (var copies = n == except ? 1 : 0; copies < CopiesPoster.Copies; copies++)
                _ledger.Accept(n);
        }
    }

    /// <summary>One half by the other process, one message by the victim, which dies of it, and the rest.</summary>
    private void Run(EndpointLedger cloud, int except = -1, bool comesAgain = true, bool comesBack = true)
    {
        for (var n = 0; n < UnderWay; n++)
        {
            if (n != except)
                Send(cloud, EndpointLedger.Other, n);
        }

        Send(cloud, EndpointLedger.Victim, UnderWay, isAnswered: false);
        cloud.Kill();
        for (var n = comesAgain ? UnderWay : UnderWay + 1; n < Count; n++)
            Send(cloud, comesBack && n > UnderWay ? EndpointLedger.SecondLife : EndpointLedger.Other, n);
    }

    private void Send(EndpointLedger cloud, int life, int n, bool isAnswered = true)
    {
        var messages = _ledger.Messages;
        Arrival[] arrivals = n < 0 ? [new Arrival("stranger", null, null, [])] : [new Arrival(messages.Id(n), messages.Id(n), $"key {n}", messages.Payload(n))];
        if (cloud.Arrive(life, arrivals) && isAnswered)
            cloud.Answer(life, arrivals);
    }
}
