using CloudSync.LoadTest.Measuring;
using CloudSync.LoadTest.Results;
using Xunit;

namespace CloudSync.LoadTest.Tests.Measuring;

public sealed class LimitsTests
{
    private const int Processors = 4;

    [Fact]
    public void A_rate_that_is_acknowledged_and_arrives_has_no_limit() => Says(Limit.Nothing, "9,990 of 10,000 messages a second were acknowledged, and arrived", Held());

    [Fact]
    public void What_is_under_way_is_no_lag() => Says(Limit.Nothing, "arrived", Held() with { Endpoints = [Endpoint("aws", half: 4_000, end: 4_900)] });

    [Fact]
    public void A_rate_is_held_when_it_was_acknowledged_and_arrived_everywhere()
    {
        Assert.True(Limits.IsHeld(Held()));
        Assert.False(Limits.IsHeld(Short()));
        Assert.False(Limits.IsHeld(Held() with { Endpoints = [Endpoint("aws", 50, 60), Endpoint("azure", 50, 60) with { Rate = 9_400 }] }));
        Assert.False(Limits.IsHeld(Held() with { Endpoints = [Endpoint("aws", 20_000, 40_000)] }));
        Assert.False(Limits.IsHeld(Held() with { Endpoints = [Endpoint("aws", 50, 60) with { DrainSeconds = null }] }));
        Assert.False(Limits.IsHeld(Held() with { BrokenOff = "It was." }));
        Assert.Equal(9_400, Limits.Got(Held() with { Endpoints = [Endpoint("aws", 50, 60), Endpoint("azure", 50, 60) with { Rate = 9_400 }] }));
    }

    [Fact]
    public void A_rate_that_was_not_held_each_time_is_not_held()
    {
        var lower = Held() with { Asked = 5_000, Achieved = 5_000 };

        Assert.Equal(10_000, Limits.Highest([lower, Held(), Held()]));
        Assert.Equal(5_000, Limits.Highest([lower, Held(), Short()]));
        Assert.Equal(0, Limits.Highest([Short()]));
    }

    [Theory]
    [InlineData(900, 0, 256, true)]
    [InlineData(1_100, 0, 256, false)]
    [InlineData(600, 600, 256, false)]
    [InlineData(0, 1_100, 256, false)]
    [InlineData(0, 1_100, int.MaxValue, true)]
    public void A_rate_of_which_one_in_a_hundred_fails_is_not_held(long failed, long full, int inFlightLimit, bool isHeld)
    {
        var step = Held() with { QueueFull = full, InFlightLimit = inFlightLimit, Errors = failed == 0 ? new Dictionary<string, long>() : new() { ["time-out"] = failed } };

        Assert.Equal(isHeld, Limits.IsHeld(step));
        Assert.Equal(isHeld, Limits.Of(step, new Evidence(), Processors).Part == Limit.Nothing);
    }

    [Fact]
    public void What_arrives_too_slowly_is_limited_though_its_lag_does_not_grow() =>
        Says(Limit.Consumer, "and 9,400 of 10,000 messages a second arrived", Held() with { Endpoints = [Endpoint("aws", 4_000, 4_900) with { Rate = 9_400 }] });

    [Fact]
    public void A_step_that_a_consumer_ended_is_the_consumers_though_all_was_acknowledged() =>
        Says(
            Limit.Consumer, "azure fell 40,000 messages behind (39,000 at half of the step)",
            Held() with { BrokenOff = "It was.", Endpoints = [Endpoint("aws", 50, 60), Endpoint("azure", 39_000, 40_000)] },
            new Evidence { PastLagLimit = "azure" });

    [Fact]
    public void What_has_not_arrived_is_not_said_to_have() =>
        Says(Limit.Nothing, "were acknowledged, and not all of them arrived at azure.", Held() with { Endpoints = [Endpoint("aws", 50, 60), Endpoint("azure", 50, 60) with { DrainSeconds = null }] });

    [Theory]
    [InlineData(29_400, 490, 10, false)]
    [InlineData(29_400, 60, 29, false)]
    [InlineData(29_400, 60, 31, true)]
    [InlineData(29_400, 49, 1, true)]
    [InlineData(900, 60, 1, true)]
    public void A_lag_that_grows_for_ever_is_not_held_however_slowly(long end, double growth, double error, bool isHeld) =>
        Assert.Equal(isHeld, Limits.IsHeld(Held() with { Seconds = 60, Endpoints = [Endpoint("aws", end / 2, end) with { Rate = 9_510, LagGrowth = growth, LagGrowthError = error }] }));

    [Fact]
    public void A_full_queue_is_the_brokers_fault() =>
        Says(Limit.Broker, "queue was full for 12.0 % of the messages", Short() with { QueueFull = 12_000 });

    [Fact]
    public void A_generator_that_is_late_though_it_has_places_blames_itself() =>
        Says(Limit.Client, "The generator had places left (30 of 256) and began one request in a hundred more than 800 ms late", Short() with { Lateness = Of(p99: 800), MaxInFlight = 30, Parts = Parts(client: 1.0, api: 0.5) });

    [Fact]
    public void Also_when_all_processors_are_busy_by_it() =>
        Says(Limit.Client, "places left", Short() with { Lateness = Of(p99: 800), MaxInFlight = 30, Parts = Parts(client: 3.5, api: 0.3), BusyProcessors = 4 });

    [Fact]
    public void A_generator_that_others_leave_no_processor_is_not_to_blame() =>
        Says(Limit.Api, "All processors are busy: 3.95 of 4. api 3.00, client 0.50", Short() with { Lateness = Of(p99: 800), MaxInFlight = 30, Parts = Parts(client: 0.5, api: 3.0), BusyProcessors = 3.95 });

