using Microsoft.Extensions.Logging;
using Microsoft.IdentityModel.Protocols;
using Microsoft.IdentityModel.Protocols.OpenIdConnect;
using Microsoft.IdentityModel.Tokens;

namespace CloudSync.Sdk.Ingest;

/// <summary>
/// The issuer's address and keys, as the library fetches and keeps them. While there are none, all who need them wait for the same attempt, and one that failed is remembered for <see cref="Pause"/>: the library would let
/// each request make an attempt of its own, one after the other, and asks a second time what was not answered.
/// </summary>
internal sealed class IssuerConfiguration : BaseConfigurationManager, IConfigurationManager<OpenIdConnectConfiguration>
{
    /// <summary>Between an attempt that failed and the next.</summary>
    public static readonly TimeSpan Pause = TimeSpan.FromSeconds(10);

    /// <summary>For an attempt, whatever it fetches. It is less than most callers wait.</summary>
    public static readonly TimeSpan Timeout = TimeSpan.FromSeconds(5);

    private readonly IConfigurationManager<OpenIdConnectConfiguration> _issuer;
    private readonly string _authority;
    private readonly ILogger _logger;
    private readonly TimeProvider _time;
    private readonly Lock _lock = new();
    private Task<OpenIdConnectConfiguration>? _attempt;
    private DateTimeOffset _attemptAgainOn = DateTimeOffset.MinValue;

    public IssuerConfiguration(IConfigurationManager<OpenIdConnectConfiguration> issuer, string authority, ILogger logger, TimeProvider time)
    {
        (_issuer, _authority, _logger, _time) = (issuer, authority, logger, time);

        // A key that the issuer has withdrawn may be stolen: the library would go on taking it for an hour after the new ones were fetched.
        UseLastKnownGoodConfiguration = false;
    }

    public Task<OpenIdConnectConfiguration> GetConfigurationAsync(CancellationToken cancel) => Attempt().WaitAsync(cancel);

    public override async Task<BaseConfiguration> GetBaseConfigurationAsync(CancellationToken cancel) => await GetConfigurationAsync(cancel);

    public override void RequestRefresh() => _issuer.RequestRefresh();

    private Task<OpenIdConnectConfiguration> Attempt()
    {
        lock (_lock)
        {
            if (_attempt is { IsCompleted: false } || (_attempt is { IsFaulted: true } && _time.GetUtcNow() < _attemptAgainOn))
                return _attempt;

            return _attempt = AttemptAsync();
        }
    }

    private async Task<OpenIdConnectConfiguration> AttemptAsync()
    {
        try
        {
            // Nobody's own token: others wait for this too. What comes too late is kept by the library, and there for the next attempt.
            return await _issuer.GetConfigurationAsync(CancellationToken.None).WaitAsync(Timeout, _time);
        }
        catch (Exception e)
        {
            lock (_lock)
                _attemptAgainOn = _time.GetUtcNow() + Pause;
            IngestLog.IssuerUnreachable(_logger, _authority, e is TimeoutException ? $"it has not answered within {Timeout.TotalSeconds} s." : e.Message);
            throw new IssuerUnreachableException(e);
        }
    }
}

/// <summary>The issuer's keys can't be had.</summary>
internal sealed class IssuerUnreachableException(Exception cause) : Exception(cause.Message, cause);
