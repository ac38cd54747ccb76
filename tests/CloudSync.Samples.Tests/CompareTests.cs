using System.Text;
using System.Text.Json;
using CloudSync.Compare;
using CloudSync.Compare.Arms;
using CloudSync.Measuring;
using Xunit;

namespace CloudSync.Samples.Tests;

/// <summary>What the comparison of the benchmarks decides and writes; what it measures is for a machine with nothing else to do.</summary>
public sealed class CompareTests
{
    [Fact]
    public void Nothing_on_the_command_line_means_the_arms_with_a_raw_baseline_in_five_rounds_of_two_million()
    {
        var settings = Settings.Parse([]);

        Assert.Equal(["produce", "consume", "http", "redis"], settings.Arms);
        Assert.Equal((2_000_000, 5, 10_000_000), (settings.Messages, settings.Rounds, settings.Remembered));
        Assert.Equal((null, false, false, true), (settings.Kafka, settings.Json, settings.IsTooSmall, settings.NeedsKafka));
    }

    [Fact]
    public void Every_option_is_read()
    {
        var settings = Settings.Parse("--arm redis --arm produce --messages 1,000 --rounds 3 --remembered 0 --kafka a:1,b:2 --json".Split(' '));

        Assert.Equal(["produce", "redis"], settings.Arms);
        Assert.Equal((1_000, 3, 0, "a:1,b:2", true, true), (settings.Messages, settings.Rounds, settings.Remembered, settings.Kafka, settings.Json, settings.IsTooSmall));
    }

    [Theory]
    [InlineData("trouble")]
    [InlineData("partitions")]
    [InlineData("keys")]
    [InlineData("payload")]
    [InlineData("window")]
    [InlineData("latency")]
    public void An_arm_that_must_be_named_runs_when_it_is(string arm)
    {
        var settings = Settings.Parse(["--arm", arm, "--arm", "consume"]);

        Assert.Equal(["consume", arm], settings.Arms);
        Assert.True(settings.NeedsKafka);
        Assert.Contains(arm, Settings.Usage, StringComparison.Ordinal);
    }

    [Fact]
    public void Redis_alone_needs_no_kafka() => Assert.False(Settings.Parse(["--arm", "redis"]).NeedsKafka);

