using CloudSync.IntegrationTests.Consuming;
using CloudSync.Sdk;
using Confluent.Kafka;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Xunit;
using static CloudSync.IntegrationTests.Producing.ProducerHost;

namespace CloudSync.IntegrationTests.Producing;

public class ProducerHealthTests
{
    [Fact]
    public async Task A_producer_is_healthy_when_Kafka_answers_unhealthy_while_it_does_not_and_healthy_again_without_a_message()
    {
        await using var kafka = Kafka(partitions: 3);
        using var host = await Start(kafka);
        var healthy = await HealthAsync(host);
        Assert.Equal((HealthStatus.Healthy, "Kafka answers and has the topic 'data-topic'."), (healthy.Status, healthy.Description));
        Assert.Equal(3, healthy.Data["partitions"]);

        kafka.TakeAllBrokersDown();
        await Eventually.TrueAsync(async () => (await HealthAsync(host)).Status == HealthStatus.Unhealthy, "the producer is unhealthy", Cancelled);
        await Eventually.TrueAsync(async () => (await HealthAsync(host)).Description!.Contains("BootstrapServers", StringComparison.Ordinal), "health says what to look at", Cancelled);

        kafka.BringAllBrokersUp();
        await Eventually.TrueAsync(async () => (await HealthAsync(host)).Status == HealthStatus.Healthy, "the producer is healthy again", Cancelled);
        await host.StopAsync(Cancelled);
    }

    [Fact]
    public async Task A_topic_that_refuses_messages_is_said_until_it_takes_one()
    {
        await using var kafka = Kafka();
        using var host = await Start(kafka);
        kafka.FailRequests(CloudSync.Sdk.Testing.EmbeddedKafkaRequest.Produce, ErrorCode.TopicAuthorizationFailed);

        var failure = await Assert.ThrowsAsync<ProduceFailedException>(() => Producer(host).ProduceAsync(Numbered(1), Cancelled).AsTask());
        Assert.Contains("Grant Write", failure.Message, StringComparison.Ordinal);
        var refused = await HealthAsync(host);
        Assert.Equal(HealthStatus.Unhealthy, refused.Status);
        Assert.Contains("lacks a right", refused.Description, StringComparison.Ordinal);

        await Producer(host).ProduceAsync(Numbered(2), Cancelled);
        await Eventually.TrueAsync(async () => (await HealthAsync(host)).Status == HealthStatus.Healthy, "the producer is healthy again", Cancelled);
        await host.StopAsync(Cancelled);
    }

    private static async Task<HealthReportEntry> HealthAsync(IHost host) =>
        (await host.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync(Cancelled)).Entries["cloudsync-producer"];
}
