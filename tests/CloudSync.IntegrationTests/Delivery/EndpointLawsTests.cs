using CloudSync.IntegrationTests.Consuming;
using CloudSync.Sdk;
using CloudSync.Tests;
using Xunit;

namespace CloudSync.IntegrationTests.Delivery;

/// <summary>What an endpoint that struggles is spared, as it sees it itself.</summary>
public sealed class EndpointLawsTests(KafkaCluster cluster)
{
    private const int Concurrency = 8;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_endpoint_that_fails_much_of_the_time_never_sees_more_retries_than_the_budget()
    {
        const int Count = 2_000;
        const double Share = 0.2;
        const double Reserve = 20;
        await using var endpoint = await DrillEndpoint.StartAsync();
        var heals = false;
        endpoint.Answer = _ => !Volatile.Read(ref heals) && Random.Shared.NextDouble() < 0.4 ? 409 : 202;
        using var http = ClientOf(endpoint);
        using var topic = await TestTopic.CreateAsync(cluster, partitions: 4);
        await topic.ProduceAsync(TestRecord.Many(Count, i => $"key-{i}"));
        var began = DrillEndpoint.Now;
        await using var consumer = await ConsumerHost.StartAsync(cluster, topic, SinkTo(endpoint, http), options =>
        {
            options.MaxConcurrency = Concurrency;
            options.Retry.MaxRetryAttempts = 100;
            options.Retry.Budget = Share;
            options.Retry.BudgetReserve = Reserve;
            options.Retry.InitialDelay = TimeSpan.FromMilliseconds(1);
            options.Retry.MaxDelay = TimeSpan.FromMilliseconds(1);
        });

        await Eventually.TrueAsync(() => endpoint.Requests.Select(r => r.Ids[0]).Distinct().Count() == Count, "every message was tried once", Cancelled);
        var whileItFailed = endpoint.Count;
        Volatile.Write(ref heals, true);
        await Eventually.TrueAsync(() => endpoint.Taken == Count, "everything is taken", Cancelled);

        var firsts = new HashSet<string>();
        var retries = 0;
        foreach (var request in endpoint.Requests)
        {
            if (!firsts.Add(request.Ids[0]))
                retries++;

            // A first call pays in when it begins, and may be on its way here.
            var allowed = (10 * Reserve) + (Share * (firsts.Count + Concurrency)) + (Reserve * (request.Arrived - began).TotalSeconds);
            Assert.True(retries <= allowed, $"{retries} retries after {firsts.Count} first calls, {allowed:0} allowed");
        }

        // There was more to retry than was allowed, or this proves nothing: with no bound there would be two retries for three messages.
        Assert.InRange(whileItFailed - Count, Share * Count, 0.6 * Count);
        Assert.Equal(0, consumer.Logged(ConsumerHost.DeadLettered) + consumer.Logged(ConsumerHost.BreakerOpened));
    }

    [Fact]
    public async Task An_endpoint_that_asks_to_wait_is_not_called_before_the_time_has_passed_by_those_who_could_know()
    {
        const int Count = 400;
        const int Rounds = 3;
        await using var endpoint = await DrillEndpoint.StartAsync();
        var (holds, refused) = (true, default(DrillRequest));
        endpoint.Before = request => Volatile.Read(ref holds) ? request.Release.Task : Task.CompletedTask;
        endpoint.Answer = request => request == Volatile.Read(ref refused) ? 429 : 202;
        using var http = ClientOf(endpoint);
        using var topic = await TestTopic.CreateAsync(cluster, partitions: 4);
        await topic.ProduceAsync(TestRecord.Many(Count, i => $"key-{i}"));
        await using var consumer = await ConsumerHost.StartAsync(cluster, topic, SinkTo(endpoint, http), options =>
        {
            options.MaxConcurrency = Concurrency;
            options.Retry.MaxDelay = TimeSpan.FromMilliseconds(50);
        });

        for (var round = 1; round <= Rounds; round++)
        {
            // All places are taken, and one of them is told to wait: nobody can begin a call before its client has heard it.
            await FillAsync();
            var before = endpoint.Count;
            var last = endpoint.Requests[^1];
            Volatile.Write(ref refused, last);
            last.Release.SetResult();
            await Eventually.TrueAsync(() => consumer.Logged(ConsumerHost.EndpointHeld) == round, "the client has heard it", Cancelled);

            // The other places are free from here on, and nobody takes one before the time has passed. Then one call goes first.
            ReleaseAll();
            await Eventually.TrueAsync(() => endpoint.Count > before, "it is called again", Cancelled);
            var next = endpoint.Requests[before];
            Assert.True(next.Arrived - last.Answered >= TimeSpan.FromSeconds(endpoint.RetryAfter), $"{next} follows {last}");
            Assert.Equal(1, next.UnderWay);
        }

        Volatile.Write(ref holds, false);
        ReleaseAll();
        await Eventually.TrueAsync(() => endpoint.Taken == Count, "everything is taken", Cancelled);
        Assert.Equal(0, consumer.Logged(ConsumerHost.DeadLettered));

        void ReleaseAll()
        {
            foreach (var request in endpoint.Requests)
                request.Release.TrySetResult();
        }

        // After a wait the places fill with the answers.
        Task FillAsync() => Eventually.TrueAsync(
            () =>
            {
                if (endpoint.UnderWay == Concurrency)
                    return true;

                ReleaseAll();
                return false;
            },
            "all places are taken",
            Cancelled);
    }

    private static HttpClient ClientOf(DrillEndpoint endpoint) => new(new StampHandler { InnerHandler = new SocketsHttpHandler() }) { BaseAddress = new Uri(endpoint.Url) };

    private static HttpSink SinkTo(DrillEndpoint endpoint, HttpClient http) => new(http, new HttpSinkOptions { Url = endpoint.Url });
}
