using CloudSync.LoadTest.Reports;
using CloudSync.LoadTest.Results;
using Xunit;

namespace CloudSync.LoadTest.Tests.Reports;

public sealed class VerdictTests
{
    [Fact]
    public void Of_a_rate_that_was_asked_for_twice_the_figures_are_those_of_the_step_that_held_it()
    {
        var held = SampleRuns.Step(10_000);
        var failed = held with { Achieved = 5_000, Latency = held.Latency with { P99 = 9_000 }, Limit = new Limit(Limit.Api, "It was slow.") };

        var verdict = Verdict.Of(SampleRuns.OneStep with { Steps = [held, failed], Highest = 10_000 });

        Assert.DoesNotContain("9,000 ms", verdict.Sentence, StringComparison.Ordinal);
    }

    [Fact]
    public void A_green_run_says_so_in_words_with_its_rate()
    {
        var verdict = Verdict.Of(SampleRuns.Green);

        Assert.True(verdict.IsGreen);
        Assert.Equal("Green: 300,000 messages a second held; none lost, doubled or out of order", verdict.Headline);
    }

    [Fact]
    public void A_red_run_names_the_endpoint_and_each_fault()
    {
        var audit = SampleRuns.Green.Audit[0] with { Lost = 1, Duplicates = 2, OutOfOrder = 3, Invented = 4 };

        var verdict = Verdict.Of(SampleRuns.Green with { Audit = [audit, SampleRuns.Green.Audit[1]] });

        Assert.False(verdict.IsGreen);
        Assert.Equal("Red: 1 lost, 2 duplicates, 3 out of order, 4 that nobody sent at aws", verdict.Headline);
        Assert.StartsWith("Not fit for use", verdict.Sentence, StringComparison.Ordinal);
    }

    [Fact]
    public void Without_an_endpoint_nothing_claims_to_be_audited()
    {
        var verdict = Verdict.Of(SampleRuns.WithoutEndpoints);

        Assert.Equal("Not audited: no endpoint is part of the run; 300,000 messages a second held", verdict.Headline);
        Assert.Null(verdict.IsGreen);
    }

    [Fact]
    public void The_sentence_for_who_decides_has_machine_rate_latency_and_limit() => Assert.Equal(
        "On 4 processors, the whole path holds 300,000 messages of 256 bytes a second, acknowledged after 7.9 ms in the mean and 73.0 ms at P99; beyond that the broker is the limit.",
        Verdict.Of(SampleRuns.Green).Sentence);

    [Fact]
    public void A_run_that_held_no_rate_says_so_and_claims_no_latency()
    {
        var verdict = Verdict.Of(SampleRuns.NothingAcknowledged);

        Assert.Equal("Without a result: no rate was held, nothing was accepted at 500,000; none lost, doubled or out of order", verdict.Headline);
        Assert.Null(verdict.IsGreen);
        Assert.Equal("On 4 processors, the whole path held none of the rates that were asked for; beyond that the API is the limit.", verdict.Sentence);
    }

    [Fact]
    public void A_run_of_which_a_step_accepted_nothing_at_all_is_not_green()
    {
        var refused = SampleRuns.Green with { Steps = [.. SampleRuns.Green.Steps.SkipLast(1), SampleRuns.Green.Steps[^1] with { Accepted = 0 }] };

        Assert.StartsWith("Without a result: 300,000 messages a second held, nothing was accepted at 500,000", Verdict.Of(refused).Headline, StringComparison.Ordinal);
    }

    [Fact]
    public void The_limit_is_that_of_the_lowest_step_above_the_highest_rate_held()
    {
        var steps = SampleRuns.Green.Steps.ToArray();
        steps[3] = steps[3] with { Limit = new Limit(Limit.Client, "An early wobble.") };
        steps[^1] = steps[^1] with { Limit = new Limit(Limit.Api, "Far beyond.") };

        Assert.Equal(steps[^2].Limit, Verdict.Of(SampleRuns.Green with { Steps = steps }).LimitedBy);
    }

    [Fact]
    public void A_run_whose_last_step_was_held_was_limited_by_nothing_and_ran_to_its_end()
    {
        var verdict = Verdict.Of(SampleRuns.OneStep);

        Assert.Equal(new Limit(Limit.Nothing, "No higher rate was asked for."), verdict.LimitedBy);
        Assert.Equal("Its one step was run.", verdict.Ended);
    }

    [Fact]
    public void Why_it_ended_is_told_in_the_words_of_the_run() =>
        Assert.Equal(SampleRuns.Red.Ended, Verdict.Of(SampleRuns.Red).Ended);
}
