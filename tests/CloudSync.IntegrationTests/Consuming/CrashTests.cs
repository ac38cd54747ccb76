using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text;
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
            await UntilAsync(process, () => endpoint.Distinct >= enough, "it is in the middle of its work");
            await UntilAsync(process, () => topic.Committed(group).Sum() > committed.Sum(), "it has committed something");
            process.Process.Kill();
            await process.Process.WaitForExitAsync(Cancelled);

            Assert.Equal(128 + 9, process.Process.ExitCode);
            committed = topic.Committed(group);
            endpoint.Forbid(life + 1, committed);
        }

        using var last = Consumer(endpoint.For(3), topic, group);
        await UntilAsync(last, () => endpoint.Distinct == Count, "everything has arrived");
        await UntilAsync(last, () => topic.Committed(group).SequenceEqual(topic.EndOffsets()), "everything is committed");

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
        await UntilAsync(frozen, () => endpoint.Distinct > Count / 10, "it is in the middle of its work");
        await SignalAsync(frozen.Process, "STOP");
        using var other = Consumer(endpoint.For(2), topic, group);
        var sofar = endpoint.Distinct;
        await UntilAsync(other, () => endpoint.Distinct > sofar + (Count / 10), "the other has taken over");
        await SignalAsync(frozen.Process, "CONT");

        await UntilAsync(other, () => endpoint.Distinct == Count, "everything has arrived");
        await UntilAsync(other, () => topic.Committed(group).SequenceEqual(topic.EndOffsets()), "everything is committed");
        Assert.False(frozen.Process.HasExited);
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
        await UntilAsync(frozen, () => endpoint.Distinct > Count / 10, "it is in the middle of its work");
        await SignalAsync(frozen.Process, "STOP");
        var stopped = Stopwatch.StartNew();
        await UntilAsync(frozen, () => stopped.Elapsed > 1.5 * cluster.SessionTimeout, "its session is over");
        await SignalAsync(frozen.Process, "CONT");
        var continued = Stopwatch.StartNew();

        await UntilAsync(frozen, () => endpoint.Distinct == Count, "everything has arrived");
        await UntilAsync(frozen, () => topic.Committed(group).SequenceEqual(topic.EndOffsets()), "everything is committed");
        TestContext.Current.TestOutputHelper?.WriteLine($"Everything {continued.Elapsed} after it was continued. {frozen.Output}");

        Assert.Contains("CloudSync.Consumer.test[1005]", frozen.Output, StringComparison.Ordinal);
        Assert.Contains("CloudSync.Consumer.test[1015]", frozen.Output, StringComparison.Ordinal);
    }

    private static async Task SignalAsync(Process process, string signal)
    {
        using var kill = Process.Start("kill", [$"-{signal}", process.Id.ToString(CultureInfo.InvariantCulture)]);
        await kill.WaitForExitAsync(Cancelled);
        Assert.Equal(0, kill.ExitCode);
    }

    private static Task UntilAsync(Killable process, Func<bool> condition, string what) => Eventually.TrueAsync(
        () => process.Process.HasExited ? throw new InvalidOperationException($"The consumer has ended by itself: {process.Output}") : condition(), what, Cancelled);

    private Killable Consumer(Uri endpoint, TestTopic topic, string group, params string[] more) => new(
        [Path.Combine(AppContext.BaseDirectory, "CloudSync.TestHost.dll"),
        $"--Endpoint={endpoint}",
        $"--CloudSync:BootstrapServers={topic.BootstrapServers}",
        $"--CloudSync:Topic={topic.Name}",
        $"--CloudSync:GroupId={group}",
        "--CloudSync:CommitInterval=00:00:00.100",
        $"--CloudSync:Kafka:session.timeout.ms={cluster.SessionTimeout.TotalMilliseconds.ToString(CultureInfo.InvariantCulture)}",
        "--CloudSync:Kafka:heartbeat.interval.ms=500",
        .. more]);

    private sealed record Receipt(int Life, string Id, int Partition, long Offset);

    private sealed class Killable : IDisposable
    {
        private readonly StringBuilder _output = new();

        public Killable(params IEnumerable<string> command)
        {
            Process = Process.Start(new ProcessStartInfo("dotnet", command) { RedirectStandardOutput = true, RedirectStandardError = true })!;
            Process.OutputDataReceived += (_, line) => Keep(line.Data);
            Process.ErrorDataReceived += (_, line) => Keep(line.Data);
            Process.BeginOutputReadLine();
            Process.BeginErrorReadLine();
        }

        public Process Process { get; }

        public string Output
        {
            get
            {
                lock (_output)
                    return _output.ToString();
            }
        }

        public void Dispose()
        {
            if (!Process.HasExited)
                Process.Kill();

            Process.Dispose();
        }

        private void Keep(string? line)
        {
            lock (_output)
                _output.AppendLine(line);
        }
    }

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
