using System.Net.Security;
using System.Security.Cryptography.X509Certificates;

namespace CloudSync.Sdk;

/// <summary>How the other side of an encrypted connection is verified: always by its chain, and by the name that it was called by.</summary>
internal sealed class RedisTls(RedisIdempotencyOptions options)
{
    private readonly X509Certificate2Collection? _authorities = Authorities(options);
    private readonly X509Certificate2? _client = ClientCertificate(options);

    /// <summary>Why the certificate that was shown last was not accepted; <see langword="null"/> when it was. The client says only that it could not connect.</summary>
    public string? Refused { get; private set; }

    /// <summary>What the settings say of TLS, for a host.</summary>
    public SslClientAuthenticationOptions For(string host)
    {
        var tls = new SslClientAuthenticationOptions { TargetHost = host, RemoteCertificateValidationCallback = (_, _, chain, errors) => Accepts(host, chain, errors) };
        if (_client is not null)
            tls.ClientCertificateContext = SslStreamCertificateContext.Create(_client, additionalCertificates: null);
        if (_authorities is not null)
        {
            tls.CertificateChainPolicy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
            tls.CertificateChainPolicy.CustomTrustStore.AddRange(_authorities);
        }

        return tls;
    }

    public static X509Certificate2Collection? Authorities(RedisIdempotencyOptions options)
    {
        if (string.IsNullOrEmpty(options.TlsCaFile))
            return null;

        var authorities = new X509Certificate2Collection();
        authorities.ImportFromPemFile(options.TlsCaFile);
        return authorities;
    }

    public static X509Certificate2? ClientCertificate(RedisIdempotencyOptions options)
    {
        if (string.IsNullOrEmpty(options.TlsCertificateFile))
            return null;

        using var pem = X509Certificate2.CreateFromPemFile(options.TlsCertificateFile, string.IsNullOrEmpty(options.TlsKeyFile) ? null : options.TlsKeyFile);

        // Windows wants a key that stands in a store.
        return OperatingSystem.IsWindows() ? X509CertificateLoader.LoadPkcs12(pem.Export(X509ContentType.Pkcs12), null) : new X509Certificate2(pem);
    }

    private bool Accepts(string host, X509Chain? chain, SslPolicyErrors errors)
    {
        Refused = errors switch
        {
            SslPolicyErrors.None => null,
            _ when errors.HasFlag(SslPolicyErrors.RemoteCertificateNotAvailable) => "it shows none",
            _ when errors.HasFlag(SslPolicyErrors.RemoteCertificateNameMismatch) => $"it does not name {host}",
            _ => string.Join(", ", chain?.ChainStatus.Select(status => status.Status.ToString()) ?? []),
        };
        return errors == SslPolicyErrors.None;
    }
}
