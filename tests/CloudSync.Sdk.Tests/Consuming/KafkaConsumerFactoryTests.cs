using System.Reflection;
using Confluent.Kafka;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;
using Xunit;

namespace CloudSync.Sdk.Tests;

public class KafkaConsumerFactoryTests
{
    private const int ReadsOneByOne = 1020;

    [Fact]
    public void Records_are_read_in_batches()
    {
        var (factory, log) = Make();
        using var consumer = factory.Build(new RecordBatch(1), new Nobody());
        using var reader = factory.BuildReader(consumer);

        Assert.IsType<BatchRecordReader>(reader);
        Assert.DoesNotContain(log.Collector.GetSnapshot(), r => r.Level >= LogLevel.Information);
        reader.Dispose();
        consumer.Close();
    }

    [Fact]
    public void Whoever_does_not_want_that_gets_Consume_and_no_line_of_the_log()
    {
        var (factory, log) = Make(readInBatches: false);
        using var consumer = factory.Build(new RecordBatch(1), new Nobody());
        using var reader = factory.BuildReader(consumer);

        Assert.IsType<ConsumeRecordReader>(reader);
        Assert.DoesNotContain(log.Collector.GetSnapshot(), r => r.Level >= LogLevel.Information);
        consumer.Close();
    }

    [Fact]
    public void Where_something_is_not_as_expected_Consume_reads_and_one_line_says_what_it_was()
    {
        var (factory, log) = Make();
        using var reader = factory.BuildReader(DispatchProxy.Create<IConsumer<int, int>, WithoutNativeHandle>());

        Assert.IsType<ConsumeRecordReader>(reader);
        var line = Assert.Single(log.Collector.GetSnapshot());
        Assert.Equal((ReadsOneByOne, LogLevel.Warning), (line.Id.Id, line.Level));
        Assert.Contains("data-topic is read record by record", line.Message, StringComparison.Ordinal);
        Assert.Contains("the consumer has no native handle", line.Message, StringComparison.Ordinal);
    }

    private static (KafkaConsumerFactory Factory, FakeLogger Log) Make(bool readInBatches = true)
    {
        var log = new FakeLogger();
        var options = new CloudSyncConsumerOptions { BootstrapServers = "localhost:1", GroupId = "g", ReadInBatches = readInBatches };
        return (new KafkaConsumerFactory("test", options, [], new KafkaErrors(TimeProvider.System, (_, _, _) => { }), log), log);
    }

    private sealed class Nobody : IRebalanceListener
    {
        public void Assigned(List<TopicPartition> partitions)
        {
        }

        public void Revoked(List<TopicPartitionOffset> partitions)
        {
        }

        public void Lost(List<TopicPartitionOffset> partitions)
        {
        }
    }

    /// <summary>A consumer of another make.</summary>
    public class WithoutNativeHandle : DispatchProxy
    {
        protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) => targetMethod?.Name == "get_Handle" ? new Handle() : null;
    }
}
