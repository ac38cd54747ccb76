using CloudSync.Sdk.Settings;
using Microsoft.Extensions.Hosting;

namespace CloudSync.Sdk;

/// <summary>What the HTTP front door takes, from whom, and how much of it. Checked at start; every error names the setting, its value and what would do.</summary>
public sealed class CloudSyncIngestOptions
{
    /// <summary>The largest body of <c>POST /api/sync</c>, and the largest item of a batch, in bytes. Default 1 MiB.</summary>
    [SettingRange(1, 1_073_741_824)]
    public int MaxBodyBytes { get; set; } = 1024 * 1024;

    /// <summary>The largest body of <c>POST /api/sync/batch</c>, in bytes. Default 8 MiB. It is streamed, so a larger one takes time and no memory.</summary>
    [SettingRange(1, 1_099_511_627_776)]
    public long MaxBatchBodyBytes { get; set; } = 8 * 1024 * 1024;

    /// <summary>Messages in one batch, at most. Default 1,000. Their results are held until the last is known, some 200 bytes each.</summary>
    [SettingRange(1, 1_000_000)]
    public int MaxBatchItems { get; set; } = 1000;

    /// <summary>Messages of one batch that Kafka has not acknowledged yet, at most; then no more of the body is read. Default 1,000.</summary>
    [SettingRange(1, 100_000)]
    public int MaxUnacknowledged { get; set; } = 1000;

    /// <summary>
    /// Posts that are under way at the same time, of all clients; one more is answered with 503 at once. Default 256. With <see cref="MaxBodyBytes"/> it bounds the memory that bodies take, however slowly they
    /// come, and how many requests wait while Kafka does not answer.
    /// </summary>
    [SettingRange(1, 100_000)]
    public int MaxConcurrentRequests { get; set; } = 256;

    /// <summary>The longest <c>id</c>, <c>type</c> and <c>correlationId</c>, in bytes of UTF-8: they travel on as headers. Default 256.</summary>
    [SettingRange(1, 1_024)]
    public int MaxIdBytes { get; set; } = 256;

    /// <summary>The longest <c>key</c>, and the longest other attribute of a CloudEvent, in bytes of UTF-8. Default 1,024.</summary>
    [SettingRange(1, 65_536)]
    public int MaxKeyBytes { get; set; } = 1024;

    /// <summary>How deep the JSON may be nested, in levels. Default 64.</summary>
    [SettingRange(3, 1_000)]
    public int MaxDepth { get; set; } = 64;

    /// <summary>All headers of a request, in bytes. Default 32 KiB. Set on Kestrel; more is answered with 431.</summary>
    [SettingRange(1_024, 1_048_576)]
    public int MaxHeaderBytes { get; set; } = 32 * 1024;

    /// <summary>Headers of a request. Default 100. Set on Kestrel; more is answered with 431.</summary>
    [SettingRange(8, 1_000)]
    public int MaxHeaders { get; set; } = 100;

    /// <summary>How fast a body must come, in bytes a second, once <see cref="BodyGracePeriod"/> is over. Default 240; 0 for any pace. Set on Kestrel; slower is answered with 408.</summary>
    [SettingRange(0, 1_073_741_824)]
    public int MinBodyBytesPerSecond { get; set; } = 240;