    [Theory]
    [InlineData("--arm teapot", "teapot is not understood")]
    [InlineData("--arm", "--arm lacks its value")]
    [InlineData("--rounds 0", "0 is no number from 1 on")]
    [InlineData("--remembered -1", "-1 is no number from 0 on")]
    [InlineData("--mesages 5", "--mesages is not understood")]
    public void What_can_not_be_understood_is_named_and_the_usage_shown(string line, string reason)
    {
        var e = Assert.Throws<FormatException>(() => Settings.Parse(line.Split(' ')));

        Assert.StartsWith(reason, e.Message, StringComparison.Ordinal);
        Assert.EndsWith(Settings.Usage, e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(new[] { 5.0 }, 5)]
    [InlineData(new[] { 9.0, 1, 2 }, 2)]
    [InlineData(new[] { 4.0, 1, 2, 9 }, 3)]
    public void The_median_is_the_middle_one_or_the_mean_of_the_middle_two(double[] values, double median) => Assert.Equal(median, Ratio.Median(values));

    [Fact]
    public void A_ratio_is_the_median_of_the_rounds_and_has_their_bounds()
    {
        var ratio = Ratio.Of("consume", "ours", Runs(100, 400, 200), "raw", Runs(100, 100, 50));

        Assert.Equal((200, 100, 4.0), (ratio.Ours, ratio.Base, ratio.Value));
        Assert.Equal((1.0, 4.0, 3), (ratio.Min, ratio.Max, ratio.Rounds));
        Assert.Equal((100, 400, 50, 100), (ratio.OursMin, ratio.OursMax, ratio.BaseMin, ratio.BaseMax));
    }

    [Fact]
    public void A_ratio_is_one_line_of_json()
    {
        var line = Ratio.Of("consume", "ours", Runs(300, 300), "Consume, headers read", [new RunResult(1_000, 5, 0, null, null), new RunResult(1_000, 10, 0, null, null)]).ToJson();

        Assert.StartsWith("""{"arm":"consume","baseline":"Consume, headers read","ours":300,"base":150,"ratio":2.25,"rounds":2,""", line, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', line);
        var json = JsonDocument.Parse(line).RootElement;
        Assert.Equal((40, 1.5), (json.GetProperty("bytesPerMessage").GetDouble(), json.GetProperty("cpuSecondsPerMillion").GetDouble()));
        Assert.False(json.TryGetProperty("baseBytesPerMessage", out _));
    }

    [Fact]
    public async Task Contenders_run_in_turns_there_and_back_and_the_first_run_is_not_counted()
    {
        var ran = new List<string>();
        Contender ours = Named("ours", 10), raw = Named("raw", 5);

        var ratios = await Contest.RunAsync("arm", 2, [ours, raw], [new Pairing(ours, raw, "another name")], _ => { }, TestContext.Current.CancellationToken);

        Assert.Equal(["raw", "ours", "raw", "raw", "ours"], ran);
        var ratio = Assert.Single(ratios);
        Assert.Equal(("arm", "ours", "another name", 2.0, 2), (ratio.Arm, ratio.Contender, ratio.Baseline, ratio.Value, ratio.Rounds));

        Contender Named(string name, double rate) => new(name, _ =>
        {
            ran.Add(name);

            // Counted, the first would move both the number of rounds and the median.
            return Task.FromResult(Run(ran.Count == 1 ? 1_000_000 : rate));
        });
    }

    [Fact]
    public void The_line_of_figures_of_the_perf_test_is_found_among_others()
    {
        var output = PerfTestOutput.Parse(
            """
            Option --messages has been deprecated and will be removed in a future version; use --num-records instead.
            start.time, end.time, data.consumed.in.MB, MB.sec, data.consumed.in.nMsg, nMsg.sec, rebalance.time.ms, fetch.time.ms, fetch.MB.sec, fetch.nMsg.sec
            2026-11-25 03:46:10:101, 2026-11-25 03:46:14:201, 258.0600, 62.9415, 1000000, 243902.4390, 3100, 1000, 258.0600, 1000000.0000

            """);

        Assert.Equal(new PerfTestOutput(1_000_000, 1), output);
    }

    [Theory]
    [InlineData("")]
    [InlineData("WARNING: Exiting before consuming the expected number of records: timeout (60000 ms) exceeded.")]
    public void A_perf_test_without_figures_is_told_by_what_it_said(string said)
    {
        var e = Assert.Throws<InvalidOperationException>(() => PerfTestOutput.Parse(said));

        Assert.EndsWith(said, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_endpoint_finds_every_event_of_a_batch_and_its_number()
    {
        var value = Encoding.UTF8.GetString(Load.Values()[0]);
        var events = Enumerable.Range(7, 3).Select(i => $$"""{"specversion":"1.0","id":"{{Encoding.ASCII.GetString(Load.Id(i))}}","source":"cloudsync","data":{{value}}}""");

        Assert.Equal((3, 7 + 8 + 9), CountingEndpoint.Count(Encoding.UTF8.GetBytes($"[{string.Join(',', events)}]")));
        Assert.Equal((0, 0), CountingEndpoint.Count("[]"u8));
    }

    [Theory]
    [InlineData(100)]
    [InlineData(Load.ValueSize)]
    [InlineData(1_024)]
    [InlineData(102_400)]
    public void Payloads_are_json_of_one_size(int size) => Assert.All(Load.Values(size), value =>
    {
        Assert.Equal(size, value.Length);
        using var json = JsonDocument.Parse(value);
    });

    [Fact]
    public void Ids_are_as_long_as_a_guid_and_end_with_a_number() =>
        Assert.All([0, 1, int.MaxValue], number =>
        {
            Assert.Equal(Load.IdLength, Load.Id(number).Length);
            Assert.Equal(number, Load.NumberOf(Load.Id(number)));
        });

    private static RunResult[] Runs(params double[] rates) => [.. rates.Select(Run)];

    private static RunResult Run(double rate) => new(1_000, 1_000 / rate, 0, 40, 1.5);
}
