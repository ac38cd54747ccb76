using CloudSync.Sdk.Settings;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace CloudSync.Sdk.Tests.Settings;

public class PresetTests
{
    private const int Mebibyte = 1024 * 1024;

    [Theory]
    [InlineData("Balanced", 5, 65_536, 128)]
    [InlineData("LowLatency", 0, 65_536, 128)]
    [InlineData("HighThroughput", 20, 262_144, 256)]
    public void What_a_preset_sets_for_a_producer(string preset, int lingerMs, int batchSize, long bufferMebibytes)
    {
        var options = Bound<CloudSyncProducerOptions>(("Preset", preset));

        Assert.Equal(TimeSpan.FromMilliseconds(lingerMs), options.Linger);
        Assert.Equal(batchSize, options.BatchSize);
        Assert.Equal(bufferMebibytes * Mebibyte, options.BufferBytes);

        // And nothing else, the form of the records least of all: others may read them.
        var defaults = new CloudSyncProducerOptions();
        Assert.Equal(
            (defaults.Format, defaults.Compression, defaults.MaxMessageBytes, defaults.DeliveryTimeout, defaults.FlushTimeout),
            (options.Format, options.Compression, options.MaxMessageBytes, options.DeliveryTimeout, options.FlushTimeout));
    }

    [Theory]
    [InlineData("Balanced", 10_000, 64, 1_024, 100)]
    [InlineData("LowLatency", 10_000, 64, 1, 100)]
    [InlineData("HighThroughput", 50_000, 256, 65_536, 250)]
    public void What_a_preset_sets_for_a_consumer(string preset, int heldMessages, long heldMebibytes, int fetchMinBytes, int fetchWaitMs)
    {
        var options = Bound<CloudSyncConsumerOptions>(("Preset", preset));
        var config = Factory(options).ConsumerConfig();

        Assert.Equal(heldMessages, options.MaxHeldMessages);
        Assert.Equal(heldMebibytes * Mebibyte, options.MaxHeldBytes);
        Assert.Equal((fetchMinBytes, fetchWaitMs), (config.FetchMinBytes, config.FetchWaitMaxMs));
        Assert.Equal(new CloudSyncConsumerOptions().CommitInterval, options.CommitInterval);
    }

    [Fact]
    public void What_the_user_sets_wins_whatever_comes_first()
    {
        var producer = Bound<CloudSyncProducerOptions>(("BatchSize", "1000"), ("Linger", "00:00:00.005"), ("Preset", "HighThroughput"));
        producer.BufferBytes = 7 * Mebibyte;
        producer.Preset = CloudSyncPreset.LowLatency;
        Assert.Equal((1_000, TimeSpan.FromMilliseconds(5), 7L * Mebibyte), (producer.BatchSize, producer.Linger, producer.BufferBytes));

        var consumer = Bound<CloudSyncConsumerOptions>(
            ("MaxHeldMessages", "10000"), ("MaxHeldBytes", "70000000"), ("Preset", "HighThroughput"), ("Kafka:fetch.min.bytes", "7"), ("Kafka:fetch.wait.max.ms", "8"));
        var config = Factory(consumer).ConsumerConfig();
        Assert.Equal((10_000, 70_000_000L, 7, 8), (consumer.MaxHeldMessages, consumer.MaxHeldBytes, config.FetchMinBytes, config.FetchWaitMaxMs));
    }

    private static TOptions Bound<TOptions>(params (string Key, string Value)[] settings)
        where TOptions : class, new()
    {
        var section = new ConfigurationBuilder()
            .AddInMemoryCollection(settings.Select(s => KeyValuePair.Create("S:" + s.Key, (string?)s.Value))).Build().GetSection("S");
        var options = new TOptions();
        Assert.Empty(SettingsBinder.Bind(section, options));
        return options;
    }

    private static KafkaConsumerFactory Factory(CloudSyncConsumerOptions options) =>
        new("test", options, [], new KafkaErrors(TimeProvider.System, (_, _, _) => { }), NullLogger.Instance);
}
