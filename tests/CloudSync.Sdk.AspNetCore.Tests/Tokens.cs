using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace CloudSync.Sdk.AspNetCore.Tests;

/// <summary>An issuer of tokens, good ones and others.</summary>
internal sealed class Tokens : IDisposable
{
    public const string Issuer = "https://issuer.example";
    public const string Audience = "cloudsync-ingest";

    private readonly RSA _rsa = RSA.Create(2_048);

    public RSA Key => _rsa;

    public string PublicKey => _rsa.ExportSubjectPublicKeyInfoPem();

    public string PrivateKey => _rsa.ExportPkcs8PrivateKeyPem();

    public string KeySet => JsonSerializer.Serialize(new
    {
        keys = new[] { new { kty = "RSA", use = "sig", kid = "k1", n = Base64UrlEncoder.Encode(_rsa.ExportParameters(false).Modulus!), e = Base64UrlEncoder.Encode(_rsa.ExportParameters(false).Exponent!) } },
    });

    public string[] Settings =>
    [
        $"--Ingest:Authentication:Issuer={Issuer}", $"--Ingest:Authentication:Audience={Audience}", $"--Ingest:Authentication:SigningKeys={PublicKey}",
    ];

    public string Good(string scope = "sync:write") => Signed(scope: scope);

    public string Signed(
        string issuer = Issuer, string audience = Audience, string scope = "sync:write", string scopeClaim = "scope", TimeSpan? expires = null, TimeSpan? notBefore = null, string client = "client-1", SigningCredentials? by = null)
    {
        var now = DateTime.UtcNow;
        return new JsonWebTokenHandler { SetDefaultTimesOnTokenCreation = false }.CreateToken(new SecurityTokenDescriptor
        {
            Issuer = issuer,
            Audience = audience,
            NotBefore = now + (notBefore ?? TimeSpan.FromMinutes(-10)),
            Expires = now + (expires ?? TimeSpan.FromMinutes(5)),
            Claims = new Dictionary<string, object> { [scopeClaim] = scope, ["client_id"] = client },
            SigningCredentials = by ?? new SigningCredentials(new RsaSecurityKey(_rsa), SecurityAlgorithms.RsaSha256),
        });
    }

    /// <summary>The header says that nobody signed it, and nobody did.</summary>
    public string Unsigned() => $"{Part("""{"alg":"none","typ":"JWT"}""")}.{Good().Split('.')[1]}.";

    /// <summary>HS256 with the bytes of the public key, which everybody knows, as its secret.</summary>
    public string SignedWithThePublicKey(byte[] publicKey)
    {
        var content = $"{Part("""{"alg":"HS256","typ":"JWT"}""")}.{Good().Split('.')[1]}";
        return $"{content}.{Base64UrlEncoder.Encode(HMACSHA256.HashData(publicKey, Encoding.UTF8.GetBytes(content)))}";
    }

    public byte[] PublicKeyDer => _rsa.ExportSubjectPublicKeyInfo();

    public static SigningCredentials ByAnother() => new(new RsaSecurityKey(RSA.Create(2_048)), SecurityAlgorithms.RsaSha256);

    /// <summary>The content of one token with the signature of another.</summary>
    public string Changed()
    {
        var (one, other) = (Good("sync:other").Split('.'), Good().Split('.'));
        return $"{one[0]}.{other[1]}.{one[2]}";
    }

    public void Dispose() => _rsa.Dispose();

    private static string Part(string json) => Base64UrlEncoder.Encode(Encoding.UTF8.GetBytes(json));
}
