using System.Globalization;
using Amazon.Runtime.Internal;
using Amazon.Runtime.Internal.Auth;
using Amazon.SecurityToken;
using Amazon.SecurityToken.Model;
using CloudSync.Sdk.Tests.Http;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Xunit;

namespace CloudSync.Sdk.Tests.Aws;

/// <summary>The signer of the AWS SDK, which stands for the endpoint: it signs what came over the wire, and the signatures must be the same.</summary>
internal static class SdkSigner
{
    public static void Verify(HttpContext context, ReceivedRequest request, string secret, string region = "eu-central-1", string service = "execute-api")
    {
        var authorization = Assert.Single(context.Request.Headers.Authorization)!;
        var parts = authorization["AWS4-HMAC-SHA256 ".Length..].Split(", ").Select(part => part.Split('=', 2)).ToDictionary(part => part[0], part => part[1]);
        var access = parts["Credential"].Split('/')[0];
        var signedOn = DateTime.ParseExact(
            context.Request.Headers["X-Amz-Date"]!, "yyyyMMdd'T'HHmmss'Z'", CultureInfo.InvariantCulture, DateTimeStyles.AdjustToUniversal | DateTimeStyles.AssumeUniversal);

        var target = context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget;
        var at = target.IndexOf('?', StringComparison.Ordinal);
        var again = new DefaultRequest(new GetCallerIdentityRequest(), service)
        {
            HttpMethod = context.Request.Method,
            Endpoint = new Uri($"{context.Request.Scheme}://{context.Request.Host}"),
            ResourcePath = Uri.UnescapeDataString(at < 0 ? target : target[..at]), // It encodes the path itself, once for the wire and once more.
            Content = request.Body,
            UseQueryString = true,
            OverrideSigningServiceName = service,
            AuthenticationRegion = region,
        };
        foreach (var pair in at < 0 ? [] : target[(at + 1)..].Split('&'))
            again.Parameters.Add(Uri.UnescapeDataString(pair.Split('=', 2)[0]), Uri.UnescapeDataString(pair.Split('=', 2) is [_, var value] ? value : ""));

        // Those that say they are signed, and no other.
        foreach (var name in parts["SignedHeaders"].Split(';'))
            again.Headers[name] = context.Request.Headers[name].ToString();

        var signed = new AWS4Signer().SignRequest(again, new AmazonSecurityTokenServiceConfig { AuthenticationRegion = region, AuthenticationServiceName = service }, null, access, secret, signedOn);
        Assert.Equal(parts["SignedHeaders"], signed.SignedHeaders);
        Assert.Equal(signed.Signature, parts["Signature"]);
    }
}
