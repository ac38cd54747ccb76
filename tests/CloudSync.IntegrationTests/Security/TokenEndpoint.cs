using System.Globalization;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace CloudSync.IntegrationTests.Security;

/// <summary>An OAuth 2 token endpoint: client credentials for a signed token, RFC 6749 section 4.4.</summary>
internal sealed class TokenEndpoint : IAsyncDisposable
{
    public const string ClientId = "sync";
    public const string ClientSecret = "sync-secret";

    private const string KeyId = "test";

    private readonly RSA _key = RSA.Create(2048);
    private readonly WebApplication _app;

    private TokenEndpoint(WebApplication app) => _app = app;

    public string Url => _app.Urls.First() + "/token";

    /// <summary>The public key, as a JSON Web Key Set.</summary>
    public string Keys
    {
        get
        {
            var key = _key.ExportParameters(includePrivateParameters: false);
            return JsonSerializer.Serialize(new
            {
                keys = new[] { new { kty = "RSA", use = "sig", alg = "RS256", kid = KeyId, n = Encode(key.Modulus!), e = Encode(key.Exponent!) } },
            });
        }
    }

    public static async Task<TokenEndpoint> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        var endpoint = new TokenEndpoint(app);
        app.MapPost("/token", endpoint.Answer);
        await app.StartAsync();
        return endpoint;
    }

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        _key.Dispose();
    }

    private IResult Answer(HttpRequest request)
    {
        var expected = Convert.ToBase64String(Encoding.UTF8.GetBytes($"{ClientId}:{ClientSecret}"));
        if (!AuthenticationHeaderValue.TryParse(request.Headers.Authorization, out var given) || given.Parameter != expected)
            return Results.Json(new { error = "invalid_client" }, statusCode: StatusCodes.Status401Unauthorized);

        return Results.Json(new { access_token = Token(), token_type = "Bearer", expires_in = 300 });
    }

    /// <summary>Says that we are <c>app</c>, who may do everything.</summary>
    private string Token()
    {
        var now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        var header = JsonSerializer.SerializeToUtf8Bytes(new { alg = "RS256", typ = "JWT", kid = KeyId });
        var claims = JsonSerializer.SerializeToUtf8Bytes(new { sub = "app", aud = "kafka", iss = "test", iat = now, exp = now + 300, jti = now.ToString(CultureInfo.InvariantCulture) });
        var content = $"{Encode(header)}.{Encode(claims)}";
        return $"{content}.{Encode(_key.SignData(Encoding.ASCII.GetBytes(content), HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1))}";
    }

    private static string Encode(byte[] bytes) => System.Buffers.Text.Base64Url.EncodeToString(bytes);
}
