using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace CloudSync.Tests;

/// <summary>A certificate that signs itself, for <c>localhost</c> and 127.0.0.1: a client that is to trust it must be told so.</summary>
/// <param name="Certificate">The certificate, in PEM.</param>
/// <param name="Key">Its private key, in PEM.</param>
internal sealed record TestCertificate(string Certificate, string Key)
{
    public static TestCertificate Make()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, hasPathLengthConstraint: false, pathLengthConstraint: 0, critical: true));
        using var certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        return new TestCertificate(certificate.ExportCertificatePem(), key.ExportPkcs8PrivateKeyPem());
    }

    /// <summary>Whether it is what a server has shown.</summary>
    public bool IsThatOf(X509Certificate? shown)
    {
        using var own = X509Certificate2.CreateFromPem(Certificate);
        return shown is not null && shown.GetRawCertData().AsSpan().SequenceEqual(own.RawData);
    }

    /// <summary>Writes both into a folder, and gives the names of the files.</summary>
    public async Task<(string Certificate, string Key)> WriteAsync(string folder)
    {
        var (certificate, key) = (Path.Combine(folder, "tls.crt"), Path.Combine(folder, "tls.key"));
        await File.WriteAllTextAsync(certificate, Certificate);
        await File.WriteAllTextAsync(key, Key);
        return (certificate, key);
    }
}
