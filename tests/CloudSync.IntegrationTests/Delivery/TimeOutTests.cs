using System.Collections.Concurrent;
using CloudSync.IntegrationTests.Consuming;
using CloudSync.Sdk;
using CloudSync.Tests;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Xunit;

namespace CloudSync.IntegrationTests.Delivery;

/// <summary>HttpClient reports its time-out as a cancellation. It is neither a shutdown nor a success.</summary>
public sealed class TimeOutTests(KafkaCluster cluster)
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("HttpClient")]
    [InlineData("SinkTimeout")]
    public async Task A_time_out_is_tried_again_whoever_it_was_that_lost_patience(string impatient)
    {
        var (soon, late) = (TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(30));
        await using var endpoint = await Endpoint.StartAsync(hangs: request => request <= 2);
        using var http = new HttpClient { BaseAddress = endpoint.Address, Timeout = impatient == "HttpClient" ? soon : late };
        using var topic = await TestTopic.CreateAsync(cluster);
        await topic.ProduceAsync(TestRecord.Of("slow", "key"), TestRecord.Of("behind", "key"));
        await using var consumer = await ConsumerHost.StartAsync(
            cluster, topic, new PostSink(http), options => options.SinkTimeout = impatient == "HttpClient" ? late : soon);

        // A consumer that had taken the first time-out for its end would deliver neither.
        await Eventually.TrueAsync(() => endpoint.Answered.Count == 2, "both are delivered", Cancelled);
        await Eventually.TrueAsync(() => topic.Committed(consumer.Group)[0] == 2, "both are committed", Cancelled);

        Assert.Equal(["slow", "slow", "slow", "behind"], endpoint.Asked);
        Assert.Equal(["slow", "behind"], endpoint.Answered);
        Assert.Equal(2, consumer.Logged(ConsumerHost.WillRetry));
    }

    [Fact]
    public async Task A_message_that_only_ever_times_out_is_never_committed()
    {
        await using var endpoint = await Endpoint.StartAsync(hangs: _ => true);
        using var http = new HttpClient { BaseAddress = endpoint.Address, Timeout = TimeSpan.FromMilliseconds(200) };
        using var topic = await TestTopic.CreateAsync(cluster);
        await topic.ProduceAsync(TestRecord.Of("slow", "key"));
        await using var consumer = await ConsumerHost.StartAsync(
            cluster, topic, new PostSink(http), options => options.Breaker.BreakDuration = TimeSpan.FromMilliseconds(500));

        // More often than one message has attempts.
        await Eventually.TrueAsync(() => endpoint.Asked.Count >= 8, "it is tried again and again", Cancelled);
        await consumer.StopAsync();

        Assert.Equal([0], topic.Committed(consumer.Group));
        Assert.Equal(0, consumer.Logged(ConsumerHost.DeadLettered));
    }

    /// <summary>A sink as a user writes it.</summary>
    private sealed class PostSink(HttpClient http) : ICloudSink
    {
        public async ValueTask SendAsync(SyncMessage message, CancellationToken cancellationToken)
        {
            using var answer = await http.PostAsync("", new StringContent(message.Id), cancellationToken);
            answer.EnsureSuccessStatusCode();
        }
    }

    private sealed class Endpoint(WebApplication app) : IAsyncDisposable
    {
        private int _requests;

        public ConcurrentQueue<string> Asked { get; } = new();

        public ConcurrentQueue<string> Answered { get; } = new();

        public Uri Address => new(app.Urls.Single());

        public static async Task<Endpoint> StartAsync(Func<int, bool> hangs)
        {
            var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
            builder.WebHost.UseKestrelCore().UseUrls("http://127.0.0.1:0");
            var app = builder.Build();
            var endpoint = new Endpoint(app);
            app.Run(context => endpoint.AnswerAsync(context, hangs));
            await app.StartAsync();
            return endpoint;
        }

        public ValueTask DisposeAsync() => app.DisposeAsync();

        private async Task AnswerAsync(HttpContext context, Func<int, bool> hangs)
        {
            var id = await new StreamReader(context.Request.Body).ReadToEndAsync();
            Asked.Enqueue(id);
            if (hangs(Interlocked.Increment(ref _requests)))
                await Task.Delay(Timeout.Infinite, context.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default);
            else
                Answered.Enqueue(id);
        }
    }
}
