using System.Text.RegularExpressions;
using CloudSync.LoadTest.Reports;
using CloudSync.LoadTest.Results;
using Xunit;

namespace CloudSync.LoadTest.Tests.Reports;

public sealed partial class RecommendationsTests
{
    /// <summary>Runs that make each rule speak, and some of them in each of its words.</summary>
    private static readonly IReadOnlyList<RunResult> Speaking =
    [
        SampleRuns.Green, SampleRuns.Red, SampleRuns.OneStep, Failing("HTTP 429"), Failing("HTTP 503"),
        LimitedBy(Limit.Client), LimitedBy(Limit.Api), LimitedBy(Limit.Consumer), LimitedBy(Limit.Endpoint), LimitedBy(Limit.Api, step => step with { BatchSize = 1 }),
        Paused("client", 0.08), Paused("api", 0.08), Paused("aws", 0.08), Growing(),
    ];

    [Fact]
    public void A_part_that_has_ended_is_what_to_look_for_and_not_a_message()
    {
        var advice = Recommendations.OfViolations(SampleRuns.OneStep with { Audit = [], IsAudited = false, Ended = "The process of endpoint has ended." })!;

        Assert.Equal("Find out why a part has ended", advice.Title);
        Assert.StartsWith("The process of endpoint has ended. ", advice.Text, StringComparison.Ordinal);
    }

    [Fact]
    public void Each_rule_speaks_of_some_run_and_is_silent_of_another() => Assert.All(Recommendations.Rules, rule =>
    {
        Assert.Contains(Speaking, run => rule(run) is not null);
        Assert.Contains(Speaking, run => rule(run) is null);
    });

