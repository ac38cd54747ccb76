using System.Net;
using System.Net.Http.Headers;

namespace CloudSync.Sdk;

/// <summary>Sends a token with each request.</summary>
internal sealed class EntraTokenHandler(RenewedCredential<EntraToken> tokens) : DelegatingHandler
{
    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var token = await tokens.GetAsync(cancellationToken).ConfigureAwait(false);
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token.Text);
        var response = await base.SendAsync(request, cancellationToken).ConfigureAwait(false);
        if (response.StatusCode == HttpStatusCode.Unauthorized)
            tokens.Refuse(token);
        return response;
    }
}
