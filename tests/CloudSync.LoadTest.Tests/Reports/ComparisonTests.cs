using CloudSync.LoadTest.Reports.Compare;
using CloudSync.LoadTest.Results;
using Spectre.Console.Testing;
using Xunit;

namespace CloudSync.LoadTest.Tests.Reports;

public sealed class ComparisonTests
{
    [Fact]
    public void A_run_beside_itself_shows_no_change()
    {
        var comparison = Comparison.Of(SampleRuns.Green, SampleRuns.Green);

        Assert.Empty(comparison.Differences);
        Assert.All(comparison.Figures, figure => Assert.True(figure.Change is 0 && figure.Noise is Noise.Within or Noise.Unknown));
        Assert.Equal("Nothing has changed beyond noise.", comparison.Summary);
    }

    [Fact]
    public void Each_rate_has_its_figures_with_what_is_known_of_their_noise()
    {
        var figures = Comparison.Of(SampleRuns.OneStep, SampleRuns.OneStep).Figures;

        Assert.Equal(
            [
                ("achieved /s", Noise.Within), ("mean ms", Noise.Unknown), ("P50 ms", Noise.Within), ("P99 ms", Noise.Within), ("errors", Noise.Unknown), ("queue full", Noise.Unknown),
                ("client processors", Noise.Unknown), ("api processors", Noise.Unknown), ("broker processors", Noise.Unknown),
                ("aws processors", Noise.Unknown), ("azure processors", Noise.Unknown), ("endpoint processors", Noise.Unknown),
                ("aws arrived /s", Noise.Unknown), ("aws P50 ms", Noise.Unknown), ("aws P99 ms", Noise.Unknown), ("aws lag at end", Noise.Unknown),
                ("azure arrived /s", Noise.Unknown), ("azure P50 ms", Noise.Unknown), ("azure P99 ms", Noise.Unknown), ("azure lag at end", Noise.Unknown),
            ],
            figures.Select(figure => (figure.Name, figure.Noise)));
        Assert.Equal("one figure, noise unknown", figures[1].NoiseText);
    }

    [Fact]
    public void A_fifth_less_with_little_scatter_is_beyond_noise_and_said_in_the_summary()
    {
        var comparison = Comparison.Of(SampleRuns.OneStep, Slower(0.8, 0.01));

        Assert.Equal(Noise.Beyond, Figure(comparison, "achieved /s").Noise);
        Assert.Equal(-0.2, Figure(comparison, "achieved /s").Change!.Value, 3);
        Assert.StartsWith("Beyond noise: achieved /s at 10,000 a second -20.0 %", comparison.Summary, StringComparison.Ordinal);
    }

    [Fact]
    public void With_a_scatter_as_large_it_is_not() =>
        Assert.Equal(Noise.Within, Figure(Comparison.Of(Slower(1, 0.4), Slower(0.8, 0.4)), "achieved /s").Noise);

    [Fact]
    public void A_step_of_four_seconds_is_too_short_to_tell() =>
        Assert.Equal(Noise.TooShort, Figure(Comparison.Of(SampleRuns.OneStep, Slower(0.5, 0, seconds: 4)), "P99 ms").Noise);

    [Fact]
    public void Seconds_without_an_acknowledgement_count_for_the_rate_and_have_no_latency()
    {
        var step = SampleRuns.OneStep.Steps[0];
        var halted = SampleRuns.OneStep with { Steps = [step with { Intervals = [.. step.Intervals.Select((second, index) => index < 6 ? second with { Accepted = 0, P50 = 0, P99 = 0 } : second)] }] };

        var comparison = Comparison.Of(SampleRuns.OneStep, halted);

        Assert.Equal((Noise.Beyond, Noise.TooShort), (Figure(comparison, "achieved /s").Noise, Figure(comparison, "P50 ms").Noise));
    }

