using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using CloudSync.Sdk.Testing;
using CloudSync.Tests;
using Confluent.Kafka;
using Xunit;

namespace CloudSync.IntegrationTests.Testing;

public sealed class EmbeddedKafkaTests
{
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(30);

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_is_produced_is_consumed_with_key_value_and_headers()
    {
        await using var kafka = EmbeddedKafka.Start(new EmbeddedKafkaOptions { Brokers = 3 });
        kafka.CreateTopic("topic", partitions: 12);
        using var producer = Producer(kafka, idempotent: true);
        var written = Enumerable.Range(0, 200).Select(i => $"k{i}=v{i}").ToList();
        await Task.WhenAll(written.Select((text, i) => producer.ProduceAsync(
            "topic",
            new Message<string, string> { Key = $"k{i}", Value = text, Headers = [new Header("number", Encoding.UTF8.GetBytes($"{i}"))] },
            Cancelled)));

        using var member = new GroupMember(kafka.BootstrapServers, "group");
        member.Consumer.Subscribe("topic");
        var read = member.Read(200);

        Assert.Equal(written.Order(), read.Select(r => r.Message.Value).Order());
        Assert.All(read, r => Assert.Equal(r.Message.Key, $"k{Encoding.UTF8.GetString(r.Message.Headers[0].GetValueBytes())}"));
        Assert.True(read.Select(r => r.Partition.Value).Distinct().Count() > 1);
    }

    [Fact]
    public async Task Every_group_reads_everything_and_its_members_share_it()
    {
        await using var kafka = EmbeddedKafka.Start();
        kafka.CreateTopic("topic", partitions: 6);
        using var aws1 = new GroupMember(kafka.BootstrapServers, "aws");
        using var aws2 = new GroupMember(kafka.BootstrapServers, "aws");
        using var azure1 = new GroupMember(kafka.BootstrapServers, "azure");
        using var azure2 = new GroupMember(kafka.BootstrapServers, "azure");
        GroupMember[] members = [aws1, aws2, azure1, azure2];
        foreach (var member in members)
            member.Consumer.Subscribe("topic");
        GroupMember.PollUntil(() => members.All(m => m.Consumer.Assignment.Count == 3), members);

        using var producer = Producer(kafka);
        for (var i = 0; i < 60; i++)
            producer.Produce(new TopicPartition("topic", i % 6), new Message<string, string> { Key = "k", Value = $"{i}" });
        producer.Flush(Cancelled);

        var everything = Enumerable.Range(0, 60).ToList();
        Assert.Equal(everything, aws1.Read(30).Concat(aws2.Read(30)).Select(r => int.Parse(r.Message.Value)).Order());
        Assert.Equal(everything, azure1.Read(30).Concat(azure2.Read(30)).Select(r => int.Parse(r.Message.Value)).Order());
        foreach (var member in members)
            Assert.All(member.Consumer.Commit(), committed => Assert.Equal(10, committed.Offset.Value));
    }

    [Fact]
    public async Task A_group_goes_on_where_it_has_committed()
    {
        await using var kafka = EmbeddedKafka.Start();
        kafka.CreateTopic("topic");
        using var producer = Producer(kafka);
        for (var i = 0; i < 10; i++)
            await producer.ProduceAsync("topic", new Message<string, string> { Value = $"{i}" }, Cancelled);

        using (var first = new GroupMember(kafka.BootstrapServers, "group"))
        {
            first.Consumer.Subscribe("topic");
            first.Consumer.Commit(first.Read(4)[^1]);
        }

        using var second = new GroupMember(kafka.BootstrapServers, "group");
        second.Consumer.Subscribe("topic");
        Assert.Equal("4", second.Read(1)[0].Message.Value);
    }

