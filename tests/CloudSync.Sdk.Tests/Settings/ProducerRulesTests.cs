using System.Globalization;
using CloudSync.Sdk.Settings;
using Xunit;

namespace CloudSync.Sdk.Tests.Settings;

public class ProducerRulesTests
{
    [Fact]
    public void The_defaults_go_together() => Assert.Empty(ProducerRules.Check(Valid()));

    [Theory]
    [InlineData("cloudsync", true)]
    [InlineData("/orders/1", true)]
    [InlineData("https://example.com/orders", true)]
    [InlineData("urn:uuid:6e8bc430-9c3a-11d9-9669-0800200c9a66", true)]
    [InlineData("", false)]
    [InlineData("#orders", true)]
    [InlineData("shop:orders:7", true)]
    [InlineData("two words", false)]
    public void The_source_is_a_reference(string source, bool valid) => Expect(valid, "Source", o => o.Source = source);

    [Theory]
    [InlineData("a", true)]
    [InlineData(" ", false)]
    public void The_type_is_named(string type, bool valid) => Expect(valid, "Type", o => o.Type = type);

    [Theory]
    [InlineData(1_000_000, true)]
    [InlineData(999_999, false)]
    public void The_largest_message_fits_into_the_buffer(long bufferBytes, bool valid) => Expect(valid, "BufferBytes", o => o.BufferBytes = bufferBytes);

    [Theory]
    [InlineData("00:00:00.099", true)]
    [InlineData("00:00:00.100", false)]
    public void A_message_may_take_longer_than_its_batch_waits(string linger, bool valid) =>
        Expect(valid, "DeliveryTimeout", o => (o.Linger, o.DeliveryTimeout) = (TimeSpan.Parse(linger, CultureInfo.InvariantCulture), TimeSpan.FromMilliseconds(100)));

    [Theory]
    [InlineData("1", true)]
    [InlineData("5", true)]
    [InlineData("0", false)]
    [InlineData("6", false)]
    [InlineData("many", false)]
    public void No_more_requests_are_under_way_than_keep_their_order(string value, bool valid)
    {
        Expect(valid, "Kafka:max.in.flight", o => o.Kafka["max.in.flight"] = value);
        Expect(valid, "Kafka:max.in.flight.requests.per.connection", o => o.Kafka["max.in.flight.requests.per.connection"] = value);
    }

    [Theory]
    [InlineData("acks", false)]
    [InlineData("ACKS", false)]
    [InlineData("request.required.acks", false)]
    [InlineData("enable.idempotence", false)]
    [InlineData("transactional.id", false)]
    [InlineData("enable.gapless.guarantee", false)]
    [InlineData("bootstrap.servers", false)]
    [InlineData("linger.ms", false)]
    [InlineData("dotnet.producer.enable.delivery.reports", false)]
    [InlineData("sasl.password", true)]
    [InlineData("partitioner", true)]
    public void A_setting_of_the_client_that_a_guarantee_rests_on_is_refused(string key, bool valid) =>
        Expect(valid, $"Kafka:{key}", o => o.Kafka[key] = "s3cret");

    private static CloudSyncProducerOptions Valid() => new() { BootstrapServers = "localhost:9092" };

    private static void Expect(bool valid, string path, Action<CloudSyncProducerOptions> change)
    {
        var options = Valid();
        change(options);
        var problems = ProducerRules.Check(options).ToList();
        Assert.DoesNotContain(problems, problem => problem.Text.Contains("s3cret", StringComparison.Ordinal));
        if (valid)
            Assert.Empty(problems);
        else
            Assert.Contains(path, problems.Select(problem => problem.Path));
    }
}
