using Microsoft.Extensions.Diagnostics.HealthChecks;
using Xunit;

namespace CloudSync.Sdk.Tests;

public class ConsumerHealthCheckTests
{
    private static readonly TimeSpan LongestPollGap = TimeSpan.FromSeconds(25) + ConsumerHealthCheck.PollGap;

    private static readonly DateTimeOffset Since = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    private static readonly ConsumerStatus Well = new() { IsRunning = true, Breaker = BreakerState.Closed, ConcurrencyLimit = 16 };

    /// <summary>From the worst to the best.</summary>
    private static readonly (ConsumerStatus Status, HealthStatus Health, string Description)[] Table =
    [
        (Well with { IsRunning = false }, HealthStatus.Unhealthy, "is not running."),
        (Well with { ClientFailure = "no brokers" }, HealthStatus.Unhealthy, "has lost its Kafka client and builds it anew: no brokers"),
        (Well with { KafkaTrouble = new("wrong password", Since, true) }, HealthStatus.Unhealthy, "is refused by Kafka since 2026-01-02 03:04:05Z: wrong password"),
        (Well with { SinceLastPoll = LongestPollGap + TimeSpan.FromSeconds(1) }, HealthStatus.Unhealthy, "has not polled Kafka for 00:02:26: its thread hangs."),
        (Well with { Paused = PauseReasons.CallsAbandoned, AbandonedCalls = 64 }, HealthStatus.Unhealthy, "calls nobody: 64 abandoned calls of its sink have not ended (MaxAbandonedCalls)."),
        (Open() with { NeedsAttention = true }, HealthStatus.Unhealthy, "is kept out by its endpoint since 2026-01-02 03:04:05Z: 503"),
        (Well with { Paused = PauseReasons.DeadLettersDown }, HealthStatus.Unhealthy, "can't write its dead letters; the log says why. Nothing is lost, and nothing more is read."),
        (Open() with { Breaker = BreakerState.Isolated, ErrorType = null, Reason = "by hand" }, HealthStatus.Degraded, "was isolated by hand at 2026-01-02 03:04:05Z: by hand"),
        (Open(), HealthStatus.Degraded, "waits for its endpoint since 2026-01-02 03:04:05Z (ServiceUnavailable): 503"),
        (Well with { Paused = PauseReasons.StoreDown }, HealthStatus.Degraded, "waits for its idempotency store; the log says why."),
        (Well with { IsStoreDown = true }, HealthStatus.Degraded, "delivers without its idempotency store, so an endpoint may get a message twice; the log says why."),
        (Well with { KafkaTrouble = new("no brokers", Since, false) }, HealthStatus.Degraded, "can't reach Kafka since 2026-01-02 03:04:05Z: no brokers"),
        (Well with { IsOutOfGroup = true }, HealthStatus.Degraded, "was put out by its group and is on its way back."),
        (Well with { IsHeld = true }, HealthStatus.Degraded, "was asked by its endpoint to wait (Retry-After)."),
        (Well, HealthStatus.Healthy, "delivers."),
    ];

    [Fact]
    public void Each_status_means_what_the_table_says() =>
        Assert.All(Table, row => Assert.Equal((row.Health, row.Description), Judge(row.Status)));

    [Fact]
    public void An_endpoint_that_is_probed_is_still_waited_for() =>
        Assert.Equal(HealthStatus.Degraded, Judge(Open() with { Breaker = BreakerState.HalfOpen }).Health);

    [Theory]
    [InlineData(PauseReasons.WindowFull)]
    [InlineData(PauseReasons.Stopping)]
    [InlineData(PauseReasons.WindowFull | PauseReasons.Stopping)]
    public void A_consumer_that_has_enough_in_hand_or_stops_is_well(PauseReasons paused) =>
        Assert.Equal(HealthStatus.Healthy, Judge(Well with { Paused = paused, SinceLastPoll = LongestPollGap }).Health);

