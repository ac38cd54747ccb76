using System.Net;
using System.Net.Sockets;
using System.Security.Claims;
using System.Threading.RateLimiting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.RateLimiting;
using Microsoft.Extensions.Options;

namespace CloudSync.Sdk.Ingest;

/// <summary>A bucket of tokens for each client, so that one that runs wild is told to wait and the others are not.</summary>
internal sealed class ClientRateLimit(IOptions<CloudSyncIngestOptions> options) : IRateLimiterPolicy<string>
{
    public const string Name = "cloudsync-ingest";

    private readonly CloudSyncIngestOptions _options = options.Value;

    public Func<OnRejectedContext, CancellationToken, ValueTask> OnRejected => RejectAsync;

    public RateLimitPartition<string> GetPartition(HttpContext httpContext) => _options.RateLimit.TokensPerSecond == 0
        ? RateLimitPartition.GetNoLimiter("")
        : RateLimitPartition.GetTokenBucketLimiter(ClientOf(httpContext.User, httpContext.Connection.RemoteIpAddress), _ => new TokenBucketRateLimiterOptions
        {
            TokenLimit = _options.RateLimit.Burst,
            TokensPerPeriod = _options.RateLimit.TokensPerSecond,
            ReplenishmentPeriod = TimeSpan.FromSeconds(1),
            QueueLimit = 0,
        });

    /// <summary>Who a request is from: its token's client, else its address. Of an IPv6 address the network, for its owner has 2^64 of them.</summary>
    internal static string ClientOf(ClaimsPrincipal user, IPAddress? address)
    {
        if ((user.FindFirst("client_id") ?? user.FindFirst("azp") ?? user.FindFirst("sub"))?.Value is { } client)
            return "client " + client;
        if (address is { IsIPv4MappedToIPv6: true })
            address = address.MapToIPv4();
        return address is { AddressFamily: AddressFamily.InterNetworkV6 }
            ? "network " + new IPAddress([.. address.GetAddressBytes()[..8], .. new byte[8]])
            : "address " + address;
    }

    private ValueTask RejectAsync(OnRejectedContext rejected, CancellationToken cancellation)
    {
        var wait = rejected.Lease.TryGetMetadata(MetadataName.RetryAfter, out var after) ? after : TimeSpan.FromSeconds(1);
        Problem.AskToComeAgain(rejected.HttpContext, wait);
        return new ValueTask(Problem.Of(
            StatusCodes.Status429TooManyRequests,
            $"More than {_options.RateLimit.TokensPerSecond} requests a second. Nothing has been accepted; post it again after the time in Retry-After.",
            ("limit", _options.RateLimit.TokensPerSecond)).ExecuteAsync(rejected.HttpContext));
    }
}