    [Fact]
    public void Only_rates_of_both_are_compared_and_the_others_named()
    {
        var comparison = Comparison.Of(SampleRuns.Run([1_000, 2_000]), SampleRuns.Run([2_000, 5_000]));

        Assert.Equal([2_000], comparison.Figures.Select(figure => figure.Asked).Distinct());
        Assert.Equal(["Only before: 1,000 a second.", "Only now: 5,000 a second."], comparison.Differences);
    }

    [Fact]
    public void Without_a_rate_in_common_that_is_said() =>
        Assert.Equal("No rate was asked for in both runs.", Comparison.Of(SampleRuns.Run([1_000]), SampleRuns.Run([2_000])).Summary);

    [Fact]
    public void Of_a_rate_that_was_run_twice_the_last_step_counts()
    {
        var twice = SampleRuns.OneStep with { Steps = [SampleRuns.OneStep.Steps[0], Slower(0.8, 0).Steps[0]] };

        Assert.Equal(8_000, Figure(Comparison.Of(SampleRuns.OneStep, twice), "achieved /s").Now!.Value, 0.01 * 8_000);
    }

    [Fact]
    public void What_makes_them_no_like_for_like_is_said_and_they_are_compared_all_the_same()
    {
        var other = SampleRuns.OneStep with
        {
            Info = SampleRuns.OneStep.Info with { Target = "api", PayloadBytes = 1_024, Keys = 1, Processors = 2, Machine = "another", Description = "the embedded one", Fault = "drop", Command = "--compare old.json --endpoint-ms 500 --out here" },
            Steps = [SampleRuns.OneStep.Steps[0] with { BatchSize = 1, Seconds = 60 }],
        };

        var comparison = Comparison.Of(SampleRuns.OneStep, other);

        Assert.Equal(
            [
                "The target differs: path before, api now.",
                "The payload in bytes differs: 256 before, 1,024 now.",
                "The number of keys differs: 100,000 before, 1 now.",
                "The number of processors differs: 4 before, 2 now.",
                "The machine differs: Debian 12, x64, 4 × 2.8 GHz, 16 GiB before, another now.",
                "The other end differs: one Kafka 4.1 broker, IngestApi, AwsSyncHost, AzureSyncHost, an endpoint; each a process of its own before, the embedded one now.",
                "The fault that the endpoints were told differs: none before, drop now.",
                "The command line differs: load-test --target path --steps 1..500000 --seconds 10 --batch 100 before, --endpoint-ms 500 now.",
                "At 10,000 a second the batch size differs: 100 before, 1 now.",
                "The duration of a step differs: 10.0 s before, 60.0 s now.",
            ],
            comparison.Differences);
        Assert.NotEmpty(comparison.Figures);
    }

    [Fact]
    public void Where_no_figure_can_be_judged_nothing_is_said_of_it() =>
        Assert.Equal("Can't be told: no figure has 5 seconds in both runs.", Comparison.Of(Slower(1, 0.01, seconds: 4), Slower(0.5, 0.01, seconds: 4)).Summary);

    [Fact]
    public void What_both_runs_came_to_is_said()
    {
        var red = SampleRuns.Red with { Highest = 0 };

        Assert.Equal(["Highest rate held: 300,000 a second before, none now.", "Audit: green before, red (1 lost at azure) now."], Comparison.Of(SampleRuns.Green, red).Outcomes);
        Assert.Equal("Audit: no endpoint before, not made now.", Comparison.Of(SampleRuns.WithoutEndpoints, SampleRuns.Green with { IsAudited = false }).Outcomes[1]);
    }