    /// <summary>Of two things that are wrong the worse is told: all that can be wrong together, from the worst down.</summary>
    [Fact]
    public void The_worst_is_told_of_all_that_is_wrong()
    {
        var all = new ConsumerStatus
        {
            IsRunning = false, ClientFailure = "no brokers", KafkaTrouble = new("refused", Since, true), SinceLastPoll = TimeSpan.FromHours(1), AbandonedCalls = 64, Breaker = BreakerState.Isolated, NeedsAttention = true,
            Paused = PauseReasons.CallsAbandoned | PauseReasons.DeadLettersDown | PauseReasons.StoreDown | PauseReasons.BreakerOpen | PauseReasons.WindowFull,
            Reason = "by hand", Since = Since, IsStoreDown = true, IsOutOfGroup = true, IsHeld = true,
        };
        Func<ConsumerStatus, ConsumerStatus>[] mended =
        [
            s => s with { IsRunning = true }, s => s with { ClientFailure = null }, s => s with { KafkaTrouble = new("away", Since, false) }, s => s with { SinceLastPoll = TimeSpan.Zero },
            s => s with { Paused = s.Paused & ~PauseReasons.CallsAbandoned }, s => s with { NeedsAttention = false }, s => s with { Paused = s.Paused & ~PauseReasons.DeadLettersDown },
            s => s with { Breaker = BreakerState.Open }, s => s with { Breaker = BreakerState.Closed }, s => s with { Paused = PauseReasons.None },
            s => s with { IsStoreDown = false }, s => s with { KafkaTrouble = null }, s => s with { IsOutOfGroup = false }, s => s with { IsHeld = false },
        ];
        var told = new List<string>();
        foreach (var mend in mended)
        {
            told.Add(Judge(all).Description.Split(' ')[..3] is var words ? string.Join(' ', words) : "");
            all = mend(all);
        }

        Assert.Equal(
            [
                "is not running.", "has lost its", "is refused by", "has not polled", "calls nobody: 64", "is kept out", "can't write its", "was isolated by", "waits for its", "waits for its",
                "delivers without its", "can't reach Kafka", "was put out", "was asked by",
            ],
            told);
        Assert.Equal((HealthStatus.Healthy, "delivers."), Judge(all));
    }

    [Fact]
    public async Task The_check_names_the_consumer_and_says_how_it_is()
    {
        var status = Open() with { Paused = PauseReasons.BreakerOpen, Lag = 7, Held = 3, Partitions = 2, AbandonedCalls = 1, ConcurrencyLimit = 5 };

        var result = await new ConsumerHealthCheck(new Consumer(status), drainTimeout: TimeSpan.FromSeconds(25)).CheckHealthAsync(new HealthCheckContext(), TestContext.Current.CancellationToken);

        Assert.Equal((HealthStatus.Degraded, "Consumer 'aws' waits for its endpoint since 2026-01-02 03:04:05Z (ServiceUnavailable): 503"), (result.Status, result.Description));
        Assert.Equal(
            new Dictionary<string, object>
            {
                ["breaker"] = "Open", ["paused"] = "BreakerOpen", ["lag"] = 7L, ["held"] = 3, ["partitions"] = 2, ["abandonedCalls"] = 1, ["concurrencyLimit"] = 5,
            },
            result.Data);
    }

    private static ConsumerStatus Open() => Well with { Breaker = BreakerState.Open, ErrorType = ErrorType.ServiceUnavailable, Reason = "503", Since = Since };

    private sealed class Consumer(ConsumerStatus status) : ICloudSyncConsumer
    {
        public string Name => "aws";

        public ConsumerStatus Status => status;

        public void Isolate(string reason) => throw new NotSupportedException();

        public bool Release() => throw new NotSupportedException();
    }

    private static (HealthStatus Health, string Description) Judge(ConsumerStatus status) => ConsumerHealthCheck.Judge(status, LongestPollGap);
}
