using System.Globalization;
using System.Text;
using Confluent.Kafka;
using Xunit;

namespace CloudSync.Sdk.Tests;

public class DeadLetterSurveyTests
{
    [Fact]
    public void The_sources_of_what_waits_are_told_and_not_those_of_what_was_redriven()
    {
        var survey = new DeadLetterSurvey(_ => true, [(0, 0L, 10L)]);
        string[] sources = ["orders", "payments", "orders", "audit"];
        for (var i = 0; i < sources.Length; i++)
            survey.See(Record(i, (DeadLetterHeaders.Topic, sources[i]), (DeadLetterHeaders.ConsumerGroup, "g"), (CloudEvents.Id, "x")));

        Assert.Equal(["audit", "orders", "payments"], survey.SourceTopics);
        survey.See(Record(4, (DeadLetterHeaders.Redriven, "0-1,3")));
        Assert.Equal(["orders"], survey.SourceTopics);
        survey.See(Record(5, (DeadLetterHeaders.Redriven, "2")));
        Assert.Empty(survey.SourceTopics);
    }

    [Fact]
    public void A_flood_of_names_is_told_of_up_to_a_limit()
    {
        var survey = new DeadLetterSurvey(_ => true, [(0, 0L, 1_000L)]);
        for (var i = 0; i < 1_000; i++)
            survey.See(Record(i, (DeadLetterHeaders.Topic, string.Create(CultureInfo.InvariantCulture, $"topic-{i}")), (DeadLetterHeaders.ConsumerGroup, "g"), (CloudEvents.Id, "x")));

        Assert.Equal(20, survey.SourceTopics.Count);
        Assert.Equal(1_000, survey.Waiting);
    }

    private static ConsumeResult<byte[]?, byte[]?> Record(long offset, params (string Name, string Value)[] headers) => new()
    {
        Topic = "data-topic-dlq",
        Partition = 0,
        Offset = offset,
        Message = new Message<byte[]?, byte[]?> { Headers = [.. headers.Select(h => new Header(h.Name, Encoding.UTF8.GetBytes(h.Value)))] },
    };
}
