using Confluent.Kafka;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace CloudSync.Sdk.Tests;

public class PollLoopTests
{
    [Theory]
    [InlineData(ErrorCode.Local_MaxPollExceeded, false, false)]
    [InlineData(ErrorCode.UnknownTopicOrPart, false, false)]
    [InlineData(ErrorCode.TopicAuthorizationFailed, false, false)]
    [InlineData(ErrorCode.GroupAuthorizationFailed, false, true)]
    [InlineData(ErrorCode.Local_KeyDeserialization, false, true)]
    [InlineData(ErrorCode.Local_ValueDeserialization, false, true)]
    [InlineData(ErrorCode.Local_Fatal, true, true)]
    public void A_client_that_would_stand_still_or_pass_over_a_record_is_built_anew(ErrorCode code, bool isFatal, bool isBuiltAnew) =>
        Assert.Equal(isBuiltAnew, PollLoop.NeedsNewClient(new Error(code, "reason", isFatal)));

    /// <summary>Others have all the partitions when it comes back: then it is back all the same.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_member_that_was_put_out_is_back_with_partitions_or_without(bool withPartitions)
    {
        var options = new CloudSyncConsumerOptions { BootstrapServers = "localhost:1", GroupId = "g" };
        using var test = new PipelineUnderTest(new FakeSink());
        using var metrics = new ConsumerMetrics("test", "g", "data-topic");
        var errors = new KafkaErrors(TimeProvider.System, (_, _, _) => { });
        var factory = new KafkaConsumerFactory("test", options, [], errors, NullLogger.Instance);
        using var loop = new PollLoop("test", options, factory, errors, test.Pipeline, metrics, TimeProvider.System, NullLogger.Instance);
        IRebalanceListener listener = loop;
        TopicPartition[] partitions = [new("data-topic", 0), new("data-topic", 1)];
        listener.Assigned([.. partitions]);
        listener.Lost([.. partitions.Select(p => new TopicPartitionOffset(p, 7))]);
        Assert.Equal((true, 0), (loop.IsOutOfGroup, loop.PartitionsOwned));

        listener.Assigned(withPartitions ? [.. partitions] : []);
        Assert.Equal((false, withPartitions ? 2 : 0), (loop.IsOutOfGroup, loop.PartitionsOwned));
    }
}
