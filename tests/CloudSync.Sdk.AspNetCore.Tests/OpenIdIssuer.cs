using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using CloudSync.Tests;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.IdentityModel.Tokens;

namespace CloudSync.Sdk.AspNetCore.Tests;

/// <summary>An issuer of its own (OpenID Connect Discovery) on a real Kestrel: it says where its keys are, and which they are.</summary>
internal sealed class OpenIdIssuer : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly Tokens _tokens = new();
    private readonly X509Certificate2? _certificate;
    private volatile Named _current;
    private int _asked;

    private OpenIdIssuer(TestCertificate? certificate)
    {
        _current = new Named(_tokens.Key, "k1");
        if (certificate is not null)
        {
            using var pem = X509Certificate2.CreateFromPem(certificate.Certificate, certificate.Key);
            _certificate = X509CertificateLoader.LoadPkcs12(pem.Export(X509ContentType.Pkcs12), null);
        }

        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen =>
        {
            if (_certificate is not null)
                listen.UseHttps(_certificate);
        }));
        _app = builder.Build();
        _app.Use(AnswerAsync);
    }

    /// <summary>The issuer's address, which is its name too.</summary>
    public string Address => _app.Urls.First();

    /// <summary>While it is not, connections end without an answer.</summary>
    public bool IsUp { get; set; } = true;

    /// <summary>How often it was asked for its description.</summary>
    public int Asked => Volatile.Read(ref _asked);

    public static async Task<OpenIdIssuer> StartAsync(TestCertificate? certificate = null)
    {
        var issuer = new OpenIdIssuer(certificate);
        await issuer._app.StartAsync();
        return issuer;
    }

    /// <summary>A token of the key that is good now.</summary>
    public string Token() => _tokens.Signed(Address, by: CredentialsOf(_current.Key, _current.Name));

    /// <summary>A token that says the name of the good key, signed by another.</summary>
    public string Forged()
    {
        using var other = RSA.Create(2_048);
        return _tokens.Signed(Address, by: CredentialsOf(other, _current.Name));
    }

    /// <summary>From now on another key is good, and the one before no longer.</summary>
    public void Rotate(string name) => _current = new Named(RSA.Create(2_048), name);

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        _certificate?.Dispose();
        _tokens.Dispose();
    }

    private async Task AnswerAsync(HttpContext context, RequestDelegate next)
    {
        if (!IsUp)
        {
            context.Abort();
            return;
        }

        if (context.Request.Path == "/keys")
        {
            var (key, name) = _current;
            var numbers = key.ExportParameters(false);
            await context.Response.WriteAsJsonAsync(new
            {
                keys = new[] { new { kty = "RSA", use = "sig", kid = name, n = Base64UrlEncoder.Encode(numbers.Modulus!), e = Base64UrlEncoder.Encode(numbers.Exponent!) } },
            });
            return;
        }

        Interlocked.Increment(ref _asked);
        await context.Response.WriteAsJsonAsync(new { issuer = Address, jwks_uri = Address + "/keys" });
    }

    private static SigningCredentials CredentialsOf(RSA key, string name) => new(new RsaSecurityKey(key) { KeyId = name }, SecurityAlgorithms.RsaSha256)
    {
        CryptoProviderFactory = new CryptoProviderFactory { CacheSignatureProviders = false },
    };

    private sealed record Named(RSA Key, string Name);
}
