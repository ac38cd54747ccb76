using System.Text.RegularExpressions;
using Azure;
using Azure.Core;
using Azure.Identity;
using Microsoft.Identity.Client;

namespace CloudSync.Sdk;

/// <summary>Gets tokens from Microsoft Entra ID by way of Azure's client library, which keeps them too.</summary>
internal sealed partial class EntraTokenSource(string scope, string who, Func<TokenCredential> make, TimeProvider time)
{
    private TokenCredential? _credential;

    /// <summary>A token that is valid now.</summary>
    /// <param name="wasRefused">Whether the endpoint refused the last one: what the client library has kept will not do.</param>
    /// <param name="cancellationToken">Ends the request.</param>
    public async Task<Credential<EntraToken>> FetchAsync(bool wasRefused, CancellationToken cancellationToken)
    {
        // It has no way to ask past what it keeps, other than to forget it altogether.
        if (_credential is null || wasRefused)
            _credential = make();

        var token = await _credential.GetTokenAsync(new TokenRequestContext([scope]), cancellationToken).ConfigureAwait(false);
        if (token.Token is null || !HeaderText.IsToken68(token.Token))
            throw new FormatException("The credential gave no token, or one with a character that is in no bearer token.");

        var held = Credential<EntraToken>.Until(token.ExpiresOn, new EntraToken(token.Token), time.GetUtcNow());
        return token.RefreshOn is { } refreshOn && refreshOn < held.RenewOn ? held with { RenewOn = refreshOn } : held;
    }

    /// <summary>What a failure means, and what to do. Of what Entra ID says, only its codes are in the text.</summary>
    public SinkException Describe(Exception e)
    {
        var answer = Causes(e).OfType<MsalServiceException>().FirstOrDefault(cause => cause.StatusCode > 0);
        var status = answer?.StatusCode ?? Causes(e).OfType<RequestFailedException>().FirstOrDefault()?.Status ?? 0;
        var codes = Codes(e);
        var why = e is TimeoutException or FormatException ? e.Message
            : codes.Length > 0 ? $"Entra ID answered {codes}."
            : status > 0 ? $"Entra ID, or the identity's endpoint, answered {HttpStatus.Describe(status)}."
            : e is CredentialUnavailableException ? "There is no such identity here."
            : $"{e.GetType().Name}: Entra ID, or the identity's endpoint, can't be reached, or answers otherwise than it should.";
        return new SinkException(ErrorType.Authentication, $"No Entra token for {scope} ({who}). {why} {Advice(codes, status)}", e)
        {
            RetryAfter = answer?.Headers?.RetryAfter switch
            {
                { Delta: { } wait } => wait,
                { Date: { } date } when date > time.GetUtcNow() => date - time.GetUtcNow(),
                _ => null,
            },
        };
    }

    private static string Advice(string codes, int status) => (codes, status) switch
    {
        var (c, _) when c.Contains("AADSTS7000215", StringComparison.Ordinal) || c.Contains("AADSTS7000222", StringComparison.Ordinal) =>
            "The client secret is wrong or has expired: set a new one, and restart the host.",
        var (c, _) when c.Contains("AADSTS500011", StringComparison.Ordinal) => "There is no such application in the tenant: check Scope.",
        (_, 429 or >= 500) => "It is asked again by itself.",
        _ => "Check the identity that the host is given, Credential, TenantId, ClientId and Scope, and the network to login.microsoftonline.com or the identity's endpoint.",
    };

    /// <summary>Entra ID's error codes, by which its documentation is searched: they hold nothing that is secret, unlike, perhaps, the sentence around them.</summary>
    private static string Codes(Exception e) =>
        string.Join(", ", Causes(e).SelectMany(cause => ErrorCode().Matches(cause.Message).Select(match => match.Value)).Distinct(StringComparer.Ordinal));

    private static IEnumerable<Exception> Causes(Exception e)
    {
        for (Exception? cause = e; cause is not null; cause = cause.InnerException)
            yield return cause;
    }

    [GeneratedRegex("AADSTS[0-9]{4,9}")]
    private static partial Regex ErrorCode();
}
