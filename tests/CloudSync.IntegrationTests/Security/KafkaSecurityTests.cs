using CloudSync.IntegrationTests.Consuming;
using CloudSync.Sdk;
using CloudSync.Sdk.Testing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging.Testing;
using Xunit;

namespace CloudSync.IntegrationTests.Security;

/// <summary>Each way to log in to Kafka, from configuration alone; and what somebody sees whom Kafka refuses.</summary>
public sealed class KafkaSecurityTests(SecuredKafka kafka) : IClassFixture<SecuredKafka>
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public static TheoryData<string> Ways => ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER", "a certificate"];

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task A_message_travels_from_producer_to_sink_over_TLS_with(string way)
    {
        kafka.Required();
        var broker = way == "a certificate" ? kafka.Certificate : kafka.Login;
        var settings = way switch
        {
            "a certificate" => WithCertificate(isTrusted: true),
            "OAUTHBEARER" => WithToken(TokenEndpoint.ClientSecret),
            _ => WithPassword(way, "app", "app-secret"),
        };
        var sink = new RecordingSink();
        using var host = await StartAsync(broker.BootstrapServers, await kafka.CreateTopicAsync(broker), settings, sink);

        await host.Services.GetRequiredService<ICloudSyncProducer>().ProduceAsync(new OutgoingMessage("hello"u8.ToArray()) { Id = "order-1" }, Cancelled);
        await sink.WaitForAsync(1, Eventually.Bound, Cancelled);

        Assert.Equal("order-1", Assert.Single(sink.Messages).Id);
        Assert.Equal(HealthStatus.Healthy, (await HealthAsync(host)).Status);
        Assert.Equal(HealthStatus.Healthy, (await HealthAsync(host, "cloudsync-producer")).Status);
        await host.StopAsync(Cancelled);
    }

    public static TheoryData<string, HealthStatus, string> Refusals => new()
    {
        { "a wrong password, SCRAM", HealthStatus.Unhealthy, "Kafka:sasl.password" },
        { "a wrong password, PLAIN", HealthStatus.Unhealthy, "Kafka:sasl.password" },
        { "a wrong secret, OAUTHBEARER", HealthStatus.Unhealthy, "Kafka:sasl.oauthbearer" },
        { "no rights", HealthStatus.Unhealthy, "lacks a right" },
        { "an unknown authority", HealthStatus.Unhealthy, "Kafka:ssl.ca.location" },
        { "another host's certificate", HealthStatus.Unhealthy, "BootstrapServers" },
        { "no certificate of ours", HealthStatus.Unhealthy, "Kafka:ssl.certificate.location" },
        { "a certificate of ours that nobody knows", HealthStatus.Unhealthy, "Kafka:ssl.certificate.location" },
        { "no TLS", HealthStatus.Degraded, "Kafka:security.protocol" },
    };

    [Theory]
    [MemberData(nameof(Refusals))]
    public async Task Who_is_refused_is_told_by_the_log_and_by_health_which_setting_to_look_at(string what, HealthStatus health, string setting)
    {
        kafka.Required();
        var broker = what.Contains("of ours", StringComparison.Ordinal) ? kafka.Certificate : kafka.Login;
        using var other = new OtherAddress(broker.BootstrapServers);
        var settings = what switch
        {
            "a wrong password, SCRAM" => WithPassword("SCRAM-SHA-512", "app", "hunter2-wrong"),
            "a wrong password, PLAIN" => WithPassword("PLAIN", "app", "hunter2-wrong"),
            "a wrong secret, OAUTHBEARER" => WithToken("hunter2-wrong"),
            "no rights" => WithPassword("PLAIN", "stranger", "stranger-secret"),
            "an unknown authority" => WithPassword("PLAIN", "app", "app-secret").Where(s => s.Key != "ssl.ca.location").ToDictionary(),
            "another host's certificate" => WithPassword("PLAIN", "app", "app-secret"),
            "no certificate of ours" => WithCertificate(isTrusted: true).Where(s => s.Key is "security.protocol" or "ssl.ca.location").ToDictionary(),
            "a certificate of ours that nobody knows" => WithCertificate(isTrusted: false),
            "no TLS" => new Dictionary<string, string> { ["security.protocol"] = "plaintext" },
            _ => throw new ArgumentOutOfRangeException(nameof(what), what, null),
        };
        var address = what == "another host's certificate" ? other.Address : broker.BootstrapServers;
        using var host = await StartAsync(address, await kafka.CreateTopicAsync(broker), settings, new RecordingSink());

        var produced = host.Services.GetRequiredService<ICloudSyncProducer>().ProduceAsync(new OutgoingMessage("hello"u8.ToArray()), Cancelled).AsTask();
        await Eventually.TrueAsync(async () => (await HealthAsync(host)).Status == health, $"the consumer is {health}", Cancelled);

        var report = await HealthAsync(host);
        Assert.Contains(setting, report.Description, StringComparison.Ordinal);
        await Eventually.TrueAsync(
            () => Logged(host).Any(entry => entry.Id.Id is 1010 or 1011 && entry.Message.Contains(setting, StringComparison.Ordinal)), $"the log names {setting}", Cancelled);
        await Eventually.TrueAsync(
            async () => await HealthAsync(host, "cloudsync-producer") is { Status: HealthStatus.Unhealthy } producer && producer.Description!.Contains(setting, StringComparison.Ordinal),
            $"the producer's health names {setting}",
            Cancelled);
        var failure = await Assert.ThrowsAsync<ProduceFailedException>(() => produced);
        Assert.Contains(what == "no rights" ? "Grant Write" : setting, failure.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("hunter2", failure.ToString(), StringComparison.Ordinal);
        var log = Logged(host);
        Assert.DoesNotContain(log, entry => entry.Message.Contains("hunter2", StringComparison.Ordinal) || entry.Exception?.ToString().Contains("hunter2", StringComparison.Ordinal) is true);
        Assert.DoesNotContain("hunter2", report.Description, StringComparison.Ordinal);
        await host.StopAsync(Cancelled);
    }

    [Fact]
    public async Task A_broker_under_a_name_that_its_certificate_lacks_is_taken_only_when_that_is_asked_for()
    {
        kafka.Required();
        using var other = new OtherAddress(kafka.Login.BootstrapServers);
        var sink = new RecordingSink();
        var settings = WithPassword("PLAIN", "app", "app-secret");
        settings["ssl.endpoint.identification.algorithm"] = "none";
        using var host = await StartAsync(other.Address, await kafka.CreateTopicAsync(kafka.Login), settings, sink);

        await host.Services.GetRequiredService<ICloudSyncProducer>().ProduceAsync(new OutgoingMessage("hello"u8.ToArray()), Cancelled);
        await sink.WaitForAsync(1, Eventually.Bound, Cancelled);

        Assert.Contains(Logged(host), entry => entry.Id.Id == 2005);
        await host.StopAsync(Cancelled);
    }

    [Fact]
    public async Task A_right_that_is_given_later_is_found_and_the_consumer_healthy_again()
    {
        kafka.Required();
        var topic = await kafka.CreateTopicAsync(kafka.Login);
        var sink = new RecordingSink();
        using var host = await StartAsync(kafka.Login.BootstrapServers, topic, WithPassword("PLAIN", "stranger", "stranger-secret"), sink);
        await Eventually.TrueAsync(async () => (await HealthAsync(host)).Status == HealthStatus.Unhealthy, "the consumer is refused", Cancelled);

        await kafka.GiveRightsAsync("stranger", topic);
        await Eventually.TrueAsync(async () => (await HealthAsync(host)).Status == HealthStatus.Healthy, "the consumer is healthy", Cancelled);

        // A client of the producer that was refused is made anew after some seconds; until then its messages fail, and are produced again by whoever wants them there.
        await Eventually.TrueAsync(() => IsTakenAsync(host), "the producer's message is taken", Cancelled);
        await sink.WaitForAsync(1, Eventually.Bound, Cancelled);
        await host.StopAsync(Cancelled);
    }

    private Dictionary<string, string> WithPassword(string mechanism, string user, string password) => new()
    {
        ["security.protocol"] = "sasl_ssl",
        ["ssl.ca.location"] = SecuredKafka.AuthorityOf(kafka.Login),
        ["sasl.mechanism"] = mechanism,
        ["sasl.username"] = user,
        ["sasl.password"] = password,
    };

    private Dictionary<string, string> WithToken(string secret) => new()
    {
        ["security.protocol"] = "sasl_ssl",
        ["ssl.ca.location"] = SecuredKafka.AuthorityOf(kafka.Login),
        ["sasl.mechanism"] = "OAUTHBEARER",
        ["sasl.oauthbearer.method"] = "oidc",
        ["sasl.oauthbearer.client.id"] = TokenEndpoint.ClientId,
        ["sasl.oauthbearer.client.secret"] = secret,
        ["sasl.oauthbearer.token.endpoint.url"] = kafka.Tokens!.Url,
    };

    private Dictionary<string, string> WithCertificate(bool isTrusted)
    {
        var (certificate, key) = kafka.ClientCertificate(isTrusted);
        return new()
        {
            ["security.protocol"] = "ssl",
            ["ssl.ca.location"] = SecuredKafka.AuthorityOf(kafka.Certificate),
            ["ssl.certificate.location"] = certificate,
            ["ssl.key.location"] = key,
        };
    }

    /// <summary>A producer and a consumer, put together from configuration as a user does it.</summary>
    private static async Task<IHost> StartAsync(string bootstrapServers, string topic, Dictionary<string, string> kafka, RecordingSink sink)
    {
        var builder = Host.CreateApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        builder.Services.AddFakeLogging();
        foreach (var section in (string[])["Producer", "Aws"])
        {
            builder.Configuration.AddInMemoryCollection([new($"CloudSync:{section}:BootstrapServers", bootstrapServers), new($"CloudSync:{section}:Topic", topic)]);
            builder.Configuration.AddInMemoryCollection(kafka.Select(setting => KeyValuePair.Create($"CloudSync:{section}:Kafka:{setting.Key}", (string?)setting.Value)));
        }

        builder.Configuration.AddInMemoryCollection([new("CloudSync:Aws:DeadLetters:Topic", topic + "-dlq"), new("CloudSync:Aws:GroupId", topic), new("CloudSync:Producer:DeliveryTimeout", "5s")]);
        builder.Services.AddCloudSyncProducer(builder.Configuration.GetSection("CloudSync:Producer"));
        builder.Services.AddCloudSyncConsumer("aws", builder.Configuration.GetSection("CloudSync:Aws")).UseSink(_ => sink);
        var host = builder.Build();
        await host.StartAsync(Cancelled);
        return host;
    }

    private static async Task<bool> IsTakenAsync(IHost host)
    {
        try
        {
            await host.Services.GetRequiredService<ICloudSyncProducer>().ProduceAsync(new OutgoingMessage("hello"u8.ToArray()), Cancelled);
            return true;
        }
        catch (ProduceFailedException)
        {
            return false;
        }
    }

    private static IReadOnlyList<FakeLogRecord> Logged(IHost host) => host.Services.GetFakeLogCollector().GetSnapshot();

    private static async Task<HealthReportEntry> HealthAsync(IHost host, string check = "cloudsync-aws") =>
        (await host.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync(Cancelled)).Entries[check];
}
