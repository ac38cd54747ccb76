using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using CloudSync.Tests;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Xunit;

namespace CloudSync.IntegrationTests.Consuming;

/// <summary>A process that dies in the middle of its work.</summary>
public sealed class CrashTests(KafkaCluster cluster)
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_consumer_that_is_killed_loses_nothing_and_repeats_only_what_was_not_committed()
    {
        const int Count = 3_000;
        using var topic = await TestTopic.CreateAsync(cluster, partitions: 4);
        var group = KafkaCluster.UniqueName("group");
        await topic.ProduceAsync(TestRecord.Many(Count, i => $"key-{i % 100}"));
        await using var endpoint = await Endpoint.StartAsync();
        var committed = topic.Committed(group);

        // Twice in the middle of it; the third may finish.
        for (var life = 1; life <= 2; life++)
        {
            using var process = Consumer(endpoint.For(life), topic, group);
            var enough = endpoint.Distinct + (Count / 5);
            await process.UntilAsync(() => endpoint.Distinct >= enough, "it is in the middle of its work");
            await process.UntilAsync(() => topic.Committed(group).Sum() > committed.Sum(), "it has committed something");
            await process.KillAsync();
            committed = topic.Committed(group);
            endpoint.Forbid(life + 1, committed);
        }

        using var last = Consumer(endpoint.For(3), topic, group);
        await last.UntilAsync(() => endpoint.Distinct == Count, "everything has arrived");
        await last.UntilAsync(() => topic.Committed(group).SequenceEqual(topic.EndOffsets()), "everything is committed");

        Assert.Empty(endpoint.Forbidden);
        foreach (var life in endpoint.Received.GroupBy(r => r.Life))
            Assert.Equal(life.Count(), life.Select(r => r.Id).Distinct().Count());
    }

    [Fact]
    public async Task A_consumer_that_was_frozen_until_others_took_over_takes_nothing_back_when_it_wakes()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Needs the signals STOP and CONT.");
        const int Count = 10_000;
        using var topic = await TestTopic.CreateAsync(cluster, partitions: 4);
        var group = KafkaCluster.UniqueName("group");
        await topic.ProduceAsync(TestRecord.Many(Count, i => $"key-{i % 100}"));
        await using var endpoint = await Endpoint.StartAsync();
        using var end = CancellationTokenSource.CreateLinkedTokenSource(Cancelled);
        var watching = WatchAsync(end.Token);

        using var frozen = Consumer(endpoint.For(1), topic, group);
        await frozen.UntilAsync(() => endpoint.Distinct > Count / 10, "it is in the middle of its work");
        await frozen.SignalAsync("STOP");
        using var other = Consumer(endpoint.For(2), topic, group);
        var sofar = endpoint.Distinct;
        await other.UntilAsync(() => endpoint.Distinct > sofar + (Count / 10), "the other has taken over");
        await frozen.SignalAsync("CONT");

        await other.UntilAsync(() => endpoint.Distinct == Count, "everything has arrived");
        await other.UntilAsync(() => topic.Committed(group).SequenceEqual(topic.EndOffsets()), "everything is committed");
        Assert.False(frozen.HasExited);
        await end.CancelAsync();
        await watching;

        // What is committed never goes back.
        async Task WatchAsync(CancellationToken until)
        {
            for (var before = topic.Committed(group); !until.IsCancellationRequested; await Task.Delay(50, CancellationToken.None))
            {
                var now = topic.Committed(group);
                for (var partition = 0; partition < now.Length; partition++)
                    Assert.True(now[partition] >= before[partition], $"[{partition}] went from {before[partition]} to {now[partition]}");

                before = now;
            }
        }
    }

    [Theory]
    [InlineData(30)]
    [InlineData(2)]
    public async Task A_consumer_alone_in_its_group_that_was_frozen_until_it_was_out_comes_back_by_itself_and_loses_nothing(int sinkTimeoutSeconds)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Needs the signals STOP and CONT.");
        const int Count = 10_000;
        using var topic = await TestTopic.CreateAsync(cluster, partitions: 4);
        var group = KafkaCluster.UniqueName("group");
        await topic.ProduceAsync(TestRecord.Many(Count, i => $"key-{i % 100}"));
        await using var endpoint = await Endpoint.StartAsync();
        using var frozen = Consumer(endpoint.For(1), topic, group, $"--CloudSync:SinkTimeout=00:00:{sinkTimeoutSeconds}");
        await frozen.UntilAsync(() => endpoint.Distinct > Count / 10, "it is in the middle of its work");
        await frozen.SignalAsync("STOP");
        var stopped = Stopwatch.StartNew();
        await frozen.UntilAsync(() => stopped.Elapsed > 1.5 * cluster.SessionTimeout, "its session is over");
        await frozen.SignalAsync("CONT");
        var continued = Stopwatch.StartNew();

        await frozen.UntilAsync(() => endpoint.Distinct == Count, "everything has arrived");
        await frozen.UntilAsync(() => topic.Committed(group).SequenceEqual(topic.EndOffsets()), "everything is committed");
        TestContext.Current.TestOutputHelper?.WriteLine($"Everything {continued.Elapsed} after it was continued. {frozen.Output}");

        Assert.Contains("CloudSync.Consumer.test[1005]", frozen.Output, StringComparison.Ordinal);
        Assert.Contains("CloudSync.Consumer.test[1015]", frozen.Output, StringComparison.Ordinal);
    }

    private ConsumerProcess Consumer(Uri endpoint, TestTopic topic, string group, params string[] more) =>
        ConsumerProcess.Start(cluster, topic, group, [$"--Endpoint={endpoint}", .. more]);

    private sealed record Receipt(int Life, string Id, int Partition, long Offset);

    /// <summary>Writes down what each life of the consumer delivers.</summary>
    private sealed class Endpoint(WebApplication app) : IAsyncDisposable
    {
        private readonly ConcurrentDictionary<string, bool> _ids = new();
        private readonly ConcurrentDictionary<int, long[]> _forbidden = new();

        public ConcurrentQueue<Receipt> Received { get; } = new();

        public int Distinct => _ids.Count;

        /// <summary>What came although it had been committed before.</summary>
        public IEnumerable<Receipt> Forbidden => Received.Where(r => _forbidden.TryGetValue(r.Life, out var from) && r.Offset < from[r.Partition]);

        public static async Task<Endpoint> StartAsync()
        {
            var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
            builder.WebHost.UseKestrelCore().UseUrls("http://127.0.0.1:0");
            var app = builder.Build();
            var endpoint = new Endpoint(app);
            app.Run(async context =>
            {
                var said = (await new StreamReader(context.Request.Body).ReadToEndAsync()).Split(' ');
                var life = int.Parse(context.Request.Path.Value!.AsSpan(1), CultureInfo.InvariantCulture);
                endpoint.Received.Enqueue(new Receipt(
                    life, said[0], int.Parse(said[1], CultureInfo.InvariantCulture), long.Parse(said[2], CultureInfo.InvariantCulture)));
                endpoint._ids[said[0]] = true;

                // Slow enough that a kill finds calls under way.
                await Task.Delay(2);
            });
            await app.StartAsync(Cancelled);
            return endpoint;
        }

        public Uri For(int life) => new($"{app.Urls.Single()}/{life}");

        /// <summary>From this life on, nothing below these offsets may come.</summary>
        public void Forbid(int life, long[] below) => _forbidden[life] = below;

        public ValueTask DisposeAsync() => app.DisposeAsync();
    }
}