    [Fact]
    public void A_path_that_is_much_worse_behind_the_api_is_not_said_to_be_the_same()
    {
        var step = SampleRuns.OneStep.Steps[0];
        var worse = SampleRuns.OneStep with
        {
            Steps =
            [
                step with
                {
                    Errors = new Dictionary<string, long> { ["HTTP 500"] = 4_000 },
                    Endpoints = [step.Endpoints[0] with { Rate = 1_000, LagAtEnd = 90_000, Latency = step.Endpoints[0].Latency with { P99 = 60_000 } }, step.Endpoints[1]],
                },
            ],
        };

        Assert.Equal(
            "Nothing that has a figure for each second has changed beyond noise. One figure a step, noise unknown, and twice or half as much: errors at 10,000 a second 0 before, 4,000 now; "
            + "aws arrived /s at 10,000 a second 9,990 before, 1,000 now; aws P99 ms at 10,000 a second 60.9 before, 60,000 now; aws lag at end at 10,000 a second 200 before, 90,000 now.",
            Comparison.Of(SampleRuns.OneStep, worse).Summary);
    }

    [Fact]
    public void Little_that_has_doubled_is_no_news()
    {
        var step = SampleRuns.OneStep.Steps[0];
        var other = SampleRuns.OneStep with { Steps = [step with { Errors = new Dictionary<string, long> { ["time-out"] = 900 }, Endpoints = [.. step.Endpoints.Select(endpoint => endpoint with { LagAtEnd = 4_900 })] }] };

        Assert.Equal("Nothing has changed beyond noise.", Comparison.Of(SampleRuns.OneStep, other).Summary);
    }

    [Fact]
    public void Parts_and_endpoints_of_one_run_alone_are_left_out()
    {
        var names = Comparison.Of(SampleRuns.Green, SampleRuns.WithoutEndpoints).Figures.Select(figure => figure.Name).Distinct();

        Assert.Equal(["achieved /s", "mean ms", "P50 ms", "P99 ms", "errors", "queue full", "client processors", "api processors", "broker processors"], names);
    }

    [Fact]
    public void A_step_without_an_acknowledgement_has_dashes_and_no_change()
    {
        var figure = Figure(Comparison.Of(SampleRuns.Green, SampleRuns.NothingAcknowledged), "mean ms");

        Assert.Equal(("–", "–", null), (figure.NowText, figure.ChangeText, figure.Change));
    }

    [Fact]
    public void The_table_has_a_line_a_figure_where_there_is_no_terminal()
    {
        using var console = new TestConsole();
        var comparison = Comparison.Of(SampleRuns.Run([10_000, 1_000_000]), SampleRuns.Run([10_000, 1_000_000]));

        console.Write(ComparisonTable.Of(comparison));

        Assert.Equal(80, console.Profile.Width);
        Assert.Equal(comparison.Figures.Count + 4, console.Lines.Count);
        Assert.Equal(["asked", "figure", "before", "now", "change"], console.Lines[2].Split(' ', StringSplitOptions.RemoveEmptyEntries));
        Assert.Matches(@"^ *10k achieved /s +9,995 +9,995 +0\.0 % within noise *$", console.Lines[3]);
        Assert.Contains(console.Lines, line => line.TrimStart().StartsWith("azure processors", StringComparison.Ordinal) && line.Contains("one figure, noise unknown", StringComparison.Ordinal));
        Assert.Equal("Nothing has changed beyond noise.", console.Lines[^1].TrimEnd());
    }

    [Fact]
    public void The_table_takes_others_words_for_words_and_not_for_markup()
    {
        using var console = new TestConsole();
        var other = SampleRuns.OneStep with { Info = SampleRuns.OneStep.Info with { Target = "[red]box[/]" } };

        console.Write(ComparisonTable.Of(Comparison.Of(SampleRuns.OneStep, other)));

        Assert.Contains("path before, [red]box[/] now.", console.Output, StringComparison.Ordinal);
    }

    private static ComparedFigure Figure(Comparison comparison, string name) => comparison.Figures.First(figure => figure.Name == name);

    private static RunResult Slower(double factor, double scatter, int seconds = SampleRuns.Seconds)
    {
        var step = SampleRuns.OneStep.Steps[0];
        return SampleRuns.OneStep with { Steps = [step with { Achieved = step.Achieved * factor, Intervals = SampleRuns.Intervals(step.Asked * factor, step.Latency.P50, scatter, seconds) }] };
    }
}
