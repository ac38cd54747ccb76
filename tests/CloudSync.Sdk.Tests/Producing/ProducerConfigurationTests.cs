using Confluent.Kafka;
using Xunit;

namespace CloudSync.Sdk.Tests.Producing;

public class ProducerConfigurationTests
{
    [Fact]
    public void The_defaults_lose_nothing_and_repeat_nothing()
    {
        var config = Build(new CloudSyncProducerOptions { BootstrapServers = "kafka:9092" });

        Assert.Equal(
            new Dictionary<string, string>
            {
                ["acks"] = "all",
                ["batch.size"] = "65536",
                ["bootstrap.servers"] = "kafka:9092",
                ["client.id"] = "cloudsync-producer",
                ["compression.codec"] = "lz4",
                ["delivery.timeout.ms"] = "120000",
                ["dotnet.producer.delivery.report.fields"] = "none",
                ["dotnet.producer.enable.background.poll"] = "false",
                ["dotnet.producer.enable.delivery.reports"] = "true",
                ["enable.idempotence"] = "true",
                ["linger.ms"] = "5",
                ["log.connection.close"] = "false",
                ["message.max.bytes"] = "1000000",
                ["partitioner"] = "murmur2_random",
                ["queue.buffering.max.kbytes"] = "132049",
                ["queue.buffering.max.messages"] = "174764",
            },
            Sorted(config));
    }

    [Fact]
    public void The_options_are_the_clients_settings()
    {
        var config = Build(new CloudSyncProducerOptions
        {
            Linger = TimeSpan.FromMilliseconds(0.5), BatchSize = 7, Compression = ProducerCompression.Zstd, MaxMessageBytes = 2_000,
            DeliveryTimeout = TimeSpan.FromSeconds(9), BufferBytes = 1_099_511_627_776,
        });

        Assert.Equal("0.5", config.Get("linger.ms"));
        Assert.Equal("7", config.Get("batch.size"));
        Assert.Equal("zstd", config.Get("compression.codec"));
        Assert.Equal("2000", config.Get("message.max.bytes"));
        Assert.Equal("9000", config.Get("delivery.timeout.ms"));
        Assert.Equal("1073741826", config.Get("queue.buffering.max.kbytes"));
        Assert.Equal("1431655767", config.Get("queue.buffering.max.messages"));
    }

    [Fact]
    public void The_users_dictionary_is_merged_and_the_users_code_comes_last()
    {
        var options = new CloudSyncProducerOptions();
        options.Kafka["client.id"] = "mine";
        options.Kafka["sasl.username"] = "dictionary";
        options.Kafka["max.in.flight"] = "3";

        var config = Build(options, c => c.SaslUsername = "first", c => c.SaslUsername += " second");

        Assert.Equal(("mine", "first second", "3", "all"), (config.ClientId, config.SaslUsername, config.Get("max.in.flight"), config.Get("acks")));
    }

    [Fact]
    public void What_a_guarantee_rests_on_is_set_back_and_told_of()
    {
        var options = new CloudSyncProducerOptions { BootstrapServers = "kafka:9092" };
        var before = Sorted(Build(options));

        var config = ProducerConfiguration.Build(
            options,
            [
                c =>
                {
                    c.BootstrapServers = "elsewhere:9092";
                    c.Acks = Acks.Leader;
                    c.EnableIdempotence = false;
                    c.EnableDeliveryReports = false;
                    c.EnableBackgroundPoll = true;
                    c.DeliveryReportFields = "all";
                    c.TransactionalId = "t";
                    c.EnableGaplessGuarantee = true;
                    c.MaxInFlight = 6;
                    c.QueueBufferingMaxKbytes = 1;
                    c.QueueBufferingMaxMessages = 0;
                    c.MessageMaxBytes = 1_000_000_000;
                    c.Set("request.required.acks", "1");
                    c.Set("max.in.flight.requests.per.connection", "100");
                    c.Set("delivery.report.only.error", "true");
                    c.Set("metadata.broker.list", "elsewhere:9092");
                },
            ],
            out var setBack);

        Assert.Equal(before, Sorted(config));
        Assert.Equal(16, setBack.Count);
    }

    [Fact]
    public void The_client_takes_the_settings()
    {
        var config = Build(new CloudSyncProducerOptions { BootstrapServers = "127.0.0.1:1", Linger = TimeSpan.FromMilliseconds(0.5) });

        new ProducerBuilder<byte[], byte[]>(config).SetLogHandler((_, _) => { }).SetErrorHandler((_, _) => { }).Build().Dispose();
    }

    private static ProducerConfig Build(CloudSyncProducerOptions options, params Action<ProducerConfig>[] changes)
    {
        var config = ProducerConfiguration.Build(options, changes, out var setBack);
        Assert.Empty(setBack);
        return config;
    }

    private static SortedDictionary<string, string> Sorted(ProducerConfig config) => new(config.ToDictionary(), StringComparer.Ordinal);
}
