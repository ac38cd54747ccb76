using System.Security.Claims;
using Microsoft.AspNetCore.Authentication.JwtBearer;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Microsoft.IdentityModel.Tokens;

namespace CloudSync.Sdk.Ingest;

/// <summary>What a token must be: signed by the issuer with an algorithm that only its key fits, for this API, and not expired.</summary>
internal sealed class TokenChecks(IOptions<CloudSyncIngestOptions> options, IHostEnvironment environment, ILogger<TokenChecks> logger, TimeProvider? time = null)
    : IConfigureNamedOptions<JwtBearerOptions>, IPostConfigureOptions<JwtBearerOptions>
{
    public const string Scheme = "CloudSyncIngest";
    public const string Write = "sync:write";
    public const string Admin = "sync:admin";

    private static readonly string[] Asymmetric =
    [
        SecurityAlgorithms.RsaSha256, SecurityAlgorithms.RsaSha384, SecurityAlgorithms.RsaSha512,
        SecurityAlgorithms.RsaSsaPssSha256, SecurityAlgorithms.RsaSsaPssSha384, SecurityAlgorithms.RsaSsaPssSha512,
        SecurityAlgorithms.EcdsaSha256, SecurityAlgorithms.EcdsaSha384, SecurityAlgorithms.EcdsaSha512,
    ];

    /// <summary>Whether a client's token has a scope: in <c>scope</c>, separated by spaces (RFC 8693), or in <c>scp</c>, as a list or separated by spaces.</summary>
    public static bool HasScope(ClaimsPrincipal user, string scope) =>
        user.Claims.Any(claim => claim.Type is "scope" or "scp" && claim.Value.Split(' ').Contains(scope, StringComparer.Ordinal));

    public void Configure(JwtBearerOptions bearer) => Configure(Options.DefaultName, bearer);

    public void Configure(string? name, JwtBearerOptions bearer)
    {
        if (name != Scheme)
            return;

        var settings = options.Value.Authentication;
        bearer.MapInboundClaims = false;
        bearer.SaveToken = false;
        bearer.IncludeErrorDetails = false;
        bearer.RequireHttpsMetadata = !environment.IsDevelopment();
        bearer.Authority = Text(settings.Authority);
        bearer.BackchannelTimeout = IssuerConfiguration.Timeout;
        bearer.TokenValidationParameters = new TokenValidationParameters
        {
            // Without a key that fits the name, no key is tried that the configuration did not give for this very purpose: HS256 has only the secret, everything else only public keys.
            ValidAlgorithms = Text(settings.SymmetricKey) is null ? Asymmetric : [SecurityAlgorithms.HmacSha256],
            IssuerSigningKeys = IngestRules.KeysOf(settings).Keys,
            ValidateIssuerSigningKey = true,
            RequireSignedTokens = true,
            ValidateIssuer = true,
            ValidIssuer = Text(settings.Issuer),
            ValidateAudience = true,
            ValidAudience = settings.Audience,
            RequireAudience = true,
            ValidateLifetime = true,
            RequireExpirationTime = true,
            ClockSkew = settings.ClockSkew,
        };
        bearer.Events = new JwtBearerEvents { OnChallenge = Challenge, OnForbidden = Forbid };
    }

    /// <summary>After the library, which makes what fetches the keys.</summary>
    public void PostConfigure(string? name, JwtBearerOptions bearer)
    {
        if (name == Scheme && bearer.ConfigurationManager is { } issuer)
            bearer.ConfigurationManager = new IssuerConfiguration(issuer, bearer.Authority!, logger, time ?? TimeProvider.System);
    }

    /// <summary>401: which it is of the many things that can be wrong with a token, only its owner may know, and he can look at it himself.</summary>
    private static async Task Challenge(JwtBearerChallengeContext challenge)
    {
        challenge.HandleResponse();
        var context = challenge.HttpContext;
        if (challenge.AuthenticateFailure is not null && await HasNoKeys(challenge))
        {
            var settings = context.RequestServices.GetRequiredService<IOptions<CloudSyncIngestOptions>>().Value;
            Problem.AskToComeAgain(context, settings.RetryAfter);
            await Problem.Of(StatusCodes.Status503ServiceUnavailable, "Tokens can't be checked at the moment. Nothing has been accepted.").ExecuteAsync(context);
            return;
        }

        var isWrong = challenge.AuthenticateFailure is not null;
        context.Response.Headers.WWWAuthenticate = isWrong ? "Bearer error=\"invalid_token\"" : "Bearer";
        await Problem.Of(
            StatusCodes.Status401Unauthorized,
            isWrong
                ? "The token is not valid here: expired, for another audience, of another issuer, or signed with another key or algorithm. Nothing has been accepted."
                : "The request has no token; send one as Authorization: Bearer. Nothing has been accepted.").ExecuteAsync(context);
    }

    private static Task Forbid(ForbiddenContext forbidden)
    {
        var context = forbidden.HttpContext;
        var scope = context.GetEndpoint()?.Metadata.GetMetadata<NeededScope>()?.Scope ?? Write;
        context.Response.Headers.WWWAuthenticate = $"Bearer error=\"insufficient_scope\", scope=\"{scope}\"";
        return Problem.Of(StatusCodes.Status403Forbidden, $"The token lacks the scope {scope}.").ExecuteAsync(context);
    }

    /// <summary>Whether the issuer's keys can't be had: a token is not to blame for that, though it could not be checked. The check has just asked for them, so that the answer is there.</summary>
    private static async Task<bool> HasNoKeys(JwtBearerChallengeContext challenge)
    {
        if (challenge.Options.ConfigurationManager is not { } issuer)
            return false;

        try
        {
            await issuer.GetConfigurationAsync(challenge.HttpContext.RequestAborted);
            return false;
        }
        catch (IssuerUnreachableException)
        {
            return true;
        }
    }

    private static string? Text(string? text) => string.IsNullOrWhiteSpace(text) ? null : text;
}

/// <summary>Marks an endpoint of ours, and says which scope its callers need.</summary>
internal sealed record NeededScope(string Scope);
