extern alias Soaked;

using CloudSync.Sdk;
using Soaked::CloudSync.Soak;
using Xunit;

namespace CloudSync.Samples.Tests;

/// <summary>What the soak run decides and writes; that it holds a rate for half an hour is for a machine with nothing else to do.</summary>
public sealed class SoakTests
{
    private const int Rate = 1_000;

    [Fact]
    public void Nothing_on_the_command_line_means_70_percent_of_the_highest_rate_for_half_an_hour()
    {
        var settings = Settings.Parse([]);

        Assert.Equal((30, 0.7, null, null, null), (settings.Minutes, settings.Share, settings.Rate, settings.Csv, settings.Kafka));
    }

    [Fact]
    public void Every_option_is_read()
    {
        var settings = Settings.Parse("--minutes 2 --share 0.5 --rate 10,000 --csv a.csv --kafka a:1,b:2".Split(' '));

        Assert.Equal((2, 0.5, 10_000, "a.csv", "a:1,b:2"), (settings.Minutes, settings.Share, settings.Rate, settings.Csv, settings.Kafka));
        Assert.Equal((false, 5_000_000), (settings.Replay, settings.Messages));
    }

    [Fact]
    public void A_topic_is_replayed_when_that_is_said()
    {
        var settings = Settings.Parse("--replay --messages 1,000".Split(' '));

        Assert.Equal((true, 1_000), (settings.Replay, settings.Messages));
    }

