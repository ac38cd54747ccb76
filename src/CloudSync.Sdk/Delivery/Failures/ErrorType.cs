namespace CloudSync.Sdk;

/// <summary>What kind of failure it was. The kind decides whether and when a message is tried again, and whether the breaker counts it.</summary>
public enum ErrorType
{
    /// <summary>Nothing is known about it. Backs off; counted by the breaker.</summary>
    Unknown = 0,

    /// <summary>A hiccup that a second try is likely to pass. Tried again at once, then backs off.</summary>
    Transient,

    /// <summary>It will fail every time. Dead-lettered at once; not counted by the breaker.</summary>
    Permanent,

    /// <summary>No answer in time. Backs off; counted by the breaker.</summary>
    Timeout,

    /// <summary>The endpoint does not accept our credentials, so every message would fail. Opens the breaker at once.</summary>
    Authentication,

    /// <summary>The endpoint asks us to slow down. The whole endpoint waits for Retry-After, or a longer backoff.</summary>
    RateLimited,

    /// <summary>The endpoint is there and can't serve. Backs off; counted by the breaker.</summary>
    ServiceUnavailable,

    /// <summary>The endpoint can't be reached. Backs off; counted by the breaker.</summary>
    NetworkError,

    /// <summary>The message can't be written as the endpoint wants it. Dead-lettered at once; not counted by the breaker.</summary>
    SerializationError,

    /// <summary>The endpoint refuses the message itself. Dead-lettered at once; not counted by the breaker.</summary>
    ValidationError,
}
