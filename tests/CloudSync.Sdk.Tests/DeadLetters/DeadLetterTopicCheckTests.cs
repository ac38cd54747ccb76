using CloudSync.Sdk.Testing;
using Confluent.Kafka;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;
using Xunit;

namespace CloudSync.Sdk.Tests;

public class DeadLetterTopicCheckTests
{
    [Theory]
    [InlineData("CreateTime", "604800000", 7.0)]
    [InlineData("CreateTime", "0", 0.0)]
    [InlineData("CreateTime", "-1", null)]
    [InlineData("LogAppendTime", "604800000", null)]
    [InlineData("CreateTime", "9223372036854775807", null)]
    [InlineData(null, "604800000", null)]
    [InlineData("CreateTime", null, null)]
    public void Letters_may_be_deleted_at_once_where_a_finite_retention_is_reckoned_from_their_own_time(string? type, string? retention, double? days)
    {
        var topic = new Dictionary<string, string>();
        if (type is not null)
            topic["message.timestamp.type"] = type;
        if (retention is not null)
            topic["retention.ms"] = retention;

        Assert.Equal(days, DeadLetterTopicCheck.RetentionByOriginal(topic)?.TotalDays);
    }

    [Fact]
    public async Task Brokers_that_do_not_know_the_question_are_not_spoken_of()
    {
        await using var kafka = EmbeddedKafka.Start();
        kafka.CreateTopic("data-topic-dlq");
        var log = new FakeLogger();

        await DeadLetterTopicCheck.RunAsync(new AdminClientConfig { BootstrapServers = kafka.BootstrapServers }, "data-topic-dlq", log);

        Assert.DoesNotContain(log.Collector.GetSnapshot(), record => record.Level > LogLevel.Debug);
    }
}
