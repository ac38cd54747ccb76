using System.Text;
using CloudSync.Sdk;
using CloudSync.Sdk.Testing;
using CloudSync.Tests;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace CloudSync.IntegrationTests.Consuming;

/// <summary>Messages that were produced in the structured content mode.</summary>
public sealed class StructuredTests(KafkaCluster cluster)
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_sink_sees_what_was_produced_once_and_a_dead_letter_keeps_the_record(bool readInBatches)
    {
        using var topic = await TestTopic.CreateAsync(cluster);
        using var deadLetters = await TestTopic.CreateAsync(cluster);
        var services = new ServiceCollection();
        services.AddCloudSyncProducer(o => (o.BootstrapServers, o.Topic, o.Format) = (topic.BootstrapServers, topic.Name, CloudEventsFormat.Structured));
        await using var provider = services.BuildServiceProvider();
        var producer = provider.GetRequiredService<ICloudSyncProducer>();
        byte[] json = [.. "{ \"a\" : 1 }"u8], bytes = [0, 255, 1];
        var sink = new ScriptedSink().On("bad", SinkAnswer.Fail(ErrorType.Permanent));

        foreach (var (id, value) in new[] { ("json", json), ("bytes", bytes), ("json", json), ("bad", json) })
            Assert.Equal(id, (await producer.ProduceAsync(new OutgoingMessage(value) { Id = id, Type = "t", CorrelationId = "c" }, Cancelled)).Id);
        await using var consumer = await ConsumerHost.StartAsync(
            cluster, topic, sink, options => (options.DeadLetters.Topic, options.ReadInBatches) = (deadLetters.Name, readInBatches));
        await Eventually.TrueAsync(() => topic.Committed(consumer.Group).SequenceEqual([4L]), "everything is committed", Cancelled);

        Assert.Equal(["bytes", "json"], sink.Delivered.Select(m => m.Id).Order(StringComparer.Ordinal));
        Assert.Equal(json, sink.Delivered.Single(m => m.Id == "json").Value.ToArray());
        Assert.Equal(bytes, sink.Delivered.Single(m => m.Id == "bytes").Value.ToArray());
        Assert.All(sink.Delivered, m => Assert.Equal(("t", "c", "application/json"), (m.Type, m.CorrelationId, m.ContentType)));
        var letter = Assert.Single(deadLetters.ReadAll());
        Assert.StartsWith("{\"specversion\":\"1.0\",\"id\":\"bad\"", Encoding.UTF8.GetString(letter.Message.Value!), StringComparison.Ordinal);
        Assert.Equal("bad", Encoding.UTF8.GetString(letter.Message.Headers.GetLastBytes(DeadLetterHeaders.MessageId)));
    }
}
