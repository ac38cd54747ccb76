using System.Net.Security;
using System.Security.Cryptography.X509Certificates;

namespace CloudSync.Sdk;

/// <summary>How the other side of an encrypted connection is verified: always by its chain and by the name that it was called by.</summary>
internal static class RedisTls
{
    /// <summary>What the settings say of TLS, for a host.</summary>
    public static SslClientAuthenticationOptions For(string host, X509Certificate2Collection? authorities, X509Certificate2? client)
    {
        var tls = new SslClientAuthenticationOptions { TargetHost = host };
        if (client is not null)
            tls.ClientCertificateContext = SslStreamCertificateContext.Create(client, additionalCertificates: null);
        if (authorities is not null)
        {
            tls.CertificateChainPolicy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
            tls.CertificateChainPolicy.CustomTrustStore.AddRange(authorities);
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
}