    /// <summary>How long a body may be slower than <see cref="MinBodyBytesPerSecond"/>. Default 5 s.</summary>
    [SettingRange("00:00:01.001", "00:10:00")]
    public TimeSpan BodyGracePeriod { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>How long Kafka may take to make room for a message, and then to acknowledge it; later the answer is 503. Default 5 s.</summary>
    [SettingRange("00:00:00.001", "00:10:00")]
    public TimeSpan ProduceTimeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>What a 503 says in its Retry-After, in whole seconds. Default 1 s.</summary>
    [SettingRange("00:00:01", "01:00:00")]
    public TimeSpan RetryAfter { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>
    /// How long requests are still taken after a stop began, while <c>/health/ready</c> says no: as long as a load balancer needs to see that. It counts into the host's shutdown time-out, and
    /// <see cref="CloudSyncHostServiceCollectionExtensions.AddCloudSyncGraceTime"/> leaves so much less to drain and to flush. Default 0.
    /// </summary>
    [SettingRange("00:00:00", "00:10:00")]
    public TimeSpan DrainDelay { get; set; } = TimeSpan.Zero;

    /// <summary>What the platform gives the process to stop; <see langword="null"/> when nobody has said.</summary>
    internal GraceTime? Grace { get; set; }

    /// <summary>Where the process runs: in Development more is let pass.</summary>
    internal IHostEnvironment? Environment { get; set; }

    /// <summary>Who may post.</summary>
    [SettingGroup(typeof(IngestAuthenticationOptions))]
    public IngestAuthenticationOptions Authentication { get; set; } = new();

    /// <summary>How much one client may post.</summary>
    [SettingGroup(typeof(IngestRateLimitOptions))]
    public IngestRateLimitOptions RateLimit { get; set; } = new();
}

/// <summary>Who may post: JWT bearer tokens (RFC 6750, RFC 7519). Their scope <c>sync:write</c> posts, <c>sync:admin</c> sees the details of the health.</summary>
public sealed class IngestAuthenticationOptions
{
    /// <summary>The issuer's address (OpenID Connect Discovery); its keys are fetched from there, and new ones when they change. https, but for Development. Default <see langword="null"/>: <see cref="SigningKeys"/>.</summary>
    public string? Authority { get; set; }

    /// <summary>The issuer that tokens must name (<c>iss</c>). Default <see langword="null"/>: what <see cref="Authority"/> says of itself; required without it.</summary>
    public string? Issuer { get; set; }

    /// <summary>The audience that tokens must name (<c>aud</c>): this API. Required where tokens are checked.</summary>
    public string? Audience { get; set; }

    /// <summary>The issuer's public keys: PEM, one or several, or a JSON Web Key Set (RFC 7517). Default <see langword="null"/>.</summary>
    public string? SigningKeys { get; set; }

    /// <summary>A file with what <see cref="SigningKeys"/> would hold, read at start. Default <see langword="null"/>.</summary>
    public string? SigningKeysFile { get; set; }

    /// <summary>
    /// A secret that the issuer shares with this API, base64 of 32 bytes or more: with it tokens are HS256 and nothing else, and whoever can check them can make them. Default <see langword="null"/>: none, and tokens must be
    /// signed by a private key. Never shown.
    /// </summary>
    public string? SymmetricKey { get; set; }

    /// <summary>How far the issuer's clock may be from ours. Default 30 s.</summary>
    [SettingRange("00:00:00", "00:05:00")]
    public TimeSpan ClockSkew { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// Whether anybody may post: for a host that only what checks its callers can reach. Default <see langword="false"/>: without settings for tokens the host starts in Development alone.
    /// </summary>
    public bool AllowAnonymous { get; set; }

    internal bool ChecksTokens => !AllowAnonymous && !IsEmpty;

    internal bool IsEmpty => new[] { Authority, Issuer, Audience, SigningKeys, SigningKeysFile, SymmetricKey }.All(string.IsNullOrWhiteSpace);
}

/// <summary>How many requests one client may send: a bucket of tokens of its own, of which each request takes one, a batch too.</summary>
/// <remarks>A client is who its token says (<c>client_id</c>, <c>azp</c> or <c>sub</c>), else the address that it comes from: of IPv6 the first 64 bits.</remarks>
public sealed class IngestRateLimitOptions
{
    /// <summary>Requests a second that last. Default 100, which is 100,000 messages a second for one that posts full batches; 0 for no limit.</summary>
    [SettingRange(0, 1_000_000)]
    public int TokensPerSecond { get; set; } = 100;

    /// <summary>Requests at once after a pause. Default 200.</summary>
    [SettingRange(1, 1_000_000)]
    public int Burst { get; set; } = 200;
}