    [Fact]
    public async Task A_member_that_joins_later_takes_over_partitions_cooperatively()
    {
        await using var kafka = EmbeddedKafka.Start();
        kafka.CreateTopic("topic", partitions: 4);
        using var first = new GroupMember(kafka.BootstrapServers, "group");
        first.Consumer.Subscribe("topic");
        GroupMember.PollUntil(() => first.Consumer.Assignment.Count == 4, first);

        using var second = new GroupMember(kafka.BootstrapServers, "group");
        second.Consumer.Subscribe("topic");
        GroupMember.PollUntil(() => first.Consumer.Assignment.Count == 2 && second.Consumer.Assignment.Count == 2, first, second);

        Assert.Empty(first.Consumer.Assignment.Intersect(second.Consumer.Assignment));
    }

    [Fact]
    public async Task A_producer_waits_for_a_broker_that_is_down_and_delivers_when_it_is_up()
    {
        await using var kafka = EmbeddedKafka.Start();
        kafka.CreateTopic("topic");
        var noBroker = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var producer = new ProducerBuilder<string, string>(new ProducerConfig { BootstrapServers = kafka.BootstrapServers, ReconnectBackoffMaxMs = 500 })
            .SetLogHandler((_, _) => { })
            .SetErrorHandler((_, error) =>
            {
                if (error.Code == ErrorCode.Local_AllBrokersDown)
                    noBroker.TrySetResult();
            })
            .Build();
        await producer.ProduceAsync("topic", new Message<string, string> { Value = "before" }, Cancelled);

        kafka.TakeBrokerDown(1);
        var delivery = producer.ProduceAsync("topic", new Message<string, string> { Value = "meanwhile" }, Cancelled);
        await noBroker.Task.WaitAsync(Bound, Cancelled);
        Assert.False(delivery.IsCompleted);

        kafka.BringBrokerUp(1);
        Assert.Equal(1, (await delivery.WaitAsync(Bound, Cancelled)).Offset.Value);
    }

    [Fact]
    public async Task A_cluster_that_is_down_as_a_whole_refuses_connections_and_keeps_its_messages()
    {
        await using var kafka = EmbeddedKafka.Start(new EmbeddedKafkaOptions { Brokers = 2 });
        kafka.CreateTopic("topic");
        using (var producer = Producer(kafka))
            await producer.ProduceAsync("topic", new Message<string, string> { Value = "kept" }, Cancelled);

        kafka.TakeAllBrokersDown();
        foreach (var endPoint in EndPoints(kafka))
            await Assert.ThrowsAsync<SocketException>(() => ConnectAsync(endPoint));

        kafka.BringAllBrokersUp();
        using var member = new GroupMember(kafka.BootstrapServers, "group");
        member.Consumer.Subscribe("topic");
        Assert.Equal("kept", member.Read(1)[0].Message.Value);
    }

    [Theory]
    [InlineData(1, 2)]
    [InlineData(2, 1)]
    public async Task A_partition_can_be_used_while_its_first_leader_is_down_once_another_broker_leads_it(int from, int to)
    {
        await using var kafka = EmbeddedKafka.Start(new EmbeddedKafkaOptions { Brokers = 2 });
        kafka.CreateTopic("topic");
        kafka.SetLeader("topic", 0, from);
        using var producer = Producer(kafka);
        await producer.ProduceAsync("topic", new Message<string, string> { Value = "a" }, Cancelled);

        kafka.TakeBrokerDown(from);
        kafka.SetLeader("topic", 0, to);

        Assert.Equal(1, (await producer.ProduceAsync("topic", new Message<string, string> { Value = "b" }, Cancelled).WaitAsync(Bound, Cancelled)).Offset.Value);
    }

