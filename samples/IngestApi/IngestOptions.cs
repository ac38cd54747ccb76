using System.ComponentModel.DataAnnotations;

namespace IngestApi;

/// <summary>What the API takes, section <c>Ingest</c> of the configuration.</summary>
internal sealed class IngestOptions
{
    /// <summary>The largest body of <c>POST /api/sync</c>, in bytes. Default 1 MiB.</summary>
    [Range(1, int.MaxValue)]
    public int MaxBodyBytes { get; set; } = 1024 * 1024;

    /// <summary>The largest body of <c>POST /api/sync/batch</c>, in bytes. Default 8 MiB.</summary>
    [Range(1, int.MaxValue)]
    public int MaxBatchBodyBytes { get; set; } = 8 * 1024 * 1024;

    /// <summary>Messages in one batch, at most. Default 1,000.</summary>
    [Range(1, 1_000_000)]
    public int MaxBatchItems { get; set; } = 1000;

    /// <summary>The longest <c>id</c>, <c>type</c> and <c>correlationId</c>, in bytes of UTF-8: they travel on as headers. Default 256.</summary>
    [Range(1, 8192)]
    public int MaxIdBytes { get; set; } = 256;

    /// <summary>The longest <c>key</c>, in bytes of UTF-8. Default 1,024.</summary>
    [Range(1, 65_536)]
    public int MaxKeyBytes { get; set; } = 1024;

    /// <summary>How deep the JSON may be nested. Default 64.</summary>
    [Range(3, 1000)]
    public int MaxDepth { get; set; } = 64;

    /// <summary>How long Kafka may take to acknowledge what was posted; later the answer is 503. Default 5 s.</summary>
    [Range(typeof(TimeSpan), "00:00:00.001", "00:10:00")]
    public TimeSpan ProduceTimeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>What a 503 says in its Retry-After, in whole seconds. Default 1 s.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "01:00:00")]
    public TimeSpan RetryAfter { get; set; } = TimeSpan.FromSeconds(1);
}
