using CloudSync.Sdk.Settings;

namespace CloudSync.Sdk;

/// <summary>
/// Where ids are remembered in Redis. Checked at start; every error names the setting, its value and what would do. For how long is the consumer's own setting,
/// <see cref="IdempotencyOptions.Retention"/>.
/// </summary>
public sealed class RedisIdempotencyOptions
{
    /// <summary>
    /// The addresses, <c>host:port</c>, separated by commas: of one server, of a primary and its replicas, or of some nodes of a cluster. Required, unless the connection is made in
    /// code.
    /// </summary>
    public string Endpoints { get; set; } = "";

    /// <summary>The user of an ACL. Default <see langword="null"/>: <c>default</c>.</summary>
    public string? User { get; set; }

    /// <summary>The password. Default <see langword="null"/>: none. Never shown.</summary>
    public string? Password { get; set; }

    /// <summary>Whether the connection is encrypted and the server's certificate verified. Default <see langword="false"/>.</summary>
    public bool Tls { get; set; }

    /// <summary>
    /// A file in PEM with the certificates of the authorities that the server's certificate must come from, in place of those that the machine trusts. Default <see langword="null"/>: the machine's.
    /// </summary>
    public string? TlsCaFile { get; set; }

    /// <summary>A file in PEM with this client's certificate, for a server that asks for one. Default <see langword="null"/>: none.</summary>
    public string? TlsCertificateFile { get; set; }

    /// <summary>A file in PEM with the key of <see cref="TlsCertificateFile"/>, not encrypted. Default <see langword="null"/>: it is in the same file.</summary>
    public string? TlsKeyFile { get; set; }

    /// <summary>The number of the database. Default 0, the only one that a cluster has.</summary>
    [SettingRange(0, 1_000)]
    public int Database { get; set; }

    /// <summary>
    /// In front of all keys: letters, digits, dots, underscores, hyphens and colons. Default <c>cloudsync</c>. The keys of a group are
    /// <c>{prefix:group:shard}:…</c>.
    /// </summary>
    public string KeyPrefix { get; set; } = "cloudsync";

    /// <summary>
    /// Parts that the ids of a group are split into, each in one slot. Default 1. In a cluster, more of them spread the group over its nodes: 4 for each. The same for all processes of
    /// the group; with another number, all that is remembered is forgotten.
    /// </summary>
    [SettingRange(1, 1_024)]
    public int Shards { get; set; } = 1;

    /// <summary>Calls of Redis that are under way at the same time, at most; the next one waits. Default 64.</summary>
    [SettingRange(1, 10_000)]
    public int MaxCallsInFlight { get; set; } = 64;

    /// <summary>How long a connection may take to be made. Default 5 s. One that fails is tried again, for ever.</summary>
    [SettingRange("00:00:00.100", "00:05:00")]
    public TimeSpan ConnectTimeout { get; set; } = TimeSpan.FromSeconds(5);
}