    [Theory]
    [InlineData(1, 2)]
    [InlineData(2, 1)]
    public async Task A_group_whose_coordinator_is_down_commits_through_the_next_one(int from, int to)
    {
        await using var kafka = EmbeddedKafka.Start(new EmbeddedKafkaOptions { Brokers = 2 });
        kafka.CreateTopic("topic");
        kafka.SetLeader("topic", 0, to);
        kafka.SetGroupCoordinator("group", from);
        using var producer = Producer(kafka);
        await producer.ProduceAsync("topic", new Message<string, string> { Value = "a" }, Cancelled);
        using var member = new GroupMember(kafka.BootstrapServers, "group");
        member.Consumer.Subscribe("topic");
        var read = member.Read(1)[0];

        kafka.SetGroupCoordinator("group", to);
        kafka.TakeBrokerDown(from);

        var deadline = Stopwatch.StartNew();
        while (!TryCommit(member, read))
            Assert.True(deadline.Elapsed < Bound, "The group did not find its new coordinator.");

        Assert.Equal(1, member.Consumer.Committed([new TopicPartition("topic", 0)], Bound)[0].Offset.Value);
    }

    [Fact]
    public async Task Answers_are_held_back_for_the_latency_that_was_set()
    {
        await using var kafka = EmbeddedKafka.Start(new EmbeddedKafkaOptions { Brokers = 2 });
        kafka.CreateTopic("topic");
        kafka.SetLeader("topic", 0, brokerId: 2);
        using var producer = Producer(kafka);
        await producer.ProduceAsync("topic", new Message<string, string> { Value = "warm" }, Cancelled);

        kafka.SetLatency(TimeSpan.FromMilliseconds(400));
        Assert.True(await TimeAsync(producer) >= TimeSpan.FromMilliseconds(395));

        kafka.SetLatency(TimeSpan.Zero);
        kafka.SetLatency(brokerId: 2, TimeSpan.FromMilliseconds(200));
        Assert.True(await TimeAsync(producer) >= TimeSpan.FromMilliseconds(195));

        // A bound far above anything the machine needs, and far below the latency.
        kafka.SetLatency(TimeSpan.FromMinutes(5));
        kafka.SetLatency(brokerId: 2, TimeSpan.Zero);
        Assert.True(await TimeAsync(producer) < TimeSpan.FromMinutes(1));

        static async Task<TimeSpan> TimeAsync(IProducer<string, string> producer)
        {
            var watch = Stopwatch.StartNew();
            await producer.ProduceAsync("topic", new Message<string, string> { Value = "timed" }, Cancelled);
            return watch.Elapsed;
        }
    }

    [Fact]
    public async Task An_injected_error_reaches_the_producer_once_and_then_requests_succeed()
    {
        await using var kafka = EmbeddedKafka.Start();
        kafka.CreateTopic("topic");
        using var producer = Producer(kafka);
        await producer.ProduceAsync("topic", new Message<string, string> { Value = "warm" }, Cancelled);

        kafka.FailRequests(EmbeddedKafkaRequest.Produce, ErrorCode.NoError, ErrorCode.InvalidRecord);

        await producer.ProduceAsync("topic", new Message<string, string> { Value = "let through" }, Cancelled);
        var refused = await Assert.ThrowsAsync<ProduceException<string, string>>(
            () => producer.ProduceAsync("topic", new Message<string, string> { Value = "refused" }, Cancelled));
        Assert.Equal(ErrorCode.InvalidRecord, refused.Error.Code);
        Assert.Equal(2, (await producer.ProduceAsync("topic", new Message<string, string> { Value = "accepted" }, Cancelled)).Offset.Value);
    }

    [Fact]
    public async Task A_cut_connection_is_retried_by_the_producer()
    {
        await using var kafka = EmbeddedKafka.Start();
        kafka.CreateTopic("topic");
        using var producer = Producer(kafka);
        await producer.ProduceAsync("topic", new Message<string, string> { Value = "warm" }, Cancelled);

        kafka.FailRequests(EmbeddedKafkaRequest.Produce, ErrorCode.Local_Transport);

        Assert.Equal(1, (await producer.ProduceAsync("topic", new Message<string, string> { Value = "again" }, Cancelled).WaitAsync(Bound, Cancelled)).Offset.Value);
    }