    [Fact]
    public void When_all_processors_are_busy_it_is_who_takes_most_and_both_consumers_are_one() =>
        Says(
            Limit.Consumer, "All processors are busy",
            Short() with { BusyProcessors = 4, Parts = [Part("client", 0.3), Part("api", 1.4), Part("aws", 0.9), Part("azure", 0.8), Part("broker", 0.6)] });

    [Fact]
    public void Processors_that_something_else_takes_are_the_fault_of_no_part() =>
        Says(Limit.Others, "most of that is no part of the run", Short() with { BusyProcessors = 4, Parts = Parts(client: 0.3, api: 0.9) });

    [Fact]
    public void What_is_refused_is_neither_slow_nor_late() =>
        Says(
            Limit.Api, "3.0 % of the messages failed, most of them by HTTP 429: 2,000",
            Short() with { Errors = new Dictionary<string, long> { ["HTTP 429"] = 2_000, ["time-out"] = 1_000 }, Lateness = Of(p99: 800), MaxInFlight = 30, Parts = Parts(client: 1.0, api: 0.5) });

    [Fact]
    public void A_503_of_the_api_itself_is_not_the_brokers() =>
        Says(Limit.Api, "most of them by HTTP 503: 50,000", Short() with { Errors = new Dictionary<string, long> { ["HTTP 503"] = 50_000 } });

    [Fact]
    public void A_producer_has_no_number_of_requests_at_the_same_time() =>
        Says(Limit.Client, "places left (30, without a bound)", Short() with { Lateness = Of(p99: 800), MaxInFlight = 30, InFlightLimit = int.MaxValue, Parts = Parts(client: 1.0, api: 0.5) });

    [Fact]
    public void A_request_that_waits_for_Kafka_is_limited_by_it() =>
        Says(Limit.Broker, "Of 100.0 ms a request took in the mean, Kafka's acknowledgement took 80.0 ms", Short() with { Latency = Of(mean: 100) }, new Evidence { AcknowledgementMean = 80 });

    [Fact]
    public void One_that_does_not_is_limited_by_the_api() =>
        Says(Limit.Api, "256 of 256 requests were under way, 100.0 ms each in the mean. It acknowledged within 5.0 ms", Short() with { Latency = Of(mean: 100) }, new Evidence { AcknowledgementMean = 5 });

    [Fact]
    public void An_endpoint_whose_calls_are_all_under_way_is_slow() =>
        Says(
            Limit.Endpoint, "azure fell 40,000 messages behind (20,000 at half of the step), and 10,000 of 10,000 messages a second arrived. 15.8 of 16 calls were under way, 50.0 ms each",
            Held() with { Endpoints = [Endpoint("aws", 0, 100), Endpoint("azure", 20_000, 40_000)] },
            new Evidence { Consumers = [new ConsumerEvidence("aws", 1, 16, 2, 0), new ConsumerEvidence("azure", 15.8, 16, 50, 0)] });

    [Fact]
    public void A_consumer_that_has_calls_left_is_slow_itself() =>
        Says(
            Limit.Consumer, "azure fell 40,000 messages behind",
            Held() with { Endpoints = [Endpoint("aws", 0, 100), Endpoint("azure", 20_000, 40_000)] },
            new Evidence { Consumers = [new ConsumerEvidence("azure", 3, 16, 50, 0)] });

    [Fact]
    public void Where_the_system_does_not_say_how_busy_it_is_the_shares_of_the_parts_are_told() =>
        Says(Limit.Api, "api 2.00, client 1.00", Short() with { BusyProcessors = null });

    [Fact]
    public void And_one_of_them_that_takes_all_is_the_limit() =>
        Says(Limit.Client, "All processors are busy: 3.80 of 4. client 3.50", Short() with { BusyProcessors = null, Parts = Parts(client: 3.5, api: 0.3) });

    private static void Says(string part, string evidence, StepResult step, Evidence? known = null)
    {
        var limit = Limits.Of(step, known ?? new Evidence(), Processors);

        Assert.Equal(part, limit.Part);
        Assert.Contains(evidence, limit.Evidence, StringComparison.Ordinal);
    }

    private static StepResult Held() => Step(achieved: 9_990) with { Endpoints = [Endpoint("aws", 50, 60), Endpoint("azure", 50, 60)] };

    private static StepResult Short() => Step(achieved: 5_000);

    private static StepResult Step(double achieved) => new()
    {
        Asked = 10_000,
        BatchSize = 50,
        Seconds = 10,
        Due = 100_000,
        Sent = 100_000,
        Accepted = (long)(achieved * 10),
        Achieved = achieved,
        QueueFull = 0,
        Errors = new Dictionary<string, long>(),
        Latency = Of(),
        Endpoints = [],
        Lateness = Of(),
        MaxInFlight = 256,
        InFlightLimit = 256,
        Parts = Parts(client: 1, api: 2),
        BusyProcessors = 3,
        Limit = new Limit(Limit.Nothing, ""),
        Intervals = [],
    };

    private static Latency Of(double mean = 1, double p99 = 5) => new(1_000, mean, mean, mean, mean, p99, p99, p99, "");

    private static PartUse[] Parts(double client, double api) => [Part("client", client), Part("api", api)];

    private static PartUse Part(string name, double processors) => new() { Name = name, Processors = processors, MemoryMiB = 100 };

    private static EndpointResult Endpoint(string name, long half, long end) => new() { Name = name, Rate = 10_000, Latency = Of(), LagAtHalf = half, LagAtEnd = end, DrainSeconds = 1 };
}