    [Fact]
    public void Each_setting_that_a_rule_names_is_documented()
    {
        var settings = Documentation.Code(Documentation.Read("configuration.md") + Documentation.Read("ingest.md")).Select(Name).ToHashSet();
        var operations = Documentation.Code(Documentation.Read("operations.md")).Select(Name).ToHashSet();

        var named = Speaking.SelectMany(Recommendations.Of).SelectMany(recommendation => Documentation.Code(recommendation.Text)).Distinct().ToArray();

        Assert.Contains("MaxHeldMessages", named);
        Assert.All(named, name => Assert.True(
            settings.Contains(Name(name)) || (EnvironmentVariable().IsMatch(name) && operations.Contains(name)),
            $"{name} is in no document."));

        // The section's name and the value are ours to write, the documents have the setting alone.
        static string Name(string code) => code.Split('=')[0].Replace("Ingest:", "", StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Preset", "HighThroughput")]
    [InlineData("Preset", "LowLatency")]
    [InlineData("Format", "Structured")]
    [InlineData("Compression", "Zstd")]
    [InlineData("Mode", "Batch")]
    public void A_value_that_a_rule_names_is_documented(string setting, string value)
    {
        Assert.Contains(Speaking.SelectMany(Recommendations.Of), recommendation => recommendation.Text.Contains($"`{setting}={value}`", StringComparison.Ordinal));
        Assert.Contains($"`{value}`", Documentation.Read("configuration.md"), StringComparison.Ordinal);
    }

    [Fact]
    public void A_green_run_that_the_broker_ended_gets_what_belongs_to_it_in_the_order_of_weight() => Assert.Equal(
        ["The producer's queue was full", "All processors were busy", "The broker was the limit", "Some messages take much longer than most", "Sizing"],
        Recommendations.Of(SampleRuns.Green).Select(recommendation => recommendation.Title));

    [Fact]
    public void What_was_lost_comes_first_with_its_number_and_examples()
    {
        var first = Recommendations.Of(SampleRuns.Red)[0];

        Assert.Equal("Find what was lost or came wrongly", first.Title);
        Assert.StartsWith("azure: 1 lost of 13,728,880 accepted (1204331).", first.Text, StringComparison.Ordinal);
    }

    [Fact]
    public void A_full_queue_is_told_with_the_worst_step_and_its_share() => Assert.StartsWith(
        "At 500,000 a second, 948,000 messages (21.7 % of those sent) were refused", Recommendations.OfQueueFull(SampleRuns.Green)!.Text, StringComparison.Ordinal);

    [Fact]
    public void The_rate_limit_is_told_in_requests_for_it_counts_those()
    {
        var text = Recommendations.OfRateLimit(Failing("HTTP 429"))!.Text;

        Assert.StartsWith("At 10,000 a second, 700 messages (0.7 % of those sent) were answered with 429.", text, StringComparison.Ordinal);
        Assert.Contains("100 requests a second were asked for, with 100 messages in each", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Refused_posts_are_told_with_how_many_were_under_way() =>
        Assert.Contains("with up to 1 request under way", Recommendations.OfRefusals(Failing("HTTP 503"))!.Text, StringComparison.Ordinal);

    [Fact]
    public void A_queue_that_was_full_is_no_refusal_of_another_kind() => Assert.Null(Recommendations.OfRefusals(SampleRuns.Green));

    [Theory]
    [InlineData(Limit.Client, "The generator was the limit")]
    [InlineData(Limit.Api, "The API was the limit")]
    [InlineData(Limit.Broker, "The broker was the limit")]
    [InlineData(Limit.Consumer, "A consumer was the limit")]
    [InlineData(Limit.Endpoint, "An endpoint was the limit")]
    public void The_part_that_limits_is_named_with_its_evidence_and_no_other_is(string part, string title)
    {
        var said = Recommendations.Of(LimitedBy(part)).Where(recommendation => recommendation.Title.EndsWith("was the limit", StringComparison.Ordinal)).ToArray();

        Assert.Equal([title], said.Select(recommendation => recommendation.Title));
        Assert.Contains("The evidence.", said[0].Text, StringComparison.Ordinal);
    }

    [Fact]
    public void A_consumer_is_told_with_how_its_lag_grew() => Assert.Contains(
        "the lag of aws grew from 6,840 to 102,600 in the second half, while 331,740 a second arrived; its consumer took 0.59 processors",
        Recommendations.OfConsumer(LimitedBy(Limit.Consumer))!.Text,
        StringComparison.Ordinal);

    [Fact]
    public void Busy_processors_are_told_with_the_largest_part_and_what_a_machine_for_it_would_give()
    {
        // 4 of 4 busy at 300,000: 2.5 with the api, 1.5 with the rest. Apart, the api is the limit, at 4 / 2.5 of the rate.
        var run = Busy(busy: 4, ("api", 2.5), ("broker", 1));

        Assert.StartsWith(
            "At 300,000 a second, 4.00 of 4 processors were busy, 2.50 of them (62.5 %) with api, more than with any other part. On a second machine like this one for it, at as many processors a message as here, expect up to 480,000 a second in place of 300,000.",
            Recommendations.OfProcessors(run)!.Text,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Where_the_rest_is_more_than_the_largest_part_the_rest_limits_what_a_second_machine_gives() => Assert.Contains(
        "expect up to 400,000 a second in place of 300,000", Recommendations.OfProcessors(Busy(busy: 4, ("api", 1), ("broker", 0.9), ("aws", 0.9)))!.Text, StringComparison.Ordinal);

    [Fact]
    public void Processors_that_something_else_took_are_no_reason_for_another_machine()
    {
        var said = Recommendations.OfProcessors(Busy(busy: 4, ("api", 1), ("broker", 0.9)))!;

        Assert.Equal("Something else took the processors", said.Title);
        Assert.DoesNotContain("second machine", said.Text, StringComparison.Ordinal);
    }

    [Fact]
    public void Processors_of_which_some_were_idle_are_not_told() => Assert.Null(Recommendations.OfProcessors(Busy(busy: 3.5, ("api", 2.5))));

    [Fact]
    public void Processors_that_the_system_does_not_count_are_not_told() => Assert.Null(Recommendations.OfProcessors(Busy(busy: null, ("api", 2.5))));

    [Theory]
    [InlineData(Limit.Api, 1, true)]
    [InlineData(Limit.Client, 1, true)]
    [InlineData(Limit.Api, 100, false)]
    [InlineData(Limit.Broker, 1, false)]
    public void Batches_are_for_single_posts_that_limit(string part, int batchSize, bool isTold) =>
        Assert.Equal(isTold, Recommendations.OfSinglePosts(LimitedBy(part, step => step with { BatchSize = batchSize })) is not null);

    [Theory]
    [InlineData(10, 101, true)]
    [InlineData(10, 99, false)]
    [InlineData(0.5, 19, false)]
    public void A_tail_is_ten_times_the_median_and_slow(double median, double p99, bool isTold) =>
        Assert.Equal(isTold, Recommendations.OfTail(Tailed(SampleRuns.OneStep, step => step.Latency with { P50 = median, P99 = p99 })) is not null);

    [Fact]
    public void A_tail_is_told_with_what_stands_beside_it_in_the_figures()
    {
        var run = Tailed(Paused("api", 0.02), step => step.Latency with { P50 = 2, P99 = 200 });
        run = run with { Steps = [.. run.Steps.Select(step => step with { Lateness = step.Lateness with { P99 = 150 }, BusyProcessors = 3.9 })] };

        Assert.Contains(
            "P99 is 200 ms, 100 times the median of 2.0 ms. In that step, the generator was 150 ms late itself at P99, so much of it is its own; api stood still for 2 % of the time for its collections; 3.90 of 4 processors were busy, so work waited for one. ",
            Recommendations.OfTail(run)!.Text,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0.051, true)]
    [InlineData(0.05, false)]
    public void Collections_are_told_from_five_percent_on(double share, bool isTold) => Assert.Equal(isTold, Recommendations.OfCollections(Paused("api", share)) is not null);

    [Fact]
    public void Collections_are_told_with_the_part_and_what_bounds_what_it_holds()
    {
        Assert.Contains("api stood still for 8 % of the time", Recommendations.OfCollections(Paused("api", 0.08))!.Text, StringComparison.Ordinal);
        Assert.Contains("`Ingest:MaxConcurrentRequests`", Recommendations.OfCollections(Paused("api", 0.08))!.Text, StringComparison.Ordinal);
        Assert.Contains("`MaxHeldMessages`", Recommendations.OfCollections(Paused("aws", 0.08))!.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("`", Recommendations.OfCollections(Paused("client", 0.08))!.Text, StringComparison.Ordinal);
    }

    [Fact]
    public void Memory_that_grows_is_told_with_its_first_and_last_figure() =>
        Assert.Contains("It grew over 6 steps: api from 200 to 700 MiB.", Recommendations.OfMemory(Growing())!.Text, StringComparison.Ordinal);

    [Theory]
    [InlineData(200, 210, 220, 230, 240, 250)] // hardly
    [InlineData(20, 25, 30, 35, 40, 45)] // little
    [InlineData(200, 700, 200, 700, 200, 700)] // up and down
    [InlineData(200, 450, 700)] // too few to tell from a start
    public void Memory_that_does_not_grow_step_by_step_is_not_told(params int[] memory) => Assert.Null(Recommendations.OfMemory(Growing(memory)));

    [Fact]
    public void A_run_that_nothing_limited_is_told_how_much_room_there_is() => Assert.Equal(
        "The highest rate that was asked for, 10,000 a second, was held. 0.23 of 4 processors were busy: by the processors alone there is room for up to 180,000 a second. Ask for more to find the limit.",
        Recommendations.OfNothing(SampleRuns.OneStep)!.Text);

    [Fact]
    public void A_run_that_went_beyond_what_it_held_is_not_called_unlimited() =>
        Assert.Null(Recommendations.OfNothing(SampleRuns.Green with { Steps = [.. SampleRuns.Green.Steps.Select(step => step with { Limit = new Limit(Limit.Nothing, "") })] }));

    [Fact]
    public void Sizing_counts_the_cores_of_all_but_generator_and_endpoints()
    {
        var text = Recommendations.OfSizing(Busy(busy: 4, ("client", 1), ("api", 0.6), ("broker", 0.3), ("endpoint", 2)))!.Text;

        Assert.StartsWith("At 300,000 a second a million messages took these processor seconds: client 3.33, api 2.00, broker 1.00, endpoint 6.67.", text, StringComparison.Ordinal);
        Assert.Contains(": 0.03 at 10k a second, 0.30 at 100k a second, 3.00 at 1M a second.", text, StringComparison.Ordinal);
    }

    [Fact]
    public void A_run_that_held_no_rate_is_not_sized() => Assert.Null(Recommendations.OfSizing(SampleRuns.NothingAcknowledged));

    [Fact]
    public void Others_words_are_no_code_of_ours()
    {
        var run = LimitedBy(Limit.Broker, step => step with { Limit = new Limit(Limit.Broker, "a `b` c`") });

        Assert.Contains("a 'b' c'", Recommendations.OfBroker(run)!.Pieces.First().Text, StringComparison.Ordinal);
    }

    [Fact]
    public void A_text_has_its_code_by_turns() => Assert.Equal(
        [("Set ", false), ("MaxConcurrency", true), (" to 32.", false)], new Recommendation("", "Set `MaxConcurrency` to 32.").Pieces);

    [Fact]
    public void A_run_without_a_step_says_nothing() => Assert.Empty(Recommendations.Of(SampleRuns.Green with { Steps = [], Highest = 0 }));

    private static RunResult LimitedBy(string part, Func<StepResult, StepResult>? change = null)
    {
        var step = SampleRuns.Step(400_000) with { Limit = new Limit(part, "The evidence."), QueueFull = 0 };
        return SampleRuns.Green with { Steps = [.. SampleRuns.Green.Steps.SkipLast(2), change is null ? step : change(step)] };
    }

    private static RunResult Failing(string kind) =>
        SampleRuns.OneStep with { Steps = [SampleRuns.OneStep.Steps[0] with { Errors = new Dictionary<string, long> { [kind] = 700 } }] };

    private static RunResult Busy(double? busy, params (string Name, double Processors)[] parts)
    {
        var step = SampleRuns.Step(300_000);
        return SampleRuns.Run([300_000]) with
        {
            Steps = [step with { Achieved = 300_000, BusyProcessors = busy, Parts = [.. parts.Select(part => new PartUse { Name = part.Name, Processors = part.Processors, MemoryMiB = 1 })] }],
        };
    }

    private static RunResult Paused(string part, double share) =>
        SampleRuns.OneStep with { Steps = [.. SampleRuns.OneStep.Steps.Select(step => step with { Parts = [.. step.Parts.Select(use => use.Name == part ? use with { PausedShare = share } : use)] })] };

    private static RunResult Tailed(RunResult run, Func<StepResult, Latency> latency) => run with { Steps = [.. run.Steps.Select(step => step with { Latency = latency(step) })] };

    private static RunResult Growing(params int[] memory)
    {
        int[] mebibytes = memory.Length > 0 ? memory : [200, 300, 400, 390, 600, 700];
        return SampleRuns.OneStep with
        {
            Steps = [.. mebibytes.Select((each, index) => SampleRuns.Step(1_000 * (index + 1)) with { Parts = [new PartUse { Name = "api", Processors = 1, MemoryMiB = each }] })],
        };
    }

    [GeneratedRegex("^[A-Z_]+$")]
    private static partial Regex EnvironmentVariable();
}
