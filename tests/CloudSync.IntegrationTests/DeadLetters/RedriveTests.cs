using System.Globalization;
using System.Text;
using CloudSync.IntegrationTests.Consuming;
using CloudSync.Sdk;
using CloudSync.Sdk.Testing;
using CloudSync.Tests;
using Confluent.Kafka;
using Microsoft.Extensions.Diagnostics.Metrics.Testing;
using Xunit;

namespace CloudSync.IntegrationTests.DeadLetters;

/// <summary>Dead letters go back to the group that failed, once, whatever stops the redrive.</summary>
public sealed class RedriveTests(KafkaCluster cluster)
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Letters_go_back_to_the_group_that_failed_alone_once_and_in_the_order_of_their_keys()
    {
        const int Count = 200, Keys = 7;
        using var skipped = new MetricCollector<long>(null, "CloudSync.Sdk", "cloudsync.consumer.skipped");
        await using var clouds = await Clouds.StartAsync(cluster, partitions: 3);
        var poison = Enumerable.Range(0, Count).Where(i => i % 3 == 0).Select(Id).ToHashSet();
        clouds.Aws.Refuse(poison);
        await clouds.Topic.ProduceAsync(TestRecord.Many(Count, i => $"key-{i % Keys}"));
        await clouds.Azure.Sink.WaitForDeliveredAsync(Count, Eventually.Bound, Cancelled);
        await clouds.Aws.UntilDeadLetteredAsync(poison.Count);
        clouds.Aws.Refuse([]);

        var waiting = await clouds.ReadAsync(new DeadLetterFilter());
        Assert.Equal(poison, waiting.Select(l => l.MessageId!).ToHashSet());
        var dry = await clouds.Redrive.RedriveAsync(clouds.OfAws, new RedriveSettings { DryRun = true }, cancellationToken: Cancelled);
        Assert.Equal((poison.Count, 0), (dry.Waiting, dry.Sent));
        Assert.Equal(new RedriveCount(clouds.Aws.Group, ErrorType.Permanent, clouds.Topic.Name, poison.Count), Assert.Single(dry.Counts));
        Assert.Equal(poison.Count, (await clouds.ReadAsync(new DeadLetterFilter())).Count);

        var result = await clouds.Redrive.RedriveAsync(clouds.OfAws, cancellationToken: Cancelled);

        Assert.Equal((poison.Count, poison.Count, 0L, 0L), (result.Waiting, result.Sent, result.RedrivenBefore, result.Unreadable));
        await clouds.UntilCommittedAsync();
        Assert.Equal(Count, clouds.Azure.Sink.Attempts.Count);
        Assert.Equal((0, 1), (clouds.Aws.SaidSkip, clouds.Azure.SaidSkip));
        Assert.Equal(poison.Count, skipped.GetMeasurementSnapshot().Where(m => Equals(m.Tags["messaging.consumer.group.name"], clouds.Azure.Group)).Sum(m => m.Value));
        var delivered = clouds.Aws.Sink.Delivered;
        Assert.Equal(Enumerable.Range(0, Count).Select(Id).Order(), delivered.Select(m => m.Id).Order());
        foreach (var key in delivered.Where(m => poison.Contains(m.Id)).GroupBy(m => Encoding.UTF8.GetString(m.Key!.Value.Span)))
            Assert.Equal(key.Select(m => Number(m.Id)).Order(), key.Select(m => Number(m.Id)));

        // Whatever a later run is asked for, it sends nothing again.
        foreach (var filter in new[] { new DeadLetterFilter(), clouds.OfAws, new DeadLetterFilter { Key = "key-0", IncludeRedriven = true } })
            Assert.Equal(0, (await clouds.Redrive.RedriveAsync(filter, cancellationToken: Cancelled)).Sent);

        Assert.Empty(await clouds.ReadAsync(new DeadLetterFilter()));
        var all = await clouds.ReadAsync(new DeadLetterFilter { IncludeRedriven = true });
        Assert.Equal(poison.Count, all.Count);
        Assert.All(all, letter => Assert.True(letter is { IsRedriven: true, Problem: null, Redrives: 0 }));
    }

    [Fact]
    public async Task A_filter_takes_some_and_the_others_wait()
    {
        await using var clouds = await Clouds.StartAsync(cluster);
        clouds.Aws.Refuse(["0", "1", "2", "3"]);
        clouds.Azure.Refuse(["1"]);
        await clouds.Topic.ProduceAsync(TestRecord.Many(4, i => $"key-{i % 2}"));
        await clouds.Aws.UntilDeadLetteredAsync(4);
        await clouds.Azure.UntilDeadLetteredAsync(1);
        clouds.Aws.Refuse([]);
        clouds.Azure.Refuse([]);

        await RedriveAsync(new DeadLetterFilter { Group = clouds.Aws.Group, Id = "2" }, 1);
        await RedriveAsync(new DeadLetterFilter { Group = clouds.Aws.Group, Key = "key-1" }, 2);
        await RedriveAsync(new DeadLetterFilter { Group = "nobody" }, 0);
        await RedriveAsync(new DeadLetterFilter { ErrorTypes = [ErrorType.Timeout] }, 0);
        await RedriveAsync(new DeadLetterFilter { FailedUntil = DateTimeOffset.UtcNow.AddDays(-1) }, 0);
        var last = Assert.Single(await clouds.ReadAsync(clouds.OfAws));
        Assert.Equal("0", last.MessageId);
        await RedriveAsync(new DeadLetterFilter { Except = new HashSet<DeadLetterPosition> { last.Position } }, 1);
        await RedriveAsync(new DeadLetterFilter { Positions = new HashSet<DeadLetterPosition> { last.Position } }, 1);
        await RedriveAsync(new DeadLetterFilter(), 0);

        await clouds.UntilCommittedAsync();
        Assert.Equal(["0", "1", "2", "3"], clouds.Aws.Sink.Delivered.Select(m => m.Id).Order());
        Assert.Equal(["0", "1", "2", "3"], clouds.Azure.Sink.Delivered.Select(m => m.Id).Order());

        async Task RedriveAsync(DeadLetterFilter filter, long sent) =>
            Assert.Equal(sent, (await clouds.Redrive.RedriveAsync(filter, cancellationToken: Cancelled)).Sent);
    }

    [Fact]
    public async Task A_message_that_fails_again_says_how_often_it_was_redriven_and_its_original_stays_the_same()
    {
        await using var clouds = await Clouds.StartAsync(cluster);
        clouds.Aws.RefuseAll = true;
        byte[] key = [0, 255, 1], value = [1, 2, 0, 3];
        TestRecord[] records =
        [
            new() { Key = key, Value = value, Headers = new Headers { { "ce_id", "poison"u8.ToArray() }, { "x", null }, { "x", [0, 254] } }, TimestampMs = 1_700_000_000_123 },
            new() { Key = null, Value = null, Headers = new Headers { { "ce_id", [] }, { "", [] } } },
            new() { Key = [], Value = [] },
        ];
        await clouds.Topic.ProduceAsync(records[0]);
        await clouds.Topic.ProduceAsync(records[1]);
        await clouds.Topic.ProduceAsync(records[2]);

        for (var redrives = 0; redrives < 3; redrives++)
        {
            await clouds.Aws.UntilDeadLetteredAsync(records.Length * (redrives + 1));
            var byId = (await clouds.ReadAsync(new DeadLetterFilter())).ToDictionary(l => l.MessageId!);
            var letters = new[] { "poison", $"{clouds.Topic.Name}-0-1", $"{clouds.Topic.Name}-0-2" }.Select(id => byId[id]).ToList();
            Assert.Equal(records.Length, byId.Count);
            Assert.All(letters, letter => Assert.Equal(redrives, letter.Redrives));
            for (var i = 0; i < records.Length; i++)
            {
                Assert.Equal(records[i].Key, letters[i].Key?.ToArray());
                Assert.Equal(records[i].Value, letters[i].Value?.ToArray());
                Assert.Equal(
                    records[i].Headers.Select(h => (h.Key, Hex(h.GetValueBytes()))),
                    letters[i].OriginalHeaders.Select(h => (h.Name, Hex(h.Value?.ToArray()))));
            }

            Assert.Equal(1_700_000_000_123, letters[0].Timestamp.ToUnixTimeMilliseconds());
            Assert.Equal(records.Length, (await clouds.Redrive.RedriveAsync(clouds.OfAws, cancellationToken: Cancelled)).Sent);
        }

        await clouds.UntilCommittedAsync();
        Assert.Equal(records.Length, clouds.Azure.Sink.Attempts.Count);
        Assert.All(clouds.Aws.Sink.Attempts.GroupBy(a => a.Message.Id), attempts => Assert.Equal(4, attempts.Count()));

        static string? Hex(byte[]? bytes) => bytes is null ? null : Convert.ToHexString(bytes);
    }

    [Fact]
    public async Task A_run_that_is_cancelled_in_the_middle_is_taken_up_where_it_ended()
    {
        const int Count = 60;
        await using var clouds = await Clouds.StartAsync(cluster, partitions: 2);
        clouds.Aws.RefuseAll = true;
        await clouds.Topic.ProduceAsync(TestRecord.Many(Count, i => $"key-{i % 5}"));
        await clouds.Aws.UntilDeadLetteredAsync(Count);
        clouds.Aws.RefuseAll = false;

        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancelled);
        var seen = new Reports(progress =>
        {
            if (progress is { Stage: RedriveStage.Sending, Done: >= 5 })
                stop.Cancel();
        });
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => clouds.Redrive.RedriveAsync(clouds.OfAws, new RedriveSettings { MaxPerSecond = 20 }, seen, stop.Token));

        var left = (await clouds.ReadAsync(clouds.OfAws)).Count;
        Assert.InRange(left, 1, Count - 5);
        var rest = await clouds.Redrive.RedriveAsync(clouds.OfAws, cancellationToken: Cancelled);
        Assert.Equal((left, left, Count - left), (rest.Waiting, rest.Sent, rest.RedrivenBefore));

        await clouds.UntilCommittedAsync();
        Assert.Equal(2 * Count, clouds.Topic.EndOffsets().Sum());
        Assert.Equal(Enumerable.Range(0, Count).Select(Id).Order(), clouds.Aws.Sink.Delivered.Select(m => m.Id).Order());
    }

    [Fact]
    public async Task What_a_killed_run_had_not_marked_is_sent_again_and_recognised_by_its_id()
    {
        await using var clouds = await Clouds.StartAsync(cluster);
        clouds.Aws.RefuseAll = true;
        await clouds.Topic.ProduceAsync([TestRecord.Of("first", "a"), new TestRecord { Key = "b"u8.ToArray() }]);
        await clouds.Aws.UntilDeadLetteredAsync(2);
        clouds.Aws.RefuseAll = false;

        // A copy of the dead-letter topic without the markers: as it is after a kill.
        using var copy = await TestTopic.CreateAsync(cluster);
        var letters = clouds.DeadLetters.ReadAll().Select(l => l.Message).ToList();
        await copy.ProduceAsync(letters.Select(l => new TestRecord { Key = l.Key, Value = l.Value, Headers = l.Headers }));
        await clouds.Redrive.RedriveAsync(clouds.OfAws, cancellationToken: Cancelled);
        await clouds.Aws.Sink.WaitForDeliveredAsync(2, Eventually.Bound, Cancelled);

        var again = new DeadLetterRedrive(new DeadLetterRedriveOptions { BootstrapServers = copy.BootstrapServers, Topic = copy.Name });
        Assert.Equal(2, (await again.RedriveAsync(clouds.OfAws, cancellationToken: Cancelled)).Sent);

        await clouds.UntilCommittedAsync();
        Assert.Equal(6, clouds.Topic.EndOffsets().Sum());
        Assert.Equal(["first", $"{clouds.Topic.Name}-0-1"], clouds.Aws.Sink.Delivered.Select(m => m.Id).Order());
        Assert.Equal(2, clouds.Azure.Sink.Attempts.Count);
    }

    [Fact]
    public async Task What_is_no_dead_letter_is_passed_over_and_named()
    {
        await using var clouds = await Clouds.StartAsync(cluster);
        clouds.Aws.RefuseAll = true;
        await clouds.DeadLetters.ProduceAsync(TestRecord.Of("stranger", partition: 0));
        await clouds.DeadLetters.ProduceAsync(new TestRecord { Value = null, Partition = 0, Headers = Headers((DeadLetterHeaders.Redriven, "0-9x")) });
        await clouds.DeadLetters.ProduceAsync(new TestRecord { Partition = 0, Headers = Headers((DeadLetterHeaders.ConsumerGroup, clouds.Aws.Group)) });
        await clouds.DeadLetters.ProduceAsync(new TestRecord
        {
            Partition = 0,
            Headers = Headers((DeadLetterHeaders.ConsumerGroup, clouds.Aws.Group), (DeadLetterHeaders.Topic, clouds.DeadLetters.Name), ("ce_id", "loop")),
        });
        await clouds.Topic.ProduceAsync(TestRecord.Of("poison"));
        await clouds.Aws.UntilDeadLetteredAsync(1);
        clouds.Aws.RefuseAll = false;

        // A marker that claims all there is, and more than that, marks nothing but what stands before it.
        var result = await clouds.Redrive.RedriveAsync(clouds.OfAws, cancellationToken: Cancelled);
        await clouds.DeadLetters.ProduceAsync(new TestRecord { Value = null, Partition = 0, Headers = Headers((DeadLetterHeaders.Redriven, $"0-{long.MaxValue}")) });
        await clouds.ReadAsync(new DeadLetterFilter());

        Assert.Equal((1L, 1L, 4L), (result.Waiting, result.Sent, result.Unreadable));
        Assert.Equal(["0:0", "0:1", "0:2", "0:3"], result.UnreadableLetters.Select(l => l.Position.ToString()));
        await clouds.UntilCommittedAsync();
        Assert.Equal(["poison"], clouds.Aws.Sink.Delivered.Select(m => m.Id));
    }

    [Fact]
    public async Task A_letter_that_its_topic_has_no_room_for_stops_the_run_and_may_be_left_out()
    {
        Assert.SkipWhen(cluster.Kind == KafkaKind.Embedded, "The embedded cluster takes records of any size.");
        using var topic = await TestTopic.CreateAsync(cluster);
        using var deadLetters = await TestTopic.CreateAsync(cluster);
        await topic.SetAsync("max.message.bytes", "700000");
        var (small, large) = (new byte[600_000], new byte[900_000]);
        new Random(1).NextBytes(small);
        new Random(2).NextBytes(large);
        for (var i = 0; i < 5; i++)
            await deadLetters.ProduceAsync(new TestRecord
            {
                Key = [1],
                Value = i == 2 ? large : small,
                Headers = Headers((DeadLetterHeaders.ConsumerGroup, "g"), (DeadLetterHeaders.Topic, topic.Name), (DeadLetterHeaders.Partition, "0"), ("ce_id", Id(i))),
            });
        var redrive = new DeadLetterRedrive(new DeadLetterRedriveOptions { BootstrapServers = cluster.BootstrapServers, Topic = deadLetters.Name });

        var failure = await Assert.ThrowsAsync<DeadLetterRedriveException>(() => redrive.RedriveAsync(new DeadLetterFilter(), OfNobody, cancellationToken: Cancelled));

        Assert.Equal(new DeadLetterPosition(0, 2), failure.Position);
        Assert.Contains($"0:2 of {deadLetters.Name}", failure.Message, StringComparison.Ordinal);
        Assert.Equal(["0", "1"], Ids());
        var rest = await redrive.RedriveAsync(
            new DeadLetterFilter { Except = new HashSet<DeadLetterPosition> { new(0, 2) } }, OfNobody, cancellationToken: Cancelled);
        Assert.Equal((2L, 2L), (rest.Waiting, rest.Sent));
        Assert.Equal(["0", "1", "3", "4"], Ids());

        IEnumerable<string> Ids() => topic.ReadAll().Select(r => Encoding.UTF8.GetString(r.Message.Headers.GetLastBytes("ce_id")));
    }

    [Fact]
    public async Task Letters_that_fit_one_by_one_or_well_compressed_go_back_however_small_the_limit_of_their_topic()
    {
        Assert.SkipWhen(cluster.Kind == KafkaKind.Embedded, "The embedded cluster takes records of any size.");
        using var topic = await TestTopic.CreateAsync(cluster, settings: new() { ["max.message.bytes"] = "20000" });
        using var deadLetters = await TestTopic.CreateAsync(cluster);
        var random = new Random(1);
        for (var i = 0; i < 50; i++)
        {
            // No codec makes these smaller; of the last one, half a byte is left of each, which takes an entropy coder.
            var value = new byte[8_000];
            random.NextBytes(value);
            value = i < 49 ? value : Encoding.ASCII.GetBytes(random.GetItems<char>("abcdefghijklmnop", 34_000));
            await deadLetters.ProduceAsync(new TestRecord { Key = [(byte)i], Value = value, Headers = LetterHeaders(topic, i) });
        }

        var redrive = new DeadLetterRedrive(new DeadLetterRedriveOptions { BootstrapServers = cluster.BootstrapServers, Topic = deadLetters.Name });
        var result = await redrive.RedriveAsync(new DeadLetterFilter(), OfNobody, cancellationToken: Cancelled);

        Assert.Equal(50, result.Sent);
    }

    [Fact]
    public async Task A_letter_older_than_its_topic_takes_today_goes_back_with_the_time_of_sending()
    {
        Assert.SkipWhen(cluster.Kind == KafkaKind.Embedded, "The embedded cluster takes any timestamp.");
        using var topic = await TestTopic.CreateAsync(cluster, settings: new() { ["message.timestamp.before.max.ms"] = "3600000" });
        using var deadLetters = await TestTopic.CreateAsync(cluster);
        var (old, began) = (DateTimeOffset.UtcNow.AddHours(-2), DateTimeOffset.UtcNow);
        await deadLetters.ProduceAsync(new TestRecord { Key = "k"u8.ToArray(), Headers = LetterHeaders(topic, 0), TimestampMs = old.ToUnixTimeMilliseconds() });
        var redrive = new DeadLetterRedrive(new DeadLetterRedriveOptions { BootstrapServers = cluster.BootstrapServers, Topic = deadLetters.Name });

        Assert.Equal(1, (await redrive.RedriveAsync(new DeadLetterFilter(), OfNobody, cancellationToken: Cancelled)).Sent);
        Assert.True(Assert.Single(topic.ReadAll()).Message.Timestamp.UnixTimestampMs >= began.ToUnixTimeMilliseconds());
    }

    [Fact]
    public async Task Brokers_that_do_not_answer_and_a_topic_that_is_not_there_are_named()
    {
        var nobody = new DeadLetterRedrive(new DeadLetterRedriveOptions { BootstrapServers = "127.0.0.1:1", Timeout = TimeSpan.FromSeconds(1) });
        var failure = await Assert.ThrowsAsync<DeadLetterRedriveException>(() => nobody.RedriveAsync(new DeadLetterFilter(), cancellationToken: Cancelled));
        Assert.Contains("127.0.0.1:1", failure.Message, StringComparison.Ordinal);
        Assert.Contains("BootstrapServers", failure.Message, StringComparison.Ordinal);

        // The embedded cluster makes any topic that it is asked for.
        if (cluster.Kind == KafkaKind.Embedded)
            return;

        var missing = new DeadLetterRedrive(new DeadLetterRedriveOptions { BootstrapServers = cluster.BootstrapServers, Topic = "not-there" });
        failure = await Assert.ThrowsAsync<DeadLetterRedriveException>(() => missing.RedriveAsync(new DeadLetterFilter(), cancellationToken: Cancelled));
        Assert.Contains("not-there", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_letter_of_a_group_that_has_committed_nothing_in_its_topic_stops_the_run_before_it_is_sent()
    {
        using var topic = await TestTopic.CreateAsync(cluster);
        using var deadLetters = await TestTopic.CreateAsync(cluster);
        await deadLetters.ProduceAsync(new TestRecord { Headers = LetterHeaders(topic, 0, KafkaCluster.UniqueName("renamed")) });
        var redrive = new DeadLetterRedrive(new DeadLetterRedriveOptions { BootstrapServers = topic.BootstrapServers, Topic = deadLetters.Name });

        foreach (var dry in new[] { true, false })
        {
            var failure = await Assert.ThrowsAsync<DeadLetterRedriveException>(
                () => redrive.RedriveAsync(new DeadLetterFilter(), new RedriveSettings { DryRun = dry }, cancellationToken: Cancelled));
            Assert.Equal(new DeadLetterPosition(0, 0), failure.Position);
            Assert.Contains("AllowUnknownGroup", failure.Message, StringComparison.Ordinal);
        }

        Assert.Equal([0], topic.EndOffsets());
        Assert.Equal(1, (await redrive.RedriveAsync(new DeadLetterFilter(), OfNobody, cancellationToken: Cancelled)).Sent);
    }

    /// <summary>Letters of a group that is none: nobody is to read them.</summary>
    private static RedriveSettings OfNobody => new() { AllowUnknownGroup = true };

    private static string Id(int i) => i.ToString(CultureInfo.InvariantCulture);

    private static int Number(string id) => int.Parse(id, CultureInfo.InvariantCulture);

    private static Headers LetterHeaders(TestTopic topic, int id, string group = "g") => Headers(
        (DeadLetterHeaders.ConsumerGroup, group), (DeadLetterHeaders.Topic, topic.Name), (DeadLetterHeaders.Partition, "0"), ("ce_id", Id(id)));

    private static Headers Headers(params (string Name, string Value)[] headers) =>
        [.. headers.Select(h => new Header(h.Name, Encoding.UTF8.GetBytes(h.Value)))];

    /// <summary>Reports as they are made, on the thread that makes them.</summary>
    private sealed class Reports(Action<RedriveProgress> see) : IProgress<RedriveProgress>
    {
        public void Report(RedriveProgress value) => see(value);
    }

    /// <summary>One cloud: a consumer, its sink, and what that refuses.</summary>
    private sealed class Cloud(bool recognisesDuplicates) : IAsyncDisposable
    {
        private volatile HashSet<string> _refused = [];
        private ConsumerHost? _consumer;
        private TestTopic? _topic;

        public ScriptedSink Sink => field ??= new ScriptedSink(
            (message, _) => RefuseAll || _refused.Contains(message.Id) ? SinkAnswer.Fail(ErrorType.Permanent) : SinkAnswer.Succeed);

        public string Group => _consumer!.Group;

        public bool RefuseAll { get; set; }

        public void Refuse(IEnumerable<string> ids) => _refused = ids.ToHashSet();

        public async Task StartAsync(KafkaCluster cluster, TestTopic topic, TestTopic deadLetters)
        {
            _topic = topic;
            _consumer = await ConsumerHost.StartAsync(cluster, topic, Sink, options =>
            {
                options.DeadLetters.Topic = deadLetters.Name;
                options.Idempotency.Enabled = recognisesDuplicates;
            });
        }

        /// <summary>How often it has said that it passes over what was redriven for another group.</summary>
        public int SaidSkip => _consumer!.Logged(ConsumerHost.FirstSkipped);

        /// <summary>Waits for the letters, and for a commit: letters of a group that has committed nothing are not sent back.</summary>
        public async Task UntilDeadLetteredAsync(int letters)
        {
            await _consumer!.UntilLoggedAsync(ConsumerHost.DeadLettered, letters);
            await Eventually.TrueAsync(() => _topic!.Committed(Group).Any(offset => offset > 0), "the group has committed", Cancelled);
        }

        public ValueTask DisposeAsync() => _consumer?.DisposeAsync() ?? ValueTask.CompletedTask;
    }

    /// <summary>A topic, two clouds, and their dead letters.</summary>
    private sealed class Clouds(TestTopic topic, TestTopic deadLetters) : IAsyncDisposable
    {
        public TestTopic Topic => topic;

        public TestTopic DeadLetters => deadLetters;

        public Cloud Aws { get; } = new(recognisesDuplicates: true);

        /// <summary>Sees everything that its consumer lets through: its endpoint is spared a redriven message by nothing but the group that this one names.</summary>
        public Cloud Azure { get; } = new(recognisesDuplicates: false);

        public DeadLetterRedrive Redrive { get; } = new(new DeadLetterRedriveOptions { BootstrapServers = topic.BootstrapServers, Topic = deadLetters.Name });

        public DeadLetterFilter OfAws => new() { Group = Aws.Group };

        public static async Task<Clouds> StartAsync(KafkaCluster cluster, int partitions = 1)
        {
            var clouds = new Clouds(await TestTopic.CreateAsync(cluster, partitions), await TestTopic.CreateAsync(cluster, partitions));
            await clouds.Aws.StartAsync(cluster, clouds.Topic, clouds.DeadLetters);
            await clouds.Azure.StartAsync(cluster, clouds.Topic, clouds.DeadLetters);
            return clouds;
        }

        public async Task<List<DeadLetterRecord>> ReadAsync(DeadLetterFilter filter) => await Redrive.ReadAsync(filter, Cancelled).ToListAsync(Cancelled);

        /// <summary>Waits until both groups have settled all that is in the topic.</summary>
        public Task UntilCommittedAsync() => Eventually.TrueAsync(
            () => new[] { Aws, Azure }.All(cloud => topic.Committed(cloud.Group).SequenceEqual(topic.EndOffsets())), "both groups have committed everything", Cancelled);

        public async ValueTask DisposeAsync()
        {
            await Aws.DisposeAsync();
            await Azure.DisposeAsync();
            topic.Dispose();
            deadLetters.Dispose();
        }
    }
}
