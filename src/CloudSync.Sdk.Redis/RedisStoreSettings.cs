namespace CloudSync.Sdk;

/// <summary>What a store needs to know, whoever connects it.</summary>
internal sealed record RedisStoreSettings
{
    /// <summary>The group whose ids these are. Others may share the server.</summary>
    public required string Group { get; init; }

    /// <summary>In front of all keys.</summary>
    public string KeyPrefix { get; init; } = "cloudsync";

    /// <summary>Parts that the ids are split into, by their hash, each in one slot.</summary>
    public int Shards { get; init; } = 1;

    /// <summary>Scripts that are under way at the same time, at most.</summary>
    public int MaxCallsInFlight { get; init; } = 64;

    /// <summary>How long a completed id is remembered, at least.</summary>
    public TimeSpan Retention { get; init; } = TimeSpan.FromMinutes(60);

    /// <summary>How often claims whose owner never came back are cleaned up, and the ids counted.</summary>
    public TimeSpan CleanupInterval { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>Milliseconds that stand for the server's clock, for a test that does not wait; <see langword="null"/> for the server's own.</summary>
    public Func<long>? Clock { get; init; }
}
