using System.Security.Cryptography.X509Certificates;
using System.Web;
using Azure.Core.Pipeline;
using Azure.Identity;
using CloudSync.Sdk.Tests.Http;
using CloudSync.Tests;
using Microsoft.AspNetCore.Http;

namespace CloudSync.Sdk.Tests.Azure;

/// <summary>Plays the token endpoint of Entra ID (OAuth 2.0 client credentials, RFC 6749, 4.4) over TLS; the client is Azure's own.</summary>
internal sealed class TokenEndpoint : IAsyncDisposable
{
    public const string Secret = "S3CRET~value";

    private readonly TestCertificate _certificate;
    private readonly X509Certificate2 _server;
    private readonly TestEndpoint _endpoint;
    private readonly HttpClient _client;

    private TokenEndpoint(TestCertificate certificate, X509Certificate2 server, TestEndpoint endpoint)
    {
        (_certificate, _server, _endpoint) = (certificate, server, endpoint);
        _client = new HttpClient(new SocketsHttpHandler
        {
            SslOptions = { RemoteCertificateValidationCallback = (_, shown, _, _) => _certificate.IsThatOf(shown) },
        });
        Answer = Token;
    }

    /// <summary>The seconds that a token lasts. Azure's client gives none that it has kept in its last five minutes, so that short ones are always fetched.</summary>
    public int Lifetime { get; set; } = 240;

    /// <summary>How many tokens were asked for.</summary>
    public int Asked => _endpoint.Requests.Count;

    public IEnumerable<ReceivedRequest> Requests => _endpoint.Requests;

    /// <summary>What is answered to which request, the first being 1; a token with that number unless a test says otherwise.</summary>
    public Func<HttpContext, int, Task> Answer { get; set; }

    public static async Task<TokenEndpoint> Start()
    {
        var certificate = TestCertificate.Make();
        using var pem = X509Certificate2.CreateFromPem(certificate.Certificate, certificate.Key);
        var server = X509CertificateLoader.LoadPkcs12(pem.Export(X509ContentType.Pkcs12), null);
        var endpoint = await TestEndpoint.Start(certificate: server);
        var token = new TokenEndpoint(certificate, server, endpoint);
        endpoint.Answer = (context, _) => token.Answer(context, endpoint.Requests.Count);
        return token;
    }

    public Task Token(HttpContext context, int number) => context.Response.WriteAsJsonAsync(
        new { token_type = "Bearer", expires_in = Lifetime, access_token = $"token-{number}" }, context.RequestAborted);

    public static Task Error(HttpContext context, int status, string error, string description)
    {
        context.Response.StatusCode = status;
        return context.Response.WriteAsJsonAsync(new { error, error_description = description }, context.RequestAborted);
    }

    /// <summary>Azure's credential for an application with a secret, at this endpoint.</summary>
    public ClientSecretCredential Credential() => new("11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222", Secret, new ClientSecretCredentialOptions
    {
        AuthorityHost = new Uri(_endpoint.Url.Replace("127.0.0.1", "localhost", StringComparison.Ordinal)),
        DisableInstanceDiscovery = true,
        Transport = new HttpClientTransport(_client),
        Retry = { MaxRetries = 0 },
    });

    /// <summary>The form of a request.</summary>
    public static string? Field(ReceivedRequest request, string name) => HttpUtility.ParseQueryString(request.Text)[name];

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await _endpoint.DisposeAsync();
        _server.Dispose();
    }
}