    [Fact]
    public async Task An_injected_error_reaches_a_commit_until_it_is_cleared()
    {
        await using var kafka = EmbeddedKafka.Start();
        kafka.CreateTopic("topic");
        using var producer = Producer(kafka);
        await producer.ProduceAsync("topic", new Message<string, string> { Value = "a" }, Cancelled);
        using var member = new GroupMember(kafka.BootstrapServers, "group");
        member.Consumer.Subscribe("topic");
        var read = member.Read(1)[0];

        kafka.FailRequests(EmbeddedKafkaRequest.OffsetCommit, [.. Enumerable.Repeat(ErrorCode.GroupAuthorizationFailed, 100)]);
        Assert.Equal(ErrorCode.GroupAuthorizationFailed, Assert.Throws<KafkaException>(() => member.Consumer.Commit(read)).Error.Code);

        kafka.ClearFailures();
        member.Consumer.Commit(read);
        Assert.Equal(1, member.Consumer.Committed([new TopicPartition("topic", 0)], Bound)[0].Offset.Value);
    }

    [Fact]
    public async Task Deleted_records_are_gone_and_the_rest_is_there()
    {
        await using var kafka = EmbeddedKafka.Start();
        kafka.CreateTopic("topic");
        using var producer = Producer(kafka);
        for (var i = 0; i < 5; i++)
            await producer.ProduceAsync("topic", new Message<string, string> { Value = $"{i}" }, Cancelled);

        kafka.DeleteRecords("topic", 0, beforeOffset: 3);

        using var member = new GroupMember(kafka.BootstrapServers, "group");
        member.Consumer.Assign(new TopicPartitionOffset("topic", 0, 0));
        Assert.Equal(["3", "4"], member.Read(2).Select(r => r.Message.Value));
        Assert.Throws<ArgumentOutOfRangeException>(() => kafka.DeleteRecords("topic", 0, beforeOffset: 6));
    }

    [Fact]
    public async Task Only_the_newest_five_megabytes_of_a_partition_are_kept()
    {
        await using var kafka = EmbeddedKafka.Start();
        kafka.CreateTopic("topic");
        using var producer = Producer(kafka);
        for (var i = 0; i < 12; i++)
            await producer.ProduceAsync("topic", new Message<string, string> { Value = new string('x', 500_000) }, Cancelled);

        using var member = new GroupMember(kafka.BootstrapServers, "group");
        var kept = member.Consumer.QueryWatermarkOffsets(new TopicPartition("topic", 0), Bound);
        Assert.Equal((2, 12), (kept.Low.Value, kept.High.Value));
    }

    [Fact]
    public async Task A_topic_that_nobody_made_appears_with_four_partitions()
    {
        await using var kafka = EmbeddedKafka.Start();
        using var admin = new AdminClientBuilder(new AdminClientConfig { BootstrapServers = kafka.BootstrapServers, AllowAutoCreateTopics = true }).Build();

        Assert.Equal(4, admin.GetMetadata("surprise", Bound).Topics[0].Partitions.Count);
        Assert.Contains("4 partitions", Assert.Throws<InvalidOperationException>(() => kafka.CreateTopic("surprise")).Message);
    }

    [Fact]
    public async Task Clusters_beside_each_other_share_nothing()
    {
        await Task.WhenAll(Enumerable.Range(0, 8).Select(i => Task.Run(async () =>
        {
            await using var kafka = EmbeddedKafka.Start(new EmbeddedKafkaOptions { Brokers = 1 + (i % 3) });
            kafka.CreateTopic("topic");
            using var producer = Producer(kafka);
            using var member = new GroupMember(kafka.BootstrapServers, "group");
            member.Consumer.Subscribe("topic");
            await producer.ProduceAsync("topic", new Message<string, string> { Value = $"{i}" }, Cancelled);

            var read = member.Read(1)[0];
            Assert.Equal($"{i}", read.Message.Value);
            Assert.Equal(0, read.Offset.Value);
        })));
    }

