using System.Diagnostics;
using CloudSync.LoadTest.Parts;
using Confluent.Kafka;
using Xunit;

namespace CloudSync.LoadTest.Tests.Parts;

public sealed class BrokersTests
{
    [Fact]
    public async Task A_topic_that_can_not_be_deleted_is_said_and_costs_no_run()
    {
        var said = new List<string>();

        await new Brokers.CreatedTopic("load-a on Kafka at broker:9092", () => throw new KafkaException(new Error(ErrorCode.TopicDeletionDisabled)), said.Add).DisposeAsync();

        Assert.Equal("The topic load-a on Kafka at broker:9092 is not deleted: Broker: Topic deletion is disabled. Delete it by hand.", Assert.Single(said));
    }

    [Fact]
    public async Task A_broker_that_has_died_is_said_as_that()
    {
        using var process = Process.Start(new ProcessStartInfo("dotnet", ["--version"]) { RedirectStandardOutput = true })!;
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);

        Assert.Equal("The broker has ended.", Assert.Throws<InvalidOperationException>(() => Brokers.UseOf([process.Id])).Message);
    }
}
