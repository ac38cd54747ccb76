using CloudSync.Tests;
using Confluent.Kafka;
using Xunit;

namespace CloudSync.IntegrationTests.Testing;

public sealed class KafkaClusterTests(KafkaCluster cluster)
{
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(30);

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Every_test_has_topics_of_its_own_with_as_many_partitions_as_it_wants()
    {
        var topics = await Task.WhenAll(cluster.CreateTopicAsync(3), cluster.CreateTopicAsync(12));

        Assert.NotEqual(topics[0], topics[1]);
        using var admin = new AdminClientBuilder(new AdminClientConfig { BootstrapServers = cluster.BootstrapServers }).Build();
        Assert.Equal(3, admin.GetMetadata(topics[0], Bound).Topics[0].Partitions.Count);
        Assert.Equal(12, admin.GetMetadata(topics[1], Bound).Topics[0].Partitions.Count);
    }

    [Fact]
    public async Task What_is_produced_is_consumed_whichever_kind_of_Kafka_it_is()
    {
        var topic = await cluster.CreateTopicAsync(partitions: 2);
        using var producer = new ProducerBuilder<Null, string>(
            new ProducerConfig { BootstrapServers = cluster.BootstrapServers, EnableIdempotence = true }).Build();
        await producer.ProduceAsync(new TopicPartition(topic, 1), new Message<Null, string> { Value = "hello" }, Cancelled);

        using var member = new GroupMember(cluster.BootstrapServers, KafkaCluster.UniqueName("group"), cluster.SessionTimeout);
        member.Consumer.Subscribe(topic);

        Assert.Equal("hello", member.Read(1)[0].Message.Value);
    }

    [Fact]
    public void The_run_says_which_Kafka_it_uses_and_only_the_embedded_one_can_be_commanded()
    {
        TestContext.Current.TestOutputHelper?.WriteLine($"Kafka for these tests: {cluster.Description}");

        Assert.NotEmpty(cluster.Description);
        Assert.Equal(cluster.Kind == KafkaKind.Embedded, cluster.Embedded is not null);
    }
}

/// <summary>With a script in place of Kafka's, so that the guard is tested where there is no Java.</summary>
public sealed class StartedKafkaTests : IDisposable
{
    private readonly DirectoryInfo _home = Directory.CreateTempSubdirectory("cloudsync-home-");

    private string Journal => Path.Combine(_home.FullName, "journal");

    public void Dispose() => _home.Delete(recursive: true);

    [Fact]
    public async Task The_last_line_of_the_script_is_the_address_and_disposal_takes_the_cluster_down()
    {
        WriteScript("echo starting; echo 127.0.0.1:1234");

        await using (var kafka = await StartedKafka.StartAsync(_home.FullName))
        {
            Assert.Equal("127.0.0.1:1234", kafka.BootstrapServers);
            Assert.Equal(["up"], await VerbsAsync());
        }

        Assert.Equal(["up", "down"], await VerbsAsync());
        Assert.False(Directory.Exists(await FolderAsync()));
    }

    [Fact]
    public async Task A_cluster_that_fails_to_start_is_taken_down_and_says_why()
    {
        WriteScript("echo 'no Java found' >&2; exit 1");

        var error = await Assert.ThrowsAsync<InvalidOperationException>(() => StartedKafka.StartAsync(_home.FullName));

        Assert.Equal("no Java found", error.Message);
        Assert.Equal(["up", "down"], await VerbsAsync());
        Assert.False(Directory.Exists(await FolderAsync()));
    }

    [Fact]
    public async Task A_home_without_the_script_is_named()
    {
        var error = await Assert.ThrowsAsync<InvalidOperationException>(() => StartedKafka.StartAsync(_home.FullName));

        Assert.Contains(_home.FullName, error.Message);
    }

    /// <summary>A script that makes the folder as Kafka's does and writes down what it was asked for.</summary>
    private void WriteScript(string up)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Needs bash.");
        var path = Path.Combine(_home.CreateSubdirectory("bin").FullName, "kafka-cluster.sh");
        File.WriteAllText(
            path,
            $"""
             echo "$1 $3" >>"{Journal}"
             if [ "$1" = up ]; then mkdir -p "$3"; touch "$3/env"; {up}; fi
             """);
    }

    private async Task<string[]> VerbsAsync() => [.. (await LinesAsync()).Select(line => line.Split(' ')[0])];

    private async Task<string> FolderAsync() => (await LinesAsync())[0].Split(' ')[1];

    private Task<string[]> LinesAsync() => File.ReadAllLinesAsync(Journal, TestContext.Current.CancellationToken);
}
