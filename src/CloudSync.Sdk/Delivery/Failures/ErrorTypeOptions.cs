using CloudSync.Sdk.Settings;

namespace CloudSync.Sdk;

/// <summary>What each kind of error gets. Everything is as <see cref="ErrorType"/> says unless it is changed here.</summary>
public sealed class ErrorOptions
{
    /// <summary>What <see cref="ErrorType.Unknown"/> gets.</summary>
    [SettingGroup(typeof(ErrorTypeOptions))]
    public ErrorTypeOptions Unknown { get; set; } = new();

    /// <summary>What <see cref="ErrorType.Transient"/> gets.</summary>
    [SettingGroup(typeof(ErrorTypeOptions))]
    public ErrorTypeOptions Transient { get; set; } = new();

    /// <summary>What <see cref="ErrorType.Permanent"/> gets.</summary>
    [SettingGroup(typeof(ErrorTypeOptions))]
    public ErrorTypeOptions Permanent { get; set; } = new();

    /// <summary>What <see cref="ErrorType.Timeout"/> gets.</summary>
    [SettingGroup(typeof(ErrorTypeOptions))]
    public ErrorTypeOptions Timeout { get; set; } = new();

    /// <summary>What <see cref="ErrorType.Authentication"/> gets.</summary>
    [SettingGroup(typeof(ErrorTypeOptions))]
    public ErrorTypeOptions Authentication { get; set; } = new();

    /// <summary>What <see cref="ErrorType.RateLimited"/> gets.</summary>
    [SettingGroup(typeof(ErrorTypeOptions))]
    public ErrorTypeOptions RateLimited { get; set; } = new();

    /// <summary>What <see cref="ErrorType.ServiceUnavailable"/> gets.</summary>
    [SettingGroup(typeof(ErrorTypeOptions))]
    public ErrorTypeOptions ServiceUnavailable { get; set; } = new();

    /// <summary>What <see cref="ErrorType.NetworkError"/> gets.</summary>
    [SettingGroup(typeof(ErrorTypeOptions))]
    public ErrorTypeOptions NetworkError { get; set; } = new();

    /// <summary>What <see cref="ErrorType.SerializationError"/> gets.</summary>
    [SettingGroup(typeof(ErrorTypeOptions))]
    public ErrorTypeOptions SerializationError { get; set; } = new();

    /// <summary>What <see cref="ErrorType.ValidationError"/> gets.</summary>
    [SettingGroup(typeof(ErrorTypeOptions))]
    public ErrorTypeOptions ValidationError { get; set; } = new();

    internal ErrorTypeOptions Of(ErrorType type) => type switch
    {
        ErrorType.Transient => Transient,
        ErrorType.Permanent => Permanent,
        ErrorType.Timeout => Timeout,
        ErrorType.Authentication => Authentication,
        ErrorType.RateLimited => RateLimited,
        ErrorType.ServiceUnavailable => ServiceUnavailable,
        ErrorType.NetworkError => NetworkError,
        ErrorType.SerializationError => SerializationError,
        ErrorType.ValidationError => ValidationError,
        _ => Unknown,
    };
}

/// <summary>What one kind of error gets. What is <see langword="null"/>, as everything is by default, stays as <see cref="ErrorType"/> and <see cref="RetryOptions"/> say.</summary>
public sealed class ErrorTypeOptions
{
    /// <summary>Whether the message is tried again or dead-lettered at once.</summary>
    public FailureAction? Action { get; set; }

    /// <summary>Whether the breaker counts it.</summary>
    public BreakerEffect? Breaker { get; set; }

    /// <summary>Whether the first retry waits for nothing but a Retry-After.</summary>
    public bool? FirstRetryAtOnce { get; set; }

    /// <summary>
    /// Whether nobody calls the endpoint while this message waits for its retry. Without it, a Retry-After holds the endpoint only where the breaker counts the error.
    /// </summary>
    public bool? HoldsEndpoint { get; set; }

    /// <summary>Whether a failure uses up one of the message's attempts. An error that never does can be met any number of times.</summary>
    public bool? CountsAsAttempt { get; set; }

    /// <summary>In place of <see cref="RetryOptions.MaxRetryAttempts"/>: what the message may have been tried again for, whatever failed before, when it fails like this.</summary>
    [SettingRange(0, 1_000)]
    public int? MaxRetryAttempts { get; set; }

    /// <summary>In place of <see cref="RetryOptions.InitialDelay"/>.</summary>
    [SettingRange("00:00:00.001", "1.00:00:00")]
    public TimeSpan? InitialDelay { get; set; }

    /// <summary>In place of <see cref="RetryOptions.Multiplier"/>.</summary>
    [SettingRange(1.0, 10.0)]
    public double? Multiplier { get; set; }

    /// <summary>In place of <see cref="RetryOptions.MaxDelay"/>.</summary>
    [SettingRange("00:00:00.001", "1.00:00:00")]
    public TimeSpan? MaxDelay { get; set; }
}

/// <summary>What happens to a message that failed.</summary>
public enum FailureAction
{
    /// <summary>It waits and is tried again.</summary>
    Retry = 0,

    /// <summary>It is kept as a dead letter.</summary>
    DeadLetter,
}

/// <summary>What a failure means for the breaker.</summary>
public enum BreakerEffect
{
    /// <summary>It says something about the message, and nothing about the endpoint.</summary>
    None = 0,

    /// <summary>It says something about the endpoint: so many of them open the breaker.</summary>
    Counts,

    /// <summary>Every other message would fail as well: one opens the breaker. Unhealthy is the consumer for <see cref="ErrorType.Authentication"/> alone.</summary>
    OpensAtOnce,
}
