using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using CloudSync.Tests;
using Confluent.Kafka;
using Confluent.Kafka.Admin;
using Xunit;

namespace CloudSync.IntegrationTests.Security;

/// <summary>
/// Two real brokers that let in only whom they know: one over TLS with a log-in (PLAIN, both SCRAMs, OAUTHBEARER), one over TLS with a certificate of the client. Without a Kafka to start there
/// are none, and the tests are skipped: the embedded cluster lets everybody in.
/// </summary>
public sealed class SecuredKafka : IAsyncLifetime
{
    private readonly string _files = Directory.CreateTempSubdirectory("cloudsync-security-").FullName;
    private StartedKafka? _login;
    private StartedKafka? _certificate;

    /// <summary>Where one logs in.</summary>
    internal StartedKafka Login => _login ?? throw new InvalidOperationException(SkipUnlessStarted);

    /// <summary>Where one shows a certificate.</summary>
    internal StartedKafka Certificate => _certificate ?? throw new InvalidOperationException(SkipUnlessStarted);

    /// <summary>Gives tokens that the first broker takes.</summary>
    internal TokenEndpoint? Tokens { get; private set; }

    private static string SkipUnlessStarted => "Needs a real Kafka (KAFKA_HOME): the embedded one lets everybody in.";

    /// <summary>Skips a test where there is no Kafka to start.</summary>
    public void Required() => Assert.SkipWhen(_login is null, SkipUnlessStarted);

    /// <inheritdoc/>
    public async ValueTask InitializeAsync()
    {
        if (Environment.GetEnvironmentVariable("KAFKA_HOME") is not { Length: > 0 } home)
            return;

        Tokens = await TokenEndpoint.StartAsync();
        var keys = Path.Combine(_files, "jwks.json");
        await File.WriteAllTextAsync(keys, Tokens.Keys);
        var keysUrl = new Uri(keys).AbsoluteUri;
        var login = StartedKafka.StartAsync(
            home,
            "sasl_ssl",
            $"-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls={keysUrl}",
            "sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER",
            "listener.name.client.oauthbearer.sasl.jaas.config=org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required;",
            "listener.name.client.oauthbearer.sasl.server.callback.handler.class=org.apache.kafka.common.security.oauthbearer.OAuthBearerValidatorCallbackHandler",
            $"listener.name.client.oauthbearer.sasl.oauthbearer.jwks.endpoint.url={keysUrl}",
            "listener.name.client.oauthbearer.sasl.oauthbearer.expected.audience=kafka");
        var certificate = StartedKafka.StartAsync(home, "ssl", "", "ssl.client.auth=required");
        (_login, _certificate) = (await login, await certificate);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_login is not null)
            await _login.DisposeAsync();
        if (_certificate is not null)
            await _certificate.DisposeAsync();
        if (Tokens is not null)
            await Tokens.DisposeAsync();
        Directory.Delete(_files, recursive: true);
    }

    /// <summary>Who signed a broker's certificate.</summary>
    internal static string AuthorityOf(StartedKafka kafka) => Path.Combine(kafka.Folder, "tls", "ca.pem");

    /// <summary>A certificate for a client, signed by the authority that the broker trusts, or by one that it has never heard of.</summary>
    internal (string Certificate, string Key) ClientCertificate(bool isTrusted)
    {
        using var key = RSA.Create(2048);
        var request = new CertificateRequest("CN=sync", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        using var authority = X509Certificate2.CreateFromPemFile(AuthorityOf(Certificate), Path.Combine(Certificate.Folder, "tls", "ca.key"));
        var (from, to) = (new DateTimeOffset(authority.NotBefore), DateTimeOffset.UtcNow.AddDays(1));
        using var certificate = isTrusted ? request.Create(authority, from, to, [1, 2, 3, 4]) : request.CreateSelfSigned(from, to);
        var path = Path.Combine(_files, isTrusted ? "client" : "stranger");
        File.WriteAllText(path + ".pem", certificate.ExportCertificatePem());
        File.WriteAllText(path + ".key", key.ExportPkcs8PrivateKeyPem());
        return (path + ".pem", path + ".key");
    }

    /// <summary>Makes a topic and its dead-letter topic, as one who may.</summary>
    internal async Task<string> CreateTopicAsync(StartedKafka kafka)
    {
        var topic = KafkaCluster.UniqueName("secured");
        using var admin = AdminOf(kafka);
        await admin.CreateTopicsAsync([
            new TopicSpecification { Name = topic, NumPartitions = 1, ReplicationFactor = 1 },
            new TopicSpecification { Name = topic + "-dlq", NumPartitions = 1, ReplicationFactor = 1 },
        ]);
        return topic;
    }

    /// <summary>Gives a user all rights to a topic, to its dead-letter topic, and to the group of its name.</summary>
    internal async Task GiveRightsAsync(string user, string topic)
    {
        using var admin = AdminOf(Login);
        await admin.CreateAclsAsync(((ResourceType[])[ResourceType.Topic, ResourceType.Group]).Select(type => new AclBinding
        {
            Pattern = new ResourcePattern { Type = type, Name = topic, ResourcePatternType = ResourcePatternType.Prefixed },
            Entry = new AccessControlEntry { Principal = $"User:{user}", Host = "*", Operation = AclOperation.All, PermissionType = AclPermissionType.Allow },
        }));
    }

    private IAdminClient AdminOf(StartedKafka kafka)
    {
        var config = new AdminClientConfig { BootstrapServers = kafka.BootstrapServers, SslCaLocation = AuthorityOf(kafka) };
        if (kafka == Login)
        {
            (config.SecurityProtocol, config.SaslMechanism) = (SecurityProtocol.SaslSsl, SaslMechanism.Plain);
            (config.SaslUsername, config.SaslPassword) = ("app", "app-secret");
        }
        else
        {
            config.SecurityProtocol = SecurityProtocol.Ssl;
            (config.SslCertificateLocation, config.SslKeyLocation) = ClientCertificate(isTrusted: true);
        }

        return new AdminClientBuilder(config).Build();
    }
}
