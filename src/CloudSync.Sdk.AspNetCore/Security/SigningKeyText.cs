using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Microsoft.IdentityModel.Tokens;

namespace CloudSync.Sdk.Ingest;

/// <summary>Reads the public keys that tokens are signed with, from PEM or from a JSON Web Key Set. No error shows what was read.</summary>
internal static class SigningKeyText
{
    private const int LeastRsaBits = 2_048;

    /// <summary>The keys, or what is wrong with the text.</summary>
    public static (IReadOnlyList<SecurityKey> Keys, string? Problem) Read(string text)
    {
        try
        {
            var keys = text.TrimStart().StartsWith('{') ? OfSet(text) : OfPem(text);
            if (keys.Count == 0)
                return ([], "holds no key; it must be public keys in PEM (-----BEGIN PUBLIC KEY-----), or a JSON Web Key Set.");
            if (keys.Any(key => key is JsonWebKey { HasPrivateKey: true } or AsymmetricSecurityKey { PrivateKeyStatus: PrivateKeyStatus.Exists }))
                return ([], "holds a private key, which only the issuer may have; give its public one.");
            if (keys.Any(key => key is not (RsaSecurityKey or ECDsaSecurityKey or X509SecurityKey or JsonWebKey { Kty: "RSA" or "EC" })))
                return ([], "holds a key that is neither RSA nor EC; a secret that is shared with the issuer goes into SymmetricKey.");
            return keys.Any(key => key is RsaSecurityKey or JsonWebKey { Kty: "RSA" } or X509SecurityKey { PublicKey: RSA } && key.KeySize < LeastRsaBits)
                ? ([], $"holds an RSA key of less than {LeastRsaBits} bits, which can be broken; ask the issuer for a longer one.")
                : (keys, null);
        }
        catch (Exception e) when (e is ArgumentException or CryptographicException or JsonException or FormatException)
        {
            return ([], "can't be read; it must be public keys in PEM (-----BEGIN PUBLIC KEY-----), or a JSON Web Key Set.");
        }
    }

    private static List<SecurityKey> OfSet(string json)
    {
        var keys = new List<SecurityKey>();
        foreach (var key in new JsonWebKeySet(json).Keys)
            if (key.Use is null or "" or "sig")
                keys.Add(key);
        return keys;
    }

    private static List<SecurityKey> OfPem(string text)
    {
        var keys = new List<SecurityKey>();
        var rest = text.AsSpan();
        while (PemEncoding.TryFind(rest, out var fields))
        {
            keys.Add(OfPem(rest[fields.Label], rest[fields.Location]));
            rest = rest[fields.Location.End..];
        }

        return keys;
    }

    private static SecurityKey OfPem(ReadOnlySpan<char> label, ReadOnlySpan<char> pem)
    {
        if (label.SequenceEqual("CERTIFICATE"))
            return new X509SecurityKey(X509Certificate2.CreateFromPem(pem));

        try
        {
            var rsa = RSA.Create();
            rsa.ImportFromPem(pem);
            return new RsaSecurityKey(rsa);
        }
        catch (Exception e) when (e is ArgumentException or CryptographicException)
        {
            var ec = ECDsa.Create();
            ec.ImportFromPem(pem);
            return new ECDsaSecurityKey(ec);
        }
    }
}