    [Theory]
    [InlineData("--share 1.1", "1.1 is no number above 0 and up to 1")]
    [InlineData("--minutes 0", "0 is no number from 1 on")]
    [InlineData("--rate", "--rate lacks its value")]
    [InlineData("--hours 1", "--hours is not understood")]
    public void What_can_not_be_understood_is_named_and_the_usage_shown(string line, string reason)
    {
        var e = Assert.Throws<FormatException>(() => Settings.Parse(line.Split(' ')));

        Assert.StartsWith(reason, e.Message, StringComparison.Ordinal);
        Assert.EndsWith(Settings.Usage, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_trend_is_the_line_through_the_samples()
    {
        var trend = Trend.Of([(0, 10), (1_800, 20), (3_600, 30)])!;

        Assert.Equal((20, 10, 30), (trend.Mean, trend.Least, trend.Most));
        Assert.Equal((20, 20, 0), (trend.PerHour, trend.Change, trend.Scatter));
    }

    [Fact]
    public void Two_samples_have_no_trend() => Assert.Null(Trend.Of([(0, 10), (1, 11)]));

    [Theory]
    [InlineData(new[] { 100.0, 101, 102, 103, 104 }, "flat")] // 4 % of the mean
    [InlineData(new[] { 100.0, 102, 104, 106, 108 }, "grows")]
    [InlineData(new[] { 108.0, 106, 104, 102, 100 }, "falls")]
    [InlineData(new[] { 100.0, 150, 100, 150, 110 }, "flat")] // it scatters by more than that
    [InlineData(new[] { 0.0, 0, 0, 0, 0 }, "flat")]
    public void A_change_of_five_percent_or_more_than_the_scatter_is_no_longer_flat(double[] values, string verdict) =>
        Assert.Equal(verdict, Trend.Of([.. values.Select((value, i) => (i * 10.0, value))])!.Verdict);

    [Fact]
    public void All_delivered_once_is_fine() => Assert.Empty(Faults(Samples(), sent: 100, acknowledged: 100, failed: 0, delivered: 100, numbers: 4_950));

    [Theory]
    [InlineData(100, 100, 0, 99, 4_900, "1 messages were lost")]
    [InlineData(100, 100, 0, 101, 4_960, "1 messages were delivered twice")]
    [InlineData(100, 100, 0, 100, 4_949, "As many messages were delivered as were produced, but not the same")]
    [InlineData(100, 98, 2, 98, 4_950, "2 messages were not acknowledged")]
    public void What_is_lost_repeated_or_refused_is_said(long sent, long acknowledged, long failed, long delivered, long numbers, string fault) =>
        Assert.StartsWith(fault, Assert.Single(Faults(Samples(), sent, acknowledged, failed, delivered, numbers)), StringComparison.Ordinal);

    [Fact]
    public void A_process_that_died_is_a_fault() => Assert.Single(new Report(TimeSpan.FromSeconds(60), Rate, Samples(), null).Faults());

    [Fact]
    public void A_lag_that_grows_by_more_than_a_second_is_a_fault()
    {
        Assert.Empty(Faults(Samples(lag: 240), 100, 100, 0, 100, 4_950));
        Assert.StartsWith("The lag has grown", Assert.Single(Faults(Samples(lag: 260), 100, 100, 0, 100, 4_950)), StringComparison.Ordinal);
    }

    [Fact]
    public void What_the_warm_up_does_is_not_judged()
    {
        var samples = Samples();
        samples[0] = At(0, lag: 1_000_000);

        Assert.Empty(Faults(samples, 100, 100, 0, 100, 4_950));
        Assert.Contains("5 samples from second 20 to 60", new Report(TimeSpan.FromSeconds(60), Rate, samples, null).ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Who_is_a_second_late_or_gets_later_does_not_keep_up()
    {
        Assert.True(HighestRate.KeepsUp(Rate, [At(0, 9_999), At(1, 9_999), At(2, 100), At(3, 300)]));
        Assert.False(HighestRate.KeepsUp(Rate, [At(0, 0), At(1, 0), At(2, 100), At(3, 400)]));
        Assert.False(HighestRate.KeepsUp(Rate, [At(0, 0), At(1, 0), At(2, 1_001), At(3, 1_001)]));
    }

    [Theory]
    [InlineData(100_000, 30, 5_000_000)]
    [InlineData(10_000, 30, 1_800_000)]
    [InlineData(100, 1, 10_000)]
    public void The_store_is_full_before_anything_is_judged(int rate, int minutes, int ids) => Assert.Equal(ids, Hold.Ids(rate, TimeSpan.FromMinutes(minutes)));

    [Fact]
    public void The_highest_rate_of_passes_is_the_median_without_the_first() => Assert.Equal(30, ReplayingConsumer.Highest([100, 40, 10, 30]));

    [Theory]
    [InlineData(1_000, 900, 1_000, 100)]
    [InlineData(1_000, 994, 1_000, 6)]
    [InlineData(1_000, 995, 1_000, 0)] // timers are no better than that
    [InlineData(1_000, 1_100, 1_000, 0)]
    [InlineData(1_000, 0, 0, 0)]
    public void A_sink_waits_when_it_is_ahead_of_its_pace(long messages, int elapsed, int rate, int wait) =>
        Assert.Equal(TimeSpan.FromMilliseconds(wait), ReplayingConsumer.PassSink.Ahead(messages, TimeSpan.FromMilliseconds(elapsed), rate));

    [Fact]
    public void A_pass_that_delivers_each_message_once_is_fine() => Assert.Null(ReplayingConsumer.FaultOf(100, 4_950, 100, 4_950));

    [Theory]
    [InlineData(99, 4_900, "1 messages of a pass were lost")]
    [InlineData(101, 4_960, "1 messages of a pass were delivered twice")]
    [InlineData(100, 4_949, "A pass delivered as many messages as there are, but not the same")]
    public void A_pass_that_loses_or_repeats_messages_is_said(long delivered, long sum, string fault) =>
        Assert.StartsWith(fault, ReplayingConsumer.FaultOf(100, 4_950, delivered, sum), StringComparison.Ordinal);

    [Fact]
    public void What_starts_and_stops_take_counts_over_all_and_not_within_the_passes() =>
        Assert.Equal((200, 100), Replay.Rates(Ended(messages: 1_000, reads: 5)));

    [Theory]
    [InlineData(5_000, 5, "")]
    [InlineData(4_800, 5, "")]
    [InlineData(4_700, 5, "The consumer did not hold 1,000 messages a second")]
    [InlineData(0, 0, "Nothing was measured")]
    public void Passes_that_fall_behind_their_rate_or_never_came_to_it_are_said(long messages, double reads, string fault)
    {
        var faults = Replay.Faults(Ended(messages, reads), new Report(TimeSpan.FromSeconds(60), Rate, Samples(), null));

        Assert.StartsWith(fault, faults.SingleOrDefault() ?? "", StringComparison.Ordinal);
        Assert.Equal(fault.Length > 0, faults.Count > 0);
    }

    [Fact]
    public void A_replay_has_a_verdict_on_its_lag() =>
        Assert.StartsWith("The lag has grown", Assert.Single(Replay.Faults(Ended(5_000, 5), new Report(TimeSpan.FromSeconds(60), Rate, Samples(lag: 260), null))), StringComparison.Ordinal);

    [Theory]
    [InlineData(0, 500)]
    [InlineData(100_000, 500)]
    [InlineData(300, 187)]
    [InlineData(1, 1)]
    public void At_a_low_rate_calls_are_small_enough_to_wait_for_their_time(int rate, int size) =>
        Assert.Equal(size, ReplayingConsumer.BatchSize(rate, new CloudSyncConsumerOptions()));

    [Fact]
    public async Task A_pass_that_is_hurried_waits_for_nothing_and_counts_what_came_at_its_pace()
    {
        var sink = new ReplayingConsumer.PassSink(expected: 2, rate: 1);
        var message = SyncMessage.Create(value: null);
        var first = sink.SendAsync([message], TestContext.Current.CancellationToken).AsTask();
        Assert.False(first.IsCompleted);

        sink.Hurry();
        await first;
        await sink.SendAsync([message], TestContext.Current.CancellationToken);

        Assert.True(sink.All.IsCompleted);
        Assert.Equal(1, sink.Paced.Messages);
    }

    [Fact]
    public void What_is_late_by_more_than_a_second_is_not_sent_in_a_burst_and_stays_due()
    {
        var pace = new Pace(Rate, since: 0, first: 0);

        Assert.Equal(500, pace.Capped(pace.DueAfter(TimeSpan.FromSeconds(0.5)), sent: 0));
        Assert.Equal(0, pace.Skipped);
        Assert.Equal(1_500, pace.Capped(pace.DueAfter(TimeSpan.FromSeconds(10)), sent: 500));
        Assert.Equal(8_500, pace.Skipped);
        Assert.Equal(2_500, pace.DueAfter(TimeSpan.FromSeconds(11)));
    }

    [Fact]
    public void A_topic_is_filled_to_its_last_message_however_late_its_producer_is()
    {
        var pace = new Pace(Rate, since: 0, first: 0, most: 1_200);

        Assert.Equal(1_000, pace.Capped(pace.DueAfter(TimeSpan.FromSeconds(10)), sent: 0));
        Assert.Equal(1_200, pace.Capped(pace.DueAfter(TimeSpan.FromSeconds(11)), sent: 1_000));
    }

    [Theory]
    [InlineData(104, null)]
    [InlineData(106, "The rate was not held: 6 of 106 messages")]
    public void A_rate_that_was_not_held_is_said(long due, string? fault)
    {
        var report = new Report(TimeSpan.FromSeconds(60), Rate, Samples(), (new Produced(due, 100, 100, 0), new Delivered(100, 4_950, 0, Use)));

        Assert.StartsWith(fault ?? "", report.Faults().SingleOrDefault() ?? "", StringComparison.Ordinal);
        Assert.Equal(fault is null, report.IsFine);
        Assert.Contains("more were due and not sent", report.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_run_that_measured_nothing_is_not_fine()
    {
        Assert.StartsWith("Nothing was measured: there are fewer than three samples", Assert.Single(Faults(Samples()[..3], 100, 100, 0, 100, 4_950)), StringComparison.Ordinal);
        Assert.StartsWith("Nothing was measured: no message was produced", Assert.Single(Faults(Samples(), 0, 0, 0, 0, 0)), StringComparison.Ordinal);
    }

    [Fact]
    public void A_lag_that_grows_by_less_than_a_second_is_no_fault_and_is_said()
    {
        var report = new Report(TimeSpan.FromSeconds(60), Rate, Samples(lag: 240), (new Produced(100, 100, 100, 0), new Delivered(100, 4_950, 0, Use)));

        Assert.True(report.IsFine);
        Assert.Contains("the lag has grown by 960 messages", report.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(100, 0, 100, null)]
    [InlineData(100, 0, 99, "1 messages were lost")]
    [InlineData(100, 1, 99, "1 messages were not acknowledged")]
    [InlineData(100, 0, 101, "1 messages were delivered twice")]
    public void Whoever_looks_for_the_highest_rate_loses_nothing_silently(long sent, long failed, long delivered, string? fault)
    {
        var found = HighestRate.FaultOf(new Sample(1, 0, new Produced(sent, sent, sent - failed, failed), new Delivered(delivered, 0, 0, Use)));

        Assert.Equal(fault is null, found is null);
        Assert.StartsWith(fault ?? "", found ?? "", StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_can_not_be_written_is_said_before_anything_runs()
    {
        var path = Path.Combine(Path.GetTempPath(), Guid.NewGuid().ToString("N"), "a.csv");

        var e = Assert.Throws<FormatException>(() => Settings.Parse(["--csv", path]).OpenCsv());
        Assert.StartsWith($"--csv {path} can't be written", e.Message, StringComparison.Ordinal);
        Assert.Null(Settings.Parse([]).OpenCsv());
    }

    [Fact]
    public void Any_share_of_any_rate_is_a_message_a_second_at_least() => Assert.Equal((1, 7), (Settings.Parse([]).ShareOf(1), Settings.Parse([]).ShareOf(10)));

    [Fact]
    public void A_process_knows_what_it_takes()
    {
        GC.Collect();
        var use = ProcessUse.OfThis();

        Assert.All([use.Heap, use.Live ?? 1, use.Committed, use.Rss, use.Anonymous ?? 1, use.Pss ?? 1, use.Handles, use.Threads], figure => Assert.True(figure > 0));
        Assert.Equal(OperatingSystem.IsLinux(), use.Anonymous is not null);
    }

    private static List<string> Faults(List<Sample> samples, long sent, long acknowledged, long failed, long delivered, long numbers) =>
        new Report(TimeSpan.FromSeconds(60), Rate, samples, (new Produced(sent, sent, acknowledged, failed), new Delivered(delivered, numbers, 0, Use))).Faults();

    /// <summary>One each ten seconds for a minute, with so much more lag each time.</summary>
    private static List<Sample> Samples(long lag = 0) => [.. Enumerable.Range(0, 7).Select(i => At(10 * i, i * lag))];

    private static Sample At(int seconds, long lag) => new(seconds, Rate, new Produced(1_000_000 + lag, 1_000_000 + lag, 1_000_000 + lag, 0), new Delivered(1_000_000, 0, 0, Use));

    private static Replayed Ended(long messages, double reads) => new(new Delivered(0, 0, 0, Use), Rate, Due: 0, Passes: 2, messages, Starts: 4, reads, Stops: 1, Fault: null);

    private static ProcessUse Use => new(1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1);
}
