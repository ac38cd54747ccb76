using Microsoft.Extensions.Logging;
using Microsoft.IdentityModel.Protocols;
using Microsoft.IdentityModel.Protocols.OpenIdConnect;
using Microsoft.IdentityModel.Tokens;

namespace CloudSync.Sdk.Ingest;

/// <summary>
/// The issuer's address and keys, as the library fetches and keeps them. While there are none, all who need them wait for the same attempt, and one that failed is remembered for <see cref="Pause"/>: the library would let
/// each request make an attempt of its own, one after the other.
/// </summary>
internal sealed class IssuerConfiguration(IConfigurationManager<OpenIdConnectConfiguration> issuer, string authority, ILogger logger, TimeProvider time)
    : BaseConfigurationManager, IConfigurationManager<OpenIdConnectConfiguration>
{
    /// <summary>Between an attempt that failed and the next.</summary>
    public static readonly TimeSpan Pause = TimeSpan.FromSeconds(10);

    private readonly Lock _lock = new();
    private Task<OpenIdConnectConfiguration>? _attempt;
    private DateTimeOffset _attemptAgainOn = DateTimeOffset.MinValue;

    public Task<OpenIdConnectConfiguration> GetConfigurationAsync(CancellationToken cancel) => Attempt().WaitAsync(cancel);

    public override async Task<BaseConfiguration> GetBaseConfigurationAsync(CancellationToken cancel) => await GetConfigurationAsync(cancel);

    public override void RequestRefresh() => issuer.RequestRefresh();

    private Task<OpenIdConnectConfiguration> Attempt()
    {
        lock (_lock)
        {
            if (_attempt is { IsCompleted: false } || (_attempt is { IsFaulted: true } && time.GetUtcNow() < _attemptAgainOn))
                return _attempt;

            return _attempt = AttemptAsync();
        }
    }

    private async Task<OpenIdConnectConfiguration> AttemptAsync()
    {
        try
        {
            // Nobody's own token: others wait for this too. How long it takes is bounded by the time-out of the client.
            return await issuer.GetConfigurationAsync(CancellationToken.None);
        }
        catch (Exception e)
        {
            lock (_lock)
                _attemptAgainOn = time.GetUtcNow() + Pause;
            IngestLog.IssuerUnreachable(logger, authority, e.Message);
            throw new IssuerUnreachableException(e);
        }
    }
}

/// <summary>The issuer's keys can't be had.</summary>
internal sealed class IssuerUnreachableException(Exception cause) : Exception(cause.Message, cause);