    [Fact]
    public async Task Another_process_can_use_it()
    {
        await using var kafka = EmbeddedKafka.Start(new EmbeddedKafkaOptions { Brokers = 3 });
        kafka.CreateTopic("topic", partitions: 3);

        await KcatAsync("from kcat\n", "-P", "-b", kafka.BootstrapServers, "-t", "topic", "-k", "key", "-H", "ce_id=7");
        using var member = new GroupMember(kafka.BootstrapServers, "group");
        member.Consumer.Subscribe("topic");
        var read = member.Read(1)[0];
        Assert.Equal(("key", "from kcat"), (read.Message.Key, read.Message.Value));
        Assert.Equal("ce_id", read.Message.Headers[0].Key);

        Assert.Equal("from kcat", (await KcatAsync("", "-C", "-b", kafka.BootstrapServers, "-t", "topic", "-o", "beginning", "-e", "-q")).Trim());
    }

    [Fact]
    public async Task A_disposed_cluster_is_gone_and_says_so()
    {
        var kafka = EmbeddedKafka.Start(new EmbeddedKafkaOptions { Brokers = 2 });
        foreach (var endPoint in EndPoints(kafka))
            await ConnectAsync(endPoint);

        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(async () => await kafka.DisposeAsync())));
        await kafka.DisposeAsync();

        foreach (var endPoint in EndPoints(kafka))
            await Assert.ThrowsAsync<SocketException>(() => ConnectAsync(endPoint));
        Assert.Throws<ObjectDisposedException>(() => kafka.CreateTopic("topic"));
        Assert.Throws<ObjectDisposedException>(() => kafka.TakeBrokerDown(1));
        Assert.Throws<ObjectDisposedException>(kafka.TakeAllBrokersDown);
        Assert.Throws<ObjectDisposedException>(() => kafka.BringBrokerUp(1));
        Assert.Throws<ObjectDisposedException>(kafka.BringAllBrokersUp);
        Assert.Throws<ObjectDisposedException>(() => kafka.SetLatency(TimeSpan.Zero));
        Assert.Throws<ObjectDisposedException>(() => kafka.SetLatency(1, TimeSpan.Zero));
        Assert.Throws<ObjectDisposedException>(() => kafka.SetLeader("topic", 0, 1));
        Assert.Throws<ObjectDisposedException>(() => kafka.SetGroupCoordinator("group", 1));
        Assert.Throws<ObjectDisposedException>(() => kafka.DeleteRecords("topic", 0, 0));
        Assert.Throws<ObjectDisposedException>(() => kafka.FailRequests(EmbeddedKafkaRequest.Fetch, ErrorCode.Unknown));
        Assert.Throws<ObjectDisposedException>(() => kafka.ClearFailures(EmbeddedKafkaRequest.Fetch));
        Assert.Throws<ObjectDisposedException>(kafka.ClearFailures);
    }

    [Fact]
    public async Task A_cluster_may_be_disposed_of_while_others_command_it()
    {
        var kafka = EmbeddedKafka.Start();
        var commanding = Task.Run(
            () =>
            {
                for (var i = 0; i < 1_000_000; i++)
                    kafka.CreateTopic($"topic{i}");
            },
            Cancelled);

        await kafka.DisposeAsync();

        await Assert.ThrowsAsync<ObjectDisposedException>(() => commanding.WaitAsync(Bound, Cancelled));
    }

    [Fact]
    public async Task What_makes_no_sense_is_refused_by_name()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => EmbeddedKafka.Start(new EmbeddedKafkaOptions { Brokers = 0 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => EmbeddedKafka.Start(new EmbeddedKafkaOptions { Brokers = 10 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => EmbeddedKafka.Start(new EmbeddedKafkaOptions { InitialRebalanceDelay = TimeSpan.FromSeconds(-1) }));

        await using var kafka = EmbeddedKafka.Start(new EmbeddedKafkaOptions { Brokers = 2 });
        kafka.CreateTopic("topic", partitions: 2);

        Assert.Contains("'topic'", Assert.Throws<InvalidOperationException>(() => kafka.CreateTopic("topic")).Message);
        Assert.Throws<ArgumentException>(() => kafka.CreateTopic(""));
        Assert.Contains("'no spaces'", Assert.Throws<ArgumentException>(() => kafka.CreateTopic("no spaces")).Message);
        Assert.Throws<ArgumentException>(() => kafka.CreateTopic(new string('x', 250)));
        Assert.Throws<ArgumentOutOfRangeException>(() => kafka.CreateTopic("other", partitions: 0));
        Assert.Contains("1 to 2", Assert.Throws<ArgumentOutOfRangeException>(() => kafka.TakeBrokerDown(3)).Message);
        Assert.Throws<ArgumentOutOfRangeException>(() => kafka.TakeBrokerDown(-1));
        Assert.Throws<ArgumentOutOfRangeException>(() => kafka.BringBrokerUp(0));
        Assert.Throws<ArgumentOutOfRangeException>(() => kafka.SetLatency(TimeSpan.FromMilliseconds(-1)));
        Assert.Throws<ArgumentOutOfRangeException>(() => kafka.SetLatency(3, TimeSpan.Zero));
        Assert.Throws<ArgumentOutOfRangeException>(() => kafka.SetLeader("topic", 2, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => kafka.SetLeader("topic", 0, 3));
        Assert.Throws<ArgumentOutOfRangeException>(() => kafka.SetGroupCoordinator("group", 3));
        Assert.Throws<ArgumentOutOfRangeException>(() => kafka.DeleteRecords("topic", 2, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => kafka.FailRequests((EmbeddedKafkaRequest)99, ErrorCode.Unknown));
        Assert.Contains("Local_MsgTimedOut", Assert.Throws<ArgumentException>(
            () => kafka.FailRequests(EmbeddedKafkaRequest.Produce, ErrorCode.Local_MsgTimedOut)).Message);
    }

    /// <summary>What clients log here is what the tests do to them.</summary>
    private static IProducer<string, string> Producer(EmbeddedKafka kafka, bool idempotent = false) =>
        new ProducerBuilder<string, string>(new ProducerConfig { BootstrapServers = kafka.BootstrapServers, EnableIdempotence = idempotent, LingerMs = 0 })
            .SetLogHandler((_, _) => { })
            .Build();

    private static bool TryCommit(GroupMember member, ConsumeResult<string, string> result)
    {
        try
        {
            member.Consumer.Commit(result);
            return true;
        }
        catch (KafkaException)
        {
            // The poll is what lets the client look for its coordinator.
            member.Consumer.Consume(TimeSpan.FromMilliseconds(50));
            return false;
        }
    }

    private static IEnumerable<IPEndPoint> EndPoints(EmbeddedKafka kafka) => kafka.BootstrapServers.Split(',').Select(IPEndPoint.Parse);

    private static async Task ConnectAsync(IPEndPoint endPoint)
    {
        using var socket = new Socket(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(endPoint, Cancelled);
    }

    private static async Task<string> KcatAsync(string input, params string[] arguments)
    {
        Process kcat;
        try
        {
            kcat = Process.Start(new ProcessStartInfo("kcat", arguments) { RedirectStandardInput = true, RedirectStandardOutput = true })!;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            Assert.Skip("kcat is not installed (Debian: apt install kcat).");
            throw;
        }

        using (kcat)
        {
            await kcat.StandardInput.WriteAsync(input.AsMemory(), Cancelled);
            kcat.StandardInput.Close();
            var output = await kcat.StandardOutput.ReadToEndAsync(Cancelled).WaitAsync(Bound, Cancelled);
            await kcat.WaitForExitAsync(Cancelled).WaitAsync(Bound, Cancelled);
            Assert.Equal(0, kcat.ExitCode);
            return output;
        }
    }
}
